//! What `landfall up` is about to make, and whether it may: plans, price, review and losses together.
//!
//! `up` asks it before it makes anything, `landfall plan` shows it, and the HTML page draws it.
//! So what is shown and what is decided cannot differ.

use crate::app::manifest::{Choice, Manifest, Target};
use crate::release::revision::Settings;
use crate::shape::contract::Root;
use crate::shape::cost::account::AccountPlan;
use crate::shape::cost::budget::{Decision, Refusal, decide};
use crate::shape::cost::prices::Table;
use crate::shape::cost::{self, Bill, Workload, estimate};
use crate::shape::data_loss::Verdict;
use crate::shape::plan::{Plan, Resource};
use crate::shape::review::{self, Finding, Rule};
use crate::time::Timestamp;

/// What a proposal is made from.
#[derive(Debug, Clone)]
pub struct PlanDecisionInput<'a> {
    /// What is wanted; its target is the one that is planned.
    pub manifest: &'a Manifest,
    /// What it runs on now: nothing, one target, or both while it moves.
    pub there: &'a [Target],
    /// AWS account, twelve digits.
    pub account: &'a str,
    /// AWS region.
    pub region: &'a str,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// The plans of the roots, in the order in which they are applied.
    pub roots: Vec<(Root, Plan)>,
    /// How the account pays.
    pub pays: AccountPlan,
    /// The image's user; [`None`] while there is no image.
    pub user: Option<String>,
    /// Whether anything runs for users.
    pub serves: bool,
    /// The current time.
    pub now: Timestamp,
}

/// What `up` is about to make.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanDecision {
    /// App.
    pub name: String,
    /// Environment.
    pub environment: String,
    /// AWS account.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// What it will run on.
    pub target: Target,
    /// Why that.
    pub because: String,
    /// The plans of the roots, in the order in which they are applied.
    pub roots: Vec<(Root, Plan)>,
    /// What it will cost.
    pub bill: Bill,
    /// USD a month that it may cost by existing; no budget is 0.
    pub budget: f64,
    /// What that budget makes of the bill.
    pub decision: Decision,
    /// What the review found; what was allowed is marked.
    pub findings: Vec<Finding>,
    /// What the plans destroy, and whether they may.
    pub loss: Verdict,
}

impl PlanDecision {
    /// Prices, reviews and judges the plans.
    pub fn from_plans(basis: PlanDecisionInput<'_>) -> PlanDecision {
        let manifest = basis.manifest;
        let plans: Vec<&Plan> = basis.roots.iter().map(|(_, plan)| plan).collect();
        let resources: Vec<Resource> = plans
            .iter()
            .flat_map(|plan| plan.resources.iter().cloned())
            .collect();
        let settings = Settings::for_image(manifest, basis.user.as_deref().unwrap_or_default());
        let bill = estimate(
            Table::own(),
            &cost::EstimateInput {
                resources: &resources,
                workload: Workload::from_settings(&settings, manifest.count.get()),
                secrets: manifest.billed_secrets(),
                region: basis.region,
                account: &basis.pays,
                now: basis.now,
            },
        );
        let mut findings = review::review(&plans, &settings, basis.user.as_deref());
        review::allow(&mut findings, &manifest.allow);
        PlanDecision {
            name: manifest.name.to_string(),
            environment: manifest.environment.to_string(),
            account: basis.account.to_owned(),
            region: basis.region.to_owned(),
            rehearsal: basis.rehearsal,
            target: manifest.target,
            because: because(manifest, basis.there),
            decision: decide(&bill, manifest.budget, basis.rehearsal),
            budget: manifest.budget.unwrap_or(0.0),
            bill,
            findings,
            loss: Verdict::of(&plans, basis.serves),
            roots: basis.roots,
        }
    }

    /// Whether applying the plans would change nothing.
    pub fn is_empty(&self) -> bool {
        self.roots.iter().all(|(_, plan)| plan.is_empty())
    }

    /// Why it must not be made, if so: one refusal with all reasons.
    pub fn refusal(&self) -> Option<Refusal> {
        let price = match &self.decision {
            Decision::Refused(refusal) => Some(refusal.clone()),
            Decision::Allowed { .. } => None,
        };
        let all = [price, self.unsafe_to_make(), self.cuts_off()];
        all.into_iter().flatten().reduce(|mut first, other| {
            first.why.push(format!("and {}", other.what));
            first.why.extend(other.why);
            first.next.extend(other.next);
            first
        })
    }

    fn unsafe_to_make(&self) -> Option<Refusal> {
        let refused: Vec<&Finding> = review::refused(&self.findings).collect();
        let mut rules: Vec<Rule> = refused.iter().map(|finding| finding.rule).collect();
        rules.dedup();
        let (first, what) = match rules.as_slice() {
            [] => return None,
            [rule] => (rule, rule.title().to_owned()),
            [rule, others @ ..] => (
                rule,
                format!(
                    "{}, and what breaks {} more rules",
                    rule.title(),
                    others.len()
                ),
            ),
        };
        let mut next: Vec<String> = rules
            .iter()
            .map(|rule| format!("{rule}: {} ({})", rule.next(), rule.anchor()))
            .collect();
        let quoted: Vec<String> = rules.iter().map(|rule| format!("\"{rule}\"")).collect();
        next.push(format!(
            "nothing was changed; to make it all the same set `allow = [{}]` in landfall.toml",
            quoted.join(", ")
        ));
        let lines = refused.iter().map(|finding| finding.line());
        let whys = rules.iter().map(|rule| format!("{rule}: {}", rule.why()));
        Some(Refusal {
            what: format!("the review refuses {}: {what}", first.id()),
            why: lines.chain(whys).collect(),
            next,
        })
    }

    fn cuts_off(&self) -> Option<Refusal> {
        let Verdict::Refused(losses) = &self.loss else {
            return None;
        };
        Some(Refusal {
            what: "the plan would destroy what users' requests pass through".to_owned(),
            why: losses.iter().map(|loss| loss.explain()).collect(),
            next: vec![
                "nothing was changed; a change of `port`, for one, replaces both services"
                    .to_owned(),
                "deploy it as another environment (`--env`), or take this one down first"
                    .to_owned(),
            ],
        })
    }

    /// Why the price would be refused on AWS, where a rehearsal refuses none.
    pub fn refusal_on_aws(&self) -> Option<Refusal> {
        match decide(&self.bill, Some(self.budget), false) {
            Decision::Refused(refusal) if self.rehearsal => Some(refusal),
            _ => None,
        }
    }

    /// What becomes of it, in one sentence without a full stop.
    pub fn conclusion(&self) -> String {
        let conclusion = self.here();
        match self.refusal_on_aws() {
            Some(refusal) => format!("{conclusion}; on AWS it refuses this: {}", refusal.what),
            None => conclusion,
        }
    }

    fn here(&self) -> String {
        let refused = self.refusal();
        match (&refused, &self.loss) {
            (Some(refusal), _) => format!("`landfall up` refuses this: {}", refusal.what),
            (None, Verdict::NeedsYes(losses)) => format!(
                "`landfall up` asks for a yes to lose {}, then makes this",
                match losses.len() {
                    1 => "1 thing".to_owned(),
                    many => format!("{many} things"),
                }
            ),
            (None, _) if self.is_empty() => {
                "no changes; `landfall up` releases the app and leaves the rest as it is".to_owned()
            }
            (None, _) => "`landfall up` asks for a yes, then makes this".to_owned(),
        }
    }
}

/// Why the manifest's target is what it is.
fn because(manifest: &Manifest, there: &[Target]) -> String {
    let target = manifest.target;
    let left: Vec<&str> = there
        .iter()
        .filter(|other| **other != target)
        .map(|other| other.as_str())
        .collect();
    let mut why = match &manifest.choice {
        Choice::Asked => "it was asked for".to_owned(),
        _ if there.contains(&target) => "it runs there already".to_owned(),
        Choice::Usual => {
            "the app fits it, and it costs nothing while there are no requests".to_owned()
        }
        Choice::Unfit(why) => format!("and not lambda: {}", why.join("; ")),
    };
    if !left.is_empty() {
        why.push_str(&format!(
            "; once it serves there, what runs on {} is removed, and the address changes",
            left.join(" and ")
        ));
    }
    why
}

#[cfg(test)]
#[path = "plan_decision_tests.rs"]
mod tests;
