//! The rules, one file per service.

mod account;
mod api;
mod assumptions;
mod budgets;
mod cloudfront;
mod ecs;
mod iam;
mod lambda;
mod lambda_concurrency;
mod lambda_images;
mod lambda_limits;
mod lambda_reports;
mod lambda_states;
mod listeners;
mod load_balancer;
mod load_balancer_changes;
mod load_balancer_shares;
mod logs;
mod registry;
pub(crate) mod request_metrics;
mod s3;
mod secrets;
#[cfg(test)]
pub(crate) mod testing;

use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Concern, On, Rule, concern};
use crate::world::World;

/// The rules in the order in which they are asked: refusals of the account come first.
const TABLE: &[&[Rule]] = &[
    account::RULES,
    assumptions::RULES,
    budgets::RULES,
    s3::RULES,
    secrets::RULES,
    iam::RULES,
    ecs::RULES,
    load_balancer::RULES,
    load_balancer_changes::RULES,
    request_metrics::RULES,
    lambda_limits::RULES,
    lambda_images::RULES,
    lambda_states::RULES,
    lambda_concurrency::RULES,
    lambda_reports::RULES,
    logs::RULES,
    cloudfront::RULES,
    api::RULES,
    listeners::RULES,
];

/// Remembers a response.
type Observer = fn(&mut World, &Call, &Answer);

/// What is remembered of which successful calls.
const OBSERVERS: &[(&[Concern], Observer)] = &[
    (s3::OBSERVED, s3::observe),
    (secrets::OBSERVED, secrets::observe),
    (iam::OBSERVED, iam::observe),
    (ecs::OBSERVED, ecs::observe),
    (
        load_balancer_changes::OBSERVED,
        load_balancer_changes::observe,
    ),
    (registry::OBSERVED, registry::observe),
    (lambda::OBSERVED, lambda::observe),
    (cloudfront::OBSERVED, cloudfront::observe),
    (request_metrics::OBSERVED, request_metrics::observe),
    (load_balancer::OBSERVED, load_balancer::observe),
];

/// All rules.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    TABLE.iter().flat_map(|rules| rules.iter())
}

/// The names of all scenarios, in alphabetical order.
#[must_use]
pub fn scenarios() -> Vec<&'static str> {
    let mut names: Vec<&str> = all()
        .filter_map(|rule| match rule.on {
            On::Default => None,
            On::Scenario(name) => Some(name),
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether something is remembered of a call.
#[must_use]
pub fn is_observed(call: &Call) -> bool {
    OBSERVERS
        .iter()
        .any(|(concerns, _)| concern(concerns, call))
}

/// Remembers a response.
pub(crate) fn observe(world: &mut World, call: &Call, answer: &Answer) {
    for (concerns, observer) in OBSERVERS {
        if answer.status.is_success() && concern(concerns, call) {
            observer(world, call, answer);
        }
    }
}

/// A call is forwarded.
pub(crate) fn forwarded(world: &mut World, call: &Call) {
    lambda_concurrency::forwarded(world, call);
}

/// A call that was forwarded has ended.
pub(crate) fn ended(world: &mut World, call: &Call) {
    lambda_concurrency::ended(world, call);
}

/// A scenario was selected.
pub(crate) fn selected(world: &mut World, scenario: &str) {
    lambda_states::selected(world, scenario);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn rules_have_unique_ids_in_kebab_case_and_a_source() {
        let mut ids = BTreeSet::new();
        for rule in all() {
            let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(rule.id.chars().all(is_kebab), "{}", rule.id);
            assert!(ids.insert(rule.id), "{} is there twice", rule.id);
            assert!(rule.summary.ends_with('.'), "{}: {}", rule.id, rule.summary);
            assert!(!rule.source.is_empty(), "{}", rule.id);
            assert!(!rule.concerns.is_empty(), "{}", rule.id);
        }
    }
}
