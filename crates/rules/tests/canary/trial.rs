//! All monitors together.

use crate::simulation::Random;
use edge_contract::histogram::Histogram;
use proptest::prelude::*;
use rules::release::canary::{
    Arm, Counts, Decision, History, PerSignal, Policy, SealedWindow, Signal, Stratum, Trial, judge,
};
use std::time::Duration;

fn arm(total: u64, errors: u64) -> Arm {
    Arm {
        total,
        errors,
        ..Arm::default()
    }
}

/// `total` requests that take `micros` on average, spread widely.
fn timed(random: &mut Random, total: u64, micros: f64) -> Arm {
    let mut latency = Histogram::default();
    for _ in 0..total {
        let time = -micros * (1.0 - random.unit()).ln();
        latency.record(Duration::from_micros(time as u64));
    }
    Arm {
        total,
        errors: 0,
        cold: 0,
        latency: Some(latency),
    }
}

fn window(stratum: Stratum, second: u64, old: Arm, new: Arm) -> SealedWindow {
    SealedWindow {
        stratum,
        from_second: second,
        seconds: 1,
        old,
        new,
    }
}

fn counted(stratum: Stratum, times: u64, counts: [u64; 4]) -> Vec<SealedWindow> {
    let [n_old, old, n_new, new] = counts;
    (0..times)
        .map(|second| window(stratum, second, arm(n_old, old), arm(n_new, new)))
        .collect()
}

fn ten_percent() -> History {
    History {
        n: 2_000,
        errors: 200,
        ..History::default()
    }
}

fn judged(history: History, windows: Vec<SealedWindow>) -> rules::release::canary::Judgement {
    judge(&Policy::default(), &Counts { history, windows })
}

const USERS: Decision = Decision::Promote { by: Stratum::Users };

#[test]
fn without_samples_nothing_is_proven() {
    let nothing = judged(ten_percent(), vec![]);
    assert_eq!(nothing.decision, Decision::Continue);
    let one_sided = counted(Stratum::Users, 1_000, [100, 0, 0, 0]);
    assert_eq!(
        judged(ten_percent(), one_sided).decision,
        Decision::Continue
    );
    let no_weights = Policy {
        weights: PerSignal::default(),
        ..Policy::default()
    };
    let counts = Counts {
        history: ten_percent(),
        windows: counted(Stratum::Users, 1_000, [20, 2, 20, 2]),
    };
    assert_eq!(judge(&no_weights, &counts).decision, Decision::Continue);
    assert!(no_weights.problem().is_some());
}

#[test]
fn a_broken_version_is_rolled_back_and_one_with_the_usual_ten_percent_is_promoted() {
    let dead = judged(ten_percent(), counted(Stratum::Users, 5, [9, 1, 1, 1]));
    let because_of_errors = Decision::RollBack {
        monitor: Signal::Errors,
    };
    assert_eq!(dead.decision, because_of_errors);
    let healthy = judged(ten_percent(), counted(Stratum::Users, 34, [20, 2, 20, 2]));
    assert_eq!(healthy.decision, USERS);
    assert!(healthy.proven_by_users && !healthy.proven_by_probes);
    // Counts without latencies: those monitors take no part, and their bets stand at 1.
    assert_eq!(healthy.ln_p.users.p99, None);
    assert_eq!(healthy.ln_m_by.p50, 0.0);
    let alone = healthy.ln_m_by.errors.exp();
    assert!((healthy.ln_m.exp() - (0.6 * alone + 0.4)).abs() < 1e-12);
}

#[test]
fn the_first_decision_is_final() {
    let mut windows = counted(Stratum::Users, 5, [9, 1, 1, 1]);
    windows.extend(counted(Stratum::Users, 300, [20, 2, 20, 2]));
    let judgement = judged(ten_percent(), windows);
    assert!(judgement.ln_m < 100_f64.ln());
    assert!(matches!(judgement.decision, Decision::RollBack { .. }));

    let mut windows = counted(Stratum::Users, 34, [20, 2, 20, 2]);
    windows.extend(counted(Stratum::Users, 1, [20, 2, 20, 5]));
    let judgement = judged(ten_percent(), windows);
    assert!(judgement.ln_p.users.errors < Some(20_f64.ln()));
    assert_eq!(judgement.decision, USERS);
}

#[test]
fn a_rollback_comes_before_a_promotion() {
    let mut windows = counted(Stratum::Users, 34, [20, 2, 20, 2]);
    assert_eq!(judged(ten_percent(), windows.clone()).decision, USERS);
    windows.extend(counted(Stratum::Users, 3, [20, 2, 20, 20]));
    let judgement = judged(ten_percent(), windows);
    assert!(judgement.proven_by_users);
    assert!(matches!(judgement.decision, Decision::RollBack { .. }));
}

#[test]
fn too_few_requests_of_the_new_version_prove_nothing() {
    let few = [190, 19, 19, 0];
    let policy = Policy {
        beta: 0.999,
        ..Policy::default()
    };
    let counts = |windows| Counts {
        history: ten_percent(),
        windows,
    };
    let judgement = judge(&policy, &counts(counted(Stratum::Users, 1, few)));
    assert_eq!(judgement.decision, Decision::Continue);
    assert!(judgement.ln_p.users.errors > Some(0.01));
    let judgement = judge(&policy, &counts(counted(Stratum::Users, 2, few)));
    assert_eq!(judgement.decision, USERS);
}

#[test]
fn strata_share_evidence_against_a_version_but_not_evidence_for_it() {
    let users = counted(Stratum::Users, 3, [9, 1, 1, 1]);
    let probes = counted(Stratum::Probes, 3, [1, 0, 1, 1]);
    for alone in [&users, &probes] {
        assert_eq!(
            judged(ten_percent(), alone.clone()).decision,
            Decision::Continue
        );
    }
    let both = judged(ten_percent(), [users, probes].concat());
    assert!(matches!(both.decision, Decision::RollBack { .. }));
    assert_eq!((both.totals.users.n_new, both.totals.probes.n_new), (3, 3));

    let good = judged(ten_percent(), counted(Stratum::Probes, 300, [1, 0, 1, 0]));
    let by_probes = Decision::Promote {
        by: Stratum::Probes,
    };
    assert_eq!(good.decision, by_probes);
    assert_eq!(good.ln_p.users.errors, Some(0.0));
}

/// Five minutes of 200 requests a second, a tenth of them for the new version, which takes `times`
/// as long.
fn with_latencies(seed: u64, times: f64, history: bool, seconds: u64) -> Counts {
    let mut random = Random::new(seed);
    let mut past = ten_percent();
    if history {
        past.latency = timed(&mut random, 2_000, 40_000.0).latency;
    }
    let windows = (0..seconds).map(|second| {
        let old = timed(&mut random, 100, 40_000.0);
        let new = timed(&mut random, 100, 40_000.0 * times);
        window(Stratum::Users, second, old, new)
    });
    Counts {
        windows: windows.collect(),
        history: past,
    }
}

#[test]
fn a_slow_version_is_rolled_back_for_its_latency() {
    for history in [true, false] {
        let slow = judge(&Policy::default(), &with_latencies(3, 2.5, history, 20));
        let Decision::RollBack { monitor } = slow.decision else {
            panic!("{slow:?}");
        };
        assert_ne!(monitor, Signal::Errors);
    }
}

#[test]
fn a_version_that_is_as_fast_is_promoted() {
    for history in [true, false] {
        let same = judge(&Policy::default(), &with_latencies(4, 1.0, history, 60));
        assert_eq!(same.decision, USERS, "{same:?}");
        assert!(same.ln_p.users.p99 > Some(20_f64.ln()));
    }
}

#[test]
fn a_version_that_times_out_is_slow_and_failing() {
    let mut counts = with_latencies(5, 1.0, true, 3);
    for window in &mut counts.windows {
        window.new = Arm {
            total: 1,
            errors: 1,
            cold: 0,
            latency: Some(Histogram::default()),
        };
    }
    let judgement = judge(&Policy::default(), &counts);
    for signal in Signal::ALL {
        assert!(*judgement.ln_m_by.of(signal) > 0.0, "{signal:?}");
    }
}

#[test]
fn without_history_the_first_window_becomes_the_history() {
    let counts = with_latencies(6, 10.0, false, 1);
    let judgement = judge(&Policy::default(), &counts);
    assert_eq!(judgement.ln_m_by.p50, 0.0);
    assert_eq!(judgement.ln_p.users.p50, Some(0.0));
    assert_eq!(judgement.decision, Decision::Continue);
}

#[test]
fn a_monitor_without_weight_decides_nothing() {
    let counts = with_latencies(7, 2.5, true, 60);
    let judgement = judge(&Policy::errors_only(), &counts);
    assert_eq!(judgement.decision, USERS);
    assert_eq!(judgement.ln_p.users.p50, None);
    assert_eq!(judgement.ln_m, judgement.ln_m_by.errors);
}

/// Slowness at several quantiles is still no excuse to roll back a version that is as fast as the
/// old one.
#[test]
fn an_app_that_is_as_fast_is_rarely_rolled_back() {
    let runs = 60;
    let falls = |seed: &u64| {
        let counts = with_latencies(100 + seed, 1.0, !seed.is_multiple_of(3), 60);
        let judgement = judge(&Policy::default(), &counts);
        matches!(judgement.decision, Decision::RollBack { .. })
    };
    let false_alarms = (0..runs).filter(falls).count();
    assert!(false_alarms <= 1, "{false_alarms} of {runs}");
}

fn arms() -> impl Strategy<Value = Arm> {
    let millis = prop::collection::vec(0..2_000_u64, 0..6);
    (0..8_u64, 0..9_u64, prop::option::of(millis)).prop_map(|(total, errors, millis)| {
        let mut latency = Histogram::default();
        for millis in millis.iter().flatten() {
            latency.record(Duration::from_millis(*millis));
        }
        Arm {
            total,
            errors,
            cold: 0,
            latency: millis.map(|_| latency),
        }
    })
}

proptest! {
    #[test]
    fn judging_window_by_window_equals_judging_all_at_once(
        history in arms(),
        windows in prop::collection::vec((any::<bool>(), arms(), arms()), 0..40),
    ) {
        let history = History { n: history.total, errors: history.errors, cold: history.cold, latency: history.latency };
        let mut counts = Counts { history: history.clone(), windows: vec![] };
        let mut trial = Trial::new(&Policy::default(), &history);
        for (second, (is_probe, old, new)) in windows.into_iter().enumerate() {
            let stratum = if is_probe { Stratum::Probes } else { Stratum::Users };
            counts.windows.push(window(stratum, second as u64, old, new));
            trial.window(counts.windows.last().expect("one"));
            let judgement = judge(&Policy::default(), &counts);
            prop_assert!(judgement.ln_m.is_finite());
            for signal in Signal::ALL {
                prop_assert!(judgement.ln_m_by.of(signal).is_finite());
                let ln_p = judgement.ln_p.of(stratum).of(signal);
                prop_assert!(ln_p.is_none_or(f64::is_finite));
            }
            prop_assert_eq!(trial.judgement(), judgement);
        }
        let text = serde_json::to_string(&trial.judgement()).expect("JSON");
        prop_assert!(!text.contains("nan"));
    }
}
