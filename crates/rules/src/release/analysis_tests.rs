use super::*;
use crate::release::diagnosis::Cause;
use crate::release::minute_counts::Minute;
use crate::release::{AtMaximum, Progress, Purpose, ReleaseTimings, Strategy};
use edge_contract::log_window;
use edge_contract::summary::{Kind, VERSION};

/// The second in which the candidate got its first users; from the next one on they are compared.
const SHIFT: u64 = 1_000;
pub(super) const OLD: &str = "old";
pub(super) const NEW: &str = "new";

pub(super) fn at(second: u64) -> Timestamp {
    Timestamp(second * 1_000)
}

/// A release into green that was probed from second 900 on and has users since [`SHIFT`].
fn release() -> Release {
    Release {
        revision: RevisionId(NEW.into()),
        count: 1,
        candidate: Slot::Green,
        strategy: Strategy::Canary,
        purpose: Purpose::Deploy,
        no_traffic: false,
        at_maximum: AtMaximum::Hold,
        is_idle: false,
        timings: ReleaseTimings::default(),
        started: at(900),
        progress: Progress {
            probed_at: Some(at(900)),
            shifted_at: Some(at(SHIFT)),
            ..Progress::default()
        },
    }
}

fn slot(revision: &str) -> SlotEdges {
    SlotEdges {
        revision: Some(RevisionId(revision.into())),
        healthy: 1,
        has_edge: true,
        is_reachable: true,
    }
}

pub(super) fn edges() -> Slots<SlotEdges> {
    Slots {
        blue: slot(OLD),
        green: slot(NEW),
    }
}

pub(super) fn analysis() -> CanaryAnalysis {
    CanaryAnalysis::new(
        &Policy::default(),
        Counts::default(),
        ProbeCounter::Edges,
        at(1_000),
    )
}

pub(super) fn users(total: u64, errors: u64) -> Bucket {
    let first = Attempts {
        total,
        errors,
        ..Attempts::default()
    };
    Bucket {
        first,
        ..Bucket::default()
    }
}

fn open(total: u64) -> Bucket {
    let mut bucket = users(total, 0);
    bucket.first.open = total;
    bucket
}

/// What the one task of a revision reports at `taken_at`. A request may be open for 30 s.
pub(super) fn report(revision: &str, taken_at: u64, buckets: &[(u64, Bucket)]) -> Summary {
    Summary {
        landfall: Kind::Summary,
        v: VERSION,
        task: format!("task-of-{revision}"),
        revision: revision.into(),
        started_at: at(1),
        taken_at: at(taken_at),
        deadline_ms: 30_000,
        restarts: 0,
        buckets: buckets.iter().cloned().collect(),
    }
}

/// One look at `now` in which those tasks answer that have a report.
pub(super) fn look(analysis: &mut CanaryAnalysis, now: u64, reports: Vec<Summary>) -> Comparison {
    let mut rounds = Slots {
        blue: Some(Round::new(1)),
        green: Some(Round::new(1)),
    };
    for report in reports {
        let round = match report.revision.as_str() {
            OLD => &mut rounds.blue,
            _ => &mut rounds.green,
        };
        analysis.insert(round.as_mut().expect("asked"), report);
    }
    analysis.end_round(rounds, at(now));
    analysis.compare(&release(), &edges(), at(now))
}

/// One look at `now` in which no task answers and the log holds these lines.
pub(super) fn look_at_log(
    analysis: &mut CanaryAnalysis,
    now: u64,
    lines: &[Summary],
) -> Comparison {
    look(analysis, now, Vec::new());
    let lines: Vec<String> = lines.iter().map(Summary::to_line).collect();
    let (found, _) = log_window::read(lines.iter().map(String::as_str));
    analysis.insert_log(found, at(now));
    analysis.compare(&release(), &edges(), at(now))
}

/// Requests and errors of old and new, window by window.
pub(super) fn windows(analysis: &CanaryAnalysis) -> Vec<(u64, [u64; 4])> {
    let windows = analysis.counts().windows.iter();
    windows
        .map(|w| {
            (
                w.from_second,
                [w.old.total, w.old.errors, w.new.total, w.new.errors],
            )
        })
        .collect()
}

#[test]
fn a_second_is_compared_once_both_versions_reported_after_its_end() {
    let mut analysis = analysis();
    let old = report(OLD, 1_003, &[(1_001, users(9, 1)), (1_002, users(8, 0))]);
    let new = report(NEW, 1_002, &[(1_001, users(1, 0))]);
    let seen = look(&mut analysis, 1_003, vec![old, new]);
    assert_eq!(windows(&analysis), [(1_001, [9, 1, 1, 0])]);
    assert_eq!(seen.new_users, 1);
    // The next report contains second 1002.
    let old = report(OLD, 1_004, &[(1_002, users(8, 0)), (1_003, users(7, 0))]);
    let new = report(NEW, 1_004, &[(1_002, users(2, 1))]);
    look(&mut analysis, 1_004, vec![old, new]);
    assert_eq!(
        windows(&analysis),
        [(1_001, [9, 1, 1, 0]), (1_002, [8, 0, 2, 1])],
        "the new version had no request in second 1003, so that no window ends there"
    );
}

#[test]
fn users_before_the_shift_are_history_and_never_compared() {
    let mut analysis = analysis();
    let mut before = release();
    before.progress.shifted_at = None;
    let mut round = Round::new(1);
    analysis.insert(&mut round, report(OLD, 990, &[(980, users(50, 5))]));
    analysis.compare(&before, &edges(), at(990));
    assert_eq!(analysis.counts().history.n, 50);
    let old = report(OLD, 1_005, &[(1_000, users(9, 9)), (1_001, users(9, 0))]);
    let new = report(NEW, 1_005, &[(1_000, users(3, 3)), (1_001, users(1, 0))]);
    look(&mut analysis, 1_005, vec![old, new]);
    assert_eq!(
        windows(&analysis),
        [(1_001, [9, 0, 1, 0])],
        "the second of the shift is half one and half the other"
    );
    assert_eq!(analysis.counts().history.n, 50, "history ends at the shift");
}

#[test]
fn a_version_that_hangs_counts_as_errors_after_the_deadline_of_its_requests() {
    let mut analysis = analysis();
    for now in [1_005, 1_020, 1_030] {
        let old = report(OLD, now, &[(1_001, users(9, 0))]);
        let new = report(NEW, now, &[(1_001, open(3))]);
        let seen = look(&mut analysis, now, vec![old, new]);
        assert_eq!(
            (windows(&analysis), seen.new_users),
            (vec![], 0),
            "at {now}"
        );
    }
    // Second 1001 ended at 1002, and its requests have 30 s.
    let old = report(OLD, 1_032, &[(1_001, users(9, 0))]);
    let new = report(NEW, 1_032, &[(1_001, open(3))]);
    look(&mut analysis, 1_032, vec![old, new]);
    assert_eq!(windows(&analysis), [(1_001, [9, 0, 3, 3])]);
}

#[test]
fn a_version_that_never_answers_is_rolled_back() {
    let mut analysis = analysis();
    let mut seen = Comparison::default();
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for now in 1_002..1_100 {
        old.push((now - 1, users(9, 0)));
        new.push((now - 1, open(1)));
        let reports = vec![report(OLD, now, &old), report(NEW, now, &new)];
        seen = look(&mut analysis, now, reports);
    }
    let Some(Cause::Worse(worse)) = seen.worse else {
        panic!("not rolled back: {seen:?}");
    };
    assert_eq!(
        (worse.monitor.as_str(), worse.among.as_str()),
        ("errors", "users")
    );
    assert_eq!((worse.old.bad, worse.new.bad), (0, worse.new.requests));
}

#[test]
fn the_log_is_read_once_a_task_is_silent_for_ten_seconds() {
    let mut analysis = analysis();
    assert_eq!(
        analysis.log_query(&edges(), at(1_000)),
        Some(at(400)),
        "no task has answered yet: from ten minutes before the release"
    );
    let both = |now| vec![report(OLD, now, &[]), report(NEW, now, &[])];
    look(&mut analysis, 1_001, both(1_001));
    for now in 1_002..1_011 {
        look(&mut analysis, now, vec![report(OLD, now, &[])]);
        assert_eq!(analysis.log_query(&edges(), at(now)), None, "at {now}");
    }
    look(&mut analysis, 1_011, vec![report(OLD, 1_011, &[])]);
    let since = analysis.log_query(&edges(), at(1_011)).expect("due");
    assert_eq!(since, at(899), "one second before what is needed next");
    analysis.insert_log(Collection::default(), at(1_011));
    assert_eq!(analysis.log_query(&edges(), at(1_015)), None, "just read");
    let again = analysis.log_query(&edges(), at(1_016)).expect("due");
    assert_eq!(again, at(899), "lines are shown late");
    // The task answers again, and the log is not needed any more.
    look(&mut analysis, 1_017, both(1_017));
    assert_eq!(analysis.log_query(&edges(), at(1_026)), None);
}

#[test]
fn without_an_edge_there_is_no_log_to_read() {
    let bare = SlotEdges {
        has_edge: false,
        ..slot(OLD)
    };
    let edges = Slots {
        blue: bare.clone(),
        green: bare,
    };
    assert_eq!(analysis().log_query(&edges, at(1_000)), None);
    assert_eq!(CanaryAnalysis::slots_to_ask(&edges), []);
}

#[test]
fn only_reachable_edges_are_asked() {
    let mut edges = edges();
    assert_eq!(CanaryAnalysis::slots_to_ask(&edges), Slot::ALL);
    edges.green.healthy = 0;
    assert_eq!(CanaryAnalysis::slots_to_ask(&edges), [Slot::Blue]);
    edges.blue.is_reachable = false;
    assert_eq!(CanaryAnalysis::slots_to_ask(&edges), []);
}

#[test]
fn a_round_is_complete_when_every_task_has_answered_once() {
    let mut analysis = analysis();
    let mut round = Round::new(2);
    let first = report(OLD, 1_001, &[]);
    for _ in 0..3 {
        analysis.insert(&mut round, first.clone());
    }
    assert!(!round.is_complete(), "the load balancer chose the same one");
    let second = Summary {
        task: "another".into(),
        ..first
    };
    analysis.insert(&mut round, second);
    assert!(round.is_complete());
}

#[test]
fn nothing_is_concluded_while_both_versions_are_silent() {
    let mut analysis = analysis();
    for now in (1_001..1_400).step_by(5) {
        let seen = look(&mut analysis, now, Vec::new());
        assert_eq!(seen, Comparison::default(), "at {now}");
        assert!(analysis.log_query(&edges(), at(now)).is_some());
        analysis.insert_log(Collection::default(), at(now));
    }
    assert_eq!(analysis.counts(), &Counts::default());
}

#[test]
fn nothing_is_concluded_while_the_candidate_alone_is_silent() {
    let mut analysis = analysis();
    let old: Vec<(u64, Bucket)> = (1_001..1_200).map(|s| (s, users(9, 0))).collect();
    let seen = look_at_log(&mut analysis, 1_300, &[report(OLD, 1_200, &old)]);
    assert_eq!((seen.new_users, seen.worse), (0, None));
    assert_eq!(windows(&analysis), []);
}

#[test]
fn the_same_revision_in_both_slots_is_not_compared() {
    let mut analysis = analysis();
    let same = Slots {
        blue: slot(NEW),
        green: slot(NEW),
    };
    let mut round = Round::new(1);
    analysis.insert(&mut round, report(NEW, 1_010, &[(1_001, users(9, 0))]));
    analysis.compare(&release(), &same, at(1_010));
    assert_eq!(windows(&analysis), []);
}

#[test]
fn the_next_process_continues_with_the_same_judgement() {
    let mut first = analysis();
    let old: Vec<(u64, Bucket)> = (1_001..1_030).map(|s| (s, users(9, 1))).collect();
    let new: Vec<(u64, Bucket)> = (1_001..1_030).map(|s| (s, users(2, 0))).collect();
    let reports = vec![report(OLD, 1_031, &old), report(NEW, 1_031, &new)];
    look(&mut first, 1_031, reports.clone());
    let counts = first.counts().clone();
    let mut second =
        CanaryAnalysis::new(&Policy::default(), counts, ProbeCounter::Edges, at(1_000));
    assert_eq!(second.judgement(), first.judgement());
    // Its edges report the same seconds once more.
    look(&mut second, 1_032, reports);
    assert_eq!(second.counts(), first.counts());
}

fn answers(good: u32, lost: u32) -> Answers {
    Answers {
        asked: good + lost,
        good,
        errors: 0,
        lost,
    }
}

#[test]
fn probes_are_counted_once_by_the_edges_or_by_landfall() {
    let count = |probes, edges: &Slots<SlotEdges>, old, new| {
        let mut analysis =
            CanaryAnalysis::new(&Policy::default(), Counts::default(), probes, at(1_000));
        analysis.count_pairs(edges, old, new, at(1_001));
        windows(&analysis)
    };
    let pair = (answers(6, 0), answers(5, 1));
    assert_eq!(count(ProbeCounter::Edges, &edges(), pair.0, pair.1), []);
    let landfalls = count(ProbeCounter::Landfall, &edges(), pair.0, pair.1);
    assert_eq!(landfalls, [(1_001, [6, 0, 6, 1])]);
    let mut without = edges();
    without.blue.has_edge = false;
    assert_eq!(
        count(ProbeCounter::Edges, &without, pair.0, pair.1),
        landfalls,
        "an edge that is missing counts nothing"
    );
    let nothing = Answers::default();
    assert_eq!(count(ProbeCounter::Landfall, &edges(), nothing, pair.1), []);
}

#[test]
fn pairs_that_landfall_counted_never_overlap() {
    let mut analysis = CanaryAnalysis::new(
        &Policy::default(),
        Counts::default(),
        ProbeCounter::Landfall,
        at(1_000),
    );
    for _ in 0..3 {
        analysis.count_pairs(&edges(), answers(6, 0), answers(6, 0), at(1_001));
    }
    let seconds: Vec<u64> = windows(&analysis)
        .iter()
        .map(|(second, _)| *second)
        .collect();
    assert_eq!(seconds, [1_001, 1_002, 1_003]);
}

#[test]
fn the_load_balancers_counts_are_read_once_a_minute_and_counted_once() {
    let mut analysis = analysis();
    let mut before = release();
    before.progress.shifted_at = None;
    assert_eq!(analysis.metrics_query(&before, at(1_000)), None, "no users");
    assert_eq!(
        analysis.metrics_query(&release(), at(1_001)),
        Some(at(SHIFT))
    );
    assert_eq!(analysis.metrics_query(&release(), at(1_060)), None);
    assert_eq!(
        analysis.metrics_query(&release(), at(1_061)),
        Some(at(SHIFT))
    );
    let minute = |requests, errors| Minute {
        requests,
        errors,
        unconnected: 0,
    };
    // Minute 17 begins in second 1020; minute 18 has no request of the new version.
    let minutes = Slots {
        blue: Minutes::from([(17, minute(100, 1)), (18, minute(90, 0))]),
        green: Minutes::from([(17, minute(9, 3))]),
    };
    for now in [1_300, 1_360] {
        analysis.insert_metrics(&release(), &minutes, at(now));
        assert_eq!(windows(&analysis), [(1_020, [100, 1, 9, 3])], "at {now}");
    }
}
