//! Which slot serves.

use crate::app::names::{Slot, Slots};
use crate::release::Outcome;
use crate::release::ledger::Record;

/// The slot that serves: the one with more users. Where both have as many, the `latest` record of the
/// ledger decides: a candidate serves once it is promoted, until then the version before it. Without a
/// record it is [`Slot::Blue`].
///
/// Every command that means "the live version" asks this function.
pub fn live_slot(shares: &Slots<u32>, latest: Option<&Record>) -> Slot {
    match shares.blue.cmp(&shares.green) {
        std::cmp::Ordering::Greater => Slot::Blue,
        std::cmp::Ordering::Less => Slot::Green,
        std::cmp::Ordering::Equal => latest.map_or(Slot::Blue, by_ledger),
    }
}

fn by_ledger(record: &Record) -> Slot {
    let candidate = record.begun.candidate;
    match &record.outcome {
        Some(
            Outcome::Serving { slot, .. }
            | Outcome::RolledBack { slot, .. }
            | Outcome::AtRisk { slot, .. },
        ) => *slot,
        Some(Outcome::NothingServing { .. }) => candidate.other(),
        Some(Outcome::Held { .. }) | None => {
            let progress = record.release().progress;
            match progress.promoted_at.is_some() && progress.failed.is_none() {
                true => candidate,
                false => candidate.other(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::diagnosis::Cause;
    use crate::release::ledger::Entry;
    use crate::release::samples::{empty, record};
    use crate::release::{HoldReason, Proof, Step};
    use crate::time::Timestamp;

    fn shares(blue: u32) -> Slots<u32> {
        Slots {
            blue,
            green: 100 - blue,
        }
    }

    /// A release into `candidate` that has taken these steps.
    fn open(candidate: Slot, steps: &[Step]) -> Record {
        let mut record = record(7, "new");
        record.outcome = None;
        record.begun.candidate = candidate;
        record.entries = steps
            .iter()
            .map(|step| Entry::Step {
                at: Timestamp(1),
                seen: Box::new(empty()),
                step: step.clone(),
            })
            .collect();
        record
    }

    fn ended(candidate: Slot, outcome: Outcome) -> Record {
        Record {
            outcome: Some(outcome),
            ..open(candidate, &[])
        }
    }

    #[test]
    fn the_larger_share_decides_regardless_of_the_ledger() {
        for candidate in Slot::ALL {
            let record = open(candidate, &[]);
            for latest in [None, Some(&record)] {
                assert_eq!(live_slot(&shares(100), latest), Slot::Blue);
                assert_eq!(live_slot(&shares(51), latest), Slot::Blue);
                assert_eq!(live_slot(&shares(49), latest), Slot::Green);
                assert_eq!(live_slot(&shares(5), latest), Slot::Green);
            }
        }
    }

    #[test]
    fn at_equal_shares_the_old_version_is_live_until_the_candidate_is_promoted() {
        let half = shares(50);
        let proof = Proof::Users;
        let cause = Cause::Stopped;
        for candidate in Slot::ALL {
            let slot = candidate;
            let base = candidate.other();
            let watched = [Step::Shift { slot, share: 50 }];
            assert_eq!(live_slot(&half, Some(&open(candidate, &watched))), base);
            let promoted = [watched[0].clone(), Step::Promote { proof }];
            assert_eq!(
                live_slot(&half, Some(&open(candidate, &promoted))),
                candidate
            );
            let given_up = [
                promoted[0].clone(),
                promoted[1].clone(),
                Step::RollBack {
                    cause: cause.clone(),
                },
            ];
            assert_eq!(live_slot(&half, Some(&open(candidate, &given_up))), base);
            let held = Outcome::Held {
                slot: candidate,
                share: 50,
                why: HoldReason::Undecided,
            };
            assert_eq!(live_slot(&half, Some(&ended(candidate, held))), base);
        }
    }

    #[test]
    fn after_a_release_its_outcome_decides() {
        let half = shares(50);
        let cause = Cause::Stopped;
        for slot in Slot::ALL {
            let proof = None;
            for outcome in [
                Outcome::Serving { slot, proof },
                Outcome::RolledBack {
                    slot,
                    cause: cause.clone(),
                },
                Outcome::AtRisk {
                    slot,
                    cause: cause.clone(),
                },
            ] {
                for candidate in Slot::ALL {
                    let record = ended(candidate, outcome.clone());
                    assert_eq!(live_slot(&half, Some(&record)), slot, "{outcome:?}");
                }
            }
            let nothing = ended(
                slot,
                Outcome::NothingServing {
                    cause: cause.clone(),
                },
            );
            assert_eq!(live_slot(&half, Some(&nothing)), slot.other());
        }
    }

    #[test]
    fn without_a_release_blue_is_live() {
        assert_eq!(live_slot(&shares(50), None), Slot::Blue);
        assert_eq!(live_slot(&Slots::default(), None), Slot::Blue);
    }
}
