//! What people see while something serves: during a release both versions side by side, otherwise one.
//! [`crate::event::Event::Watch`] carries it, about once a second.

mod view;

pub use view::{View, evidence, is_split, traffic};

use crate::app::names::Slot;
use crate::release::canary::Stratum;
use crate::release::ledger::AvailabilityCounts;
use crate::release::revision::RevisionId;
use serde::{Deserialize, Serialize};

/// Samples that a [`LiveStatus`] has at most.
pub const SAMPLES: usize = 120;

/// The state at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveStatus {
    /// Seconds since the release, or the watching, began.
    pub elapsed: f64,
    /// The current step in a few words: `10% on the new version`.
    pub doing: String,
    /// What serves; the old version first.
    pub arms: Vec<Arm>,
    /// The evidence so far; [`None`] where nothing is compared.
    pub evidence: Option<Evidence>,
    /// Landfall's own requests to the public address; [`None`] where it sends none.
    pub pings: Option<AvailabilityCounts>,
    /// The last seconds, at most [`SAMPLES`], oldest first.
    pub seconds: Vec<Sample>,
}

/// One version that serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Where it runs.
    pub slot: Slot,
    /// What runs there.
    pub revision: RevisionId,
    /// Which of the versions it is.
    pub role: Role,
    /// Share of users, in percent.
    pub share: u32,
    /// Desired tasks.
    pub tasks: u32,
    /// Healthy tasks.
    pub healthy: u32,
    /// Users' requests so far.
    pub requests: u64,
    /// Those whose first attempt at the app failed: the app's own errors.
    pub errors: u64,
    /// Those that failed for the user, after the edge's retries.
    pub user_errors: u64,
    /// Median latency in milliseconds; [`None`] without requests.
    pub p50_ms: Option<f64>,
    /// 99th percentile of latency in milliseconds; [`None`] without requests.
    pub p99_ms: Option<f64>,
}

/// Which of the versions an arm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one that served before the release.
    Old,
    /// The one that is released.
    New,
    /// There is only one.
    Only,
}

impl Role {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Old => "old",
            Role::New => "new",
            Role::Only => "live",
        }
    }
}

/// The evidence of a release so far. Logarithms: evidence adds up, and a threshold is a distance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// ln M: evidence against the new version.
    pub roll_back: f64,
    /// The value from which on it is rolled back.
    pub roll_back_at: f64,
    /// ln P: evidence for the new version; the least of all signals.
    pub promote: f64,
    /// The value from which on it is promoted.
    pub promote_at: f64,
    /// Which requests it comes from.
    pub stratum: Stratum,
    /// Such requests that the new version has answered.
    pub new_requests: u64,
}

/// One second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The counts of each arm, in the order of [`LiveStatus::arms`].
    pub arms: Vec<Count>,
}

/// Requests, and those whose first attempt failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "see the struct")]
pub struct Count {
    pub requests: u64,
    pub errors: u64,
}

/// The quantile of the normal distribution that leaves 2.5% on either side.
const Z: f64 = 1.959_963_984_540_054;

/// Where the true rate of errors lies with a confidence of 95%: Wilson's score interval (Wilson 1927,
/// "Probable inference, the law of succession, and statistical inference", JASA 22:209–212,
/// <https://doi.org/10.1080/01621459.1927.10502953>), which unlike the textbook interval is accurate
/// near 0% and for few requests (Brown, Cai and DasGupta 2001, <https://doi.org/10.1214/ss/1009213286>).
///
/// For display only. A release does not decide on it: an interval of 95% that is looked at repeatedly is
/// wrong far more often than one time in twenty.
pub fn interval(errors: u64, requests: u64) -> (f64, f64) {
    if requests == 0 {
        return (0.0, 1.0);
    }
    // Counts of requests are far below 2^53.
    #[allow(clippy::cast_precision_loss)]
    let (n, rate) = (
        requests as f64,
        errors.min(requests) as f64 / requests as f64,
    );
    let z2 = Z * Z;
    let center = (rate + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    // Rounding must not put the rate itself, at 0% and 100%, outside.
    (
        (center - half).max(0.0).min(rate),
        (center + half).min(1.0).max(rate),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(found: (f64, f64), expected: (f64, f64)) {
        let close = |a: f64, b: f64| (a - b).abs() < 5e-5;
        assert!(
            close(found.0, expected.0) && close(found.1, expected.1),
            "{found:?} is not {expected:?}"
        );
    }

    #[test]
    fn intervals_are_those_of_the_literature() {
        // Newcombe 1998 (https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E),
        // table I, method 3.
        near(interval(81, 263), (0.2553, 0.3662));
        near(interval(15, 148), (0.0624, 0.1605));
        near(interval(0, 20), (0.0, 0.1611));
        near(interval(1, 29), (0.0061, 0.1718));
    }

    #[test]
    fn nothing_is_known_without_requests() {
        assert_eq!(interval(0, 0), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn the_interval_contains_the_rate_and_is_one(requests in 1_u64..10_000_000, share in 0.0..=1.0) {
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let errors = ((requests as f64 * share) as u64).min(requests);
            let (low, high) = interval(errors, requests);
            #[allow(clippy::cast_precision_loss)]
            let rate = errors as f64 / requests as f64;
            prop_assert!(0.0 <= low && low <= rate && rate <= high && high <= 1.0, "{low} {rate} {high}");
        }

        #[test]
        fn more_requests_at_the_same_rate_say_more(errors in 0_u64..1_000, good in 1_u64..1_000, times in 2_u64..50) {
            let width = |(low, high): (f64, f64)| high - low;
            let few = interval(errors, errors + good);
            let many = interval(errors * times, (errors + good) * times);
            prop_assert!(width(many) < width(few));
        }

        #[test]
        fn errors_and_answers_mirror_each_other(errors in 0_u64..10_000, good in 0_u64..10_000) {
            let of_errors = interval(errors, errors + good);
            let of_answers = interval(good, errors + good);
            prop_assert!((of_errors.0 + of_answers.1 - 1.0).abs() < 1e-9);
            prop_assert!((of_errors.1 + of_answers.0 - 1.0).abs() < 1e-9);
        }
    }
}
