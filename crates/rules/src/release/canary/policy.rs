//! The rules of a trial: its error probabilities and what it watches.

use super::counts::{PerSignal, Signal};
use serde::{Deserialize, Serialize};

/// The rules of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Largest probability with which a version that is not worse is rolled back, however long the
    /// trial is.
    pub alpha: f64,
    /// Largest probability with which a version that is worse by half, or by two percentage points,
    /// counts as proven good.
    pub beta: f64,
    /// Requests of both versions in which all but 1/e of the reserve gets staked.
    pub horizon: u64,
    /// Number of the old version's latest requests that its rates and latencies are estimated from.
    pub history_cap: u64,
    /// Requests to the new version that a proof needs at least.
    pub min_new_requests: u64,
    /// Each monitor's weight in the evidence for a rollback, relative to their sum. One with weight 0 takes no
    /// part, in promotions either.
    pub weights: PerSignal<f64>,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            alpha: 0.01,
            beta: 0.05,
            horizon: 10_000,
            history_cap: 2_000,
            min_new_requests: 20,
            weights: PerSignal {
                errors: 0.60,
                p50: 0.15,
                p90: 0.15,
                p99: 0.10,
            },
        }
    }
}

impl Policy {
    /// Watches errors only.
    pub fn errors_only() -> Policy {
        Policy {
            weights: PerSignal {
                errors: 1.0,
                ..PerSignal::default()
            },
            ..Policy::default()
        }
    }

    /// What is invalid in these rules; [`None`] if they are valid.
    pub fn problem(&self) -> Option<String> {
        for (name, value) in [("alpha", self.alpha), ("beta", self.beta)] {
            if !(value > 0.0 && value < 1.0) {
                return Some(format!("{name} is {value}, and must lie between 0 and 1"));
            }
        }
        for (name, value) in [("horizon", self.horizon), ("history_cap", self.history_cap)] {
            if value == 0 {
                return Some(format!("{name} is 0, and must be at least 1"));
            }
        }
        let weights = Signal::ALL.map(|signal| *self.weights.of(signal));
        if weights.iter().any(|weight| !(0.0..=1.0).contains(weight)) {
            return Some("each weight must lie between 0 and 1".to_owned());
        }
        if weights.iter().sum::<f64>() <= 0.0 {
            return Some("some weight must be more than 0".to_owned());
        }
        None
    }

    /// A monitor's part of all weights. Rules that have a [`problem`](Policy::problem) give none.
    pub(crate) fn part(&self, signal: Signal) -> f64 {
        let weight = |signal| f64::max(*self.weights.of(signal), 0.0);
        let sum: f64 = Signal::ALL.into_iter().map(weight).sum();
        let part = weight(signal) / sum;
        if part.is_finite() { part } else { 0.0 }
    }
}
