//! The comparison of two versions without an edge: by the load balancer's metrics of each slot's target group,
//! one window a minute.
//!
//! The metrics, and when they are missing:
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>.
//! They do not include requests that a target accepted and did not answer in time (504), which are counted for
//! the load balancer as a whole only.

use crate::app::names::{Slot, Slots};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Length of a window, ms: the load balancer "measures and sends its metrics in 60-second intervals".
pub const MINUTE_MS: u64 = 60_000;

/// How long after its end the counts of a minute are used. The first statistics of a new metric take up to two
/// minutes, and those of a new version's first requests are new: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/publishingMetrics.html>.
pub const SETTLES: Duration = Duration::from_secs(120);

/// The counts of one target group in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minute {
    /// Requests that were routed to a target (`RequestCount`).
    pub requests: u64,
    /// Answers of a target with a 5xx (`HTTPCode_Target_5XX_Count`).
    pub errors: u64,
    /// Failed connections to a target (`TargetConnectionErrorCount`).
    pub unconnected: u64,
}

/// Minutes of one target group, by number since the Unix epoch. A missing minute had no request.
pub type Minutes = BTreeMap<u64, Minute>;

/// Requests of one version in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All requests.
    pub total: u64,
    /// Those with a 5xx of the app or without a connection; at most all.
    pub errors: u64,
}

impl From<Minute> for Counts {
    fn from(minute: Minute) -> Counts {
        let errors = minute.errors.saturating_add(minute.unconnected);
        Counts {
            total: minute.requests,
            // One request may try several connections.
            errors: errors.min(minute.requests),
        }
    }
}

/// One minute of both versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its number since the Unix epoch.
    pub minute: u64,
    /// The old version's requests.
    pub old: Counts,
    /// The new version's.
    pub new: Counts,
}

/// The minutes that can be compared at `now`, oldest first, including those without requests: each begins
/// after `since` and has settled ([`SETTLES`]). `new` is the slot of the new version.
///
/// A minute with errors and without requests is incomplete and left out until all its counts have arrived.
/// `minutes` must have everything since `since`, so that late counts are included.
pub fn windows(
    minutes: &Slots<Minutes>,
    new: Slot,
    since: Timestamp,
    now: Timestamp,
) -> Vec<Window> {
    let first = since.0.div_ceil(MINUTE_MS);
    let lag = u64::try_from(SETTLES.as_millis()).unwrap_or(u64::MAX);
    let end = now.0.saturating_sub(lag) / MINUTE_MS;
    let of = |slot: Slot, minute: u64| minutes.of(slot).get(&minute).copied().unwrap_or_default();
    let is_whole =
        |counted: Minute| counted.requests > 0 || (counted.errors == 0 && counted.unconnected == 0);
    (first..end)
        .map(|minute| (minute, of(new.other(), minute), of(new, minute)))
        .filter(|(_, old, new)| is_whole(*old) && is_whole(*new))
        .map(|(minute, old, new)| Window {
            minute,
            old: old.into(),
            new: new.into(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(requests: u64, errors: u64, unconnected: u64) -> Minute {
        Minute {
            requests,
            errors,
            unconnected,
        }
    }

    fn at(minute: u64, millis: u64) -> Timestamp {
        Timestamp(minute * MINUTE_MS + millis)
    }

    fn numbers(since: Timestamp, now: Timestamp) -> Vec<u64> {
        let seen = windows(&Slots::default(), Slot::Green, since, now);
        seen.iter().map(|window| window.minute).collect()
    }

    #[test]
    fn only_whole_minutes_that_have_settled_are_compared() {
        assert_eq!(numbers(at(10, 0), at(14, 0)), [10, 11]);
        assert_eq!(numbers(at(10, 1), at(14, 0)), [11], "begun before `since`");
        assert_eq!(numbers(at(10, 0), at(13, 59_999)), [10], "not settled");
        assert_eq!(numbers(at(10, 0), at(12, 59_999)), [0; 0]);
        assert_eq!(numbers(at(10, 0), at(3, 0)), [0; 0], "clocks differ");
        assert_eq!(numbers(Timestamp(0), Timestamp(0)), [0; 0]);
    }

    #[test]
    fn each_version_gets_the_counts_of_its_slot() {
        let minutes = Slots {
            blue: Minutes::from([(10, minute(100, 1, 0)), (99, minute(7, 7, 7))]),
            green: Minutes::from([(10, minute(5, 2, 1)), (11, minute(4, 0, 0))]),
        };
        let counts = |total, errors| Counts { total, errors };
        let window = |minute, old, new| Window { minute, old, new };
        assert_eq!(
            windows(&minutes, Slot::Green, at(10, 0), at(15, 0)),
            [
                window(10, counts(100, 1), counts(5, 3)),
                window(11, counts(0, 0), counts(4, 0)),
                window(12, counts(0, 0), counts(0, 0)),
            ]
        );
        assert_eq!(
            windows(&minutes, Slot::Blue, at(10, 0), at(13, 0)),
            [window(10, counts(5, 3), counts(100, 1))]
        );
    }

    #[test]
    fn a_request_is_lost_once_however_many_connections_it_tried() {
        assert_eq!(
            Counts::from(minute(3, 1, 6)),
            Counts {
                total: 3,
                errors: 3
            }
        );
        let huge = Counts::from(minute(3, u64::MAX, u64::MAX));
        assert_eq!(huge.errors, 3);
    }

    #[test]
    fn errors_without_requests_wait_for_the_requests() {
        let mut minutes: Slots<Minutes> = Slots::default();
        minutes.green.insert(10, minute(0, 2, 0));
        minutes.blue.insert(11, minute(0, 0, 1));
        let seen =
            |minutes: &Slots<Minutes>| windows(minutes, Slot::Green, at(10, 0), at(15, 0)).len();
        assert_eq!(seen(&minutes), 1);
        minutes.green.insert(10, minute(9, 2, 0));
        assert_eq!(seen(&minutes), 2);
    }
}
