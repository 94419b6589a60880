//! What happened to the requests that *began* in one second.
//!
//! By start, not by end: an app that answers errors quickly and successes slowly would look dead
//! in every second if requests were counted when they end.

use crate::edge_contract::histogram::Histogram;
use serde::{Deserialize, Serialize};

/// Counts of one second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// First attempts for users: the app as it is, without retries. Releases decide on these.
    #[serde(default, skip_serializing_if = "Attempts::is_empty")]
    pub first: Attempts,
    /// First attempts for landfall's own probes, apart because mixing them with users' misleads.
    #[serde(default, skip_serializing_if = "Attempts::is_empty")]
    pub probes: Attempts,
    /// What users got in the end.
    #[serde(default, skip_serializing_if = "Outcomes::is_empty")]
    pub users: Outcomes,
    /// Attempts after the first one.
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
    /// All that began. A request that failed fast, because the app is known to be dead, is one.
    #[serde(default)]
    pub total: u64,
    /// Those that ended with a 5xx, without a connection, with a reset, or without an answer in time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors: u64,
    /// Those that have not ended yet. A second is sealed when this is 0, or its deadline is over.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub open: u64,
    /// Those whose client left before they ended: neither good nor bad.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gone: u64,
    /// Time to the answer's head of those that ended, errors as well.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub latency: Histogram,
}

/// What users saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcomes {
    /// All requests that began. Health checks and refused nonsense are none.
    #[serde(default)]
    pub total: u64,
    /// Those that have not ended yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub open: u64,
    /// Those whose client left first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gone: u64,
    /// Got a 5xx of the app.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub app: u64,
    /// Got an error page of the edge: the app gave no answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unanswered: u64,
    /// Failed fast: the circuit was open.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub circuit: u64,
    /// Turned away: the app had enough to do.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shed: u64,
    /// Got an answer that was cut off in its middle.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cut: u64,
}

/// How a request ended for its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// An answer below 500, complete.
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
    /// Its word in logs and metrics.
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

    /// Adds what another task, or another second, counted.
    pub fn add(&mut self, other: &Attempts) {
        add(&mut self.total, other.total);
        add(&mut self.errors, other.errors);
        add(&mut self.open, other.open);
        add(&mut self.gone, other.gone);
        self.latency.merge(&other.latency);
    }
}

impl Outcomes {
    fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Errors that users saw, of every class.
    pub fn errors(&self) -> u64 {
        let classes = [self.app, self.unanswered, self.circuit, self.shed, self.cut];
        classes.into_iter().fold(0, u64::saturating_add)
    }

    /// Counts how an open request ended.
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

    /// Adds what another task, or another second, counted.
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
    /// Adds what another task, or another second, counted.
    pub fn add(&mut self, other: &Bucket) {
        self.first.add(&other.first);
        self.probes.add(&other.probes);
        self.users.add(&other.users);
        add(&mut self.retries, other.retries);
        add(&mut self.denied, other.denied);
    }

    /// Whether every first attempt in it has ended. Answers may still be on their way to users: an event
    /// stream is for hours.
    pub fn is_settled(&self) -> bool {
        self.first.open == 0 && self.probes.open == 0
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Counts that were read may be anything; a sum that does not fit is for ever too large.
fn add(sum: &mut u64, other: u64) {
    *sum = sum.saturating_add(other);
}
