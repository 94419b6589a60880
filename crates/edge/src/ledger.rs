//! The book of what happened, by the second in which requests began.

use crate::clock::wall;
use crate::policy::retry::Ended;
use rules::edge_contract::bucket::{Bucket, Outcome};
use rules::edge_contract::histogram::Sketch;
use rules::edge_contract::summary::{Kind, REMEMBERED, Summary, VERSION};
use rules::time::Timestamp;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    User,
    Probe,
}

/// The names under which the book is read.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) task: String,
    pub(crate) revision: String,
    pub(crate) deadline: Option<Duration>,
}

/// The book.
#[derive(Debug)]
pub(crate) struct Ledger {
    names: Names,
    started_at: Timestamp,
    restarts: AtomicU32,
    pages: Mutex<Pages>,
}

/// Seconds that are remembered, oldest first, and all of them in one.
#[derive(Debug, Default)]
struct Pages {
    seconds: VecDeque<Page>,
    total: Totals,
}

#[derive(Debug)]
struct Page {
    second: u64,
    bucket: Bucket,
    /// Changed since the last summary line.
    is_new: bool,
}

/// Since the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    pub(crate) bucket: Bucket,
    /// Time to the end of the answer, as users saw it.
    pub(crate) user_latency: Sketch,
}

impl Ledger {
    pub(crate) fn new(names: Names) -> Ledger {
        Ledger {
            names,
            started_at: wall(),
            restarts: AtomicU32::new(0),
            pages: Mutex::default(),
        }
    }

    /// A request begins. What is written about it later names its second.
    pub(crate) fn begin(&self, whose: Whose) -> u64 {
        let second = wall().0 / 1_000;
        if whose == Whose::User {
            self.lock().write(second, |bucket| {
                bucket.users.total += 1;
                bucket.users.open += 1;
            });
        }
        second
    }

    /// Its first attempt begins.
    pub(crate) fn first_begins(&self, second: u64, whose: Whose) {
        self.lock().write(second, |bucket| {
            let attempts = first(bucket, whose);
            attempts.total += 1;
            attempts.open += 1;
        });
    }

    /// Its first attempt ended; [`None`]: the client left.
    pub(crate) fn first_ends(
        &self,
        second: u64,
        whose: Whose,
        ended: Option<Ended>,
        latency: Duration,
    ) {
        self.lock().write(second, |bucket| {
            let attempts = first(bucket, whose);
            attempts.open = attempts.open.saturating_sub(1);
            match ended {
                None => attempts.gone += 1,
                Some(ended) => {
                    attempts.errors += u64::from(ended.is_error());
                    attempts.latency.record(latency);
                }
            }
        });
    }

    /// The app is asked again.
    pub(crate) fn retried(&self, second: u64) {
        self.lock().write(second, |bucket| bucket.retries += 1);
    }

    /// The budget did not allow it.
    pub(crate) fn denied(&self, second: u64) {
        self.lock().write(second, |bucket| bucket.denied += 1);
    }

    /// The request ended for its user.
    pub(crate) fn ends(&self, second: u64, whose: Whose, outcome: Outcome, latency: Duration) {
        if whose == Whose::User {
            let mut pages = self.lock();
            pages.write(second, |bucket| bucket.users.end(outcome));
            pages.total.user_latency.record(latency);
        }
    }

    /// The app was restarted, that many times in all.
    pub(crate) fn restarted(&self, total: u32) {
        self.restarts.store(total, Ordering::Relaxed);
    }

    pub(crate) fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Everything from `since` on.
    pub(crate) fn summary(&self, since: u64) -> Summary {
        let pages = self.lock();
        let wanted = pages.seconds.iter().filter(|page| page.second >= since);
        self.of(wanted.map(|page| (page.second, page.bucket.clone())))
    }

    /// The seconds in which something changed since this was last asked; [`None`] if in none.
    pub(crate) fn news(&self) -> Option<Summary> {
        let mut pages = self.lock();
        let mut news = Vec::new();
        for page in pages.seconds.iter_mut().filter(|page| page.is_new) {
            page.is_new = false;
            news.push((page.second, page.bucket.clone()));
        }
        (!news.is_empty()).then(|| self.of(news))
    }

    pub(crate) fn totals(&self) -> Totals {
        self.lock().total.clone()
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    fn of(&self, buckets: impl IntoIterator<Item = (u64, Bucket)>) -> Summary {
        let deadline = self
            .names
            .deadline
            .unwrap_or(Duration::from_secs(REMEMBERED));
        Summary {
            landfall: Kind::Summary,
            v: VERSION,
            task: self.names.task.clone(),
            revision: self.names.revision.clone(),
            started_at: self.started_at,
            taken_at: wall(),
            deadline_ms: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
            restarts: self.restarts(),
            buckets: buckets.into_iter().collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// Changes a second, and the total with it. A second that is forgotten counts in the total only.
    fn write(&mut self, second: u64, change: impl Fn(&mut Bucket)) {
        change(&mut self.total.bucket);
        // Nearly always the last page: requests begin now.
        let found = self
            .seconds
            .iter_mut()
            .rev()
            .find(|page| page.second <= second);
        match found {
            Some(page) if page.second == second => {
                page.is_new = true;
                change(&mut page.bucket);
            }
            _ => self.insert(second, &change),
        }
    }

    fn insert(&mut self, second: u64, change: &impl Fn(&mut Bucket)) {
        let newest = self
            .seconds
            .back()
            .map_or(second, |page| page.second.max(second));
        let oldest = newest.saturating_sub(REMEMBERED - 1);
        while self
            .seconds
            .front()
            .is_some_and(|page| page.second < oldest)
        {
            self.seconds.pop_front();
        }
        if second < oldest {
            return;
        }
        let mut page = Page {
            second,
            bucket: Bucket::default(),
            is_new: true,
        };
        change(&mut page.bucket);
        let at = self.seconds.partition_point(|page| page.second < second);
        self.seconds.insert(at, page);
    }
}

fn first(bucket: &mut Bucket, whose: Whose) -> &mut rules::edge_contract::bucket::Attempts {
    match whose {
        Whose::User => &mut bucket.first,
        Whose::Probe => &mut bucket.probes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        Ledger::new(Names {
            task: "t".into(),
            revision: "r".into(),
            deadline: None,
        })
    }

    #[test]
    fn news_are_told_once_and_again_when_they_change() {
        let ledger = ledger();
        assert_eq!(ledger.news(), None);
        let second = ledger.begin(Whose::User);
        ledger.first_begins(second, Whose::User);
        let news = ledger.news().expect("news");
        assert_eq!(news.buckets[&second].first.open, 1);
        assert_eq!(ledger.news(), None);
        ledger.first_ends(
            second,
            Whose::User,
            Some(Ended::Answered(500)),
            Duration::ZERO,
        );
        ledger.ends(second, Whose::User, Outcome::App, Duration::ZERO);
        let news = ledger.news().expect("news");
        let bucket = &news.buckets[&second];
        assert_eq!(
            (bucket.first.total, bucket.first.errors, bucket.first.open),
            (1, 1, 0)
        );
        assert_eq!(bucket.users.errors(), 1);
    }

    #[test]
    fn probes_are_no_users() {
        let ledger = ledger();
        let second = ledger.begin(Whose::Probe);
        ledger.first_begins(second, Whose::Probe);
        ledger.first_ends(second, Whose::Probe, None, Duration::ZERO);
        ledger.ends(second, Whose::Probe, Outcome::Good, Duration::ZERO);
        let summary = ledger.summary(0);
        let bucket = &summary.buckets[&second];
        assert_eq!(
            (bucket.first.total, bucket.users.total, bucket.probes.gone),
            (0, 0, 1)
        );
    }

    #[test]
    fn ten_minutes_are_remembered_and_a_clock_that_jumps_does_no_harm() {
        let mut pages = Pages::default();
        for second in (0..2_000).chain([5, 1_990, 3_000, 2_999, 0]) {
            pages.write(second, |bucket| bucket.retries += 1);
        }
        assert_eq!(pages.total.bucket.retries, 2_005);
        let seconds: Vec<u64> = pages.seconds.iter().map(|page| page.second).collect();
        assert!(seconds.is_sorted());
        assert_eq!(seconds, [2_999, 3_000]);
    }
}
