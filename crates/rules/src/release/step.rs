//! The steps of a release, and how it can end.

use crate::app::names::Slot;
use crate::release::diagnosis::Cause;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
#[expect(
    missing_docs,
    reason = "fields: a slot, a share of users in percent, a deadline"
)]
pub enum Step {
    /// Set the slot to the release's revision and count.
    Stage { slot: Slot },
    /// Route requests with a token to each slot.
    #[serde(rename = "open")]
    EnablePreview,
    /// Send so many more probes to the candidate, and as many to the old version.
    Probe { requests: u32 },
    /// Send this share of users to the slot, and all others to the other one.
    Shift { slot: Slot, share: u32 },
    /// Compare the versions: observe again soon, at `until` at the latest. Each version gets `probes`
    /// until then, where users are few.
    Watch { probes: u32, until: Timestamp },
    /// The candidate stays.
    Promote { proof: Proof },
    /// Set the number of tasks in a slot.
    Scale { slot: Slot, count: u32 },
    /// Set the number of tasks in a slot to 0.
    Retire { slot: Slot },
    /// Replace the tokens of both slots by random ones that are stored nowhere else.
    #[serde(rename = "close")]
    DisablePreview,
    /// Observe again, at `until` at the latest.
    Wait { what: Awaited, until: Timestamp },
    /// Give the candidate up; from now on the release is undone.
    RollBack { cause: Cause },
    /// Nothing is left to do.
    Finished { outcome: Outcome },
}

impl Step {
    /// Whether it changes nothing.
    pub fn is_passive(&self) -> bool {
        matches!(
            self,
            Step::Wait { .. } | Step::Watch { .. } | Step::Finished { .. }
        )
    }
}

/// What a release waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// The candidate to become healthy.
    Healthy,
    /// Probes to show in the counts of the edges.
    Counted,
    /// Requests in flight to end after a shift.
    Settled,
    /// The first requests of users to the version of an idle app, while the old one is kept.
    Warm,
    /// Tasks of a slot that was set to 0 to stop.
    Gone,
}

/// Why a candidate was promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Requests of users show that it is not worse.
    Users,
    /// There was little traffic; landfall's own requests show that it is not worse.
    Probes,
    /// A person promoted it.
    Person,
    /// There is no evidence against it at the maximum time.
    Unproven,
}

/// How a release ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The revision serves, in the slot.
    Serving {
        /// Where.
        slot: Slot,
        /// Why it was promoted; [`None`] if nothing was compared.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<Proof>,
    },
    /// The candidate failed; the old revision serves as before.
    RolledBack {
        /// The slot of the old revision.
        slot: Slot,
        /// Why the candidate was given up.
        cause: Cause,
    },
    /// The candidate failed and nothing served before.
    NothingServing {
        /// Why the candidate was given up.
        cause: Cause,
    },
    /// The candidate failed, and there is no healthy old version to send its users to.
    AtRisk {
        /// The slot that users are still sent to.
        slot: Slot,
        /// Why the candidate was given up.
        cause: Cause,
    },
    /// It waits for a person.
    Held {
        /// The candidate's slot.
        slot: Slot,
        /// Its share of users in percent.
        share: u32,
        /// Why it waits.
        why: HoldReason,
    },
}

impl Outcome {
    /// The same with another cause, if the candidate was given up. Its last lines may arrive after the decision,
    /// and show more than was known then.
    #[must_use]
    pub fn because(self, cause: Cause) -> Outcome {
        match self {
            Outcome::RolledBack { slot, .. } => Outcome::RolledBack { slot, cause },
            Outcome::NothingServing { .. } => Outcome::NothingServing { cause },
            Outcome::AtRisk { slot, .. } => Outcome::AtRisk { slot, cause },
            Outcome::Serving { .. } | Outcome::Held { .. } => self,
        }
    }
}

/// Why a release waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// Its strategy is manual.
    Manual,
    /// It was staged without traffic.
    NoTraffic,
    /// The evidence is inconclusive at the maximum time.
    Undecided,
    /// No requests were counted.
    Unobserved,
}

impl HoldReason {
    /// The reason as text.
    pub fn explain(self) -> &'static str {
        match self {
            HoldReason::Manual => "its strategy is manual",
            HoldReason::NoTraffic => "it was staged without traffic",
            HoldReason::Undecided => "the maximum time is over and the evidence is inconclusive",
            HoldReason::Unobserved => "no requests could be counted",
        }
    }
}
