//! How two versions are compared where no edge tells about requests: by what the load balancer counted
//! at the target group of each slot, one window a minute.
//!
//! What it counts, and when it reports nothing:
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>.
//! Not in these counts, as the load balancer tells of them for itself only and not for a target group:
//! requests that a target took and did not answer in time (504).

use crate::app::names::{Slot, Slots};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Length of a window, ms: the load balancer "measures and sends its metrics in 60-second intervals".
pub const MINUTE_MS: u64 = 60_000;

/// How long after its end the counts of a minute are believed. It takes up to two minutes until
/// statistics of a metric can be had that did not exist before, and the ones of a new version's first
/// requests are such: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/publishingMetrics.html>.
pub const SETTLES: Duration = Duration::from_secs(120);

/// What the load balancer counted at one target group in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minute {
    /// Requests that a target was chosen for (`RequestCount`).
    pub requests: u64,
    /// Answers of a target with a 5xx (`HTTPCode_Target_5XX_Count`).
    pub errors: u64,
    /// Connections to a target that could not be made (`TargetConnectionErrorCount`).
    pub unconnected: u64,
}

/// Minutes of one target group, by number since the Unix epoch. One that is missing had no request.
pub type Minutes = BTreeMap<u64, Minute>;

/// Requests of one version in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All.
    pub total: u64,
    /// Those that ended with a 5xx of the app or found no connection; never more than all.
    pub errors: u64,
}

impl From<Minute> for Counts {
    fn from(minute: Minute) -> Counts {
        let errors = minute.errors.saturating_add(minute.unconnected);
        Counts {
            total: minute.requests,
            // One request may try several targets.
            errors: errors.min(minute.requests),
        }
    }
}

/// One minute of both versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Which, counted since the Unix epoch.
    pub minute: u64,
    /// The version that served before.
    pub old: Counts,
    /// The one that is to.
    pub new: Counts,
}

/// The minutes that can be compared at `now`, oldest first, those without requests included: each
/// lies wholly after `since` and has settled ([`SETTLES`]). `new` is the slot of the new version.
///
/// A minute in which errors were counted and no request is one whose counts have not all arrived; it
/// is left out until they have. Ask anew with everything that was read since `since`, not with the
/// news alone: counts that came late are then right as well.
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
