//! Variables and outputs are exactly the fields of `rules::shape::contract`.

use super::tree::{Tree, argument, evaluate, labels, optional};
use hcl::Expression;
use rules::app::manifest::{
    Draft, Facts, LOG_RETENTION_DAYS, MAX_DRAIN_SECONDS, MAX_IDLE_SECONDS, MAX_REQUEST_SECONDS,
    MAX_START_SECONDS, Manifest, Overrides, RolePath,
};
use rules::app::names::{Names, Slots};
use rules::leave::ci::{Deployment, Forge, Setup, origin::Project, partition};
use rules::shape::contract::{
    CiInputs, CiOutputs, DomainOutputs, FargateDomainInputs, FargateInputs, FargateOutputs,
    FoundationInputs, FoundationOutputs, LambdaDomainInputs, LambdaInputs, LambdaOutputs, Root,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The variables that landfall writes for an app without settings except an address for alarms.
fn inputs(root: Root) -> BTreeMap<String, Value> {
    let mut manifest = manifest();
    // An empty list has no element type.
    manifest.alarm_emails = vec!["ops@example.com".to_owned()];
    manifest.tags = [("team".to_owned(), "web".to_owned())].into();
    written(root, &manifest)
}

/// The variables that landfall writes before the image is built.
fn written(root: Root, manifest: &Manifest) -> BTreeMap<String, Value> {
    fields(&match root {
        Root::Foundation => json!(FoundationInputs::of(manifest, "eu-west-2")),
        Root::Fargate => json!(FargateInputs::of(manifest, "eu-west-2")),
        Root::Lambda => json!(LambdaInputs::of(manifest, "eu-west-2", None)),
        Root::LambdaDomain => {
            let names = Names::new(manifest.name.clone(), manifest.environment.clone());
            json!(LambdaDomainInputs::of(
                &names,
                "eu-west-2",
                &domains(),
                None,
                &manifest.tags
            ))
        }
        Root::FargateDomain => {
            let names = Names::new(manifest.name.clone(), manifest.environment.clone());
            json!(FargateDomainInputs::of(&names, &domains(), None, manifest))
        }
        Root::Ci => json!(ci(manifest, Forge::Github)),
    })
}

/// A domain with its zone.
fn domains() -> BTreeMap<String, String> {
    [("app.example.com".to_owned(), "Z0123456789ABC".to_owned())].into()
}

/// The variables that landfall writes for an app's CI.
fn ci(manifest: &Manifest, forge: Forge) -> CiInputs {
    let setup = Setup {
        forge,
        project: Project::parse(forge, "octo/hello").expect("a project"),
        ids: None,
        branch: "main".parse().expect("a branch"),
        default_branch: None,
        github_environment: None,
        previews: true,
    };
    let deployment = Deployment {
        partition: partition("eu-west-2").to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-west-2".to_owned(),
        names: Names::new(manifest.name.clone(), manifest.environment.clone()),
        target: manifest.target,
        domain: None,
        tags: manifest.tags.clone(),
        permissions_boundary: None,
        role_path: RolePath::default(),
        directory: ".".to_owned(),
        archive: None,
    };
    CiInputs::of(&setup, &deployment)
}

/// An app without settings.
fn manifest() -> Manifest {
    let facts = Facts {
        directory_name: "hello".to_owned(),
        dockerfile: Some("FROM scratch\n".to_owned()),
        protected: Vec::new(),
    };
    Draft::read(None)
        .resolve(&facts, &Overrides::default())
        .expect("a manifest without landfall.toml")
}

fn outputs(root: Root) -> BTreeMap<String, Value> {
    let slots = Slots {
        blue: String::new(),
        green: String::new(),
    };
    fields(&match root {
        Root::Foundation => json!(FoundationOutputs {
            repository_url: String::new(),
            repository_name: String::new(),
            log_group: String::new(),
            execution_role_arn: String::new(),
            task_role_arn: String::new(),
            alarm_topic_arn: String::new(),
        }),
        Root::Fargate => json!(FargateOutputs {
            url: String::new(),
            distribution_id: String::new(),
            load_balancer_arn: String::new(),
            load_balancer_dns_name: String::new(),
            listener_arn: String::new(),
            slot_rules: Slots::default(),
            cluster: String::new(),
            services: slots.clone(),
            target_groups: slots,
            subnets: vec![String::new()],
            task_security_group: String::new(),
        }),
        Root::Lambda => json!(LambdaOutputs {
            url: String::new(),
            api_id: String::new(),
            function: String::new(),
            function_arn: String::new(),
            alias: String::new(),
            log_group: String::new(),
            access_log_group: String::new(),
            role_arn: String::new(),
        }),
        Root::LambdaDomain | Root::FargateDomain => json!(DomainOutputs::default()),
        Root::Ci => json!(CiOutputs {
            role_arns: BTreeMap::new(),
        }),
    })
}

fn fields(value: &Value) -> BTreeMap<String, Value> {
    serde_json::from_value(value.clone()).expect("an object")
}

/// The names of the top-level blocks of one kind, all of which have to be in the file named after
/// the kind.
fn declared(root: Root, kind: &str) -> BTreeSet<String> {
    let tree = Tree::of(root);
    let names: BTreeSet<String> = tree
        .blocks(kind)
        .map(|block| labels(block).concat())
        .collect();
    let file = format!("{kind}s.tf");
    let (_, text) = infra::files(root)
        .find(|(name, _)| *name == file)
        .unwrap_or_else(|| panic!("{root} has no {file}"));
    let body = hcl::parse(text).expect("HCL");
    let in_file: BTreeSet<String> = body.blocks().map(|block| labels(block).concat()).collect();
    assert_eq!(in_file, names, "{root}/{file}");
    names
}

/// The type that a variable needs for `value`.
fn type_of(value: &Value) -> String {
    match value {
        Value::String(_) => "string".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Array(values) => {
            let types: BTreeSet<String> = values.iter().map(type_of).collect();
            let types: Vec<String> = types.into_iter().collect();
            assert_eq!(types.len(), 1, "a list of one type: {value}");
            format!("list({})", types.concat())
        }
        Value::Object(values) => {
            let types: BTreeSet<String> = values.values().map(type_of).collect();
            let types: Vec<String> = types.into_iter().collect();
            assert_eq!(types.len(), 1, "a map of one type: {value}");
            format!("map({})", types.concat())
        }
        other => panic!("the contract passes no {other}"),
    }
}

/// Whether a variable's validations accept `value`.
fn accepts(root: Root, variable: &str, value: impl Into<hcl::Value>) -> bool {
    let tree = Tree::of(root);
    let known = hcl::Value::from_iter([(variable.to_owned(), value.into())]);
    tree.body("variable", &[variable])
        .blocks()
        .filter(|block| block.identifier() == "validation")
        .map(|block| argument(block.body(), "condition"))
        .all(|condition| evaluate(condition, &[("var", known.clone())]) == hcl::Value::Bool(true))
}

#[test]
fn variables_are_what_landfall_writes() {
    for root in Root::ALL {
        let tree = Tree::of(root);
        let inputs = inputs(root);
        let written: BTreeSet<String> = inputs.keys().cloned().collect();
        assert_eq!(declared(root, "variable"), written, "{root}");
        for (name, value) in inputs {
            let body = tree.body("variable", &[&name]);
            let kind = hcl::format::to_string(argument(body, "type")).expect("a type");
            assert_eq!(kind, type_of(&value), "{root}: {name}");
            let nullable = optional(body, "nullable");
            assert_eq!(nullable, Some(&Expression::Bool(false)), "{root}: {name}");
        }
    }
}

#[test]
fn outputs_are_what_landfall_reads() {
    for root in Root::ALL {
        let read: BTreeSet<String> = outputs(root).into_keys().collect();
        assert_eq!(declared(root, "output"), read, "{root}");
    }
}

#[test]
fn every_variable_and_output_has_a_description() {
    for root in Root::ALL {
        let tree = Tree::of(root);
        for block in tree.blocks("variable").chain(tree.blocks("output")) {
            let description = optional(block.body(), "description");
            assert!(
                matches!(description, Some(Expression::String(text)) if !text.is_empty()),
                "{root}: {:?}",
                labels(block)
            );
        }
    }
}

/// An app without settings is deployed in the same way by hand and by landfall.
#[test]
fn defaults_are_those_of_the_manifest() {
    let without = manifest();
    for root in Root::ALL {
        let expected = written(root, &without);
        let tree = Tree::of(root);
        let mut required = BTreeSet::new();
        for (name, expected) in expected {
            let Some(default) = optional(tree.body("variable", &[&name]), "default") else {
                required.insert(name);
                continue;
            };
            let default = json!(evaluate(default, &[]));
            match (default.as_f64(), expected.as_f64()) {
                (Some(default), Some(expected)) => assert_eq!(default, expected, "{root}: {name}"),
                _ => assert_eq!(default, expected, "{root}: {name}"),
            }
        }
        // What is deployed where has no default. Neither has the port, because an app with a wrong
        // one never responds, nor the image that a function is created from.
        let without_default: &[&str] = match root {
            Root::Foundation => &["environment", "name", "region"],
            Root::Fargate => &["environment", "name", "port", "region"],
            Root::Lambda => &["environment", "image", "name", "port", "region"],
            // There is no default domain.
            Root::LambdaDomain => &["api_id", "domains", "environment", "name", "region"],
            Root::FargateDomain => &["domains", "environment", "load_balancer_dns_name", "name"],
            // No one is trusted by default.
            Root::Ci => &[
                "boundaries",
                "deploy_reference",
                "deploy_subjects",
                "environment",
                "issuer",
                "job_match",
                "job_subjects",
                "name",
                "policies",
                "region",
            ],
        };
        assert!(required.iter().eq(without_default), "{root}: {required:?}");
    }
}

/// Terraform must not reject, minutes later, what the manifest accepts. Variables written by hand
/// may have more values.
#[test]
fn variables_accept_what_the_manifest_accepts() {
    for days in LOG_RETENTION_DAYS {
        for root in [Root::Foundation, Root::Lambda] {
            let taken = accepts(root, "log_retention_days", days);
            assert!(taken, "{root}: log_retention_days {days}");
        }
    }
    for seconds in [0, MAX_DRAIN_SECONDS] {
        let taken = accepts(Root::Fargate, "drain_seconds", seconds);
        assert!(taken, "drain_seconds {seconds}");
    }
    for (variable, most) in [
        ("start_seconds", [10, MAX_START_SECONDS]),
        ("request_seconds", [1, MAX_REQUEST_SECONDS]),
        ("idle_seconds", [1, MAX_IDLE_SECONDS]),
    ] {
        for seconds in most {
            let taken = accepts(Root::Fargate, variable, seconds);
            assert!(taken, "{variable} {seconds}");
        }
    }
    for port in [1, u16::MAX] {
        for root in [Root::Fargate, Root::Lambda] {
            assert!(accepts(root, "port", port), "{root}: port {port}");
        }
    }
    for mib in [LambdaInputs::memory(0), LambdaInputs::memory(u32::MAX)] {
        assert!(accepts(Root::Lambda, "memory", mib), "memory {mib}");
    }
    for reserved in [-1, 1, 1000] {
        let taken = accepts(Root::Lambda, "reserved_concurrency", reserved);
        assert!(taken, "reserved_concurrency {reserved}");
    }
    for budget in [0.0, 0.01, 1_000_000.0] {
        let taken = accepts(Root::Foundation, "budget", budget);
        assert!(taken, "budget {budget}");
    }
}

#[test]
fn variables_reject_invalid_values() {
    assert!(!accepts(Root::Foundation, "log_retention_days", 2));
    assert!(!accepts(Root::Foundation, "budget", -1));
    assert!(!accepts(Root::Fargate, "drain_seconds", -1));
    for port in [0.0, 65536.0, 80.5] {
        for root in [Root::Fargate, Root::Lambda] {
            assert!(!accepts(root, "port", port), "{root}: port {port}");
        }
    }
    for (variable, values) in [
        ("memory", [127.0, 10241.0, 512.5]),
        ("timeout", [0.0, 31.0, 1.5]),
        ("reserved_concurrency", [0.0, -2.0, 1.5]),
        ("rate_limit", [0.0, -1.0, 10001.0]),
        ("burst_limit", [0.0, 5001.0, 1.5]),
    ] {
        for value in values {
            let taken = accepts(Root::Lambda, variable, value);
            assert!(!taken, "{variable} {value}");
        }
    }
}

/// An output with a value for each slot is computed for each slot.
#[test]
fn outputs_of_slots_are_maps() {
    let tree = Tree::of(Root::Fargate);
    for (name, sample) in outputs(Root::Fargate) {
        let value = argument(tree.body("output", &[&name]), "value");
        let per_slot = matches!(value, Expression::ForExpr(each) if each.key_expr.is_some());
        assert_eq!(per_slot, sample.is_object(), "{name}");
    }
}
