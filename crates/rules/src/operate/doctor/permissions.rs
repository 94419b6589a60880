//! Permissions: which actions are simulated on which resources, and what the answers mean.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>

use crate::app::manifest::{Manifest, Target};
use crate::app::names::Names;
use crate::check::{Check, CheckId, Outcome};
use crate::exit::Exit;
use crate::shape::permissions::{Phase, Scope, Statement, UNDOCUMENTED, reads, statements};
use serde_json::{Value, json};

/// Actions on one resource, simulated with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// ARN, or a pattern of ARNs.
    pub resource: String,
    /// `service:Action`.
    pub actions: Vec<&'static str>,
    /// Condition keys and their values in this call, such as tags.
    pub context: Vec<(String, String)>,
    /// The condition under which the action is needed, as in a policy; null if there is none.
    pub condition: Value,
}

impl Ask {
    /// A resource that matches the pattern; it need not exist.
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
    /// The resource.
    pub resource: String,
    /// The answer.
    pub decision: Decision,
    /// Policies whose statements decided; empty if none matches.
    pub by: Vec<String>,
    /// As [`Ask::condition`].
    pub condition: Value,
}

/// The decision of the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Allowed.
    Allowed,
    /// A policy denies it.
    ExplicitDeny,
    /// No policy allows it.
    ImplicitDeny,
    /// It depends on values that a simulation does not have, such as the tags of a request.
    Depends,
}

/// Where an environment is, for the ARNs of its resources.
#[derive(Debug, Clone, Copy)]
pub struct Location<'a> {
    /// `aws`, `aws-cn`, …
    pub partition: &'a str,
    /// Twelve digits.
    pub account: &'a str,
    /// AWS region.
    pub region: &'a str,
    /// Names of the environment.
    pub names: &'a Names,
    /// What the manifest sets: domain, path and boundary of the roles.
    pub manifest: &'a Manifest,
}

/// The simulations for a target: every action of [`crate::shape::permissions`] with which `up` changes something
/// in this phase. Missing permissions to read show when landfall reads.
pub fn asks(phase: Phase, target: Target, at: &Location<'_>) -> Vec<Ask> {
    let scope =
        Scope::from_names(at.names, at.partition, at.account, at.region).with_settings(at.manifest);
    let reading = reads(target, &scope);
    let changing = statements(phase, target, &scope);
    changing
        .into_iter()
        .filter(|statement| !reading.contains(statement))
        .map(|statement| Ask {
            resource: statement.resources[0].clone(),
            actions: documented(&statement),
            context: statement.context(),
            condition: statement.json()["Condition"].clone(),
        })
        .filter(|ask| !ask.actions.is_empty())
        .collect()
}

/// The actions that IAM's simulation knows.
fn documented(statement: &Statement) -> Vec<&'static str> {
    let known = |action: &&&str| !UNDOCUMENTED.contains(action);
    statement.actions.iter().filter(known).copied().collect()
}

/// The identity of a simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The account's root user, which has every permission.
    Root,
    /// A user or role, by its ARN.
    Arn(String),
    /// A role by its name: the ARN of a session does not have the role's path.
    Role(String),
    /// An identity that cannot be simulated, such as a federated user.
    Other,
}

impl Principal {
    /// Parses the ARN of `sts:GetCallerIdentity`
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>).
    pub fn from_arn(arn: &str) -> Principal {
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
                "all {} actions that were simulated are allowed",
                answers.len()
            ),
        );
    }
    if denied.is_empty() {
        return Check::new(
            CheckId::Permissions,
            Outcome::Unknown,
            "permissions depend on values that a simulation does not have",
        )
        .why(format!(
            "conditions of policies decide about {}",
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
            Decision::ExplicitDeny => "denied by a policy",
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
            "allow the deploying identity these actions (`landfall policy setup` prints all that it needs): {}",
            statement(&implicit)
        ));
    }
    if implicit.len() < denied.len() {
        check = check
            .fix("ask the owner of the policies that deny it; an Allow does not override a Deny");
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
