//! The beginning of a release: what an earlier one requires first, which slot the revision goes to, and
//! whether anything has to be done at all.

use crate::app::names::{Slot, Slots};
use crate::release::ledger::Record;
use crate::release::revision::RevisionId;
use crate::release::{
    Observation, Outcome, Progress, Release, ReleaseOptions, SlotSeen, Step, live_slot, next,
};
use crate::time::Timestamp;

/// What the latest release in the ledger requires before another one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predecessor {
    /// Nothing: there is none, or it has ended.
    Closed,
    /// A person has to decide about it.
    Held,
    /// It was interrupted, and released the same revision: it is resumed, and no other one begins.
    Resume,
    /// It was interrupted, and released another revision: it is rolled back first.
    Abort,
}

impl Predecessor {
    /// What `latest` requires before a release of `revision`.
    pub fn decide(latest: Option<&Record>, revision: &RevisionId) -> Predecessor {
        match latest {
            Some(record) if record.is_held() => Predecessor::Held,
            Some(record) if record.is_under_way() => match record.begun.revision == *revision {
                true => Predecessor::Resume,
                false => Predecessor::Abort,
            },
            _ => Predecessor::Closed,
        }
    }
}

/// A release as it would begin.
#[derive(Debug, Clone, PartialEq)]
pub enum Beginning {
    /// Nothing is left to do: the revision serves in the slot.
    Serving(Slot),
    /// There is something to do.
    Release {
        /// What.
        release: Box<Release>,
        /// The revision that serves now.
        from: Option<RevisionId>,
    },
}

/// Begins a release of `revision`. `latest` is the latest record of the ledger, which is not open any more.
pub fn begin(
    revision: RevisionId,
    options: &ReleaseOptions,
    seen: &Observation,
    latest: Option<&Record>,
    now: Timestamp,
) -> Beginning {
    let live = live_slot(&seen.shares, latest);
    let release = Release {
        candidate: candidate(&revision, &seen.slots, live),
        revision,
        count: options.count,
        strategy: options.strategy,
        purpose: options.purpose,
        no_traffic: options.no_traffic,
        at_maximum: options.at_maximum,
        is_idle: false,
        timings: options.timings,
        started: now,
        progress: Progress::default(),
    };
    if let Step::Finished {
        outcome: Outcome::Serving { slot, .. },
    } = next(&release, seen, now)
    {
        return Beginning::Serving(slot);
    }
    let serves = seen.slots.of(live);
    Beginning::Release {
        release: Box::new(release),
        from: serves.revision.clone().filter(|_| serves.desired > 0),
    }
}

/// The slot that a release of `revision` goes to: the one that it runs in already, otherwise the one that
/// does not serve.
fn candidate(revision: &RevisionId, slots: &Slots<SlotSeen>, live: Slot) -> Slot {
    let holds = |slot: Slot| {
        let of = slots.of(slot);
        of.revision.as_ref() == Some(revision) && of.desired > 0
    };
    if holds(live) && !holds(live.other()) {
        live
    } else {
        live.other()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::samples::{NOW, empty, record, running, serving};
    use crate::release::{AtMaximum, HoldReason, Purpose, ReleaseTimings, Strategy};

    fn id(revision: &str) -> RevisionId {
        RevisionId(revision.into())
    }

    fn options() -> ReleaseOptions {
        ReleaseOptions {
            count: 2,
            strategy: Strategy::Canary,
            purpose: Purpose::Deploy,
            no_traffic: false,
            at_maximum: AtMaximum::Hold,
            timings: ReleaseTimings::default(),
        }
    }

    fn begun(revision: &str, seen: &Observation, latest: Option<&Record>) -> Beginning {
        begin(id(revision), &options(), seen, latest, NOW)
    }

    /// Candidate's slot, and what serves now.
    fn into(beginning: Beginning) -> (Slot, Option<String>) {
        match beginning {
            Beginning::Release { release, from } => (release.candidate, from.map(|id| id.0)),
            Beginning::Serving(slot) => panic!("{slot} serves it already"),
        }
    }

    #[test]
    fn a_new_revision_goes_to_the_slot_without_traffic() {
        assert_eq!(into(begun("new", &empty(), None)), (Slot::Green, None));
        let old = Some("old".to_owned());
        assert_eq!(
            into(begun("new", &serving(), None)),
            (Slot::Green, old.clone())
        );
        let mut seen = empty();
        seen.slots.green = running("old", 2);
        seen.shares = Slots {
            blue: 0,
            green: 100,
        };
        assert_eq!(into(begun("new", &seen, None)), (Slot::Blue, old));
    }

    #[test]
    fn at_equal_shares_the_ledger_decides_which_slot_gets_the_candidate() {
        let mut seen = serving();
        seen.slots.green = running("other", 2);
        seen.shares = Slots {
            blue: 50,
            green: 50,
        };
        for (slot, from) in [(Slot::Blue, "old"), (Slot::Green, "other")] {
            let mut latest = record(1, "r");
            latest.outcome = Some(Outcome::Serving { slot, proof: None });
            let expected = (slot.other(), Some(from.to_owned()));
            assert_eq!(into(begun("new", &seen, Some(&latest))), expected);
        }
    }

    #[test]
    fn a_revision_that_serves_already_needs_no_release() {
        assert_eq!(
            begun("old", &serving(), None),
            Beginning::Serving(Slot::Blue)
        );
        let mut fewer = serving();
        fewer.slots.blue = running("old", 1);
        let (slot, _) = into(begun("old", &fewer, None));
        assert_eq!(slot, Slot::Blue, "its count is set where it runs");
    }

    #[test]
    fn a_revision_in_both_slots_goes_to_the_slot_without_traffic() {
        let mut seen = serving();
        seen.slots.green = running("old", 2);
        assert_eq!(into(begun("old", &seen, None)).0, Slot::Green);
    }

    #[test]
    fn an_open_release_is_finished_first() {
        let of = |record: &Record, revision| Predecessor::decide(Some(record), &id(revision));
        let mut latest = record(1, "r");
        assert_eq!(of(&latest, "r"), Predecessor::Resume);
        assert_eq!(of(&latest, "other"), Predecessor::Abort);
        latest.outcome = Some(Outcome::Held {
            slot: Slot::Green,
            share: 10,
            why: HoldReason::Manual,
        });
        assert_eq!(of(&latest, "r"), Predecessor::Held);
        assert_eq!(of(&latest, "other"), Predecessor::Held);
        latest.outcome = Some(Outcome::Serving {
            slot: Slot::Green,
            proof: None,
        });
        assert_eq!(of(&latest, "r"), Predecessor::Closed);
        assert_eq!(Predecessor::decide(None, &id("r")), Predecessor::Closed);
    }
}
