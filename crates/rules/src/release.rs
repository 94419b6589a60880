//! The release: moving traffic from one revision to the next, decided step by step from what is seen.
//!
//! [`next`] is the whole of it. The driver observes, asks, acts and observes again; a driver that was
//! killed starts with a fresh observation and goes on. Whatever it decided before can be seen in
//! the slots, the listener and the candidate rule; only a failure that is being undone is carried along.

use crate::diagnosis::Cause;
use crate::names::{Slot, Slots};
use crate::revision::RevisionId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a release is to reach, and how patient it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The revision that is to serve.
    pub revision: RevisionId,
    /// How many tasks of it.
    pub count: u32,
    /// How patient the release is.
    pub patience: Patience,
    /// When this driver first looked: stands in for moments that cannot be observed.
    pub started: Timestamp,
    /// Set once the candidate was given up; from then on everything is taken back.
    pub failed: Option<Cause>,
}

/// How long and how often a release waits before it draws a conclusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From staging until the candidate's targets must be healthy.
    pub ready: Duration,
    /// From the switch until the old slot is stopped: the load balancer's nodes take a moment to
    /// hear of a changed listener, and requests in flight have to end.
    pub settle: Duration,
    /// Tasks of the candidate that may stop before it counts as crashing. One stop may be bad luck.
    pub stops: u32,
    /// Requests that the candidate must have answered, through the load balancer, before it serves.
    pub probes: u32,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            ready: Duration::from_secs(300),
            settle: Duration::from_secs(10),
            stops: 2,
            probes: 6,
        }
    }
}

/// What is to be seen of one slot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// The candidate rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Candidate {
    /// Nobody's requests take it.
    Closed,
    /// Requests with this release's token reach the slot.
    Open(Slot),
    /// It bears the token of a release that did not come to its end.
    Stale,
}

/// Everything a step is decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The slot that the listener sends users to.
    pub live: Slot,
    /// Where the candidate rule leads.
    pub candidate: Candidate,
    /// Both slots.
    pub slots: Slots<SlotSeen>,
    /// Probes of the candidate so far.
    pub probes: Probes,
    /// When traffic was switched, if this driver did it.
    pub shifted_at: Option<Timestamp>,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    /// Set the slot's service to the release's revision and count.
    Stage {
        /// Where.
        slot: Slot,
    },
    /// Point the candidate rule at the slot, under a token of this release.
    OpenCandidate {
        /// Where.
        slot: Slot,
    },
    /// Ask the candidate through the load balancer.
    Probe {
        /// How many more answers are wanted.
        requests: u32,
    },
    /// Send all users to the slot.
    Shift {
        /// Where.
        slot: Slot,
    },
    /// Set the number of tasks in the slot that serves.
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
    /// Lead the candidate rule to the idle slot under a token that nobody knows: the release's own
    /// ends with it.
    CloseCandidate,
    /// Look again, at `until` at the latest.
    Wait {
        /// What for, in words for the display.
        what: Awaited,
        /// When the answer is overdue.
        until: Timestamp,
    },
    /// Give the candidate up. The driver sets [`Release::failed`] and goes on asking.
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

/// What a release waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// The candidate's targets to become healthy.
    Healthy,
    /// Requests in flight to end after the switch.
    Settled,
    /// Tasks of a slot that was set to zero to be gone.
    Gone,
}

/// How a release ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The revision serves, in the slot.
    Serving {
        /// Where.
        slot: Slot,
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
}

/// How long tasks may take to go away before landfall stops waiting for it; they have been told to.
const GONE_WITHIN: Duration = Duration::from_secs(180);

/// The next step of `release`, given what is `seen` at `now`. Pure: the same input, the same step.
pub fn next(release: &Release, seen: &Observation, now: Timestamp) -> Step {
    let live = seen.slots.of(seen.live);
    let idle_slot = seen.live.other();
    let idle = seen.slots.of(idle_slot);

    if let Some(cause) = &release.failed {
        return undo(release, cause, seen, now);
    }
    if live.revision.as_ref() == Some(&release.revision) && live.desired > 0 {
        return conclude(release, seen, now);
    }
    if idle.revision.as_ref() != Some(&release.revision) || idle.desired < release.count {
        return Step::Stage { slot: idle_slot };
    }
    if seen.candidate != Candidate::Open(idle_slot) {
        return Step::OpenCandidate { slot: idle_slot };
    }
    if let Some(cause) = &idle.cause
        && (cause.is_certain() || idle.stopped >= release.patience.stops)
    {
        return Step::RollBack {
            cause: cause.clone(),
        };
    }
    if idle.stopped >= release.patience.stops {
        return Step::RollBack {
            cause: Cause::Stopped,
        };
    }
    let deadline = idle
        .staged_at
        .unwrap_or(release.started)
        .plus(release.patience.ready);
    if idle.healthy < release.count {
        if now >= deadline {
            let cause = idle.cause.clone().unwrap_or(Cause::NotReady {
                within: release.patience.ready,
            });
            return Step::RollBack { cause };
        }
        return Step::Wait {
            what: Awaited::Healthy,
            until: deadline,
        };
    }
    let Probes {
        answered,
        good,
        lost,
    } = seen.probes;
    if lost > release.patience.probes {
        return Step::RollBack {
            cause: Cause::ProbesLost { lost },
        };
    }
    // An app that errs in one request of ten shows at least one good answer among six in 999,999 of
    // a million releases; one that never does is not worth a user's request.
    if answered < release.patience.probes {
        return Step::Probe {
            requests: release.patience.probes - answered,
        };
    }
    if good == 0 {
        return Step::RollBack {
            cause: Cause::OnlyErrors { answered },
        };
    }
    Step::Shift { slot: idle_slot }
}

/// Users are on the revision: the old slot empties, the candidate rule closes.
fn conclude(release: &Release, seen: &Observation, now: Timestamp) -> Step {
    let live = seen.slots.of(seen.live);
    let old_slot = seen.live.other();
    let old = seen.slots.of(old_slot);
    if live.desired != release.count {
        return Step::Scale {
            slot: seen.live,
            count: release.count,
        };
    }
    // First of all: it leads the old slot's target group back to the load balancer, without which ECS
    // may refuse to change the service.
    if seen.candidate != Candidate::Closed {
        return Step::CloseCandidate;
    }
    if old.desired > 0 {
        let settled = seen
            .shifted_at
            .unwrap_or(release.started)
            .plus(release.patience.settle);
        if now < settled {
            return Step::Wait {
                what: Awaited::Settled,
                until: settled,
            };
        }
        return Step::Retire { slot: old_slot };
    }
    if let Some(wait) = until_gone(release, old, now) {
        return wait;
    }
    if live.healthy < release.count {
        let until = live
            .staged_at
            .unwrap_or(release.started)
            .plus(release.patience.ready);
        if now < until {
            return Step::Wait {
                what: Awaited::Healthy,
                until,
            };
        }
    }
    Step::Finished {
        outcome: Outcome::Serving { slot: seen.live },
    }
}

/// The candidate was given up: its slot empties; users never left the live one.
fn undo(release: &Release, cause: &Cause, seen: &Observation, now: Timestamp) -> Step {
    let live = seen.slots.of(seen.live);
    let idle_slot = seen.live.other();
    let idle = seen.slots.of(idle_slot);
    if idle.desired > 0 {
        return Step::Retire { slot: idle_slot };
    }
    if let Some(wait) = until_gone(release, idle, now) {
        return wait;
    }
    if seen.candidate != Candidate::Closed {
        return Step::CloseCandidate;
    }
    let cause = cause.clone();
    let outcome = if live.desired > 0 {
        Outcome::RolledBack {
            slot: seen.live,
            cause,
        }
    } else {
        Outcome::NothingServing { cause }
    };
    Step::Finished { outcome }
}

fn until_gone(release: &Release, slot: &SlotSeen, now: Timestamp) -> Option<Step> {
    let until = slot.staged_at.unwrap_or(release.started).plus(GONE_WITHIN);
    (slot.tasks > 0 && now < until).then_some(Step::Wait {
        what: Awaited::Gone,
        until,
    })
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
