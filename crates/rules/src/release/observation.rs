//! What a release sees: everything that a step is decided on.

use super::SUSPICIOUS;
use crate::app::names::{Slot, Slots};
use crate::release::diagnosis::Cause;
use crate::release::revision::RevisionId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What is to be seen of one slot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SlotSeen {
    /// The revision its service is set to; [`None`] if it never held one.
    pub revision: Option<RevisionId>,
    /// Tasks that the service is to run.
    pub desired: u32,
    /// Tasks that run or are on their way, of whatever revision.
    pub tasks: u32,
    /// Tasks of the slot's revision that the load balancer finds healthy.
    pub healthy: u32,
    /// Targets that still answer in-flight requests, or wait for their end.
    pub draining: u32,
    /// Tasks of the slot's revision that have stopped since it was staged.
    pub stopped: u32,
    /// What stopped tasks, logs and the load balancer say is wrong, if anything.
    pub cause: Option<Cause>,
    /// When the service was last told to run another revision or number of tasks.
    pub staged_at: Option<Timestamp>,
}

/// Answers of the candidate to landfall's own requests, in this release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probes {
    /// Answers that came from the app: any status, as an app may err at random in every version.
    pub answered: u32,
    /// Answers below 500.
    pub good: u32,
    /// Requests that got no answer of the app: reset, timeout, or the load balancer's own 502–504.
    pub lost: u32,
    /// The same requests to the old version that got no answer.
    pub lost_by_old: u32,
}

/// What the comparison of the two versions says so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Comparison {
    /// Natural logarithm of the evidence against the candidate; 0 at first.
    pub ln_m: f64,
    /// Set once the evidence is enough to take it back, whatever comes later.
    pub worse: Option<Cause>,
    /// Requests of users show that it is not worse.
    pub proven_by_users: bool,
    /// Landfall's own requests show that it is not worse.
    pub proven_by_probes: bool,
    /// Requests of users to the candidate that were counted.
    pub new_users: u64,
    /// Landfall's own requests to it that were counted.
    pub new_probes: u64,
}

impl Comparison {
    pub(super) fn is_suspicious(&self) -> bool {
        self.ln_m >= SUSPICIOUS.ln()
    }
}

/// Whether the slots can be reached beside the traffic of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewRoutes {
    /// Neither can.
    #[serde(rename = "closed")]
    Disabled,
    /// One can: a driver was stopped in the middle.
    #[serde(rename = "ajar")]
    Partial,
    /// Both can, by who knows their tokens.
    #[serde(rename = "open")]
    Enabled,
    /// There are none to open: whoever may invoke a function reaches each of its versions.
    #[serde(rename = "none")]
    NotNeeded,
}

impl PreviewRoutes {
    /// Whether landfall can ask each slot.
    pub fn reach_slots(self) -> bool {
        matches!(self, PreviewRoutes::Enabled | PreviewRoutes::NotNeeded)
    }

    /// Whether a release has to close any.
    pub fn are_disabled(self) -> bool {
        matches!(self, PreviewRoutes::Disabled | PreviewRoutes::NotNeeded)
    }
}

/// Everything a step is decided on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Percent of users that the listener sends to each slot.
    pub shares: Slots<u32>,
    /// Whether each slot can be reached by who knows its token.
    #[serde(rename = "doors")]
    pub previews: PreviewRoutes,
    /// Both slots.
    pub slots: Slots<SlotSeen>,
    /// Probes of the candidate by this driver.
    pub probes: Probes,
    /// What the comparison says.
    pub comparison: Comparison,
}

impl Observation {
    /// The slot that most users are sent to.
    pub fn live(&self) -> Slot {
        if self.shares.green > self.shares.blue {
            Slot::Green
        } else {
            Slot::Blue
        }
    }
}
