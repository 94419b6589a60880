//! What a command reports when a release has ended, and with which exit code: from the outcome in the
//! ledger and what was observed afterwards.

use crate::app::manifest::Target;
use crate::app::names::Slot;
use crate::check::Failure;
use crate::exit::Exit;
use crate::release::diagnosis::Cause;
use crate::release::ledger::Record;
use crate::release::verdict::{Answers, Verdict};
use crate::release::{HoldReason, Outcome};

/// What was observed after a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// What runs in the slot that serves, and what the public address answers; [`None`] if its image is
    /// not known.
    pub verdict: Option<Verdict>,
    /// Answers of the public address.
    pub answers: Answers,
}

/// The slot that has to be observed before an outcome is reported; [`None`] if the report does not depend
/// on what runs.
pub fn slot_to_observe(outcome: &Outcome) -> Option<Slot> {
    match outcome {
        Outcome::Serving { slot, .. } | Outcome::RolledBack { slot, .. } => Some(*slot),
        Outcome::Held { .. } | Outcome::NothingServing { .. } | Outcome::AtRisk { .. } => None,
    }
}

/// Why the command of a release fails; [`None`] if the released version was observed to serve.
pub fn failure(outcome: &Outcome, record: &Record, observed: &Observed) -> Option<Failure> {
    let target = record.revision.settings.target;
    match outcome {
        Outcome::Serving { .. } => not_serving(observed.verdict.as_ref()),
        Outcome::Held { .. } => Some(held(record)),
        Outcome::RolledBack { cause, .. } => {
            let had_users = record.release().progress.shifted_at.is_some();
            Some(rolled_back(cause, had_users, target, observed))
        }
        Outcome::NothingServing { cause } => {
            let explanation = cause.explain(target);
            Some(Failure {
                exit: Exit::NothingServing,
                what: "the version failed, and there is no older one".to_owned(),
                why: vec![explanation.what],
                next: vec![
                    explanation.next,
                    "then run `landfall up` again; `landfall down` removes what was created"
                        .to_owned(),
                ],
            })
        }
        Outcome::AtRisk { cause, .. } => Some(at_risk(cause, target)),
    }
}

/// Why a command cannot go on while a release is held.
pub fn held(record: &Record) -> Failure {
    let (share, why) = match &record.outcome {
        Some(Outcome::Held { share, why, .. }) => (*share, *why),
        _ => (0, HoldReason::Manual),
    };
    Failure {
        exit: Exit::Held,
        what: format!(
            "release {} of revision {} is held, with {share}% of the traffic",
            record.number, record.begun.revision
        ),
        why: vec![why.explain().to_owned()],
        next: vec!["`landfall promote` promotes it, `landfall abort` rolls it back".to_owned()],
    }
}

/// Why the version that should serve was not observed to serve.
pub fn not_serving(verdict: Option<&Verdict>) -> Option<Failure> {
    let (what, next) = match verdict {
        Some(Verdict::Serving { .. }) => return None,
        Some(Verdict::Unreachable { .. }) => (
            "the release finished, but the public address does not answer",
            "`landfall status` and `landfall logs` show more",
        ),
        Some(Verdict::OtherDigest { .. }) | None => (
            "the release finished, but something else runs",
            "`landfall status` shows what runs; `landfall up` releases again",
        ),
    };
    Some(Failure {
        exit: Exit::Unknown,
        what: what.to_owned(),
        why: Vec::new(),
        next: vec![next.to_owned()],
    })
}

fn rolled_back(cause: &Cause, had_users: bool, target: Target, observed: &Observed) -> Failure {
    let what = match (cause, had_users) {
        (Cause::Aborted | Cause::Interrupted, _) => "the new version was rolled back on request",
        (_, true) => "the new version was rolled back",
        (_, false) => "the new version was rolled back before it got traffic",
    };
    let explanation = cause.explain(target);
    if !matches!(observed.verdict, Some(Verdict::Serving { .. })) {
        let Answers { asked, good, .. } = observed.answers;
        return Failure {
            exit: Exit::AtRisk,
            what: format!("{what}, but the old version was not seen to serve"),
            why: vec![
                explanation.what,
                format!("of {asked} requests to the public address, {good} succeeded"),
            ],
            next: vec![
                "`landfall status` and `landfall logs` show more; `landfall up` releases again"
                    .to_owned(),
            ],
        };
    }
    Failure {
        exit: match cause {
            Cause::Interrupted => Exit::Interrupted,
            _ => Exit::RolledBack,
        },
        what: what.to_owned(),
        why: vec![
            explanation.what,
            "the old version serves as before: verified by its digest and by the public address"
                .to_owned(),
        ],
        next: vec![explanation.next],
    }
}

fn at_risk(cause: &Cause, target: Target) -> Failure {
    Failure {
        exit: Exit::AtRisk,
        what: "the new version failed, but still gets traffic".to_owned(),
        why: vec![
            cause.explain(target).what,
            "the old version is not healthy and cannot take the traffic".to_owned(),
        ],
        next: vec![
            "`landfall status` and `landfall logs` show more; run `landfall up` with a version that \
             works, or `landfall rollback REVISION`"
                .to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::revision::Digest;
    use crate::release::samples::{self, NOW};

    fn record(target: Target, shifted: bool) -> Record {
        let mut record = samples::record(7, "new");
        record.revision.settings.target = target;
        if shifted {
            record.entries.push(crate::release::ledger::Entry::Step {
                at: NOW,
                seen: Box::new(samples::serving()),
                step: crate::release::Step::Shift {
                    slot: Slot::Green,
                    share: 10,
                },
            });
        }
        record
    }

    fn digest() -> Digest {
        Digest::parse(&format!("sha256:{}", "ab".repeat(32))).expect("digest")
    }

    fn good() -> Observed {
        let answers = Answers {
            asked: 3,
            good: 3,
            ..Answers::default()
        };
        Observed {
            verdict: Some(Verdict::Serving {
                digest: digest(),
                answers,
            }),
            answers,
        }
    }

    fn silent() -> Observed {
        let answers = Answers {
            asked: 9,
            lost: 9,
            ..Answers::default()
        };
        Observed {
            verdict: Some(Verdict::Unreachable { answers }),
            answers,
        }
    }

    fn other() -> Observed {
        Observed {
            verdict: Some(Verdict::OtherDigest {
                expected: digest(),
                running: Vec::new(),
            }),
            ..Observed::default()
        }
    }

    fn exit(outcome: &Outcome, observed: &Observed) -> Option<Exit> {
        failure(outcome, &record(Target::Fargate, false), observed).map(|failure| failure.exit)
    }

    #[test]
    fn only_a_version_observed_to_serve_is_a_success() {
        let serving = Outcome::Serving {
            slot: Slot::Green,
            proof: None,
        };
        assert_eq!(exit(&serving, &good()), None);
        assert_eq!(exit(&serving, &silent()), Some(Exit::Unknown));
        assert_eq!(exit(&serving, &other()), Some(Exit::Unknown));
        assert_eq!(exit(&serving, &Observed::default()), Some(Exit::Unknown));
    }

    #[test]
    fn a_rollback_counts_only_if_the_old_version_was_observed_to_serve() {
        let by = |cause| Outcome::RolledBack {
            slot: Slot::Blue,
            cause,
        };
        assert_eq!(exit(&by(Cause::Stopped), &good()), Some(Exit::RolledBack));
        assert_eq!(exit(&by(Cause::Aborted), &good()), Some(Exit::RolledBack));
        let interrupted = by(Cause::Interrupted);
        assert_eq!(exit(&interrupted, &good()), Some(Exit::Interrupted));
        for observed in [silent(), other(), Observed::default()] {
            assert_eq!(exit(&by(Cause::Stopped), &observed), Some(Exit::AtRisk));
            assert_eq!(exit(&interrupted, &observed), Some(Exit::AtRisk));
        }
    }

    #[test]
    fn other_outcomes_have_their_own_exit_codes() {
        let slot = Slot::Green;
        let cause = Cause::Stopped;
        let held = Outcome::Held {
            slot,
            share: 10,
            why: HoldReason::Undecided,
        };
        for (outcome, expected) in [
            (held, Exit::Held),
            (
                Outcome::NothingServing {
                    cause: cause.clone(),
                },
                Exit::NothingServing,
            ),
            (Outcome::AtRisk { slot, cause }, Exit::AtRisk),
        ] {
            assert_eq!(slot_to_observe(&outcome), None);
            assert_eq!(exit(&outcome, &Observed::default()), Some(expected));
        }
    }

    #[test]
    fn a_rollback_reports_whether_users_were_affected() {
        let outcome = Outcome::RolledBack {
            slot: Slot::Blue,
            cause: Cause::Stopped,
        };
        let what = |shifted| {
            let record = record(Target::Fargate, shifted);
            failure(&outcome, &record, &good()).expect("a failure").what
        };
        assert!(what(false).contains("before it got traffic"));
        assert!(!what(true).contains("before"));
    }

    #[test]
    fn on_lambda_texts_mention_neither_slots_nor_tasks() {
        let (slot, cause) = (Slot::Green, Cause::Stopped);
        for outcome in [
            Outcome::RolledBack {
                slot,
                cause: cause.clone(),
            },
            Outcome::AtRisk {
                slot,
                cause: cause.clone(),
            },
            Outcome::NothingServing { cause },
        ] {
            let failure = failure(&outcome, &record(Target::Lambda, true), &good());
            let failure = failure.expect("a failure");
            let text = format!("{} {:?} {:?}", failure.what, failure.why, failure.next);
            for word in ["green", "blue", "slot", "task"] {
                assert!(!text.contains(word), "{word} in {text}");
            }
        }
    }
}
