use super::*;
use crate::app::names::Slots;
use crate::release::samples::{NOW, empty, running, serving};
use std::time::Duration;

fn release() -> Release {
    samples::release("new")
}

/// The candidate runs in green, was probed and counted, and has this share of traffic.
fn canary(share: u32) -> (Release, Observation) {
    let mut seen = serving();
    seen.slots.green = running("new", 2);
    seen.previews = PreviewRoutes::Enabled;
    seen.shares = Slots {
        blue: 100 - share,
        green: share,
    };
    seen.comparison.new_probes = 6;
    let mut release = release();
    release.progress.probed_at = Some(NOW);
    release.progress.shifted_at = (share > 0).then_some(NOW);
    (release, seen)
}

/// All steps until the end, on a platform where each works; the clock advances while it waits.
fn play(mut release: Release, seen: &mut Observation) -> Vec<Step> {
    let mut now = NOW;
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..80 {
        let step = next(&release, seen, now);
        release.apply(&step, now);
        now = carry_out(&release, seen, &step, now);
        let is_over = matches!(step, Step::Finished { .. });
        if steps.last() != Some(&step) {
            steps.push(step);
        }
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
            let text = ["step", "slot", "share", "what", "proof"]
                .iter()
                .filter_map(|key| match &json[key] {
                    serde_json::Value::String(text) => Some(text.clone()),
                    serde_json::Value::Number(number) => Some(number.to_string()),
                    _ => None,
                });
            text.collect::<Vec<_>>().join(" ")
        })
        .collect()
}

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

/// Before everything that a release waits for.
const LONG_AGO: Timestamp = Timestamp(0);

/// ECS creates no deployment for a change of the number of tasks: the slot reports an old time.
#[test]
fn a_slot_that_was_set_long_ago_gets_its_whole_time() {
    let (mut release, mut seen) = canary(0);
    release.started = NOW;
    seen.slots.green = SlotSeen {
        staged_at: Some(LONG_AGO),
        desired: 0,
        tasks: 0,
        healthy: 0,
        ..running("new", 2)
    };
    let stage = next(&release, &seen, NOW);
    assert_eq!(stage, Step::Stage { slot: Slot::Green });
    release.apply(&stage, after(1));
    seen.slots.green.desired = 2;
    seen.slots.green.tasks = 2;
    let until = after(1).plus(release.timings.ready);
    let what = Awaited::Healthy;
    assert_eq!(next(&release, &seen, after(2)), Step::Wait { what, until });
}

#[test]
fn tasks_of_a_retired_slot_are_waited_for_from_then_on() {
    let (mut release, mut seen) = canary(100);
    seen.previews = PreviewRoutes::Disabled;
    seen.slots.blue.staged_at = Some(LONG_AGO);
    release.progress.full_at = Some(NOW);
    let retire = next(&release, &seen, after(60));
    assert_eq!(retire, Step::Retire { slot: Slot::Blue });
    release.apply(&retire, after(60));
    seen.slots.blue.desired = 0;
    let until = after(60 + 180);
    let what = Awaited::Gone;
    assert_eq!(next(&release, &seen, after(61)), Step::Wait { what, until });
}

#[test]
fn a_first_release_moves_all_traffic_at_once() {
    assert_eq!(
        words(&play(release(), &mut empty())),
        [
            "stage green",
            "open",
            "probe",
            "shift green 100",
            "close",
            "finished"
        ]
    );
}

#[test]
fn a_later_release_is_decided_by_evidence() {
    let steps = play(release(), &mut serving());
    assert_eq!(
        words(&steps),
        [
            "stage green",
            "open",
            "probe",
            "shift green 10",
            "watch",
            "shift green 50",
            "watch",
            "promote users",
            "shift green 95",
            "watch",
            "shift green 100",
            "close",
            "wait settled",
            "retire blue",
            "finished"
        ]
    );
    assert_eq!(
        steps,
        dry_run(&release(), &serving(), NOW),
        "a dry run lists the same steps"
    );
}

#[test]
fn an_all_at_once_release_moves_all_traffic_at_once() {
    let release = Release {
        strategy: Strategy::AllAtOnce,
        ..release()
    };
    assert_eq!(
        words(&play(release, &mut serving())),
        [
            "stage green",
            "open",
            "probe",
            "shift green 100",
            "close",
            "wait settled",
            "retire blue",
            "finished"
        ]
    );
}

#[test]
fn a_manual_release_waits_for_an_order() {
    let manual = Release {
        strategy: Strategy::Manual,
        ..release()
    };
    let mut seen = serving();
    let steps = play(manual.clone(), &mut seen);
    let held = Outcome::Held {
        slot: Slot::Green,
        share: 10,
        why: HoldReason::Manual,
    };
    assert_eq!(steps.last(), Some(&Step::Finished { outcome: held }));
    let mut promoted = manual.clone();
    promoted.progress.shifted_at = Some(NOW);
    promoted.progress.order = Some(ManualOverride::Promote);
    let steps = play(promoted, &mut seen.clone());
    assert_eq!(
        words(&steps)[..3],
        ["promote person", "shift green 95", "watch"]
    );
    let mut aborted = manual;
    aborted.progress.shifted_at = Some(NOW);
    aborted.progress.order = Some(ManualOverride::Abort);
    assert_eq!(
        words(&play(aborted, &mut seen)),
        [
            "roll_back",
            "shift green 0",
            "close",
            "wait settled",
            "retire green",
            "finished"
        ]
    );
}

#[test]
fn without_traffic_a_release_is_staged_probed_and_held() {
    let quiet = Release {
        no_traffic: true,
        ..release()
    };
    let mut seen = serving();
    let steps = play(quiet.clone(), &mut seen);
    assert_eq!(words(&steps)[..3], ["stage green", "open", "probe"]);
    assert!(matches!(
        steps.last(),
        Some(Step::Finished {
            outcome: Outcome::Held {
                share: 0,
                why: HoldReason::NoTraffic,
                ..
            }
        })
    ));
    let mut started = quiet;
    started.progress.order = Some(ManualOverride::Start);
    started.progress.probed_at = Some(NOW);
    assert_eq!(words(&play(started, &mut seen))[0], "shift green 10");
}

#[test]
fn a_revision_that_serves_already_is_not_released_again() {
    let mut seen = empty();
    seen.slots.blue = running("new", 2);
    let blue = Release {
        candidate: Slot::Blue,
        ..release()
    };
    assert_eq!(words(&play(blue.clone(), &mut seen)), ["finished"]);
    seen.slots.blue = running("new", 1);
    assert_eq!(words(&play(blue, &mut seen)), ["scale blue", "finished"]);
}

#[test]
fn a_killed_driver_resumes_after_the_switch() {
    let mut seen = serving();
    seen.slots.green = running("new", 2);
    seen.shares = Slots {
        blue: 0,
        green: 100,
    };
    seen.previews = PreviewRoutes::Enabled;
    let steps = play(release(), &mut seen);
    assert_eq!(
        words(&steps),
        ["close", "wait settled", "retire blue", "finished"],
        "no shift, no stage"
    );
}

#[test]
fn a_second_stopped_task_is_a_crash() {
    let (release, mut seen) = canary(0);
    let crash = Cause::Crash { exit_code: 3 };
    seen.slots.green = SlotSeen {
        healthy: 1,
        stopped: 1,
        cause: Some(crash.clone()),
        ..running("new", 2)
    };
    assert!(matches!(next(&release, &seen, NOW), Step::Wait { .. }));
    seen.slots.green.stopped = 2;
    let cause = crash.clone();
    assert_eq!(next(&release, &seen, NOW), Step::RollBack { cause });
    let steps = play(release, &mut seen);
    assert_eq!(
        words(&steps),
        ["roll_back", "close", "retire green", "finished"]
    );
    let outcome = Outcome::RolledBack {
        slot: Slot::Blue,
        cause: crash,
    };
    assert_eq!(steps.last(), Some(&Step::Finished { outcome }));
}

#[test]
fn a_certain_cause_needs_no_second_failure() {
    let mut seen = empty();
    seen.previews = PreviewRoutes::Enabled;
    let cause = Cause::WrongPort {
        expected: 8080,
        listens_on: vec![9090],
    };
    seen.slots.green = SlotSeen {
        healthy: 0,
        cause: Some(cause.clone()),
        ..running("new", 2)
    };
    let steps = play(release(), &mut seen);
    assert_eq!(
        words(&steps),
        ["roll_back", "close", "retire green", "finished"]
    );
    let outcome = Outcome::NothingServing { cause };
    assert_eq!(
        steps.last(),
        Some(&Step::Finished { outcome }),
        "there was no older version"
    );
}

#[test]
fn a_candidate_gets_until_the_deadline_to_become_ready() {
    let (release, mut seen) = canary(0);
    seen.slots.green.healthy = 1;
    let deadline = NOW.plus(release.timings.ready);
    let wait = Step::Wait {
        what: Awaited::Healthy,
        until: deadline,
    };
    assert_eq!(next(&release, &seen, Timestamp(deadline.0 - 1)), wait);
    let within = release.timings.ready;
    assert_eq!(
        next(&release, &seen, deadline),
        Step::RollBack {
            cause: Cause::NotReady { within }
        }
    );
}

#[test]
fn a_first_version_needs_one_good_answer() {
    let mut seen = empty();
    seen.previews = PreviewRoutes::Enabled;
    seen.slots.green = running("new", 2);
    seen.probes = Probes {
        answered: 6,
        good: 1,
        ..Probes::default()
    };
    let shift = Step::Shift {
        slot: Slot::Green,
        share: 100,
    };
    assert_eq!(next(&release(), &seen, NOW), shift);
    seen.probes.good = 0;
    let cause = Cause::OnlyErrors { answered: 6 };
    assert_eq!(next(&release(), &seen, NOW), Step::RollBack { cause });
}

#[test]
fn a_suspicious_candidate_gets_no_traffic() {
    let (release, mut seen) = canary(0);
    seen.comparison.ln_m = 2.0;
    assert!(matches!(next(&release, &seen, NOW), Step::Probe { .. }));
    seen.comparison.new_probes = 60;
    assert!(matches!(
        next(&release, &seen, NOW),
        Step::Shift { share: 10, .. }
    ));
}

#[test]
fn without_counts_a_canary_gets_no_traffic() {
    let (release, mut seen) = canary(0);
    seen.comparison = Comparison::default();
    seen.probes = Probes {
        answered: 6,
        good: 6,
        ..Probes::default()
    };
    assert!(matches!(
        next(&release, &seen, NOW),
        Step::Wait {
            what: Awaited::Counted,
            ..
        }
    ));
    let step = next(&release, &seen, after(31));
    assert!(
        matches!(
            step,
            Step::Finished {
                outcome: Outcome::Held {
                    why: HoldReason::Unobserved,
                    ..
                }
            }
        ),
        "{step:?}"
    );
    // An all-at-once release is not compared; a version that answers is enough.
    let at_once = Release {
        strategy: Strategy::AllAtOnce,
        ..release
    };
    assert!(matches!(
        next(&at_once, &seen, after(31)),
        Step::Shift { share: 100, .. }
    ));
}

/// They ask for one path, which may be the only one that works.
#[test]
fn probes_alone_promote_nothing_that_has_users() {
    let (mut release, mut seen) = canary(50);
    seen.comparison.proven_by_probes = true;
    seen.comparison.new_probes = 200;
    seen.comparison.new_users = 4;
    for late in [15, 60, 599] {
        let step = next(&release, &seen, after(late));
        assert!(matches!(step, Step::Watch { .. }), "{step:?}");
    }
    for at_maximum in [AtMaximum::Hold, AtMaximum::Promote] {
        release.at_maximum = at_maximum;
        let step = next(&release, &seen, after(600));
        let why = HoldReason::Unobserved;
        assert!(
            matches!(step, Step::Finished { outcome: Outcome::Held { why: w, .. } } if w == why),
            "{step:?}"
        );
    }
    // Five are enough at the end, forty before, and none of them may be suspicious.
    let promote = Step::Promote {
        proof: Proof::Probes,
    };
    seen.comparison.new_users = 5;
    assert!(matches!(
        next(&release, &seen, after(599)),
        Step::Watch { .. }
    ));
    assert_eq!(next(&release, &seen, after(600)), promote);
    seen.comparison.new_users = 40;
    assert_eq!(next(&release, &seen, after(15)), promote);
    seen.comparison.ln_m = 0.5;
    assert!(matches!(
        next(&release, &seen, after(15)),
        Step::Watch { .. }
    ));
    seen.comparison.ln_m = 0.0;
    seen.comparison.old_users = 1_500;
    let step = next(&release, &seen, after(15));
    assert!(
        matches!(step, Step::Watch { .. }),
        "users can prove it: {step:?}"
    );
}

#[test]
fn a_candidate_with_rare_users_gets_half_of_them_after_a_minute() {
    let (release, mut seen) = canary(10);
    seen.comparison.proven_by_probes = true;
    let step = |old_users, new_users, late| {
        let mut seen = seen.clone();
        seen.comparison.old_users = old_users;
        seen.comparison.new_users = new_users;
        next(&release, &seen, after(late))
    };
    let half = Step::Shift {
        slot: Slot::Green,
        share: 50,
    };
    let waits = |step: Step| matches!(step, Step::Watch { .. });
    assert!(waits(step(99, 0, 59)));
    assert_eq!(step(99, 0, 60), half);
    assert!(waits(step(100, 0, 60)), "the counts may be late");
    assert_eq!(step(1_499, 1, 60), half);
    assert!(waits(step(1_500, 1, 60)));
}

#[test]
fn users_of_an_idle_app_move_at_once_and_the_old_version_stays_warm() {
    let (mut release, mut seen) = canary(0);
    release.is_idle = true;
    assert!(matches!(next(&release, &seen, NOW), Step::Probe { .. }));
    seen.comparison.proven_by_probes = true;
    let all = Step::Shift {
        slot: Slot::Green,
        share: 100,
    };
    assert_eq!(next(&release, &seen, NOW), all);
    // Users who are seen now are compared, whatever was counted before.
    seen.comparison.old_users = 30;
    let some = Step::Shift {
        slot: Slot::Green,
        share: 10,
    };
    assert_eq!(next(&release, &seen, NOW), some);

    seen.comparison.old_users = 0;
    release.apply(&all, NOW);
    seen.shares = Slots {
        blue: 0,
        green: 100,
    };
    seen.previews = PreviewRoutes::Disabled;
    let until = after(60);
    let what = Awaited::Warm;
    assert_eq!(next(&release, &seen, after(59)), Step::Wait { what, until });
    let retire = Step::Retire { slot: Slot::Blue };
    assert_eq!(next(&release, &seen, until), retire);
    seen.slots.green.healthy = 0;
    let cause = Cause::Stopped;
    assert_eq!(
        next(&release, &seen, after(59)),
        Step::RollBack { cause },
        "the old version still runs"
    );
}

#[test]
fn with_little_traffic_probes_are_added_and_the_verdict_is_labelled() {
    let (release, mut seen) = canary(10);
    seen.comparison.new_users = 6;
    let step = next(&release, &seen, after(1));
    assert!(matches!(step, Step::Watch { probes: 1.., .. }), "{step:?}");
    seen.comparison.proven_by_probes = true;
    seen.comparison.new_probes = 200;
    let step = next(&release, &seen, after(1));
    assert!(
        matches!(step, Step::Watch { probes: 0, .. }),
        "the minimum is not over: {step:?}"
    );
    // With enough users, their requests decide.
    seen.comparison.new_users = 20;
    seen.comparison.old_users = 300;
    assert!(matches!(
        next(&release, &seen, after(15)),
        Step::Shift { share: 50, .. }
    ));
}

#[test]
fn at_the_maximum_time_the_policy_decides() {
    let (mut release, mut seen) = canary(50);
    seen.comparison.new_users = 400;
    let at_end = |release: &Release, seen: &Observation| next(release, seen, after(600));
    assert!(matches!(
        next(&release, &seen, after(599)),
        Step::Watch { .. }
    ));
    assert!(matches!(
        at_end(&release, &seen),
        Step::Finished {
            outcome: Outcome::Held {
                why: HoldReason::Undecided,
                share: 50,
                ..
            }
        }
    ));
    release.at_maximum = AtMaximum::RollBack;
    let cause = Cause::Unproven;
    assert_eq!(at_end(&release, &seen), Step::RollBack { cause });
    release.at_maximum = AtMaximum::Promote;
    let proof = Proof::Unproven;
    assert_eq!(at_end(&release, &seen), Step::Promote { proof });
    seen.comparison.ln_m = 1.2;
    assert!(matches!(at_end(&release, &seen), Step::Finished { .. }));
}

#[test]
fn a_version_that_fails_in_the_bake_is_rolled_back_at_once() {
    let (mut release, mut seen) = canary(95);
    release.progress.promoted_at = Some(NOW);
    assert!(matches!(next(&release, &seen, NOW), Step::Watch { .. }));
    seen.comparison.worse = Some(Cause::Stopped);
    assert_eq!(
        words(&play(release, &mut seen)),
        [
            "roll_back",
            "shift green 0",
            "close",
            "wait settled",
            "retire green",
            "finished"
        ]
    );
}

#[test]
fn an_interrupt_rolls_back_before_the_decision_and_continues_after_it() {
    let (mut release, seen) = canary(50);
    release.progress.order = Some(ManualOverride::Interrupt);
    let cause = Cause::Interrupted;
    assert_eq!(next(&release, &seen, NOW), Step::RollBack { cause });
    release.progress.promoted_at = Some(NOW);
    assert!(matches!(
        next(&release, &seen, NOW),
        Step::Shift { share: 100, .. }
    ));
}

#[test]
fn a_failed_candidate_keeps_traffic_only_while_no_other_version_can_serve() {
    let (mut release, mut seen) = canary(95);
    release.progress.failed = Some(Cause::Stopped);
    // The old version was retired already: it is started first.
    seen.slots.blue = SlotSeen {
        revision: Some(RevisionId("old".into())),
        ..SlotSeen::default()
    };
    assert_eq!(
        words(&play(release.clone(), &mut seen.clone())),
        [
            "scale blue",
            "shift green 0",
            "close",
            "wait settled",
            "retire green",
            "finished"
        ]
    );
    // It crashes too.
    seen.slots.blue = SlotSeen {
        stopped: 2,
        healthy: 0,
        ..running("old", 2)
    };
    let steps = play(release, &mut seen);
    assert!(
        matches!(
            steps.as_slice(),
            [Step::Finished {
                outcome: Outcome::AtRisk { .. }
            }]
        ),
        "{steps:?}"
    );
}

#[test]
fn a_rollback_does_not_wait_for_the_failed_version() {
    let rollback = Release {
        purpose: Purpose::RollBack,
        strategy: Strategy::AllAtOnce,
        ..release()
    };
    let mut warm = serving();
    warm.slots.green = running("new", 2);
    warm.previews = PreviewRoutes::Enabled;
    assert_eq!(
        words(&play(rollback, &mut warm))[..2],
        ["probe", "shift green 100"]
    );
}

#[path = "release/properties.rs"]
mod properties;
