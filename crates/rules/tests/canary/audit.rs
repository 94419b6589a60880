//! The file of a trial.

use edge_contract::histogram::Histogram;
use proptest::prelude::*;
use rules::release::canary::audit::{WindowReport, parse, replay, write};
use rules::release::canary::{
    Arm, Counts, Decision, History, Policy, SealedWindow, Signal, Stratum, judge,
};
use std::time::Duration;

fn problem(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn errors_alone_can_be_written_by_hand() {
    let evidence =
        parse(r#"{"hist":[2000,200],"windows":[[9,1,1,1],[9,1,1,1],[9,1,1,1],[9,1,1,1]]}"#);
    let lines = replay(&evidence.expect("evidence"));
    let last = lines.last().expect("a window");
    let because_of_errors = Decision::RollBack {
        monitor: Signal::Errors,
    };
    assert_eq!(last.decision, because_of_errors);
    // The monitor of errors alone, with the whole weight.
    assert!((last.ln_m - 5.53632505886439).abs() < 1e-9);
    assert_eq!(last.monitors.p50, None);
    let first = lines.first().map(WindowReport::to_line).expect("a window");
    let first: serde_json::Value = serde_json::from_str(&first).expect("JSON");
    assert_eq!(first["window"], 1);
    assert_eq!(first["stratum"], "users");
    assert_eq!(first["decision"], "continue");
    assert!(first["monitors"]["errors"]["ln_p"].is_f64());
    let last: serde_json::Value = serde_json::from_str(&last.to_line()).expect("JSON");
    assert_eq!(
        (&last["decision"], &last["monitor"]),
        (&"rollback".into(), &"errors".into())
    );
}

#[test]
fn an_error_names_the_problem_and_its_window() {
    for (text, expected) in [
        (
            r#"{"hist":[2000,200],"windows":[[9,1,1,0],[9,10,1,0]]}"#,
            "window 2: old: 10 errors of 9 requests",
        ),
        (
            r#"{"hist":[2000,200],"windows":[[9,1,1,0],[9,1,1,-1]]}"#,
            "window 2: -1 is not a count",
        ),
        (
            r#"{"hist":[2000,200],"windows":[[9,1,1.5,0]]}"#,
            "window 1: 1.5 is not a count",
        ),
        (
            r#"{"hist":[2000,200],"windows":[[9,1,1]]}"#,
            "window 1: expected 4 counts",
        ),
        (
            r#"{"hist":[2000,200],"windows":[7]}"#,
            "window 1: expected a list of 4 counts",
        ),
        (
            r#"{"hist":[20,200],"windows":[]}"#,
            "hist: 200 errors of 20 requests",
        ),
        (r#"{"hist":[20],"windows":[]}"#, "hist: expected 2 counts"),
        (
            r#"{"hist":[20,2],"windows":[],"extra":1}"#,
            "the key \"extra\" is unknown",
        ),
        (r#"{"hist":[20,2],"traj":[]}"#, "\"windows\""),
        (r#"{"windows":[]}"#, "either \"hist\" or \"v\""),
        (r#"{"v":2,"windows":[],"news":1}"#, "version 2"),
        (r#"{"v":1,"windows":[],"news":1}"#, "unknown field `news`"),
        (r#"{"v":1,"policy":{"alpha":0},"windows":[]}"#, "alpha is 0"),
        (
            r#"{"v":1,"policy":{"weights":{"errors":-1,"p50":0,"p90":0,"p99":0}},"windows":[]}"#,
            "weight",
        ),
        (
            r#"{"v":1,"policy":{"gamma":0},"windows":[]}"#,
            "unknown field `gamma`",
        ),
        (
            r#"{"v":1,"history":{"n":1,"errors":2},"windows":[]}"#,
            "history: 2 errors of 1 requests",
        ),
        (
            r#"{"v":1,"windows":[{"stratum":"users","from_second":1,"seconds":1,"old":{"total":1},"new":{"total":1,"latency":[9,2]}}]}"#,
            "window 1: new: 2 latencies of 1 requests",
        ),
        (
            r#"{"v":1,"windows":[{"stratum":"users","from_second":1,"seconds":1,"old":{"total":1},"new":{"total":1},"x":1}]}"#,
            "window 1: unknown field `x`",
        ),
        (
            r#"{"v":1,"windows":[{"stratum":"users","from_second":1,"seconds":2,"old":{"total":1},"new":{"total":1}},
                {"stratum":"users","from_second":2,"seconds":1,"old":{"total":1},"new":{"total":1}}]}"#,
            "window 2: it begins before the window before it ends",
        ),
        ("[]", "a trial is a JSON object"),
        ("{", "not a trial as JSON"),
    ] {
        let found = problem(text);
        assert!(found.contains(expected), "{found}\nfor {text}");
    }
}

fn arms() -> impl Strategy<Value = Arm> {
    let millis = prop::collection::vec(0..2_000_u64, 0..6);
    (0..8_u64, 0..9_u64, prop::option::of(millis)).prop_map(|(more, errors, millis)| {
        let mut latency = Histogram::default();
        for millis in millis.iter().flatten() {
            latency.record(Duration::from_millis(*millis));
        }
        let total = latency.count() + more;
        Arm {
            total,
            errors: errors.min(total),
            cold: 0,
            latency: millis.map(|_| latency),
        }
    })
}

proptest! {
    #[test]
    fn a_written_trial_is_judged_the_same(
        history in arms(),
        windows in prop::collection::vec((any::<bool>(), 1..4_u64, arms(), arms()), 1..20),
        thousandths in 1..200_u32,
    ) {
        let mut second = 1_700_000_000;
        let windows = windows.into_iter().map(|(is_probe, seconds, old, new)| {
            let stratum = if is_probe { Stratum::Probes } else { Stratum::Users };
            let from_second = second;
            second += seconds;
            SealedWindow { stratum, from_second, seconds, old, new }
        });
        let counts = Counts {
            windows: windows.collect(),
            history: History { n: history.total, errors: history.errors, cold: history.cold, latency: history.latency },
        };
        let policy = Policy { alpha: f64::from(thousandths) / 1_000.0, ..Policy::default() };
        let evidence = parse(&write(&policy, &counts)).expect("evidence");
        prop_assert_eq!(&evidence.counts, &counts);
        prop_assert_eq!(evidence.policy, policy);
        let lines = replay(&evidence);
        prop_assert_eq!(lines.len(), counts.windows.len());
        let judgement = judge(&policy, &counts);
        let last = lines.last().expect("one");
        prop_assert_eq!((last.ln_m, last.decision), (judgement.ln_m, judgement.decision));
    }

    #[test]
    fn parsing_a_trial_never_panics(text in "\\PC{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn judging_any_counts_never_panics(cells in prop::collection::vec(any::<i64>(), 0..6)) {
        if let Ok(evidence) = parse(&format!(r#"{{"hist":[3,1],"windows":[{cells:?}]}}"#)) {
            prop_assert!(replay(&evidence).iter().all(|line| line.ln_m.is_finite()));
        }
    }
}
