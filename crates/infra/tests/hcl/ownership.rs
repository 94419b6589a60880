//! Ownership is exclusive: Terraform owns the infrastructure, a release owns what runs in it. And
//! other rules about what the HCL must and must not contain.

use super::tree::{Tree, argument, evaluate, labels, only, optional, text, texts};
use edge_contract::env_vars::{PREFIX, VARIABLES};
use hcl::{Expression, Value};
use rules::app::names::{CLOSED, CONTAINER, SLOT_HEADER, Slot};
use rules::shape::contract::Root;
use std::collections::BTreeMap;

/// The `ignore_changes` of each resource.
fn ignored(root: Root) -> BTreeMap<String, Vec<String>> {
    let tree = Tree::of(root);
    let mut ignored = BTreeMap::new();
    for block in tree.blocks("resource") {
        for lifecycle in block.body().blocks() {
            let Some(changes) = optional(lifecycle.body(), "ignore_changes") else {
                continue;
            };
            let mut words = match changes {
                Expression::Array(words) => words
                    .iter()
                    .map(|word| hcl::format::to_string(word).expect("a word"))
                    .collect(),
                other => vec![hcl::format::to_string(other).expect("a word")],
            };
            words.sort();
            ignored.insert(labels(block).join("."), words);
        }
    }
    ignored
}

/// Resources with their `ignore_changes`.
fn listed(all: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    all.iter()
        .map(|(resource, words)| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            ((*resource).to_owned(), words)
        })
        .collect()
}

#[test]
fn terraform_ignores_exactly_what_releases_own() {
    let fargate = listed(&[
        (
            "aws_ecs_service.slot",
            &["desired_count", "task_definition"],
        ),
        ("aws_lb_listener.http", &["default_action"]),
        ("aws_lb_listener_rule.slot", &["condition"]),
        // Not owned by releases: AWS may reorder the zones, and a subnet must never be replaced.
        ("aws_subnet.public", &["availability_zone"]),
    ]);
    let lambda = listed(&[
        (
            "aws_lambda_alias.live",
            &["description", "function_version", "routing_config"],
        ),
        (
            "aws_lambda_function.app",
            &[
                "description",
                "environment",
                // A function from an image has neither; an emulator returns made-up ones.
                "handler",
                "image_uri",
                "memory_size",
                "runtime",
            ],
        ),
    ]);
    assert_eq!(ignored(Root::Fargate), fargate);
    assert_eq!(ignored(Root::Lambda), lambda);
    for root in [
        Root::Foundation,
        Root::LambdaDomain,
        Root::FargateDomain,
        Root::Ci,
    ] {
        assert_eq!(ignored(root), BTreeMap::new(), "{root}");
    }
}

#[test]
fn a_slot_starts_empty() {
    let tree = Tree::of(Root::Fargate);
    let count = argument(tree.resource("aws_ecs_service", "slot"), "desired_count");
    assert_eq!(evaluate(count, &[]), Value::from(0));
}

#[test]
fn each_slots_rule_matches_the_header_and_is_closed_at_first() {
    let tree = Tree::of(Root::Fargate);
    let rule = tree.resource("aws_lb_listener_rule", "slot");
    let header = only(only(rule, "condition"), "http_header");
    let name = text(argument(header, "http_header_name"), &[]);
    assert_eq!(name, SLOT_HEADER);
    for slot in Slot::ALL {
        let each = hcl::value!({ key = (slot.as_str()) });
        let tokens = evaluate(argument(header, "values"), &[("each", each)]);
        let token = format!("{CLOSED}-{slot}");
        assert_eq!(tokens, Value::from(vec![token]));
    }
}

#[test]
fn the_container_has_one_name() {
    let tree = Tree::of(Root::Fargate);
    let service = tree.resource("aws_ecs_service", "slot");
    let balanced = text(
        argument(only(service, "load_balancer"), "container_name"),
        &[],
    );
    assert_eq!(balanced, CONTAINER);
    let placeholder = tree.resource("aws_ecs_task_definition", "placeholder");
    let var = hcl::value!({ port = 8080 });
    let containers = evaluate(
        argument(placeholder, "container_definitions"),
        &[("var", var)],
    );
    let names: Vec<&str> = containers
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|container| container.as_object()?.get("name")?.as_str())
        .collect();
    assert_eq!(names, [CONTAINER]);
}

/// Before the first release the function runs with these variables; the edge parses the same ones
/// in `crates/edge/tests/contract.rs`.
#[test]
fn the_function_sets_variables_that_the_edge_knows() {
    let tree = Tree::of(Root::Lambda);
    let function = tree.resource("aws_lambda_function", "app");
    let var = hcl::value!({ port = 3000, ready_path = "/up" });
    let variables = argument(only(function, "environment"), "variables");
    let variables = evaluate(variables, &[("var", var)]);
    let variables: BTreeMap<String, String> = variables
        .as_object()
        .expect("an object")
        .iter()
        .map(|(name, value)| {
            let value = value.as_str().map_or(value.to_string(), str::to_owned);
            (name.clone(), value)
        })
        .collect();
    let expected = [("APP", "3000"), ("READY_PATH", "/up"), ("RELEASED", "off")];
    for (name, _) in expected {
        assert!(VARIABLES.iter().any(|known| known.name == name), "{name}");
    }
    let expected = expected.map(|(name, value)| (format!("{PREFIX}{name}"), value.to_owned()));
    assert_eq!(variables, BTreeMap::from(expected));
}

/// No personal data: no query strings, no addresses, no headers.
#[test]
fn the_access_log_contains_only_documented_fields() {
    let tree = Tree::of(Root::Lambda);
    let stage = tree.resource("aws_apigatewayv2_stage", "default");
    let format = argument(only(stage, "access_log_settings"), "format");
    let format = evaluate(format, &[]);
    let mut words: Vec<&str> = format
        .as_object()
        .expect("an object")
        .values()
        .filter_map(Value::as_str)
        .collect();
    words.sort_unstable();
    let expected = [
        "$context.httpMethod",
        "$context.integrationErrorMessage",
        "$context.integrationLatency",
        "$context.path",
        "$context.requestId",
        "$context.requestTime",
        "$context.responseLatency",
        "$context.status",
    ];
    assert_eq!(words, expected);
}

/// landfall writes the backend and a rehearsal's emulators into separate files.
#[test]
fn the_hcl_contains_no_backend_and_no_emulators() {
    for root in Root::ALL {
        let tree = Tree::of(root);
        for settings in tree.blocks("terraform") {
            for block in settings.body().blocks() {
                assert!(
                    !["backend", "cloud"].contains(&block.identifier()),
                    "{root} has a {}",
                    block.identifier()
                );
            }
        }
        for (name, text) in texts(root) {
            for word in [
                "127.0.0.1",
                "localhost",
                "localstack",
                "access_key",
                "secret_key",
                "endpoints",
                "skip_credentials_validation",
            ] {
                let text = text.to_lowercase();
                assert!(!text.contains(word), "{root}/{name} contains {word}");
            }
        }
    }
}

/// What is wrong with a `checkov:skip` comment; [`None`] for a correct one and for other lines.
fn skip_complaint(line: &str) -> Option<&'static str> {
    let (_, skip) = line.split_once("checkov:skip")?;
    let Some((control, reason)) = skip.strip_prefix('=').and_then(|skip| skip.split_once(':'))
    else {
        return Some("is not of the form #checkov:skip=CONTROL:reason");
    };
    let named = ["CKV_AWS_", "CKV2_AWS_"].iter().any(|stem| {
        control
            .strip_prefix(stem)
            .is_some_and(|number| number.parse::<u32>().is_ok())
    });
    if !line.trim_start().starts_with("#checkov:skip") {
        Some("is not a comment of its own")
    } else if !named {
        Some("names no control")
    } else if reason.trim().chars().count() < 10 {
        Some("gives no reason")
    } else {
        None
    }
}

#[test]
fn every_skipped_control_has_a_reason() {
    for root in Root::ALL {
        for (name, text) in texts(root) {
            for (number, line) in (1..).zip(text.lines()) {
                if let Some(complaint) = skip_complaint(line) {
                    panic!("{root}/{name}:{number} {complaint}: {line}");
                }
            }
        }
    }
}

#[test]
fn a_skip_without_a_reason_is_found() {
    assert_eq!(
        skip_complaint("  #checkov:skip=CKV_AWS_2:needs a domain"),
        None
    );
    assert_eq!(skip_complaint("  name = local.id"), None);
    for line in [
        "#checkov:skip=CKV_AWS_2",
        "#checkov:skip=CKV_AWS_2:",
        "#checkov:skip=CKV_AWS_2:        no.",
        "#checkov:skip CKV_AWS_2:needs a domain",
        "#checkov:skip=:needs a domain",
        "# name = 1 #checkov:skip=CKV_AWS_2:needs a domain",
    ] {
        assert!(skip_complaint(line).is_some(), "{line}");
    }
}
