//! Which crate may know which. `docs/architecture.md` says why.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What each crate may depend on among ours. Its tests may use `testkit` besides.
const ROOMS: [(&str, &[&str]); 9] = [
    ("rules", &[]),
    ("infra", &["rules"]),
    ("aws", &["rules"]),
    ("edge", &["rules"]),
    ("secrets-loader", &["rules"]),
    ("lambda-bridge", &["rules"]),
    ("landfall", &["rules", "infra", "aws"]),
    ("testkit", &["rules"]),
    ("bench", &["rules", "testkit"]),
];

/// How the names of AWS's own crates begin. Only `aws` names them.
const SDK: [&str; 7] = [
    "aws-config",
    "aws-credential-types",
    "aws-runtime",
    "aws-sdk-",
    "aws-sigv4",
    "aws-smithy",
    "aws-types",
];

/// One line of some crate's manifest.
struct Edge {
    from: String,
    to: String,
    is_ours: bool,
    is_dev: bool,
}

/// Word for one of our crates: the directory's, which is the package's without `landfall-`.
fn room(package: &str) -> String {
    package
        .strip_prefix("landfall-")
        .unwrap_or(package)
        .to_owned()
}

fn metadata() -> Value {
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key]
        .as_array()
        .unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn edges(metadata: &Value) -> Vec<Edge> {
    let mut edges = Vec::new();
    for package in array(metadata, "packages") {
        for dependency in array(package, "dependencies") {
            edges.push(Edge {
                from: room(string(package, "name")),
                to: room(string(dependency, "name")),
                is_ours: dependency["path"].is_string(),
                is_dev: dependency["kind"] == "dev",
            });
        }
    }
    edges
}

/// What is not allowed among `edges`.
fn complaints(edges: &[Edge]) -> Vec<String> {
    let rooms: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    let mut complaints = Vec::new();
    for Edge {
        from,
        to,
        is_ours,
        is_dev,
    } in edges
    {
        let allowed = rooms.get(from.as_str()).copied().unwrap_or_default();
        let is_known = allowed.contains(&to.as_str()) || (*is_dev && to == "testkit");
        if *is_ours && !is_known {
            complaints.push(format!("{from} must not know {to}"));
        }
        if !is_ours && from != "aws" && SDK.iter().any(|stem| to.starts_with(stem)) {
            complaints.push(format!("{from} must not name {to}: only aws has the SDK"));
        }
    }
    complaints
}

#[test]
fn nobody_knows_more_than_the_architecture_allows() {
    let edges = edges(&metadata());
    assert!(edges.iter().any(|edge| edge.is_ours), "no edges were read");
    let found = complaints(&edges);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_crate_has_its_place() {
    let metadata = metadata();
    let placed: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    for package in array(&metadata, "packages") {
        let room = room(string(package, "name"));
        assert!(
            placed.contains(room.as_str()),
            "say in ROOMS what {room} may know"
        );
    }
}

#[test]
fn a_forbidden_edge_is_found() {
    let edge = |from: &str, to: &str, is_ours, is_dev| Edge {
        from: from.to_owned(),
        to: to.to_owned(),
        is_ours,
        is_dev,
    };
    let good = [
        edge("landfall", "aws", true, false),
        edge("infra", "testkit", true, true),
        edge("aws", "aws-sdk-ecs", false, false),
        edge("rules", "serde", false, false),
    ];
    assert_eq!(complaints(&good), [""; 0]);
    for bad in [
        edge("rules", "infra", true, true),
        edge("infra", "aws", true, false),
        edge("infra", "testkit", true, false),
        edge("landfall", "aws-sdk-ecs", false, false),
        edge("testkit", "aws-config", false, true),
    ] {
        let what = format!("{} -> {}", bad.from, bad.to);
        assert_eq!(complaints(&[bad]).len(), 1, "{what}");
    }
}
