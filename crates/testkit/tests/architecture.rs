//! Guards the architecture: which crate may depend on which, that the modules of a crate form no cycle,
//! and that functions stay short. `docs/architecture.md` gives the reasons; `scripts/structure.sh`
//! prints what is measured here.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use testkit::structure::{LONGEST_FUNCTION, Structure, metadata, repository};

/// The crates of this workspace that each crate may depend on. Its tests may use `testkit` too.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("edge-contract", &[]),
    ("rules", &["edge-contract"]),
    ("infra", &["rules"]),
    ("aws", &["edge-contract", "rules"]),
    ("edge", &["edge-contract"]),
    ("front", &[]),
    ("secrets-loader", &["edge-contract", "rules"]),
    ("lambda-bridge", &["edge-contract", "rules"]),
    ("landfall", &["edge-contract", "rules", "infra", "aws"]),
    ("testkit", &["rules"]),
    ("bench", &["edge-contract", "rules", "testkit"]),
    ("aws-test", &["aws", "rules", "testkit"]),
];

/// What the tests of a crate may depend on as well.
const ALLOWED_IN_TESTS: [(&str, &str); 2] = [("edge", "rules"), ("infra", "edge-contract")];

/// Prefixes of the AWS SDK's crates. Only `aws` may depend on them.
const SDK: [&str; 6] = [
    "aws-config",
    "aws-credential-types",
    "aws-sdk-",
    "aws-sigv4",
    "aws-smithy",
    "aws-types",
];

/// One line in the dependencies of a crate's manifest.
struct Dependency {
    from: String,
    to: String,
    is_in_workspace: bool,
    is_dev: bool,
}

/// A crate's short name: its package's without `landfall-`.
fn short_name(package: &str) -> String {
    package
        .strip_prefix("landfall-")
        .unwrap_or(package)
        .to_owned()
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

fn workspace() -> Value {
    metadata(&repository()).expect("cargo metadata")
}

fn dependencies(workspace: &Value) -> Vec<Dependency> {
    let mut dependencies = Vec::new();
    for package in array(workspace, "packages") {
        for dependency in array(package, "dependencies") {
            dependencies.push(Dependency {
                from: short_name(string(package, "name")),
                to: short_name(string(dependency, "name")),
                is_in_workspace: dependency["path"].is_string(),
                is_dev: dependency["kind"] == "dev",
            });
        }
    }
    dependencies
}

/// What is not allowed among `dependencies`.
fn violations(dependencies: &[Dependency]) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let mut violations = Vec::new();
    for Dependency {
        from,
        to,
        is_in_workspace,
        is_dev,
    } in dependencies
    {
        let of_crate = allowed.get(from.as_str()).copied().unwrap_or_default();
        let is_for_tests =
            to == "testkit" || ALLOWED_IN_TESTS.contains(&(from.as_str(), to.as_str()));
        let is_allowed = of_crate.contains(&to.as_str()) || (*is_dev && is_for_tests);
        if *is_in_workspace && !is_allowed {
            violations.push(format!("{from} must not depend on {to}"));
        }
        if !is_in_workspace && from != "aws" && SDK.iter().any(|stem| to.starts_with(stem)) {
            violations.push(format!(
                "{from} must not depend on {to}: only aws uses the SDK"
            ));
        }
    }
    violations
}

#[test]
fn crates_depend_only_on_what_the_architecture_allows() {
    let dependencies = dependencies(&workspace());
    assert!(
        dependencies.iter().any(|one| one.is_in_workspace),
        "no dependencies were read"
    );
    let found = violations(&dependencies);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_crate_is_listed() {
    let workspace = workspace();
    let listed: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    for package in array(&workspace, "packages") {
        let name = short_name(string(package, "name"));
        assert!(
            listed.contains(name.as_str()),
            "add {name} to ALLOWED, with the crates that it may depend on"
        );
    }
}

#[test]
fn a_forbidden_dependency_is_found() {
    let dependency = |from: &str, to: &str, is_in_workspace, is_dev| Dependency {
        from: from.to_owned(),
        to: to.to_owned(),
        is_in_workspace,
        is_dev,
    };
    let good = [
        dependency("landfall", "aws", true, false),
        dependency("infra", "testkit", true, true),
        dependency("aws", "aws-sdk-ecs", false, false),
        dependency("rules", "serde", false, false),
    ];
    assert_eq!(violations(&good), [""; 0]);
    for bad in [
        dependency("rules", "infra", true, true),
        dependency("infra", "aws", true, false),
        dependency("infra", "testkit", true, false),
        dependency("edge", "rules", true, false),
        dependency("landfall", "aws-sdk-ecs", false, false),
        dependency("testkit", "aws-config", false, true),
    ] {
        let what = format!("{} -> {}", bad.from, bad.to);
        assert_eq!(violations(&[bad]).len(), 1, "{what}");
    }
}

#[test]
fn modules_form_no_cycle() {
    let structure = Structure::read(&repository()).expect("the sources");
    let cycles: Vec<String> = structure
        .cycles()
        .iter()
        .map(|(name, cycle)| format!("{name}: {cycle}"))
        .collect();
    assert!(cycles.is_empty(), "{}", cycles.join("\n"));
}

#[test]
fn functions_are_short() {
    let structure = Structure::read(&repository()).expect("the sources");
    let long: Vec<String> = structure
        .long_functions()
        .iter()
        .map(ToString::to_string)
        .collect();
    let found = long.join("\n");
    assert!(long.is_empty(), "over {LONGEST_FUNCTION} lines:\n{found}");
}
