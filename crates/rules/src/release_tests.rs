use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_000_000);

fn new_revision() -> RevisionId {
    RevisionId("new".into())
}

fn release() -> Release {
    Release {
        revision: new_revision(),
        count: 2,
        patience: Patience::default(),
        started: NOW,
        failed: None,
    }
}

fn empty() -> Observation {
    Observation {
        live: Slot::Blue,
        candidate: Candidate::Closed,
        slots: Slots::default(),
        probes: Probes::default(),
        shifted_at: None,
    }
}

fn running(revision: &str, count: u32) -> SlotSeen {
    SlotSeen {
        revision: Some(RevisionId(revision.into())),
        desired: count,
        tasks: count,
        healthy: count,
        staged_at: Some(NOW),
        ..SlotSeen::default()
    }
}

/// A platform that does what it is told, one step at a time: what a release looks like on a good day.
fn carry_out(seen: &mut Observation, step: &Step, now: Timestamp) {
    match step {
        Step::Stage { slot } => {
            *seen.slots.of_mut(*slot) = SlotSeen {
                staged_at: Some(now),
                ..running("new", 2)
            };
        }
        Step::OpenCandidate { slot } => seen.candidate = Candidate::Open(*slot),
        Step::Probe { requests } => {
            seen.probes.answered += requests;
            seen.probes.good += requests;
        }
        Step::Shift { slot } => {
            seen.live = *slot;
            seen.shifted_at = Some(now);
        }
        Step::Scale { slot, count } => *seen.slots.of_mut(*slot) = running("new", *count),
        Step::Retire { slot } => {
            let slot = seen.slots.of_mut(*slot);
            *slot = SlotSeen {
                revision: slot.revision.clone(),
                staged_at: Some(now),
                ..SlotSeen::default()
            };
        }
        Step::CloseCandidate => seen.candidate = Candidate::Closed,
        Step::Wait { .. } | Step::RollBack { .. } | Step::Finished { .. } => {}
    }
}

/// Every step until the end, with the clock moving on by itself while the release waits.
fn play(mut release: Release, seen: &mut Observation) -> Vec<Step> {
    let mut now = NOW;
    let mut steps = Vec::new();
    for _ in 0..50 {
        let step = next(&release, seen, now);
        carry_out(seen, &step, now);
        match &step {
            Step::Wait { until, .. } => now = *until,
            Step::RollBack { cause } => release.failed = Some(cause.clone()),
            _ => {}
        }
        let is_over = matches!(step, Step::Finished { .. });
        steps.push(step);
        if is_over {
            return steps;
        }
    }
    panic!("no end after {steps:?}");
}

fn words(steps: &[Step]) -> Vec<String> {
    steps
        .iter()
        .map(|step| {
            let json = serde_json::to_value(step).expect("JSON");
            let of = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}{}", of("step"), of("slot"), of("what"))
                .trim()
                .to_owned()
        })
        .collect()
}

#[test]
fn the_first_release_goes_to_the_idle_slot() {
    let steps = play(release(), &mut empty());
    assert_eq!(
        words(&steps),
        [
            "stage green",
            "open_candidate green",
            "probe",
            "shift green",
            "close_candidate",
            "finished"
        ]
    );
}

#[test]
fn a_later_release_lets_the_old_version_settle_before_it_stops() {
    let mut seen = empty();
    seen.slots.blue = running("old", 2);
    let steps = play(release(), &mut seen);
    assert_eq!(
        words(&steps),
        [
            "stage green",
            "open_candidate green",
            "probe",
            "shift green",
            "close_candidate",
            "wait settled",
            "retire blue",
            "finished"
        ]
    );
}

#[test]
fn what_already_serves_is_left_alone() {
    let mut seen = empty();
    seen.slots.blue = running("new", 2);
    let steps = play(release(), &mut seen);
    assert_eq!(words(&steps), ["finished"]);
}

#[test]
fn another_count_of_the_same_revision_is_only_scaled() {
    let mut seen = empty();
    seen.slots.blue = running("new", 1);
    assert_eq!(
        words(&play(release(), &mut seen)),
        ["scale blue", "finished"]
    );
}

#[test]
fn a_killed_driver_goes_on_after_the_switch() {
    let mut seen = empty();
    seen.slots.blue = running("new", 2);
    seen.slots.green = running("old", 2);
    seen.candidate = Candidate::Stale;
    let steps = play(release(), &mut seen);
    assert_eq!(
        words(&steps),
        [
            "close_candidate",
            "wait settled",
            "retire green",
            "finished"
        ],
        "no shift, no stage"
    );
}

#[test]
fn one_stop_is_bad_luck_two_are_a_crash() {
    let mut seen = empty();
    seen.slots.blue = running("old", 2);
    seen.candidate = Candidate::Open(Slot::Green);
    let crash = Cause::Crash { exit_code: 3 };
    seen.slots.green = SlotSeen {
        healthy: 1,
        stopped: 1,
        cause: Some(crash.clone()),
        ..running("new", 2)
    };
    assert!(matches!(next(&release(), &seen, NOW), Step::Wait { .. }));
    seen.slots.green.stopped = 2;
    assert_eq!(
        next(&release(), &seen, NOW),
        Step::RollBack {
            cause: crash.clone()
        }
    );
    let steps = play(release(), &mut seen);
    assert_eq!(
        words(&steps),
        ["roll_back", "retire green", "close_candidate", "finished"]
    );
    assert_eq!(
        steps.last(),
        Some(&Step::Finished {
            outcome: Outcome::RolledBack {
                slot: Slot::Blue,
                cause: crash
            }
        })
    );
}

#[test]
fn a_certain_cause_needs_no_second_failure() {
    let mut seen = empty();
    seen.candidate = Candidate::Open(Slot::Green);
    let cause = Cause::WrongPort {
        expected: 8080,
        listens_on: vec![9090],
    };
    seen.slots.green = SlotSeen {
        healthy: 0,
        cause: Some(cause.clone()),
        ..running("new", 2)
    };
    assert_eq!(
        next(&release(), &seen, NOW),
        Step::RollBack {
            cause: cause.clone()
        }
    );
    let steps = play(release(), &mut seen);
    let outcome = Outcome::NothingServing { cause };
    assert_eq!(
        steps.last(),
        Some(&Step::Finished { outcome }),
        "there was no older version"
    );
}

#[test]
fn patience_ends_at_the_deadline_and_not_before() {
    let mut seen = empty();
    seen.candidate = Candidate::Open(Slot::Green);
    seen.slots.green = SlotSeen {
        healthy: 1,
        ..running("new", 2)
    };
    let deadline = NOW.plus(Patience::default().ready);
    let wait = Step::Wait {
        what: Awaited::Healthy,
        until: deadline,
    };
    assert_eq!(next(&release(), &seen, Timestamp(deadline.0 - 1)), wait);
    let within = Patience::default().ready;
    assert_eq!(
        next(&release(), &seen, deadline),
        Step::RollBack {
            cause: Cause::NotReady { within }
        }
    );
}

#[test]
fn random_errors_of_the_app_do_not_hold_it_back_but_nothing_else_than_errors_does() {
    let mut seen = empty();
    seen.candidate = Candidate::Open(Slot::Green);
    seen.slots.green = running("new", 2);
    seen.probes = Probes {
        answered: 6,
        good: 1,
        lost: 0,
    };
    assert_eq!(
        next(&release(), &seen, NOW),
        Step::Shift { slot: Slot::Green }
    );
    seen.probes.good = 0;
    let cause = Cause::OnlyErrors { answered: 6 };
    assert_eq!(next(&release(), &seen, NOW), Step::RollBack { cause });
}

prop_compose! {
    fn slots()(
        revision in prop::option::of(prop::sample::select(vec!["new", "old"])),
        desired in 0u32..4, tasks in 0u32..4, healthy in 0u32..4, stopped in 0u32..4,
        cause in prop::option::of(Just(Cause::Crash { exit_code: 1 })),
        staged_at in prop::option::of((NOW.0 - 400_000..=NOW.0).prop_map(Timestamp)),
    ) -> SlotSeen {
        SlotSeen {
            revision: revision.map(|r| RevisionId(r.into())),
            desired, tasks, healthy, draining: 0, stopped, cause, staged_at,
        }
    }
}

prop_compose! {
    fn observations()(
        blue in slots(), green in slots(),
        live in prop::sample::select(Slot::ALL.to_vec()),
        candidate in prop::sample::select(vec![
            Candidate::Closed, Candidate::Stale,
            Candidate::Open(Slot::Blue), Candidate::Open(Slot::Green),
        ]),
        answered in 0u32..8, good in 0u32..8, lost in 0u32..10,
        shifted_at in prop::option::of(Just(NOW)),
    ) -> Observation {
        Observation {
            live, candidate, slots: Slots { blue, green }, shifted_at,
            probes: Probes { answered, good: good.min(answered), lost },
        }
    }
}

proptest! {
    /// Whatever the driver finds when it starts, a platform that obeys brings it to an end.
    #[test]
    fn every_run_ends(mut seen in observations()) {
        let steps = play(release(), &mut seen);
        let is_over = matches!(steps.last(), Some(Step::Finished { .. }));
        prop_assert!(is_over, "{:?}", steps);
    }

    /// Users are sent only to a slot that holds the release, in full, healthy and probed.
    #[test]
    fn users_are_never_sent_to_what_was_not_seen_to_work(seen in observations()) {
        if let Step::Shift { slot } = next(&release(), &seen, NOW) {
            let to = seen.slots.of(slot);
            prop_assert_eq!(to.revision.as_ref(), Some(&new_revision()));
            prop_assert!(to.healthy >= 2 && to.desired >= 2);
            prop_assert!(seen.probes.answered >= 6 && seen.probes.good > 0);
        }
    }

    /// The slot that users are sent to is never emptied, whatever happens.
    #[test]
    fn the_live_slot_is_never_retired(seen in observations(), failed in any::<bool>()) {
        let failed = failed.then_some(Cause::Stopped);
        let release = Release { failed, ..release() };
        let step = next(&release, &seen, NOW);
        prop_assert!(step != Step::Retire { slot: seen.live }, "{:?}", step);
        prop_assert!(step != Step::Stage { slot: seen.live }, "{:?}", step);
    }

    /// After a rollback began no step gives the candidate anything any more.
    #[test]
    fn a_failed_candidate_never_gets_users(seen in observations()) {
        let release = Release { failed: Some(Cause::Stopped), ..release() };
        let step = next(&release, &seen, NOW);
        let takes_back = matches!(
            step,
            Step::Retire { .. } | Step::Wait { .. } | Step::CloseCandidate | Step::Finished { .. }
        );
        prop_assert!(takes_back, "{:?}", step);
    }

    /// The same input gives the same step.
    #[test]
    fn deciding_changes_nothing(seen in observations()) {
        prop_assert_eq!(next(&release(), &seen, NOW), next(&release(), &seen, NOW));
    }
}
