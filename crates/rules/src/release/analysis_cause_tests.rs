//! How the cause of a rollback is described.

use super::*;
use crate::release::Comparison;
use crate::release::analysis::tests::{NEW, OLD, analysis, look, report, users};
use std::time::Duration;

fn totals(users: [u64; 4], probes: [u64; 4]) -> PerStratum<Totals> {
    let of = |[n_old, errors_old, n_new, errors_new]: [u64; 4]| Totals {
        n_old,
        errors_old,
        n_new,
        errors_new,
    };
    PerStratum {
        users: of(users),
        probes: of(probes),
    }
}

#[test]
fn the_requests_that_show_the_larger_difference_are_named() {
    let table = [
        // Users see it.
        (
            [100, 1, 20, 10],
            [20, 0, 20, 0],
            Signal::Errors,
            Stratum::Users,
        ),
        // Probes alone see it.
        (
            [100, 1, 20, 0],
            [20, 0, 20, 10],
            Signal::Errors,
            Stratum::Probes,
        ),
        // Both see the same: users matter more.
        (
            [100, 0, 20, 10],
            [20, 0, 20, 10],
            Signal::Errors,
            Stratum::Users,
        ),
        // No user was on the candidate yet.
        (
            [100, 0, 0, 0],
            [20, 0, 20, 0],
            Signal::Errors,
            Stratum::Probes,
        ),
        ([100, 0, 0, 0], [20, 0, 20, 0], Signal::P99, Stratum::Probes),
        // Slowness shows in no count of errors.
        (
            [100, 0, 20, 0],
            [20, 0, 20, 10],
            Signal::P50,
            Stratum::Users,
        ),
    ];
    for (users, probes, monitor, expected) in table {
        let totals = totals(users, probes);
        assert_eq!(blamed(&totals, monitor), expected, "{totals:?} {monitor:?}");
    }
}

#[test]
fn a_slow_candidate_is_described_by_both_versions_latency() {
    let latency = |millis: u64, n: u64| {
        let mut histogram = Histogram::default();
        (0..n).for_each(|_| histogram.record(Duration::from_millis(millis)));
        histogram
    };
    let slow = |total, millis| {
        let mut bucket = users(total, 0);
        bucket.first.latency = latency(millis, total);
        bucket
    };
    let mut analysis = analysis();
    let mut seen = Comparison::default();
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for now in 1_002..1_120 {
        old.push((now - 1, slow(9, 20)));
        new.push((now - 1, slow(9, 900)));
        let reports = vec![report(OLD, now, &old), report(NEW, now, &new)];
        seen = look(&mut analysis, now, reports);
    }
    let Some(Cause::Worse(worse)) = seen.worse else {
        panic!("not rolled back: {seen:?}");
    };
    let slow = worse.slow.expect("slowness");
    assert!((15..30).contains(&slow.old_ms), "{slow:?}");
    assert!((800..1_000).contains(&slow.new_ms), "{slow:?}");
    assert_eq!((worse.old.bad, worse.new.bad), (0, 0), "no request failed");
}
