//! How seconds become windows.

use edge_contract::bucket::Attempts;
use edge_contract::histogram::Histogram;
use proptest::prelude::*;
use rules::release::canary::windows::seal;
use rules::release::canary::{Arm, SealedWindow, Stratum, Tally};
use std::collections::BTreeMap;
use std::time::Duration;

type Seconds = BTreeMap<u64, (Attempts, Attempts)>;

fn attempts(total: u64) -> Attempts {
    Attempts {
        total,
        ..Attempts::default()
    }
}

fn seconds(counts: impl IntoIterator<Item = (u64, u64, u64)>) -> Seconds {
    let counts = counts.into_iter();
    counts
        .map(|(second, old, new)| (second, (attempts(old), attempts(new))))
        .collect()
}

fn bounds(windows: &[SealedWindow]) -> Vec<(u64, u64, u64, u64)> {
    let bounds = |window: &SealedWindow| {
        let SealedWindow { old, new, .. } = window;
        (window.from_second, window.seconds, old.total, new.total)
    };
    windows.iter().map(bounds).collect()
}

#[test]
fn seconds_merge_until_both_versions_had_a_request() {
    let seconds = seconds([
        (10, 9, 1),
        (11, 9, 0),
        (13, 9, 2),
        (14, 0, 0),
        (16, 0, 1),
        (17, 5, 0),
        (18, 7, 0),
    ]);
    let windows = seal(Stratum::Users, &seconds, 0, 100);
    assert_eq!(
        bounds(&windows),
        [(10, 1, 9, 1), (11, 3, 18, 2), (16, 2, 5, 1)]
    );
    assert_eq!(windows[1].end(), 14);
}

#[test]
fn nothing_is_taken_from_seconds_that_are_not_sealed() {
    let seconds = seconds([(10, 9, 1), (11, 9, 1)]);
    assert_eq!(
        bounds(&seal(Stratum::Users, &seconds, 0, 11)),
        [(10, 1, 9, 1)]
    );
    assert_eq!(seal(Stratum::Users, &seconds, 0, 10), []);
    assert_eq!(seal(Stratum::Users, &seconds, 12, 11), []);
}

#[test]
fn open_requests_failed_connections_and_departed_clients_are_not_counted() {
    let mut latency = Histogram::default();
    latency.record(Duration::from_millis(3));
    let arm = Arm::from(&Attempts {
        total: 10,
        errors: 2,
        open: 3,
        gone: 4,
        cold: 0,
        latency: latency.clone(),
    });
    assert_eq!(arm.tally(), Tally::new(6, 5));
    assert_eq!(arm.latency, Some(latency));
    let inconsistent = Attempts {
        total: 1,
        errors: 5,
        open: u64::MAX,
        gone: 7,
        cold: 0,
        latency: Histogram::default(),
    };
    assert_eq!(Arm::from(&inconsistent).tally(), Tally::new(0, 0));
}

/// Arrivals, and for each arm what became of them.
fn second() -> impl Strategy<Value = (u64, u64)> {
    (0..5_u64, prop_oneof![3 => Just(0_u64), 2 => 1..3_u64])
}

fn outcome(total: u64, choice: [u64; 4]) -> Attempts {
    let [gone, open, errors, latency] = choice;
    let mut left = total;
    let mut take = |part: u64| {
        let taken = part.min(left);
        left -= taken;
        taken
    };
    let mut sketch = Histogram::default();
    let (gone, open, errors) = (take(gone), take(open), take(errors));
    for _ in 0..total - gone - open {
        sketch.record(Duration::from_millis(latency));
    }
    Attempts {
        total,
        errors,
        open,
        gone,
        cold: 0,
        latency: sketch,
    }
}

proptest! {
    #[test]
    fn sealing_is_blind_to_outcomes(
        arrivals in prop::collection::btree_map(0..60_u64, second(), 0..40),
        outcomes in prop::collection::vec((any::<[u8; 4]>(), any::<[u8; 4]>()), 60),
        until in 0..70_u64,
    ) {
        let plain = seconds(arrivals.iter().map(|(second, (old, new))| (*second, *old, *new)));
        let mut decided = Seconds::new();
        for ((second, (old, new)), (a, b)) in arrivals.iter().zip(&outcomes) {
            let choice = |choice: &[u8; 4]| choice.map(|part| u64::from(part % 4));
            decided.insert(*second, (outcome(*old, choice(a)), outcome(*new, choice(b))));
        }
        let bounds = |seconds: &Seconds| -> Vec<(u64, u64)> {
            let windows = seal(Stratum::Users, seconds, 0, until);
            windows.iter().map(|window| (window.from_second, window.seconds)).collect()
        };
        prop_assert_eq!(bounds(&plain), bounds(&decided));
    }

    #[test]
    fn sealing_more_often_changes_nothing(
        arrivals in prop::collection::btree_map(0..60_u64, second(), 0..40),
        looks in prop::collection::vec(0..70_u64, 0..10),
    ) {
        let seconds = seconds(arrivals.iter().map(|(second, (old, new))| (*second, *old, *new)));
        let mut looks = looks;
        looks.sort_unstable();
        let (mut windows, mut from) = (vec![], 0);
        for until in looks.into_iter().chain([70]) {
            let more = seal(Stratum::Probes, &seconds, from, until);
            from = more.last().map_or(from, SealedWindow::end);
            windows.extend(more);
        }
        prop_assert_eq!(windows, seal(Stratum::Probes, &seconds, 0, 70));
    }

    #[test]
    fn only_the_last_open_window_is_lost(arrivals in prop::collection::btree_map(0..60_u64, second(), 0..40)) {
        let seconds = seconds(arrivals.iter().map(|(second, (old, new))| (*second, *old, *new)));
        let windows = seal(Stratum::Users, &seconds, 0, 60);
        let end = windows.last().map_or(0, SealedWindow::end);
        let counted = windows.iter().fold((0, 0), |(old, new), window| {
            (old + window.old.total, new + window.new.total)
        });
        let came = arrivals.range(..end).fold((0, 0), |(old, new), (_, more)| (old + more.0, new + more.1));
        prop_assert_eq!(counted, came);
        let rest = arrivals.range(end..).fold((0, 0), |(old, new), (_, more)| (old + more.0, new + more.1));
        prop_assert!(rest.0 == 0 || rest.1 == 0);
        prop_assert!(windows.iter().all(|window| window.old.total > 0 && window.new.total > 0));
        prop_assert!(windows.windows(2).all(|two| two[0].end() <= two[1].from_second));
    }
}
