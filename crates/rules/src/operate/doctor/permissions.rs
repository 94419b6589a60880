//! Which actions are asked about, on what, and what the simulation's answer means.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>

use super::{Check, CheckId, Outcome};
use crate::app::manifest::Target;
use crate::app::names::Names;
use crate::exit::Exit;
use crate::shape::permissions::{Phase, Scope, reads, statements};
use serde_json::{Value, json};

/// Actions on one resource, asked in one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// ARN, or a pattern of ARNs.
    pub resource: String,
    /// `service:Action`.
    pub actions: Vec<&'static str>,
    /// Keys of conditions and what they are in this call, such as the tags that it gives.
    pub context: Vec<(String, String)>,
    /// On which condition the action is needed, as IAM reads it; null if on none.
    pub condition: Value,
}

impl Ask {
    /// One resource that the pattern fits, which need not be there.
    pub fn example(&self) -> String {
        match self.resource.as_str() {
            "*" => "*".to_owned(),
            pattern => pattern.replace('*', "0123456789abcdef0"),
        }
    }
}

/// An answer of the simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// `service:Action`.
    pub action: String,
    /// On what.
    pub resource: String,
    /// The answer.
    pub decision: Decision,
    /// Policies whose statements decided; empty if none speaks of it.
    pub by: Vec<String>,
    /// On which condition it is needed, as IAM reads it; null if on none.
    pub condition: Value,
}

/// What policies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// They allow it.
    Allowed,
    /// One forbids it.
    ExplicitDeny,
    /// None allows it.
    ImplicitDeny,
    /// It depends on something that a simulation does not know, such as the tags of a request.
    Depends,
}

/// Where an environment is, for the ARNs of what it makes.
#[derive(Debug, Clone, Copy)]
pub struct Whereabouts<'a> {
    /// `aws`, `aws-cn`, …
    pub partition: &'a str,
    /// Twelve digits.
    pub account: &'a str,
    /// AWS region.
    pub region: &'a str,
    /// Names of the environment.
    pub names: &'a Names,
    /// The domain, if one is wanted.
    pub domain: Option<&'a str>,
}

/// What is asked for a target: everything that `up` changes in this phase, as [`crate::shape::permissions`] has it. Who may not
/// even look is found out by looking.
pub fn asks(phase: Phase, target: Target, at: &Whereabouts<'_>) -> Vec<Ask> {
    let scope =
        Scope::from_names(at.names, at.partition, at.account, at.region).with_domain(at.domain);
    let looking = reads(target, &scope);
    let changing = statements(phase, target, &scope);
    changing
        .into_iter()
        .filter(|statement| !looking.contains(statement))
        .map(|statement| Ask {
            resource: statement.resources[0].clone(),
            actions: statement.actions.clone(),
            context: statement.context(),
            condition: statement.json()["Condition"].clone(),
        })
        .collect()
}

/// Whom a simulation is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The account's root user: it may do everything.
    Root,
    /// A user or role, by its ARN.
    Arn(String),
    /// A role of which only the name is known: its path is not in the ARN of its sessions.
    Role(String),
    /// Somebody whom no simulation knows, such as a federated user.
    Other,
}

impl Principal {
    /// Reads what `sts:GetCallerIdentity` says of the caller
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>).
    pub fn of(arn: &str) -> Principal {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, service, _, _, resource] = parts.as_slice() else {
            return Principal::Other;
        };
        let mut path = resource.split('/');
        match (*service, path.next()) {
            ("iam", Some("root")) => Principal::Root,
            ("iam", Some("user" | "role")) => Principal::Arn(arn.to_owned()),
            ("sts", Some("assumed-role")) => match path.next() {
                Some(role) if !role.is_empty() => Principal::Role(role.to_owned()),
                _ => Principal::Other,
            },
            _ => Principal::Other,
        }
    }
}

/// One check of all answers.
pub(super) fn check(answers: &[Simulated]) -> Check {
    let denied: Vec<&Simulated> = answers
        .iter()
        .filter(|answer| {
            matches!(
                answer.decision,
                Decision::ExplicitDeny | Decision::ImplicitDeny
            )
        })
        .collect();
    let depends = answers
        .iter()
        .filter(|answer| answer.decision == Decision::Depends);
    let depends: Vec<&str> = depends.map(|answer| answer.action.as_str()).collect();
    if denied.is_empty() && depends.is_empty() {
        return Check::ok(
            CheckId::Permissions,
            format!(
                "all of {} actions that were asked for are allowed",
                answers.len()
            ),
        );
    }
    if denied.is_empty() {
        return Check::new(
            CheckId::Permissions,
            Outcome::Unknown,
            "what is allowed depends on what a simulation does not know",
        )
        .why(format!(
            "conditions of policies decide on {}",
            depends.join(", ")
        ));
    }
    let mut check = Check::blocker(
        CheckId::Permissions,
        Exit::Access,
        format!(
            "{} of {} actions that a deployment needs are not allowed",
            denied.len(),
            answers.len()
        ),
    );
    for answer in &denied {
        let by = match answer.by.as_slice() {
            [] => String::new(),
            all => format!(" ({})", all.join(", ")),
        };
        let word = match answer.decision {
            Decision::ExplicitDeny => "forbidden",
            _ => "no policy allows it",
        };
        check = check.why(format!(
            "{} on {}: {word}{by}",
            answer.action, answer.resource
        ));
    }
    let implicit: Vec<&&Simulated> = denied
        .iter()
        .filter(|answer| answer.decision == Decision::ImplicitDeny)
        .collect();
    if !implicit.is_empty() {
        check = check.fix(format!(
            "let the deploying identity do this (`landfall policy setup` prints all that it needs): {}",
            statement(&implicit)
        ));
    }
    if implicit.len() < denied.len() {
        check = check.fix(
            "ask whoever wrote the policies that forbid it; an Allow does not help against a Deny",
        );
    }
    check.fix("or use another identity with --profile")
}

/// A policy document that allows what is missing, one statement for each resource and condition.
fn statement(missing: &[&&Simulated]) -> String {
    let mut by_resource: Vec<(&Simulated, Vec<&str>)> = Vec::new();
    for answer in missing {
        let same =
            |one: &Simulated| one.resource == answer.resource && one.condition == answer.condition;
        match by_resource.iter_mut().find(|(one, _)| same(one)) {
            Some((_, actions)) => actions.push(&answer.action),
            None => by_resource.push((answer, vec![&answer.action])),
        }
    }
    let statements: Vec<Value> = by_resource
        .into_iter()
        .map(|(one, actions)| {
            let mut statement =
                json!({ "Effect": "Allow", "Action": actions, "Resource": one.resource });
            if !one.condition.is_null() {
                statement["Condition"] = one.condition.clone();
            }
            statement
        })
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}
