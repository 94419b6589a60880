//! A release moves traffic from one revision to the next, decided step by step from what is observed.
//!
//! [`next`] makes every decision. The driver observes, calls it, writes the step into the ledger, acts and
//! observes again. After a crash another process reads the ledger, observes and continues: what runs, the
//! shares and the counts of the edges can be observed; when steps were taken, and that a candidate was
//! given up, is in the [`Release`] that the ledger yields ([`Release::apply`]).
//!
//! | module | decides |
//! |---|---|
//! | [`begin`], [`live_slot`] | which slot serves, what an earlier release requires first, whether a release is needed |
//! | `next`, `step`, `timings`, `dry_run`, [`retry`] | the steps |
//! | [`idle`], [`canary`], [`analysis`], [`minute_counts`] | whether the candidate is worse than the version before |
//! | [`evidence`], [`diagnosis`], [`autopsy`], [`failed_invocation`] | why a version does not work |
//! | [`verdict`], [`ending`] | what a command reports and exits with |
//! | [`ledger`], [`lease`] | the record of a release, and the lock |
//! | [`revision`], [`edge_environment`], [`hardening`], [`secrets_loader`] | what runs, and how |
//! | [`alias_routing`], [`published_versions`] | slots on Lambda |
//! | [`live_status`] | what people see while it runs |
//!
//! Not here: what the infrastructure looks like (`shape`), and commands other than releases (`operate`).

pub mod alias_routing;
pub mod analysis;
pub mod autopsy;
pub mod begin;
pub mod canary;
pub mod diagnosis;
mod dry_run;
pub mod edge_environment;
pub mod ending;
pub mod evidence;
pub mod failed_invocation;
pub mod hardening;
pub mod idle;
pub mod kept_images;
pub mod lease;
pub mod ledger;
pub mod live_slot;
pub mod live_status;
pub mod minute_counts;
mod next;
mod observation;
pub mod published_versions;
pub mod retry;
pub mod revision;
#[cfg(test)]
pub(crate) mod samples;
pub mod secrets_loader;
mod step;
mod timings;
pub mod verdict;

pub use crate::app::manifest::Strategy;
pub use dry_run::{carry_out, dry_run};
pub use live_slot::live_slot;
pub use next::next;
pub use observation::{Comparison, Observation, PreviewRoutes, Probes, SlotSeen};
pub use step::{Awaited, HoldReason, Outcome, Proof, Step};
pub use timings::ReleaseTimings;

use crate::app::names::{Slot, Slots};
use crate::release::diagnosis::Cause;
use crate::release::revision::RevisionId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// First share of users that a candidate gets, in percent.
pub const FIRST_SHARE: u32 = 10;
/// Share after [`ENOUGH`] requests of users to it: with halves a comparison needs the fewest requests.
pub const HALF_SHARE: u32 = 50;
/// Share while the old version is kept warm.
pub const BAKE_SHARE: u32 = 95;
/// Requests to the candidate that a conclusion in its favour needs.
pub const ENOUGH: u64 = 20;
/// Requests of users to the candidate without which it is not promoted, unless the app is idle: probes ask
/// for one path, and say nothing about the paths of users.
pub const FEW: u64 = 5;
/// Evidence against a candidate, as a factor, from which on it gets more probes before users, and is not
/// promoted unproven.
pub const SUSPICIOUS: f64 = 3.0;

/// The goal of a release, its timings, and what has happened so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The revision to release.
    pub revision: RevisionId,
    /// Number of tasks; 1 on Lambda.
    pub count: u32,
    /// The slot that the revision runs in. The other one is the base.
    pub candidate: Slot,
    /// How traffic moves.
    pub strategy: Strategy,
    /// Why it is released.
    pub purpose: Purpose,
    /// Whether users stay where they are until a person starts the release.
    pub no_traffic: bool,
    /// What to do if the evidence is inconclusive at the maximum time.
    pub at_maximum: AtMaximum,
    /// Whether the app has too few users to compare versions ([`idle`]). Users of an idle app move all at once,
    /// and the old version is kept warm as long as after a comparison.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_idle: bool,
    /// How long each phase may take.
    #[serde(rename = "patience")]
    pub timings: ReleaseTimings,
    /// When it began.
    pub started: Timestamp,
    /// What has happened so far.
    #[serde(default, rename = "so_far")]
    pub progress: Progress,
}

/// What happened in a release and cannot be observed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Progress {
    /// When the candidate got its first probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probed_at: Option<Timestamp>,
    /// When the candidate got its first users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shifted_at: Option<Timestamp>,
    /// When the candidate was promoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted_at: Option<Timestamp>,
    /// Why it was promoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// When it got all users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_at: Option<Timestamp>,
    /// When users were moved back from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_back_at: Option<Timestamp>,
    /// When this release last set the revision or the number of tasks of each slot.
    #[serde(skip_serializing_if = "is_unset")]
    pub set_at: Slots<Option<Timestamp>>,
    /// Why the candidate was given up; from then on the release is undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Cause>,
    /// The latest override by a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<ManualOverride>,
}

fn is_unset(set_at: &Slots<Option<Timestamp>>) -> bool {
    *set_at == Slots::default()
}

/// Why a revision is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A new version.
    Deploy,
    /// Back to an earlier one. It is not compared with the version that it replaces.
    RollBack,
}

/// What to do if the evidence is inconclusive at the maximum time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtMaximum {
    /// Change nothing and wait for a person.
    #[default]
    Hold,
    /// Promote it as unproven, unless it is suspicious.
    Promote,
    /// Roll it back.
    RollBack,
}

/// An action of a person on a release that is under way or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManualOverride {
    /// Send users to a candidate that was staged without traffic, as its strategy defines.
    Start,
    /// Promote the candidate.
    Promote,
    /// Roll it back.
    Abort,
    /// Ctrl-C: roll back before the promotion, after it finish without further waiting.
    Interrupt,
}

/// What a command asks of a release besides the revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Release")]
pub struct ReleaseOptions {
    pub count: u32,
    pub strategy: Strategy,
    pub purpose: Purpose,
    pub no_traffic: bool,
    pub at_maximum: AtMaximum,
    pub timings: ReleaseTimings,
}

impl Release {
    /// Records that `step` was taken at `at`. The driver calls it after it wrote the step to the ledger and
    /// before it acts: a recorded step may not have been carried out, but one that was carried out is
    /// always recorded.
    pub fn apply(&mut self, step: &Step, at: Timestamp) {
        let progress = &mut self.progress;
        match step {
            Step::Stage { slot } | Step::Scale { slot, .. } | Step::Retire { slot } => {
                *progress.set_at.of_mut(*slot) = Some(at);
            }
            Step::Probe { .. } => {
                progress.probed_at.get_or_insert(at);
            }
            Step::Shift { slot, share } if *slot == self.candidate => {
                if *share > 0 {
                    progress.shifted_at.get_or_insert(at);
                }
                match share {
                    0 => progress.taken_back_at = Some(at),
                    100 => progress.full_at = Some(at),
                    _ => {}
                }
            }
            Step::Promote { proof } => {
                progress.promoted_at.get_or_insert(at);
                progress.proof.get_or_insert(*proof);
            }
            Step::RollBack { cause } => {
                progress.failed.get_or_insert(cause.clone());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
