//! The release: moving traffic from one revision to the next, decided step by step from what is seen.
//!
//! [`next`] is the whole of it. The driver observes, asks, writes the step into the ledger, acts and
//! observes again. A driver that was killed reads the ledger, looks, and goes on: what is in the slots, in
//! the listener and in the counts of the edges can be seen; when things happened, and that a candidate
//! was given up, stands in the [`Release`] as the ledger tells it ([`Release::apply`]).

pub mod alias_routing;
pub mod canary;
pub mod diagnosis;
mod dry_run;
pub mod edge_environment;
pub mod evidence;
pub mod failed_invocation;
pub mod hardening;
pub mod lease;
pub mod ledger;
pub mod live_status;
pub mod minute_counts;
pub mod published_versions;
pub mod revision;
pub mod secrets_loader;
pub mod verdict;

mod next;
mod observation;

pub use dry_run::{carry_out, dry_run};
pub use next::next;
pub use observation::{Comparison, Observation, PreviewRoutes, Probes, SlotSeen};

use crate::app::manifest::Target;
use crate::app::names::{Slot, Slots};
use crate::release::diagnosis::Cause;
use crate::release::revision::RevisionId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Share of users, in percent, that a candidate gets first.
pub const FIRST_SHARE: u32 = 10;
/// Share once [`ENOUGH`] requests of users have been seen on it: half and half is where a comparison
/// needs the fewest requests.
pub const HALF_SHARE: u32 = 50;
/// Share while the old version is kept warm.
pub const BAKE_SHARE: u32 = 95;
/// Requests to the candidate below which nothing is concluded in its favour.
pub const ENOUGH: u64 = 20;
/// Evidence (as a factor) against a candidate from which on it gets more probes before users, and is not
/// promoted without proof.
pub const SUSPICIOUS: f64 = 3.0;

/// What a release is to reach, how patient it is, and what has happened so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The revision that is to serve.
    pub revision: RevisionId,
    /// How many tasks of it.
    pub count: u32,
    /// The slot that it runs in, or is to run in. The other one is the base.
    pub candidate: Slot,
    /// How traffic moves.
    pub strategy: Strategy,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether users are to stay where they are until a person says otherwise.
    pub no_traffic: bool,
    /// What to do when the evidence has not spoken by the maximum time.
    pub at_maximum: AtMaximum,
    /// How long each phase may take.
    #[serde(rename = "patience")]
    pub timings: ReleaseTimings,
    /// When it began.
    pub started: Timestamp,
    /// What has happened so far.
    #[serde(default, rename = "so_far")]
    pub progress: Progress,
}

/// What happened in a release and cannot be seen by looking.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Progress {
    /// When the candidate was first asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probed_at: Option<Timestamp>,
    /// When users were first sent to the candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shifted_at: Option<Timestamp>,
    /// When it was decided that the candidate stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted_at: Option<Timestamp>,
    /// Why it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// When all users were sent to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_at: Option<Timestamp>,
    /// When users were taken back from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_back_at: Option<Timestamp>,
    /// Set once the candidate was given up; from then on everything is taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Cause>,
    /// A person's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<ManualOverride>,
}

/// How traffic moves to a new version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// A growing share, as far as the comparison with the old version allows.
    #[default]
    Canary,
    /// Everything, once the candidate is healthy and has answered probes.
    AllAtOnce,
    /// A tenth, and everything when a person says so.
    Manual,
}

/// What a release is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A new version.
    Deploy,
    /// Back to an earlier one. It is not compared with the version that people want to get away from.
    RollBack,
}

/// What to do when the evidence has not spoken by the maximum time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtMaximum {
    /// Leave everything as it is and ask a person.
    #[default]
    Hold,
    /// Promote, labelled unproven, unless there is something against the candidate.
    Promote,
    /// Take it back.
    RollBack,
}

/// A person's word about a release that is under way or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManualOverride {
    /// A candidate without traffic gets users, as its strategy says.
    Start,
    /// The candidate stays.
    Promote,
    /// It goes.
    Abort,
    /// Ctrl-C: back, as long as the candidate has not proven itself; else to the end, by the short way.
    Interrupt,
}

/// Why a candidate was promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Requests of users show it not to be worse.
    Users,
    /// There was little traffic; landfall's own requests show it not to be worse.
    Probes,
    /// A person said so.
    Person,
    /// Nothing speaks against it, and the maximum time was over.
    Unproven,
}

/// How long and how often a release waits before it draws a conclusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseTimings {
    /// From staging until the candidate's targets must be healthy.
    #[serde(with = "millis")]
    pub ready: Duration,
    /// From a switch until the slot that lost its users is stopped: the load balancer's nodes take a
    /// moment to hear of a changed listener, and requests in flight have to end.
    #[serde(with = "millis")]
    pub settle: Duration,
    /// Tasks of the candidate that may stop before it counts as crashing. One stop may be bad luck.
    pub stops: u32,
    /// Requests that the candidate must have answered before it serves; each goes to the old version, too.
    pub probes: u32,
    /// From the first users until a promotion.
    #[serde(with = "millis")]
    pub minimum: Duration,
    /// From the first users until the evidence must have spoken.
    #[serde(with = "millis")]
    pub maximum: Duration,
    /// How long the old version is kept warm, with a few users, after a promotion.
    #[serde(with = "millis")]
    pub bake: Duration,
}

mod millis {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;
    pub(super) fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}

impl ReleaseTimings {
    /// What is usual for an app with an edge, or without one, and on Lambda. There the counts come by the
    /// log, some twenty seconds late. The load balancer's counts are believed two
    /// minutes after their minute ([`crate::release::minute_counts::SETTLES`]): four minutes show one window at least.
    pub fn of(target: Target, edge: bool) -> ReleaseTimings {
        let usual = ReleaseTimings::default();
        if target == Target::Lambda {
            return ReleaseTimings {
                minimum: Duration::from_secs(30),
                bake: Duration::from_secs(90),
                ..usual
            };
        }
        if edge {
            return usual;
        }
        let late = Duration::from_secs(240);
        ReleaseTimings {
            minimum: late,
            bake: late,
            ..usual
        }
    }
}

impl Default for ReleaseTimings {
    fn default() -> ReleaseTimings {
        ReleaseTimings {
            ready: Duration::from_secs(300),
            settle: Duration::from_secs(10),
            stops: 2,
            probes: 6,
            minimum: Duration::from_secs(15),
            maximum: Duration::from_secs(600),
            bake: Duration::from_secs(60),
        }
    }
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    /// Set the slot's service to the release's revision and count.
    Stage {
        /// Where.
        slot: Slot,
    },
    /// Lead requests with a token to each slot.
    #[serde(rename = "open")]
    EnablePreview,
    /// Ask the candidate, and as often the old version.
    Probe {
        /// How many more answers are wanted.
        requests: u32,
    },
    /// Send this share of users to the slot, and all others to the other one.
    Shift {
        /// Where.
        slot: Slot,
        /// Percent.
        share: u32,
    },
    /// Compare for a while: look again soon, at `until` at the latest.
    Watch {
        /// Probes that each version gets until then: where users are few.
        probes: u32,
        /// When something else is due.
        until: Timestamp,
    },
    /// The candidate stays.
    Promote {
        /// Why.
        proof: Proof,
    },
    /// Set the number of tasks in a slot.
    Scale {
        /// Where.
        slot: Slot,
        /// How many.
        count: u32,
    },
    /// Let the slot run no task.
    Retire {
        /// Where.
        slot: Slot,
    },
    /// Give both slots tokens that nobody knows: the release's own end with it.
    #[serde(rename = "close")]
    DisablePreview,
    /// Look again, at `until` at the latest.
    Wait {
        /// What for, in words for the display.
        what: Awaited,
        /// When the answer is overdue.
        until: Timestamp,
    },
    /// Give the candidate up; from now on everything is taken back.
    RollBack {
        /// Why.
        cause: Cause,
    },
    /// Nothing is left to do.
    Finished {
        /// How it ended.
        outcome: Outcome,
    },
}

impl Step {
    /// Whether it only looks: nothing changes by it.
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
    /// The candidate's targets to become healthy.
    Healthy,
    /// Probes to show in the counts of the edges.
    Counted,
    /// Requests in flight to end after the switch.
    Settled,
    /// Tasks of a slot that was set to zero to be gone.
    Gone,
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
    /// The candidate failed; the slot serves what it served before.
    RolledBack {
        /// Where the old revision runs.
        slot: Slot,
        /// Why the new one does not.
        cause: Cause,
    },
    /// The candidate failed and nothing served before.
    NothingServing {
        /// Why.
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
        /// Percent of users that it has.
        share: u32,
        /// Why.
        why: HoldReason,
    },
}

/// Why a release waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// Its strategy is manual.
    Manual,
    /// It was to be staged without traffic.
    NoTraffic,
    /// The maximum time is over, and the evidence has not spoken.
    Undecided,
    /// Nothing could be counted.
    Unobserved,
}

impl HoldReason {
    /// The reason in words.
    pub fn explain(self) -> &'static str {
        match self {
            HoldReason::Manual => "its strategy is manual",
            HoldReason::NoTraffic => "it was to be staged without traffic",
            HoldReason::Undecided => {
                "the maximum time is over, and the evidence speaks neither for nor against it"
            }
            HoldReason::Unobserved => "nothing could be counted",
        }
    }
}

impl Release {
    /// Notes that `step` was taken at `at`. The driver does so when the step stands in the ledger and
    /// before it acts: a step that was noted may not have been carried out, one that was carried
    /// out is always noted.
    pub fn apply(&mut self, step: &Step, at: Timestamp) {
        let progress = &mut self.progress;
        match step {
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

    /// The slot that a release of `revision` runs in, by what is seen: where it is already, else the
    /// one that has fewer users.
    pub fn candidate(revision: &RevisionId, seen: &Slots<SlotSeen>, shares: &Slots<u32>) -> Slot {
        let holds = |slot: Slot| {
            let of = seen.of(slot);
            of.revision.as_ref() == Some(revision) && of.desired > 0
        };
        let live = if shares.green > shares.blue {
            Slot::Green
        } else {
            Slot::Blue
        };
        if holds(live) && !holds(live.other()) {
            live
        } else {
            live.other()
        }
    }
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
