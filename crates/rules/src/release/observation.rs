//! What a release observes: the input of every decision about its next step.

use super::SUSPICIOUS;
use super::canary::counts::is_zero;
use crate::app::names::Slots;
use crate::release::diagnosis::Cause;
use crate::release::revision::RevisionId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One slot as it was observed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SlotSeen {
    /// The revision that it is set to; [`None`] if it never held one.
    pub revision: Option<RevisionId>,
    /// Desired tasks.
    pub desired: u32,
    /// Tasks that run or are starting, of any revision.
    pub tasks: u32,
    /// Healthy tasks of the slot's revision.
    pub healthy: u32,
    /// Targets that are draining.
    pub draining: u32,
    /// Tasks of the slot's revision that have stopped since it was staged.
    pub stopped: u32,
    /// What is wrong, by the evidence of stopped tasks, logs and the load balancer.
    pub cause: Option<Cause>,
    /// When its revision or number of tasks was last changed.
    pub staged_at: Option<Timestamp>,
}

/// Answers of the candidate to probes, in this release and process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probes {
    /// Answers of the app, with any status: an app may fail at random in every version.
    pub answered: u32,
    /// Answers below 500.
    pub good: u32,
    /// Probes without an answer of the app: reset, timeout, or the load balancer's own 502–504.
    pub lost: u32,
    /// Probes of the old version without an answer.
    pub lost_by_old: u32,
}

/// The comparison of the two versions so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Comparison {
    /// Natural logarithm of the evidence against the candidate; 0 at first.
    pub ln_m: f64,
    /// Set once the evidence suffices to roll back; later evidence does not change it.
    pub worse: Option<Cause>,
    /// Requests of users show that it is not worse.
    pub proven_by_users: bool,
    /// Probes show that it is not worse.
    pub proven_by_probes: bool,
    /// Requests of users to the candidate that were counted.
    pub new_users: u64,
    /// Probes of it that were counted.
    pub new_probes: u64,
    /// Requests of users to the old version that were counted, from some minutes before the release on.
    #[serde(skip_serializing_if = "is_zero")]
    pub old_users: u64,
}

impl Comparison {
    pub(super) fn is_suspicious(&self) -> bool {
        self.ln_m >= SUSPICIOUS.ln()
    }
}

/// Whether requests with a token reach the slots, next to the traffic of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewRoutes {
    /// Neither is reached.
    #[serde(rename = "closed")]
    Disabled,
    /// One does: a driver was stopped between the two.
    #[serde(rename = "ajar")]
    Partial,
    /// Both are reached.
    #[serde(rename = "open")]
    Enabled,
    /// No routes are needed: each version of a function can be invoked.
    #[serde(rename = "none")]
    NotNeeded,
}

impl PreviewRoutes {
    /// Whether landfall can send requests to each slot.
    pub fn reach_slots(self) -> bool {
        matches!(self, PreviewRoutes::Enabled | PreviewRoutes::NotNeeded)
    }

    /// Whether no route has to be disabled.
    pub fn are_disabled(self) -> bool {
        matches!(self, PreviewRoutes::Disabled | PreviewRoutes::NotNeeded)
    }
}

/// Everything that a step is decided on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Share of users of each slot, in percent.
    pub shares: Slots<u32>,
    /// Whether requests with a token reach the slots.
    #[serde(rename = "doors")]
    pub previews: PreviewRoutes,
    /// Both slots.
    pub slots: Slots<SlotSeen>,
    /// Probes of the candidate by this process.
    pub probes: Probes,
    /// The comparison so far.
    pub comparison: Comparison,
}
