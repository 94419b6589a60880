//! Counts of the requests that *began* in one second.
//!
//! By their beginning, not by their end: an app that fails quickly and succeeds slowly would seem
//! to fail always if requests were counted when they end.

use crate::histogram::Histogram;
use serde::{Deserialize, Serialize};

/// Counts of one second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// First attempts for users: the app as it is, without retries. Releases decide by these.
    #[serde(default, skip_serializing_if = "Attempts::is_empty")]
    pub first: Attempts,
    /// First attempts for landfall's own probes: counted separately, as they do not represent users.
    #[serde(default, skip_serializing_if = "Attempts::is_empty")]
    pub probes: Attempts,
    /// What users got in the end.
    #[serde(default, skip_serializing_if = "Outcomes::is_empty")]
    pub users: Outcomes,
    /// Attempts after the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: u64,
    /// Retries that the budget did not allow.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub denied: u64,
}

/// First attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempts {
    /// All that began, including those that an open circuit prevented.
    #[serde(default)]
    pub total: u64,
    /// Those that ended with a 5xx, without a connection, with a reset, or without an answer in
    /// time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors: u64,
    /// Those that have not ended. A second is sealed when this is 0, or after its deadline.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub open: u64,
    /// Those whose client left before they ended: neither successes nor errors.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gone: u64,
    /// Those that ended and are left out of `latency`: the first requests of a new instance on Lambda. They are slow in
    /// every version. A new version has more of them, because Lambda starts an instance for each concurrent request.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cold: u64,
    /// Time until the answer's head, of all others that ended, errors included.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub latency: Histogram,
}

/// What users saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcomes {
    /// All requests that began, without health checks and refused requests.
    #[serde(default)]
    pub total: u64,
    /// Those that have not ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub open: u64,
    /// Those whose client left first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gone: u64,
    /// Those that got a 5xx of the app.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub app: u64,
    /// Those that got an error page of the edge because the app gave no answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unanswered: u64,
    /// Those that failed fast because the circuit was open.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub circuit: u64,
    /// Those that were rejected because the app was at its concurrency limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shed: u64,
    /// Those whose answer broke off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cut: u64,
}

/// How a request ended for its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A complete answer below 500.
    Good,
    /// See [`Outcomes::gone`].
    Gone,
    /// See [`Outcomes::app`].
    App,
    /// See [`Outcomes::unanswered`].
    Unanswered,
    /// See [`Outcomes::circuit`].
    Circuit,
    /// See [`Outcomes::shed`].
    Shed,
    /// See [`Outcomes::cut`].
    Cut,
}

impl Outcome {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Good => "good",
            Outcome::Gone => "gone",
            Outcome::App => "app",
            Outcome::Unanswered => "unanswered",
            Outcome::Circuit => "circuit",
            Outcome::Shed => "shed",
            Outcome::Cut => "cut",
        }
    }

    /// Whether the user saw an error.
    pub fn is_error(self) -> bool {
        !matches!(self, Outcome::Good | Outcome::Gone)
    }
}

impl Attempts {
    fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Adds the counts of another task or second.
    pub fn add(&mut self, other: &Attempts) {
        add(&mut self.total, other.total);
        add(&mut self.errors, other.errors);
        add(&mut self.open, other.open);
        add(&mut self.gone, other.gone);
        add(&mut self.cold, other.cold);
        self.latency.merge(&other.latency);
    }
}

impl Outcomes {
    fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// All errors that users saw.
    pub fn errors(&self) -> u64 {
        let classes = [self.app, self.unanswered, self.circuit, self.shed, self.cut];
        classes.into_iter().fold(0, u64::saturating_add)
    }

    /// Counts the end of an open request.
    pub fn end(&mut self, outcome: Outcome) {
        self.open = self.open.saturating_sub(1);
        match outcome {
            Outcome::Good => {}
            Outcome::Gone => self.gone += 1,
            Outcome::App => self.app += 1,
            Outcome::Unanswered => self.unanswered += 1,
            Outcome::Circuit => self.circuit += 1,
            Outcome::Shed => self.shed += 1,
            Outcome::Cut => self.cut += 1,
        }
    }

    /// Adds the counts of another task or second.
    pub fn add(&mut self, other: &Outcomes) {
        add(&mut self.total, other.total);
        add(&mut self.open, other.open);
        add(&mut self.gone, other.gone);
        add(&mut self.app, other.app);
        add(&mut self.unanswered, other.unanswered);
        add(&mut self.circuit, other.circuit);
        add(&mut self.shed, other.shed);
        add(&mut self.cut, other.cut);
    }
}

impl Bucket {
    /// Adds the counts of another task or second.
    pub fn add(&mut self, other: &Bucket) {
        self.first.add(&other.first);
        self.probes.add(&other.probes);
        self.users.add(&other.users);
        add(&mut self.retries, other.retries);
        add(&mut self.denied, other.denied);
    }

    /// Whether all its first attempts have ended. Answers may still be on their way to users, event
    /// streams for hours.
    pub fn is_settled(&self) -> bool {
        self.first.open == 0 && self.probes.open == 0
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Saturates: counts that were read may be any number.
fn add(sum: &mut u64, other: u64) {
    *sum = sum.saturating_add(other);
}
