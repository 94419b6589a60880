//! Counts that come by the log.

use super::tests::{NEW, OLD, analysis, at, edges, look_at_log, report, users, windows};
use super::*;

#[test]
fn a_late_log_line_counts_if_it_arrives_within_the_lag() {
    let mut analysis = analysis();
    let old = report(OLD, 1_003, &[(1_001, users(9, 0)), (1_002, users(9, 0))]);
    let new = |second| report(NEW, second + 1, &[(second, users(2, 1))]);
    look_at_log(&mut analysis, 1_010, &[old.clone(), new(1_001)]);
    assert_eq!(windows(&analysis), [], "lines may still arrive");
    look_at_log(&mut analysis, 1_016, &[old.clone(), new(1_001)]);
    assert_eq!(windows(&analysis), [], "second 1001 ended 14 s ago");
    // The line about second 1002 comes 15 s after it.
    look_at_log(&mut analysis, 1_018, &[new(1_002), old]);
    assert_eq!(
        windows(&analysis),
        [(1_001, [9, 0, 2, 1]), (1_002, [9, 0, 2, 1])]
    );
}

#[test]
fn a_log_line_after_the_lag_changes_no_window() {
    let mut analysis = analysis();
    let old = report(OLD, 1_003, &[(1_001, users(9, 0)), (1_002, users(9, 0))]);
    let new = report(NEW, 1_003, &[(1_001, users(2, 1))]);
    look_at_log(&mut analysis, 1_030, &[old, new]);
    let before = analysis.counts().clone();
    assert_eq!(windows(&analysis), [(1_001, [9, 0, 2, 1])]);
    let late = report(NEW, 1_004, &[(1_001, users(9, 9)), (1_002, users(3, 3))]);
    look_at_log(&mut analysis, 1_035, &[late]);
    assert_eq!(
        analysis.counts().windows[0],
        before.windows[0],
        "what was judged stays as it was judged"
    );
    assert_eq!(
        windows(&analysis)[1..],
        [(1_002, [9, 0, 3, 3])],
        "a second without a window is still open for a comparison"
    );
}

/// On Lambda, where landfall counts its probes itself and no line shows a request that is under way.
fn analysis_on_lambda() -> CanaryAnalysis {
    CanaryAnalysis::new(
        &Policy::default(),
        Counts::default(),
        ProbeCounter::Landfall,
        at(1_000),
    )
}

#[test]
fn a_line_that_has_not_arrived_is_not_a_request_that_nobody_made() {
    let mut analysis = analysis_on_lambda();
    let old = report(OLD, 1_100, &[(1_001, users(9, 0))]);
    let new = |taken_at| report(NEW, taken_at, &[(1_001, users(2, 0))]);
    // The old version's lines have arrived, the latest of the new one is from second 1002.
    look_at_log(&mut analysis, 1_300, &[old.clone(), new(1_002)]);
    assert_eq!(windows(&analysis), []);
    assert_eq!(
        analysis.log_query(&edges(), at(1_310)),
        Some(at(1_000)),
        "however late a line is, it is still asked for"
    );
    // A request of second 1001 that hangs is written 30 s later.
    look_at_log(&mut analysis, 1_310, &[new(1_031)]);
    assert_eq!(windows(&analysis), []);
    let hung = Summary {
        task: "another".into(),
        ..report(NEW, 1_031, &[(1_001, users(1, 1))])
    };
    look_at_log(&mut analysis, 1_320, &[hung, new(1_032)]);
    assert_eq!(windows(&analysis), [(1_001, [9, 0, 3, 1])]);
}

#[test]
fn invocations_that_no_edge_counted_are_errors_of_their_version() {
    let mut analysis = analysis_on_lambda();
    let mut failures = Failures::default();
    let killed = "REPORT RequestId: 7f3a\tDuration: 900.00 ms\tStatus: error\tError Type: Runtime.OutOfMemory";
    failures.insert(killed, at(1_002));
    failures.insert(&killed.replace("7f3a", "7f3b"), at(1_050));
    analysis.insert_failures(&RevisionId(NEW.into()), failures);
    // The new version never wrote a line of its own.
    look_at_log(
        &mut analysis,
        1_100,
        &[report(OLD, 1_100, &[(1_001, users(9, 0))])],
    );
    assert_eq!(windows(&analysis), [(1_001, [9, 0, 1, 1])]);
}

#[test]
fn a_lost_log_line_leaves_its_second_out_and_nothing_else() {
    let mut analysis = analysis();
    // Each line has one second; that of the new version about 1002 is lost.
    let one = |revision, second| report(revision, second + 1, &[(second, users(4, 0))]);
    let lines = [
        one(OLD, 1_001),
        one(OLD, 1_002),
        one(OLD, 1_003),
        one(NEW, 1_001),
        one(NEW, 1_003),
    ];
    look_at_log(&mut analysis, 1_040, &lines);
    assert_eq!(
        windows(&analysis),
        [(1_001, [4, 0, 4, 0]), (1_002, [8, 0, 4, 0])],
        "the window grows until both versions have a request"
    );
}
