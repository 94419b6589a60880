//! Whether an app has so few users that two versions of it cannot be compared.
//!
//! It is decided before a release, from what the platform counted. A missing line of the log does not mean
//! that there was no request: lines arrive minutes late.

use crate::release::ledger::Record;
use crate::time::Timestamp;
use std::time::Duration;

/// The time before a release in which requests are counted.
pub const PERIOD: Duration = Duration::from_secs(3600);
/// Three a minute. With fewer requests in [`PERIOD`], a candidate with half of the users would often get fewer
/// than [`super::FEW`] in the ten minutes of a comparison.
pub const BELOW: u64 = 180;

/// Whether the users of an app are too few for a comparison. `counted` is what the platform counted in the
/// last [`PERIOD`], [`None`] if it could not be read: then the versions are compared.
/// `own` of these requests were landfall's ([`own_requests`]).
pub fn is_idle(counted: Option<u64>, own: u64) -> bool {
    counted.is_some_and(|counted| counted.saturating_sub(own) < BELOW)
}

/// Landfall's own requests to the public address in the [`PERIOD`] before `now`: those of releases that
/// ended in it.
pub fn own_requests<'r>(records: impl IntoIterator<Item = &'r Record>, now: Timestamp) -> u64 {
    let pings = |record: &Record| record.pings.map_or(0, |pings| pings.requests);
    let recent = records.into_iter().filter(|record| is_recent(record, now));
    recent.map(pings).sum()
}

/// Whether a release ended in the [`PERIOD`] before `now`.
pub fn is_recent(record: &Record, now: Timestamp) -> bool {
    let ended_at = record.ended_at.unwrap_or(record.begun.started);
    now.since(ended_at) < PERIOD
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::ledger::AvailabilityCounts;
    use crate::release::samples::record;

    #[test]
    fn few_requests_of_users_are_idle_and_an_unknown_number_is_not() {
        assert!(is_idle(Some(0), 0));
        assert!(is_idle(Some(BELOW - 1), 0));
        assert!(!is_idle(Some(BELOW), 0));
        assert!(is_idle(Some(BELOW + 500), 501), "landfall's own requests");
        assert!(is_idle(Some(3), 500), "they are counted late");
        assert!(!is_idle(None, 0));
    }

    #[test]
    fn requests_of_releases_of_the_last_hour_are_landfalls() {
        let of = |ended_at: u64, requests: u64| {
            let mut record = record(1, "new");
            record.ended_at = Some(Timestamp(ended_at));
            record.pings = Some(AvailabilityCounts {
                requests,
                ..AvailabilityCounts::default()
            });
            record
        };
        let records = [of(1_000_000, 7), of(5_000_000, 20), of(5_500_000, 3)];
        assert_eq!(own_requests(&records, Timestamp(5_600_000)), 23);
        assert_eq!(own_requests(&records, Timestamp(9_000_000)), 3);
        assert_eq!(own_requests([], Timestamp(9_000_000)), 0);
    }
}
