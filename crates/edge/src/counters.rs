//! Counts of what happened, by the second in which requests began.

use crate::clock::wall_clock;
use crate::policy::retry::AttemptEnd;
use edge_contract::bucket::{Attempts, Bucket, Outcome};
use edge_contract::histogram::Histogram;
use edge_contract::summary::{Kind, REMEMBERED, Summary, VERSION};
use edge_contract::time::Timestamp;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    User,
    Probe,
}

/// The identity of this edge in summaries.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) task: String,
    pub(crate) revision: String,
    pub(crate) deadline: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Counters {
    identity: Identity,
    started_at: Timestamp,
    restarts: AtomicU32,
    /// How many of the next first attempts are cold.
    cold: AtomicU32,
    history: Mutex<History>,
}

/// The last seconds, oldest first, and the sum of all seconds.
#[derive(Debug, Default)]
struct History {
    seconds: VecDeque<Second>,
    total: Totals,
}

#[derive(Debug)]
struct Second {
    /// Since the Unix epoch.
    second: u64,
    bucket: Bucket,
    /// Whether it changed since the last summary line.
    is_changed: bool,
}

/// Sums since the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    pub(crate) bucket: Bucket,
    /// Time to the end of the answer, as users saw it.
    pub(crate) user_latency: Histogram,
}

impl Counters {
    pub(crate) fn new(identity: Identity) -> Counters {
        Counters {
            identity,
            started_at: wall_clock(),
            restarts: AtomicU32::new(0),
            cold: AtomicU32::new(0),
            history: Mutex::default(),
        }
    }

    /// From now on so many first attempts are counted as cold, without their time.
    pub(crate) fn set_cold(&self, attempts: u32) {
        self.cold.store(attempts, Ordering::Relaxed);
    }

    fn take_cold(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.cold
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }

    /// Counts a request that begins. Returns its second, which the other methods take.
    pub(crate) fn request_started(&self, source: Source) -> u64 {
        let second = wall_clock().0 / 1_000;
        if source == Source::User {
            self.lock().update(second, |bucket| {
                bucket.users.total += 1;
                bucket.users.open += 1;
            });
        }
        second
    }

    pub(crate) fn first_attempt_started(&self, second: u64, source: Source) {
        self.lock().update(second, |bucket| {
            let attempts = first_attempts(bucket, source);
            attempts.total += 1;
            attempts.open += 1;
        });
    }

    /// Counts the end of a first attempt; [`None`]: the client left.
    pub(crate) fn first_attempt_ended(
        &self,
        second: u64,
        source: Source,
        end: Option<AttemptEnd>,
        latency: Duration,
    ) {
        let is_cold = end.is_some() && self.take_cold();
        self.lock().update(second, |bucket| {
            let attempts = first_attempts(bucket, source);
            attempts.open = attempts.open.saturating_sub(1);
            match end {
                None => attempts.gone += 1,
                Some(end) => {
                    attempts.errors += u64::from(end.is_error());
                    match is_cold {
                        true => attempts.cold += 1,
                        false => attempts.latency.record(latency),
                    }
                }
            }
        });
    }

    pub(crate) fn retried(&self, second: u64) {
        self.lock().update(second, |bucket| bucket.retries += 1);
    }

    /// Counts a retry that the budget did not allow.
    pub(crate) fn retry_denied(&self, second: u64) {
        self.lock().update(second, |bucket| bucket.denied += 1);
    }

    pub(crate) fn request_ended(
        &self,
        second: u64,
        source: Source,
        outcome: Outcome,
        latency: Duration,
    ) {
        if source == Source::User {
            let mut history = self.lock();
            history.update(second, |bucket| bucket.users.end(outcome));
            history.total.user_latency.record(latency);
        }
    }

    /// Sets the number of restarts of the app since the edge started.
    pub(crate) fn set_restarts(&self, total: u32) {
        self.restarts.store(total, Ordering::Relaxed);
    }

    pub(crate) fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// The summary from second `since` on.
    pub(crate) fn summary(&self, since: u64) -> Summary {
        let history = self.lock();
        let wanted = history.seconds.iter().filter(|one| one.second >= since);
        self.summary_of(wanted.map(|one| (one.second, one.bucket.clone())))
    }

    /// The seconds that changed since the last call; [`None`] if none did.
    pub(crate) fn changes(&self) -> Option<Summary> {
        let mut history = self.lock();
        let mut changes = Vec::new();
        for one in history.seconds.iter_mut().filter(|one| one.is_changed) {
            one.is_changed = false;
            changes.push((one.second, one.bucket.clone()));
        }
        (!changes.is_empty()).then(|| self.summary_of(changes))
    }

    pub(crate) fn totals(&self) -> Totals {
        self.lock().total.clone()
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    fn summary_of(&self, buckets: impl IntoIterator<Item = (u64, Bucket)>) -> Summary {
        let deadline = self
            .identity
            .deadline
            .unwrap_or(Duration::from_secs(REMEMBERED));
        Summary {
            landfall: Kind::Summary,
            v: VERSION,
            task: self.identity.task.clone(),
            revision: self.identity.revision.clone(),
            started_at: self.started_at,
            taken_at: wall_clock(),
            deadline_ms: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
            restarts: self.restarts(),
            buckets: buckets.into_iter().collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl History {
    /// Changes a second, and the total. A second that is no longer kept changes the total only.
    fn update(&mut self, second: u64, change: impl Fn(&mut Bucket)) {
        change(&mut self.total.bucket);
        // Nearly always the last one: most changes are about requests that began just now.
        let found = self
            .seconds
            .iter_mut()
            .rev()
            .find(|one| one.second <= second);
        match found {
            Some(one) if one.second == second => {
                one.is_changed = true;
                change(&mut one.bucket);
            }
            _ => self.insert(second, &change),
        }
    }

    fn insert(&mut self, second: u64, change: &impl Fn(&mut Bucket)) {
        let newest = self
            .seconds
            .back()
            .map_or(second, |one| one.second.max(second));
        let oldest = newest.saturating_sub(REMEMBERED - 1);
        while self.seconds.front().is_some_and(|one| one.second < oldest) {
            self.seconds.pop_front();
        }
        if second < oldest {
            return;
        }
        let mut one = Second {
            second,
            bucket: Bucket::default(),
            is_changed: true,
        };
        change(&mut one.bucket);
        let at = self.seconds.partition_point(|one| one.second < second);
        self.seconds.insert(at, one);
    }
}

fn first_attempts(bucket: &mut Bucket, source: Source) -> &mut Attempts {
    match source {
        Source::User => &mut bucket.first,
        Source::Probe => &mut bucket.probes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters() -> Counters {
        Counters::new(Identity {
            task: "t".into(),
            revision: "r".into(),
            deadline: None,
        })
    }

    #[test]
    fn changes_are_reported_once_and_again_when_they_change() {
        let counters = counters();
        assert_eq!(counters.changes(), None);
        let second = counters.request_started(Source::User);
        counters.first_attempt_started(second, Source::User);
        let changes = counters.changes().expect("changes");
        assert_eq!(changes.buckets[&second].first.open, 1);
        assert_eq!(counters.changes(), None);
        counters.first_attempt_ended(
            second,
            Source::User,
            Some(AttemptEnd::Answered(500)),
            Duration::ZERO,
        );
        counters.request_ended(second, Source::User, Outcome::App, Duration::ZERO);
        let changes = counters.changes().expect("changes");
        let bucket = &changes.buckets[&second];
        assert_eq!(
            (bucket.first.total, bucket.first.errors, bucket.first.open),
            (1, 1, 0)
        );
        assert_eq!(bucket.users.errors(), 1);
    }

    #[test]
    fn probes_are_not_counted_as_users() {
        let counters = counters();
        let second = counters.request_started(Source::Probe);
        counters.first_attempt_started(second, Source::Probe);
        counters.first_attempt_ended(second, Source::Probe, None, Duration::ZERO);
        counters.request_ended(second, Source::Probe, Outcome::Good, Duration::ZERO);
        let summary = counters.summary(0);
        let bucket = &summary.buckets[&second];
        assert_eq!(
            (bucket.first.total, bucket.users.total, bucket.probes.gone),
            (0, 0, 1)
        );
    }

    #[test]
    fn ten_minutes_are_kept_even_if_the_clock_jumps() {
        let mut history = History::default();
        for second in (0..2_000).chain([5, 1_990, 3_000, 2_999, 0]) {
            history.update(second, |bucket| bucket.retries += 1);
        }
        assert_eq!(history.total.bucket.retries, 2_005);
        let seconds: Vec<u64> = history.seconds.iter().map(|one| one.second).collect();
        assert!(seconds.is_sorted());
        assert_eq!(seconds, [2_999, 3_000]);
    }
}
