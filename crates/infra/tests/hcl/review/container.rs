//! What containers of a plan run with: those of task definitions, and the variables of functions.

use super::{Findings, Rule, Seen};
use edge_contract::SECRET_VARIABLE;
use rules::shape::plan::Resource;
use rules::shape::review::recognise;
use serde_json::Value;

pub(super) fn examine(resource: &Resource, found: &mut Findings) {
    match resource.kind.as_str() {
        "aws_ecs_task_definition" => task_definition(resource, found),
        "aws_lambda_function" => function(resource, found),
        _ => {}
    }
}

fn variable(address: &str, name: &str, value: &str, found: &mut Findings) {
    // The edge's own is a variable on purpose (docs/decisions/0011), and Terraform reads a function's.
    if name == SECRET_VARIABLE {
        return;
    }
    if let Some(secret) = recognise(name, value) {
        let evidence = format!("the variable {name} {}", secret.describe());
        found.add(Rule::PlainSecret, address, evidence);
    }
}

fn function(resource: &Resource, found: &mut Findings) {
    let path = "environment.0.variables";
    match Seen::at(resource, path) {
        Seen::Later => found.later(Rule::PlainSecret, &resource.address, path),
        Seen::Known(Value::Object(all)) => {
            for (name, value) in all {
                let attribute = format!("{path}.{name}");
                if Seen::at(resource, &attribute) == Seen::Later {
                    found.later(Rule::PlainSecret, &resource.address, &attribute);
                }
                let value = value.as_str().unwrap_or_default();
                variable(&resource.address, name, value, found);
            }
        }
        _ => {}
    }
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html>
fn task_definition(resource: &Resource, found: &mut Findings) {
    let path = "container_definitions";
    let text = match Seen::at(resource, path) {
        Seen::Later => {
            for rule in [Rule::PlainSecret, Rule::Privileged] {
                found.later(rule, &resource.address, path);
            }
            return;
        }
        seen => seen.text().unwrap_or_default(),
    };
    let containers: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    for container in &containers {
        one(resource, container, found);
    }
}

fn one(task: &Resource, container: &Value, found: &mut Findings) {
    let address = &task.address;
    for one in container["environment"].as_array().into_iter().flatten() {
        if let (Some(name), Some(value)) = (one["name"].as_str(), one["value"].as_str()) {
            variable(address, name, value, found);
        }
    }
    if container["privileged"] == true {
        found.add(Rule::Privileged, address, "it runs privileged");
    }
    match container["user"].as_str() {
        Some(user) if matches!(user.split(':').next(), Some("" | "0" | "root")) => {
            found.add(Rule::RootUser, address, format!("it runs as {user:?}"));
        }
        Some(_) => {}
        // Then it is the image's, which a plan does not know.
        None => found.note(Rule::RootUser, address, "its user is not known yet"),
    }
    let has_limit = |name: &str| {
        let of_task = Seen::at(task, name)
            .text()
            .and_then(|text| text.parse().ok());
        container[name]
            .as_u64()
            .or(of_task)
            .is_some_and(|limit| limit > 0)
    };
    for limit in ["cpu", "memory"] {
        if !has_limit(limit) {
            found.add(Rule::NoLimits, address, format!("no limit for {limit}"));
        }
    }
    if container["readonlyRootFilesystem"] != true {
        found.add(
            Rule::WritableRoot,
            address,
            "its root filesystem can be written",
        );
    }
    let capabilities = &container["linuxParameters"]["capabilities"];
    let has = |name: &str, wanted: &str| {
        let all = capabilities[name].as_array().into_iter().flatten();
        all.into_iter()
            .any(|one| wanted.is_empty() || one == wanted)
    };
    if has("add", "") || !has("drop", "ALL") {
        found.add(Rule::Capabilities, address, "it keeps capabilities");
    }
}
