//! Whether what a plan makes, and what is to run in it, is safe: rules of landfall's own, over the
//! values of resources. docs/security.md lists them.
//!
//! What a plan does not know yet never passes a rule that would refuse it: it is noted, and looked at
//! again by the next plan. An attribute that the configuration does not set is not such a case; what the
//! provider puts there is AWS's default, and every rule says what it takes that for.

mod container;
mod front_door;
mod network;
mod policy;
mod rule;
mod secret;
mod seen;
mod storage;
#[cfg(test)]
mod tests;

pub use container::Run;
pub use rule::{Rule, Severity, table};
pub use secret::{Secret, recognise};

use crate::shape::plan::{Plan, Resource};
use seen::Seen;
use serde::{Deserialize, Serialize};

/// Where a finding about what a release runs is: it has no address in a plan.
pub const CONTAINER: &str = "container";

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// How much it matters here: never more than [`Rule::severity`].
    pub severity: Severity,
    /// Address of the resource, or [`CONTAINER`].
    pub address: String,
    /// What was seen. Never the value of a variable.
    pub evidence: String,
    /// Whether `allow` in the manifest names the rule: it is told, and made all the same.
    #[serde(default)]
    pub allowed: bool,
}

impl Finding {
    /// One line for people: `LF001 aws_security_group.web: ingress from 0.0.0.0/0`.
    pub fn line(&self) -> String {
        format!("{} {}: {}", self.rule.id(), self.address, self.evidence)
    }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, rule: Rule, address: &str, evidence: impl Into<String>) {
        self.put(rule, rule.severity(), address, evidence.into());
    }

    /// Something that matters less than usual.
    fn note(&mut self, rule: Rule, address: &str, evidence: impl Into<String>) {
        self.put(rule, Severity::Note, address, evidence.into());
    }

    /// A value that only the apply will tell. For a rule that refuses nothing that is no finding.
    fn later(&mut self, rule: Rule, address: &str, attribute: &str) {
        if rule.severity() == Severity::Refuse {
            self.note(
                rule,
                address,
                format!("`{attribute}` is known after the apply"),
            );
        }
    }

    fn put(&mut self, rule: Rule, severity: Severity, address: &str, evidence: String) {
        let finding = Finding {
            rule,
            severity,
            address: address.to_owned(),
            evidence,
            allowed: false,
        };
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }
}

/// Applies every rule to `resources` and to `run`, what releases run in them. The gravest first, then by
/// rule and address.
///
/// A policy that is only known after the apply is followed to its `aws_iam_policy_document` if that is
/// among the resources: give [`Plan::deferred`] along with [`Plan::resources`], as [`of_plans`] does.
pub fn review(resources: &[Resource], run: &Run) -> Vec<Finding> {
    let mut found = Findings::default();
    for resource in resources {
        network::examine(resource, resources, &mut found);
        front_door::examine(resource, resources, &mut found);
        policy::examine(resource, resources, &mut found);
        storage::examine(resource, &mut found);
        container::examine(resource, &mut found);
    }
    container::examine_run(CONTAINER, run, &mut found);
    let mut found = found.0;
    found.sort_by(|a, b| {
        (a.severity, a.rule, &a.address, &a.evidence).cmp(&(
            b.severity,
            b.rule,
            &b.address,
            &b.evidence,
        ))
    });
    found
}

/// [`review`] of everything that will be there once all of `plans` are applied.
pub fn of_plans(plans: &[&Plan], run: &Run) -> Vec<Finding> {
    let all = plans
        .iter()
        .flat_map(|plan| plan.resources.iter().chain(&plan.deferred));
    review(&all.cloned().collect::<Vec<_>>(), run)
}

/// Marks what was allowed. A note stays what it is: nobody has to allow it.
pub fn allow(findings: &mut [Finding], rules: &[Rule]) {
    for finding in findings {
        finding.allowed = finding.severity != Severity::Note && rules.contains(&finding.rule);
    }
}

/// What was found that must not be made: the gravest kind, unless it was allowed.
pub fn refused(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings
        .iter()
        .filter(|f| f.severity == Severity::Refuse && !f.allowed)
}

/// Whether anything was found that must not be made.
pub fn is_refused(findings: &[Finding]) -> bool {
    refused(findings).next().is_some()
}
