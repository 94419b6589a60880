//! A summary in a few numbers, for people who watch an app.

use super::bucket::Bucket;
use super::summary::Summary;
use serde::{Deserialize, Serialize};

/// What a task did in the seconds of its summary, at most ten minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Requests of users.
    pub requests: u64,
    /// First attempts that failed: the errors that users would have seen without the edge.
    pub first_errors: u64,
    /// Errors that users saw.
    pub user_errors: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Restarts of the app since the edge started.
    pub restarts: u32,
    /// Median latency of first attempts, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile, in milliseconds.
    pub p99_ms: f64,
}

impl Totals {
    /// The totals of a summary.
    pub fn of(summary: &Summary) -> Totals {
        let mut all = Bucket::default();
        for bucket in summary.buckets.values() {
            all.add(bucket);
        }
        let millis = |q: f64| {
            all.first
                .latency
                .quantile(q)
                .map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
        };
        Totals {
            requests: all.users.total,
            first_errors: all.first.errors,
            user_errors: all.users.errors(),
            retries: all.retries,
            restarts: summary.restarts,
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_added_up() {
        let line = r#"{"landfall":"summary","v":1,"task":"t","revision":"r","started_at":0,
            "taken_at":2000,"deadline_ms":30000,"restarts":3,"buckets":{
            "1":{"first":{"total":10,"errors":2},"users":{"total":10},"retries":2},
            "2":{"first":{"total":5,"errors":1},"users":{"total":5,"app":1},"retries":1}}}"#;
        let totals = Totals::of(&Summary::parse(line).expect("a summary"));
        assert_eq!((totals.requests, totals.first_errors), (15, 3));
        assert_eq!(
            (totals.user_errors, totals.retries, totals.restarts),
            (1, 3, 3)
        );
    }
}
