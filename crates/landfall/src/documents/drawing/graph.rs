//! Which resources are drawn, and the lines between them.

use rules::shape::plan::Resource;
use std::collections::{BTreeMap, BTreeSet};

/// How far something is from the people who use the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    People,
    FrontDoor,
    Balancer,
    Runs,
    Keeps,
}

impl Column {
    pub(super) const ALL: [Column; 5] = [
        Column::People,
        Column::FrontDoor,
        Column::Balancer,
        Column::Runs,
        Column::Keeps,
    ];

    pub(super) fn index(self) -> usize {
        self as usize
    }
}

/// A box.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) column: Column,
    pub(super) address: String,
    pub(super) title: &'static str,
    pub(super) name: String,
}

/// A line from one box to another further from the people, by their places in [`Graph::nodes`].
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub(super) from: usize,
    pub(super) to: usize,
    /// A release sends traffic there; no configuration refers to it.
    pub(super) is_release: bool,
}

/// Boxes in the order of columns and addresses, and the lines between them.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) lines: Vec<Line>,
}

impl Graph {
    pub(super) fn in_column(&self, column: Column) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.column == column)
    }
}

/// Column and title of a kind that is drawn.
fn shown(kind: &str) -> Option<(Column, &'static str)> {
    Some(match kind {
        "aws_cloudfront_distribution" => (Column::FrontDoor, "CloudFront"),
        "aws_apigatewayv2_api" => (Column::FrontDoor, "HTTP API"),
        "aws_lb" | "aws_alb" => (Column::Balancer, "Load balancer"),
        "aws_lambda_alias" => (Column::Balancer, "Lambda alias"),
        "aws_ecs_service" => (Column::Runs, "Fargate service"),
        "aws_lambda_function" => (Column::Runs, "Lambda function"),
        "aws_ecr_repository" => (Column::Keeps, "Registry"),
        "aws_cloudwatch_log_group" => (Column::Keeps, "Log group"),
        "aws_s3_bucket" => (Column::Keeps, "Bucket"),
        "aws_db_instance" | "aws_rds_cluster" => (Column::Keeps, "Database"),
        "aws_dynamodb_table" => (Column::Keeps, "Table"),
        _ => return None,
    })
}

/// Whether a kind only joins two that are drawn.
fn is_joint(kind: &str) -> bool {
    matches!(
        kind,
        "aws_apigatewayv2_integration"
            | "aws_apigatewayv2_route"
            | "aws_lb_listener"
            | "aws_lb_listener_rule"
            | "aws_lb_target_group"
    )
}

/// What is drawn of `resources`.
pub(super) fn graph(resources: &[Resource]) -> Graph {
    let mut nodes = vec![Node {
        column: Column::People,
        address: "people".to_owned(),
        title: "People",
        name: "HTTPS".to_owned(),
    }];
    nodes.extend(resources.iter().filter_map(|resource| {
        let (column, title) = shown(&resource.kind)?;
        Some(Node {
            column,
            address: resource.address.clone(),
            title,
            name: name_of(resource),
        })
    }));
    nodes.sort_by(|a, b| (a.column, &a.address).cmp(&(b.column, &b.address)));
    nodes.dedup_by(|a, b| a.address == b.address);
    let lines = lines(&nodes, resources);
    Graph { nodes, lines }
}

/// What people call it: its name, a distribution's comment, else its address.
fn name_of(resource: &Resource) -> String {
    let name = ["name", "function_name", "bucket", "identifier", "comment"]
        .iter()
        .find_map(|attribute| resource.values[*attribute].as_str());
    name.unwrap_or(&resource.address).to_owned()
}

fn lines(nodes: &[Node], resources: &[Resource]) -> Vec<Line> {
    let place: BTreeMap<&str, usize> = nodes
        .iter()
        .enumerate()
        .map(|(place, node)| (node.address.as_str(), place))
        .collect();
    let neighbours = neighbours(resources);
    let mut lines = BTreeSet::new();
    for (from, node) in nodes.iter().enumerate() {
        for address in reached(&node.address, &neighbours, resources) {
            let to = place.get(address).copied().unwrap_or(from);
            if nodes[to].column > node.column {
                lines.insert(Line {
                    from,
                    to,
                    is_release: false,
                });
            }
        }
    }
    let entrance = nodes
        .iter()
        .map(|node| node.column)
        .find(|column| matches!(column, Column::FrontDoor | Column::Balancer | Column::Runs));
    for (place, node) in nodes.iter().enumerate() {
        if Some(node.column) == entrance {
            lines.insert(Line {
                from: 0,
                to: place,
                is_release: false,
            });
        }
        // What a release runs is pulled from the registry and writes to the log group.
        if matches!(node.title, "Registry" | "Log group") {
            for (from, runs) in nodes.iter().enumerate() {
                let known = lines.iter().any(|l| (l.from, l.to) == (from, place));
                if runs.column == Column::Runs && !known {
                    lines.insert(Line {
                        from,
                        to: place,
                        is_release: true,
                    });
                }
            }
        }
    }
    lines.into_iter().collect()
}

/// Who refers to whom, in both directions.
fn neighbours(resources: &[Resource]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for resource in resources {
        let references = resource.references.iter().flat_map(|set| set.values());
        for reference in references.flatten() {
            for other in resources
                .iter()
                .filter(|o| is_named(o, reference, resource))
            {
                all.entry(&resource.address)
                    .or_default()
                    .insert(&other.address);
                all.entry(&other.address)
                    .or_default()
                    .insert(&resource.address);
            }
        }
    }
    all
}

/// Whether a reference of `from` names `other`, which for instances with the same keys is the one with
/// the key of `from`.
fn is_named(other: &Resource, reference: &str, from: &Resource) -> bool {
    let split = |address: &'_ str| -> (String, String) {
        let (block, key) = address.split_once('[').unwrap_or((address, ""));
        (block.to_owned(), key.to_owned())
    };
    let ((block, key), (_, own)) = (split(&other.address), split(&from.address));
    let (named, _) = split(reference);
    let is_block = named == block;
    is_block && (key.is_empty() || own.is_empty() || key == own)
}

/// What is drawn and reached from a box without passing another one.
fn reached<'a>(
    from: &'a str,
    neighbours: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    resources: &[Resource],
) -> BTreeSet<&'a str> {
    let joints: BTreeSet<&str> = resources
        .iter()
        .filter(|resource| is_joint(&resource.kind))
        .map(|resource| resource.address.as_str())
        .collect();
    let mut seen = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(address) = next.pop() {
        for other in neighbours.get(address).into_iter().flatten() {
            if seen.insert(other) && joints.contains(other) {
                next.push(other);
            }
        }
    }
    seen.remove(from);
    seen
}
