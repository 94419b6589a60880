//! What a run may cost, from landfall's own bills.

use crate::options::Options;
use crate::step::Step;
use rules::app::manifest::Target;
use rules::shape::cost::Bill;
use std::time::Duration;

/// Hours of a month, as in AWS's bills.
const MONTH: f64 = 730.0;
/// Versions that run at the same time during a release.
const VERSIONS: f64 = 2.0;
/// How long one target is deployed, without the rest before a rollback: apply, four releases, destroy.
const DEPLOYED: Duration = Duration::from_secs(90 * 60);
/// More requests than all users of a run send.
const REQUESTS: f64 = 50_000.0;

/// An upper bound for one target.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Share {
    pub(crate) target: String,
    /// Whole hours, since some resources are charged by them.
    pub(crate) hours: f64,
    pub(crate) monthly_usd: f64,
    pub(crate) usd: f64,
}

/// An upper bound for each target that is deployed.
pub(crate) fn expected(
    bills: &[(Target, Bill)],
    steps: &[(Target, Step)],
    options: &Options,
) -> Vec<Share> {
    let share = |(target, bill): &(Target, Bill)| {
        let rests = steps.contains(&(*target, Step::Rollback));
        let rest = if rests { options.rest } else { Duration::ZERO };
        let hours = ((DEPLOYED + rest).as_secs_f64() / 3_600.0).ceil();
        let running = bill.monthly_usd / MONTH * hours * VERSIONS;
        let requests = bill.per_million_requests_usd * REQUESTS / 1e6;
        Share {
            target: target.to_string(),
            hours,
            monthly_usd: bill.monthly_usd,
            usd: running + requests,
        }
    };
    let is_deployed = |target: Target| {
        let up = [Step::Up, Step::Move(target)];
        steps
            .iter()
            .any(|(on, step)| *on == target && up.contains(step))
    };
    bills
        .iter()
        .filter(|(target, _)| is_deployed(*target))
        .map(share)
        .collect()
}

/// The sum, in USD.
pub(crate) fn total(shares: &[Share]) -> f64 {
    shares.iter().map(|share| share.usd).sum()
}

/// What is printed before anything is created.
pub(crate) fn describe(shares: &[Share]) -> String {
    if shares.is_empty() {
        return "It deploys nothing; requests cost less than $0.01.".to_owned();
    }
    let mut out = String::new();
    for share in shares {
        out.push_str(&format!(
            "  {}: at most ${:.2}: {} h of ${:.2} a month, twice, since two versions run during a release, and \
             {REQUESTS} requests\n",
            share.target, share.usd, share.hours, share.monthly_usd
        ));
    }
    out.push_str(&format!("  together at most ${:.2}", total(shares)));
    out
}

/// The budget that landfall is given: the least whole number of USD that allows the dearest bill.
pub(crate) fn budget(bills: &[(Target, Bill)]) -> f64 {
    let dearest = bills
        .iter()
        .map(|(_, bill)| bill.monthly_usd)
        .fold(0.0, f64::max);
    (dearest + 1.0).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection::plan;

    fn bill(monthly_usd: f64) -> Bill {
        let text = format!(
            r#"{{"region": "us-east-1", "own_prices": true, "prices_of": "2026-11-23", "lines": [],
                "monthly_usd": {monthly_usd}, "per_million_requests_usd": 1.2, "per_gb_out_usd": 0.09,
                "incomplete": false, "assumptions": [], "account": {{"plan": "unknown", "why": "a test"}}, "at": 0,
                "alternatives": []}}"#
        );
        serde_json::from_str(&text).expect("a bill")
    }

    #[test]
    fn both_targets_together_cost_less_than_a_dollar() {
        let bills = [(Target::Lambda, bill(0.5)), (Target::Fargate, bill(40.0))];
        let options = Options::read(&["--rest", "60"]).expect("options");
        let shares = expected(&bills, &plan(&options), &options);
        assert_eq!(shares.len(), 2);
        assert_eq!(shares[1].hours, 3.0);
        let fargate = 40.0 / 730.0 * 3.0 * 2.0 + 0.06;
        assert!((shares[1].usd - fargate).abs() < 1e-9, "{shares:?}");
        assert!(total(&shares) < 1.0, "{shares:?}");
        assert!(
            describe(&shares).contains("together at most $0.4"),
            "{}",
            describe(&shares)
        );
        assert_eq!(budget(&bills), 41.0);
    }

    #[test]
    fn what_is_not_deployed_costs_nothing() {
        let bills = [(Target::Lambda, bill(0.5)), (Target::Fargate, bill(40.0))];
        let options = Options::read(&["--only", "new-role"]).expect("options");
        assert_eq!(expected(&bills, &plan(&options), &options), []);
    }
}
