//! Facts that several tests start from.

use super::account::{Identity, Region, UnknownResources, Usage};
use super::app::{Image, Trial};
use super::machine::{Directory, Disk, Engine, Terraform, Toolchain};
use super::permissions::{Decision, Simulated};
use super::{Facts, examine};
use crate::app::manifest::{
    AppName, Draft, EnvironmentName, Facts as AppFacts, Manifest, Overrides, Problem,
};
use crate::app::names::Names;
use crate::check::{Check, CheckId, Failure, Outcome, Summary, Unavailable};
use crate::exit::Exit;
use crate::operate::sweep::{Found, Kind};
use crate::release::evidence::Listening;
use crate::shape::account_budget::AccountBudget;
use crate::shape::toolchain::{Program, Tool};

pub(super) const GIB: u64 = 1024 * 1024 * 1024;

/// The settings of an app that a `landfall.toml` of `text` gives.
pub(super) fn settings(text: &str) -> Result<Manifest, Vec<Problem>> {
    let facts = AppFacts {
        directory_name: "uptime".into(),
        dockerfile: Some("FROM scratch\nEXPOSE 8080\n".into()),
        protected: vec![],
    };
    Draft::read(Some(text))
        .resolve(&facts, &Overrides::default())
        .map_err(|problems| problems.as_slice().to_vec())
}

pub(super) fn names() -> Names {
    Names::new(
        AppName::parse("uptime").expect("a name"),
        EnvironmentName::parse("prod").expect("an environment"),
    )
}

pub(super) fn engine(processor: &str, emulates: Option<bool>) -> Engine {
    Engine {
        name: "docker".into(),
        version: "29.1.0".into(),
        processor: processor.into(),
        emulates,
    }
}

pub(super) fn image() -> Image {
    Image {
        name: "landfall/uptime:prod".into(),
        architecture: "amd64".into(),
        size: 12 * 1024 * 1024,
        user: "65532:65532".into(),
        exposed: vec![8080],
        command: vec!["/app".into()],
        ..Image::default()
    }
}

pub(super) fn directory(writable: bool, free: u64) -> Directory {
    Directory {
        purpose: "the cache of Terraform's providers".into(),
        path: "/home/ann/.cache/landfall".into(),
        variable: "LANDFALL_CACHE".into(),
        writable,
        free: Some(free),
    }
}

pub(super) fn listens(reachable: &[u16], loopback: &[u16]) -> Trial {
    Trial::Listened(Listening {
        reachable: reachable.to_vec(),
        loopback: loopback.to_vec(),
    })
}

pub(super) fn simulated(action: &str, resource: &str, decision: Decision) -> Simulated {
    Simulated {
        action: action.into(),
        resource: resource.into(),
        decision,
        by: match decision {
            Decision::ExplicitDeny => vec!["NoNewRoles".into()],
            _ => vec![],
        },
        condition: serde_json::Value::Null,
    }
}

/// A machine and an account where nothing is wrong, for an app on Lambda.
pub(super) fn good() -> Facts {
    Facts {
        secrets: Err(Unavailable::NotAsked),
        app: Ok(settings("target = \"lambda\"\n")),
        engine: Ok(engine("x86_64", Some(false))),
        disk: Ok(Disk {
            path: "/var/lib/docker".into(),
            free: 41 * GIB,
        }),
        terraform: Ok(Terraform {
            path: "/usr/bin/tofu".into(),
            tool: Tool {
                program: Program::OpenTofu,
                version: "1.11.4".into(),
            },
        }),
        toolchain: Ok(Toolchain::default()),
        directories: Ok(vec![directory(true, 41 * GIB)]),
        edge: Ok(Some("/usr/bin/landfall-edge".into())),
        credentials: Ok(Identity {
            account: "123456789012".into(),
            arn: "arn:aws:sts::123456789012:assumed-role/deploy/ann".into(),
            rehearsal: false,
        }),
        clock: Ok(-800),
        region: Ok(Region {
            name: "eu-west-2".into(),
            opt_in: Some("opt-in-not-required".into()),
        }),
        concurrency: Ok(1000),
        vcpus: Err(Unavailable::NotAsked),
        vpcs: Err(Unavailable::NotAsked),
        budget: Ok(AccountBudget::Planned),
        load_balancers: Err(Unavailable::NotAsked),
        names: Ok(UnknownResources {
            names: names(),
            region: "eu-west-2".into(),
            found: vec![],
            unseen: vec![],
        }),
        domain: Err(Unavailable::NotAsked),
        permissions: Ok(vec![simulated(
            "ecr:CreateRepository",
            "*",
            Decision::Allowed,
        )]),
        image: Ok(image()),
        trial: Ok(listens(&[8080], &[])),
    }
}

pub(super) fn missing(exit: Exit, what: &str, next: &str) -> Unavailable {
    Unavailable::Failed(Failure {
        exit,
        what: what.into(),
        why: vec!["docker: No such file or directory (os error 2)".into()],
        next: vec![next.into()],
    })
}

/// One where everything is, for an app on Fargate.
pub(super) fn broken() -> Facts {
    let role = "arn:aws:iam::123456789012:role/uptime-prod-task";
    let cluster = "arn:aws:ecs:eu-south-1:123456789012:cluster/uptime-prod";
    Facts {
        secrets: Err(Unavailable::NotAsked),
        app: Ok(settings(
            "target = \"fargate\"\ncpu = 1024\ncount = 2\nedge = false\narchitecture = \"arm64\"\n",
        )),
        engine: Ok(engine("x86_64", Some(false))),
        disk: Ok(Disk {
            path: "/var/lib/docker".into(),
            free: 300 * 1024 * 1024,
        }),
        terraform: Err(missing(
            Exit::MissingTool,
            "no usable OpenTofu or Terraform",
            "install OpenTofu",
        )),
        toolchain: Ok(Toolchain::default()),
        directories: Ok(vec![directory(false, GIB), directory(true, GIB / 2)]),
        edge: Ok(None),
        credentials: Ok(Identity {
            account: "123456789012".into(),
            arn: "arn:aws:iam::123456789012:root".into(),
            rehearsal: false,
        }),
        clock: Ok(431_000),
        region: Ok(Region {
            name: "eu-south-1".into(),
            opt_in: Some("not-opted-in".into()),
        }),
        concurrency: Err(Unavailable::NotAsked),
        vcpus: Ok(0.0),
        vpcs: Ok(Usage {
            limit: 5,
            there: 5,
            own: false,
        }),
        budget: Ok(AccountBudget::LeftOut {
            message: "Account 123456789012 is a linked account".into(),
        }),
        load_balancers: Ok(Usage {
            limit: 50,
            there: 50,
            own: false,
        }),
        names: Ok(UnknownResources {
            names: names(),
            region: "eu-south-1".into(),
            found: vec![
                Found::new(Kind::Repository, "uptime-prod"),
                Found::new(Kind::LogGroup, "/landfall/uptime-prod"),
                Found::new(Kind::Cluster, "uptime-prod"),
                Found::new(Kind::Function, "uptime-prod"),
            ],
            unseen: vec!["budgets: budgets:ViewBudget: not allowed".into()],
        }),
        domain: Err(Unavailable::NotAsked),
        permissions: Ok(vec![
            simulated("iam:CreateRole", role, Decision::ExplicitDeny),
            simulated("iam:PassRole", role, Decision::ImplicitDeny),
            simulated("ecs:CreateCluster", cluster, Decision::ImplicitDeny),
            simulated("sns:CreateTopic", "*", Decision::Allowed),
        ]),
        image: Ok(Image {
            size: 11 * GIB,
            index: true,
            user: "root".into(),
            volumes: vec!["/data".into()],
            exposed: vec![3000],
            command: vec![],
            ..image()
        }),
        trial: Ok(Trial::Exited {
            code: Some(3),
            lines: vec!["DATABASE_URL is not set".into()],
        }),
    }
}

/// The checks as a person reads them.
pub(super) fn described(checks: &[Check]) -> String {
    let mut lines = Vec::new();
    for check in checks {
        let outcome = match check.outcome {
            Outcome::Ok => "ok".to_owned(),
            Outcome::Warning => "warning".to_owned(),
            Outcome::Blocker { exit } => format!("blocker {}", exit.code()),
            Outcome::Skipped => "skipped".to_owned(),
            Outcome::Unknown => "unknown".to_owned(),
        };
        lines.push(format!(
            "{outcome:10} {}: {}",
            check.check.as_str(),
            check.what
        ));
        lines.extend(check.why.iter().map(|line| format!("    {line}")));
        lines.extend(check.fix.iter().map(|line| format!("  → {line}")));
    }
    lines.push(Summary::of(checks).describe());
    lines.join("\n")
}

/// The only check of this name.
pub(super) fn one(facts: &Facts, name: CheckId) -> Check {
    let checks = examine(facts);
    let mut ours = checks.into_iter().filter(|check| check.check == name);
    let one = ours.next().unwrap_or_else(|| panic!("no check {name:?}"));
    assert_eq!(ours.next(), None, "{name:?} comes once");
    one
}
