//! What runs, and with which rights: what a release runs, and containers that a plan itself has.

use super::{Findings, Rule, Seen, secret};
use crate::app::manifest::Target;
use crate::edge_contract::SECRET_VARIABLE;
use crate::release::hardening::Hardening;
use crate::release::revision::Settings;
use crate::shape::plan::Resource;
use serde_json::Value;
use std::collections::BTreeMap;

/// One container, as far as its safety is concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// The image's user; empty if it sets none, [`None`] if that is not known.
    pub user: Option<String>,
    /// Environment variables, values included. No finding repeats a value.
    pub environment: BTreeMap<String, String>,
    /// Whether its root filesystem can only be read.
    pub read_only_root: bool,
    /// Whether it has the rights of the machine's root.
    pub privileged: bool,
    /// Linux capabilities that it goes without; `ALL` for every one.
    pub dropped_capabilities: Vec<String>,
    /// Those that it is known to have.
    pub kept_capabilities: Vec<String>,
    /// CPU units that it, or its task, may use; 1024 are one vCPU.
    pub cpu: Option<u32>,
    /// Memory that it, or its task, may use, MiB.
    pub memory: Option<u32>,
    /// Whether programs in it can get more rights than it has; what a plan has does not say.
    pub new_privileges: bool,
    /// Whether landfall.toml decides on all this, and can be named as what made it so.
    pub by_manifest: bool,
}

impl Run {
    /// What a release makes of an app's settings. `image_user` is what the image says; it counts for
    /// revisions from before landfall itself set a user.
    pub fn of(settings: &Settings, image_user: Option<String>) -> Run {
        let common = Run {
            user: image_user,
            environment: settings.env.clone(),
            cpu: Some(settings.cpu),
            memory: Some(settings.memory),
            ..Run::default()
        };
        let Some(hardening) = Hardening::of(settings) else {
            return common;
        };
        Run {
            user: match settings.target {
                Target::Lambda => Some("Lambda's own user".to_owned()),
                Target::Fargate => settings
                    .container
                    .as_ref()
                    .and_then(|container| container.user.as_ref())
                    .map(ToString::to_string),
            },
            read_only_root: hardening.read_only,
            dropped_capabilities: hardening.drop.iter().map(|one| (*one).to_owned()).collect(),
            kept_capabilities: settings
                .container
                .iter()
                .flat_map(|container| &container.capabilities)
                .map(ToString::to_string)
                .collect(),
            new_privileges: !hardening.no_new_privileges,
            by_manifest: true,
            ..common
        }
    }
}

/// The key that made it so, where there is one.
fn by(run: &Run, key: &str) -> String {
    match run.by_manifest {
        true => format!(": `{key}` under `[container]`"),
        false => String::new(),
    }
}

/// Applies the rules for containers to one of them.
pub(super) fn examine_run(address: &str, run: &Run, found: &mut Findings) {
    variables(address, &run.environment, found);
    if run.privileged {
        found.add(Rule::Privileged, address, "it runs privileged");
    }
    match run.user.as_deref() {
        Some(user) if is_root(user) => found.add(
            Rule::RootUser,
            address,
            match user {
                "" => "the image sets no user, so it runs as root".to_owned(),
                user => format!("it runs as {user:?}{}", by(run, "user")),
            },
        ),
        Some(_) => {}
        None => found.note(Rule::RootUser, address, "its user is not known yet"),
    }
    let missing: Vec<&str> = [("CPU", run.cpu), ("memory", run.memory)]
        .into_iter()
        .filter(|(_, limit)| limit.unwrap_or(0) == 0)
        .map(|(name, _)| name)
        .collect();
    if !missing.is_empty() {
        let evidence = format!("no limit for {}", missing.join(" and "));
        found.add(Rule::NoLimits, address, evidence);
    }
    if !run.read_only_root {
        found.add(
            Rule::WritableRoot,
            address,
            format!(
                "its root filesystem can be written{}",
                by(run, "read_only = false")
            ),
        );
    }
    if !run.kept_capabilities.is_empty() {
        let kept = run.kept_capabilities.join(", ");
        let evidence = format!("it has {kept}{}", by(run, "capabilities"));
        found.add(Rule::Capabilities, address, evidence);
    } else if !run.dropped_capabilities.iter().any(|name| name == "ALL") {
        found.add(
            Rule::Capabilities,
            address,
            "it keeps Docker's default capabilities",
        );
    }
    if run.new_privileges {
        let evidence = format!(
            "programs in it can get more rights{}",
            by(run, "no_new_privileges = false")
        );
        found.add(Rule::Capabilities, address, evidence);
    }
}

/// `root`, `0`, either with a group, or nothing at all.
fn is_root(user: &str) -> bool {
    matches!(user.split(':').next(), Some("" | "0" | "root"))
}

fn variables(address: &str, environment: &BTreeMap<String, String>, found: &mut Findings) {
    // The edge's own stands there on purpose (docs/decisions/0011), and a function's is seen by Terraform.
    for (name, value) in environment
        .iter()
        .filter(|(name, _)| *name != SECRET_VARIABLE)
    {
        if let Some(secret) = secret::recognise(name, value) {
            let evidence = format!("the variable {name} {}", secret.describe());
            found.add(Rule::PlainSecret, address, evidence);
        }
    }
}

/// Containers in a plan: of task definitions, and what a Lambda function is told.
pub(super) fn examine(resource: &Resource, found: &mut Findings) {
    match resource.kind.as_str() {
        "aws_ecs_task_definition" => task_definition(resource, found),
        "aws_lambda_function" => function(resource, found),
        _ => {}
    }
}

fn function(resource: &Resource, found: &mut Findings) {
    let path = "environment.0.variables";
    match Seen::at(resource, path) {
        Seen::Later => found.later(Rule::PlainSecret, &resource.address, path),
        Seen::Known(Value::Object(all)) => {
            for name in all.keys() {
                if Seen::at(resource, &format!("{path}.{name}")) == Seen::Later {
                    let attribute = format!("{path}.{name}");
                    found.later(Rule::PlainSecret, &resource.address, &attribute);
                }
            }
            let known = all.iter().map(|(name, value)| {
                let value = value.as_str().unwrap_or_default();
                (name.clone(), value.to_owned())
            });
            variables(&resource.address, &known.collect(), found);
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
    let of_task = |name: &str| Seen::at(resource, name).text().and_then(|t| t.parse().ok());
    for container in &containers {
        let own = |name: &str| container[name].as_u64().and_then(|n| u32::try_from(n).ok());
        let run = Run {
            // Without one here the image's holds, which a plan does not know.
            user: container["user"].as_str().map(str::to_owned),
            environment: environment(container),
            read_only_root: container["readonlyRootFilesystem"] == true,
            privileged: container["privileged"] == true,
            dropped_capabilities: texts(&container["linuxParameters"]["capabilities"]["drop"]),
            cpu: own("cpu").filter(|cpu| *cpu > 0).or(of_task("cpu")),
            memory: own("memory").or(of_task("memory")),
            kept_capabilities: texts(&container["linuxParameters"]["capabilities"]["add"]),
            new_privileges: false,
            by_manifest: false,
        };
        examine_run(&resource.address, &run, found);
    }
}

fn environment(container: &Value) -> BTreeMap<String, String> {
    let all = container["environment"].as_array();
    all.into_iter()
        .flatten()
        .filter_map(|one| {
            let text = |name: &str| one[name].as_str().map(str::to_owned);
            Some((text("name")?, text("value")?))
        })
        .collect()
}

fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|one| one.as_str().map(str::to_owned))
        .collect()
}
