//! Rules about the safety of resources, over the values that a plan gives them: every plan of landfall's
//! HCL has to pass them. Their IDs are those that `allow` in `landfall.toml` still accepts; the rules about
//! what a user sets are in `rules::shape::review`.
//!
//! What a plan does not know yet never passes a rule that would refuse it: it is noted. An attribute that
//! the configuration does not set has AWS's default, and each rule states what it takes that for.

mod container;
mod front_door;
mod network;
mod policy;
pub(crate) mod rule;
mod seen;
mod storage;

use rule::{Rule, Severity};
use rules::shape::plan::{Plan, Resource};
use seen::Seen;

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    /// How much it matters here: never more than [`Rule::severity`].
    pub(crate) severity: Severity,
    /// Address of the resource.
    pub(crate) address: String,
    pub(crate) evidence: String,
}

impl std::fmt::Display for Finding {
    /// `refuse LF001 aws_security_group.web: ingress from 0.0.0.0/0`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (severity, id) = (self.severity.word(), self.rule.id());
        write!(f, "{severity} {id} {}: {}", self.address, self.evidence)
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

    /// A value that is only known after the apply. It is no finding for a rule that refuses nothing.
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
        };
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }
}

/// Applies every rule, the gravest findings first, then by rule and address.
///
/// A policy that is only known after the apply is followed to its `aws_iam_policy_document` if that is
/// among the resources: pass [`Plan::deferred`] along with [`Plan::resources`], as [`of_plans`] does.
pub(crate) fn review(resources: &[Resource]) -> Vec<Finding> {
    let mut found = Findings::default();
    for resource in resources {
        network::examine(resource, resources, &mut found);
        front_door::examine(resource, resources, &mut found);
        policy::examine(resource, resources, &mut found);
        storage::examine(resource, &mut found);
        container::examine(resource, &mut found);
    }
    let mut found = found.0;
    found.sort_by(|a, b| {
        let order = |one: &Finding| (one.severity, one.rule.id());
        (order(a), &a.address, &a.evidence).cmp(&(order(b), &b.address, &b.evidence))
    });
    found
}

/// [`review`] of everything that exists once all of `plans` are applied.
pub(crate) fn of_plans(plans: &[&Plan]) -> Vec<Finding> {
    let all = plans
        .iter()
        .flat_map(|plan| plan.resources.iter().chain(&plan.deferred));
    review(&all.cloned().collect::<Vec<_>>())
}

/// Refuses a plan of landfall's own HCL in which a rule refuses or warns about anything.
pub(crate) fn assert_safe(plan: &Plan) {
    let found: Vec<String> = of_plans(&[plan])
        .iter()
        .filter(|finding| finding.severity != Severity::Note)
        .map(Finding::to_string)
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}
