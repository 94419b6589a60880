//! The newest supported provider has all arguments and blocks in the HCL. Tests that apply the HCL
//! check the oldest one.

use super::tree::{Tree, argument, evaluate, labels, only};
use hcl::{Block, Body};
use rules::shape::contract::Root;
use rules::shape::toolchain::PROVIDER;
use rules::shape::toolchain::provider::FOR_AWS;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Arguments of every resource and data source, defined by Terraform itself.
const META_ARGUMENTS: [&str; 4] = ["count", "depends_on", "for_each", "provider"];
/// Blocks that Terraform itself defines; it checks their contents, too.
const META_BLOCKS: [&str; 3] = ["connection", "lifecycle", "provisioner"];

/// The arguments and blocks of a resource, a data source, or a block in one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Schema {
    #[serde(default)]
    required: Vec<String>,
    arguments: BTreeSet<String>,
    #[serde(default)]
    blocks: BTreeMap<String, Schema>,
}

/// Schemas by type; types of data sources begin with `data.`.
fn schemas() -> BTreeMap<String, Schema> {
    serde_json::from_str(include_str!("provider/aws-6.62.0.json")).expect("schemas")
}

/// Errors that the provider would report for a `resource` or `data` block.
fn complaints(schemas: &BTreeMap<String, Schema>, block: &Block) -> Vec<String> {
    let labels = labels(block);
    let kind = match block.identifier() {
        "data" => format!("data.{}", labels[0]),
        _ => labels[0].to_owned(),
    };
    let place = format!("{} {}", block.identifier(), labels.join("."));
    let Some(schema) = schemas.get(&kind) else {
        return vec![format!(
            "{place}: its type is not in provider/aws-6.62.0.json; its README explains how to add it"
        )];
    };
    let mut complaints = Vec::new();
    examine(schema, block.body(), &place, true, &mut complaints);
    complaints
}

fn examine(
    schema: &Schema,
    body: &Body,
    place: &str,
    outermost: bool,
    complaints: &mut Vec<String>,
) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for attribute in body.attributes() {
        let name = attribute.key();
        seen.insert(name);
        let meta = outermost && META_ARGUMENTS.contains(&name);
        if !meta && !schema.arguments.contains(name) {
            complaints.push(format!("{place} has no argument {name}"));
        }
    }
    for block in body.blocks() {
        if outermost && META_BLOCKS.contains(&block.identifier()) {
            continue;
        }
        let (name, inside) = generated(block);
        seen.insert(name);
        match schema.blocks.get(name) {
            Some(inner) => examine(inner, inside, &format!("{place}.{name}"), false, complaints),
            None => complaints.push(format!("{place} has no block {name}")),
        }
    }
    for name in &schema.required {
        if !seen.contains(name.as_str()) {
            complaints.push(format!("{place} lacks {name}"));
        }
    }
}

/// Name and body of a nested block, or of the block that it generates if it is `dynamic`.
fn generated(block: &Block) -> (&str, &Body) {
    if block.identifier() != "dynamic" {
        return (block.identifier(), block.body());
    }
    let content = block.body().blocks();
    let mut content = content.filter(|inner| inner.identifier() == "content");
    let content = content.next().expect("a dynamic block has a content");
    (labels(block)[0], content.body())
}

#[test]
fn the_provider_has_every_argument_and_block() {
    let schemas = schemas();
    for root in Root::ALL {
        let tree = Tree::of(root);
        let blocks: Vec<&Block> = tree.blocks("resource").chain(tree.blocks("data")).collect();
        assert!(!blocks.is_empty(), "{root}");
        let found: Vec<String> = blocks
            .into_iter()
            .flat_map(|block| complaints(&schemas, block))
            .collect();
        assert!(found.is_empty(), "{root}:\n{}", found.join("\n"));
    }
}

#[test]
fn the_version_range_includes_the_provider_of_the_schema() {
    for root in Root::ALL {
        let tree = Tree::of(root);
        let aws = only(tree.body("terraform", &[]), "required_providers");
        let aws = evaluate(argument(aws, "aws"), &[]);
        assert_eq!(
            aws,
            hcl::value!({ source = (PROVIDER), version = (FOR_AWS) }),
            "{root}: with a schema of 7.0, compare with that"
        );
    }
}

#[test]
fn unknown_and_missing_arguments_and_blocks_are_found() {
    let schemas = schemas();
    for (text, expected) in [
        (
            r#"resource "aws_lb_target_group" "slot" {
                 for_each = local.slots
                 health_check { path = "/" }
                 lifecycle { create_before_destroy = true }
               }"#,
            "",
        ),
        (r#"data "aws_caller_identity" "current" {}"#, ""),
        (
            r#"resource "aws_lb" "main" { nickname = "x" }"#,
            "resource aws_lb.main has no argument nickname",
        ),
        (
            r#"resource "aws_lb" "main" {
                 listener {}
               }"#,
            "resource aws_lb.main has no block listener",
        ),
        (
            r#"resource "aws_lb" "main" {
                 name {}
               }"#,
            "resource aws_lb.main has no block name",
        ),
        (
            r#"resource "aws_lb_target_group" "slot" {
                 health_check { count = 2 }
               }"#,
            "resource aws_lb_target_group.slot.health_check has no argument count",
        ),
        (
            r#"resource "aws_sns_topic_policy" "alarms" { arn = "x" }"#,
            "resource aws_sns_topic_policy.alarms lacks policy",
        ),
        (
            r#"resource "aws_lb_listener" "http" {
                 load_balancer_arn = "x"
                 default_action {
                   forward {
                     target_group { wait = 1 }
                   }
                 }
               }"#,
            "resource aws_lb_listener.http.default_action.forward.target_group has no argument wait",
        ),
        (
            r#"resource "aws_lb_listener" "http" {
                 load_balancer_arn = "x"
                 dynamic "default_action" {
                   for_each = [1]
                   content { kind = "forward" }
                 }
               }"#,
            "resource aws_lb_listener.http.default_action has no argument kind",
        ),
        (
            r#"data "aws_partition" "current" { name = "aws" }"#,
            "data aws_partition.current has no argument name",
        ),
        (
            r#"data "aws_lb" "main" {}"#,
            "data aws_lb.main: its type is not in provider/aws-6.62.0.json; its README explains how to add it",
        ),
    ] {
        let body = hcl::parse(text).unwrap_or_else(|error| panic!("{error} in {text}"));
        let block = body.blocks().next().expect("a block");
        assert_eq!(complaints(&schemas, block).join("\n"), expected, "{text}");
    }
}
