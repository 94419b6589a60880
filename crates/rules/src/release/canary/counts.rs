//! Counts: requests of both versions, window by window.

use edge_contract::bucket::Attempts;
use edge_contract::histogram::Histogram;
use serde::{Deserialize, Serialize};

/// A number of requests, and how many of them were bad: errors, or slow ones. At most all are bad.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    n: u64,
    bad: u64,
}

impl Tally {
    /// Of `n` requests `bad` were bad; at most all of them.
    pub fn new(n: u64, bad: u64) -> Tally {
        Tally { n, bad: bad.min(n) }
    }

    /// Requests.
    pub fn n(self) -> u64 {
        self.n
    }

    /// Bad requests.
    pub fn bad(self) -> u64 {
        self.bad
    }
}

/// One window: the tallies of both versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The old version's.
    pub old: Tally,
    /// The new version's.
    pub new: Tally,
}

impl Window {
    /// `nA, eA, nB, eB`: requests and bad ones of the old version, then of the new one.
    pub fn new(n_old: u64, bad_old: u64, n_new: u64, bad_new: u64) -> Window {
        Window {
            old: Tally::new(n_old, bad_old),
            new: Tally::new(n_new, bad_new),
        }
    }

    /// Whether both versions had a request, so that they can be compared.
    pub fn compares(&self) -> bool {
        self.old.n > 0 && self.new.n > 0
    }

    /// Requests of both.
    pub fn n(&self) -> f64 {
        self.old.n as f64 + self.new.n as f64
    }

    /// The new version's share of requests as observed, 0 to 1. Never the configured share: judging 12% as if
    /// they were 10% rolls healthy versions back.
    pub fn share(&self) -> f64 {
        if self.new.n == 0 {
            return 0.0;
        }
        self.new.n as f64 / self.n()
    }
}

/// Where requests come from. Error rates differ, so each stratum has a history of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stratum {
    /// Requests of users.
    Users,
    /// Probes, in pairs: one to the old version, one to the new one.
    Probes,
}

impl Stratum {
    /// Both.
    pub const ALL: [Stratum; 2] = [Stratum::Users, Stratum::Probes];
}

/// A value for each stratum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerStratum<T> {
    /// For requests of users.
    pub users: T,
    /// For probes.
    pub probes: T,
}

impl<T> PerStratum<T> {
    /// The value of a stratum.
    pub fn of(&self, stratum: Stratum) -> &T {
        match stratum {
            Stratum::Users => &self.users,
            Stratum::Probes => &self.probes,
        }
    }

    /// The value of a stratum, mutable.
    pub fn of_mut(&mut self, stratum: Stratum) -> &mut T {
        match stratum {
            Stratum::Users => &mut self.users,
            Stratum::Probes => &mut self.probes,
        }
    }
}

/// The property of requests that a monitor watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Requests that failed.
    Errors,
    /// Requests slower than the median of the old version.
    P50,
    /// Requests slower than the 90th percentile of the old version.
    P90,
    /// Requests slower than the 99th percentile of the old version.
    P99,
}

impl Signal {
    /// All of them.
    pub const ALL: [Signal; 4] = [Signal::Errors, Signal::P50, Signal::P90, Signal::P99];

    /// The old version's quantile that makes a request slow; [`None`] for errors.
    pub fn quantile(self) -> Option<f64> {
        match self {
            Signal::Errors => None,
            Signal::P50 => Some(0.5),
            Signal::P90 => Some(0.9),
            Signal::P99 => Some(0.99),
        }
    }
}

/// A value for each signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerSignal<T> {
    /// See [`Signal::Errors`].
    pub errors: T,
    /// See [`Signal::P50`].
    pub p50: T,
    /// See [`Signal::P90`].
    pub p90: T,
    /// See [`Signal::P99`].
    pub p99: T,
}

impl<T> PerSignal<T> {
    /// Calls `make` for each signal.
    pub fn from_fn(mut make: impl FnMut(Signal) -> T) -> PerSignal<T> {
        PerSignal {
            errors: make(Signal::Errors),
            p50: make(Signal::P50),
            p90: make(Signal::P90),
            p99: make(Signal::P99),
        }
    }

    /// The value of a signal.
    pub fn of(&self, signal: Signal) -> &T {
        match signal {
            Signal::Errors => &self.errors,
            Signal::P50 => &self.p50,
            Signal::P90 => &self.p90,
            Signal::P99 => &self.p99,
        }
    }

    /// The value of a signal, mutable.
    pub fn of_mut(&mut self, signal: Signal) -> &mut T {
        match signal {
            Signal::Errors => &mut self.errors,
            Signal::P50 => &mut self.p50,
            Signal::P90 => &mut self.p90,
            Signal::P99 => &mut self.p99,
        }
    }
}

/// One version's requests in a window: first attempts whose client did not disconnect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Requests that began in the window.
    pub total: u64,
    /// Those that failed, and those without an answer when the window was sealed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors: u64,
    /// Requests that are left out when latencies are compared: the first ones of an instance on Lambda.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cold: u64,
    /// Time to the head of the answer. Other requests of `total` that are missing in it had no answer in time and
    /// are slow. [`None`] if the source of the counts measures no latency, which must not depend on how requests
    /// end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Histogram>,
}

impl Arm {
    /// Its errors.
    pub fn tally(&self) -> Tally {
        Tally::new(self.total, self.errors)
    }

    /// The number of requests whose latencies are compared.
    pub(crate) fn timed(&self) -> u64 {
        self.total.saturating_sub(self.cold)
    }
}

/// Open requests are errors and slow, as they had no answer in time. Requests whose client disconnected do not
/// count.
impl From<&Attempts> for Arm {
    fn from(attempts: &Attempts) -> Arm {
        let total = attempts.total.saturating_sub(attempts.gone);
        Arm {
            total,
            errors: attempts.errors.saturating_add(attempts.open).min(total),
            cold: attempts.cold.min(total),
            latency: Some(attempts.latency.clone()),
        }
    }
}

/// A window whose counts are final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedWindow {
    /// Where its requests come from.
    pub stratum: Stratum,
    /// The first second in which its requests began, since the Unix epoch.
    pub from_second: u64,
    /// How many seconds it spans.
    pub seconds: u64,
    /// The old version's requests.
    pub old: Arm,
    /// The new version's.
    pub new: Arm,
}

impl SealedWindow {
    /// The second after its last one, in which the next window may begin.
    pub fn end(&self) -> u64 {
        self.from_second.saturating_add(self.seconds)
    }

    /// Its errors.
    pub fn errors(&self) -> Window {
        Window {
            old: self.old.tally(),
            new: self.new.tally(),
        }
    }
}

/// Users' requests to the old version before the new one had users.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Requests.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n: u64,
    /// Those that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors: u64,
    /// As [`Arm::cold`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cold: u64,
    /// As [`Arm::latency`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Histogram>,
}

/// The input of a trial.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// The old version's history.
    #[serde(default)]
    pub history: History,
    /// In the order in which they are judged: by their end, and users before probes where two end in the same
    /// second. Windows of one stratum do not overlap.
    pub windows: Vec<SealedWindow>,
}

pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
}
