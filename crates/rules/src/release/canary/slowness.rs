//! Which requests are slow, by the old version's latencies before the window.
//!
//! A request of the old version is slow if it takes longer than τ, a quantile of the old version's last
//! requests before the window; one of the new version, if it takes longer than 1.25·τ + 5 ms. A smaller
//! difference is not noticed by users, but would be noticed by a test. A request without an answer is slower
//! than any other.
//!
//! **Rounding.** Latencies come in the buckets of a [`Histogram`], 1/16 of their value wide. τ is the
//! end of the bucket that the quantile falls into, so the old version's slow requests are counted
//! exactly. The new version's limit may fall into a bucket: requests of that bucket aren't counted
//! as slow by the bet that the new version is worse, and are by the bet that it isn't.

use super::counts::{Arm, Tally, Window};
use edge_contract::histogram::Histogram;
use std::collections::VecDeque;
use std::time::Duration;

/// Added to 1.25·τ: less is noise, however fast the app.
const FORGIVEN: Duration = Duration::from_millis(5);

/// The old version's latencies of its last requests, by windows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Latencies {
    /// How many requests are enough.
    cap: u64,
    /// Requests and latencies, oldest first.
    chunks: VecDeque<(u64, Histogram)>,
    requests: u64,
    sum: Histogram,
}

/// The limit from which on a request is slow in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Requests that take longer.
    Longer {
        /// For the old version.
        old: Duration,
        /// For the new one.
        new: Duration,
    },
    /// Requests without an answer: so many of the old version's had none that the quantile is one of them.
    Unanswered,
}

impl Latencies {
    pub(crate) fn new(cap: u64) -> Latencies {
        Latencies {
            cap,
            chunks: VecDeque::new(),
            requests: 0,
            sum: Histogram::default(),
        }
    }

    /// Takes in requests of the old version, and leaves out the oldest window if there are enough
    /// without it.
    pub(crate) fn push(&mut self, requests: u64, sketch: &Histogram) {
        if requests == 0 {
            return;
        }
        self.requests = self.requests.saturating_add(requests);
        self.sum.merge(sketch);
        self.chunks.push_back((requests, sketch.clone()));
        while let Some((oldest, sketch)) = self.chunks.front() {
            let rest = self.requests.saturating_sub(*oldest);
            if rest < self.cap {
                break;
            }
            self.requests = rest;
            self.sum.forget(sketch);
            self.chunks.pop_front();
        }
    }

    /// The limit in the next window, at a quantile; [`None`] before the first request.
    pub(crate) fn limit(&self, quantile: f64) -> Option<Limit> {
        if self.requests == 0 {
            return None;
        }
        let rank = ((quantile * self.requests as f64).ceil() as u64).max(1);
        let Some(old) = self.sum.longest_of_rank(rank) else {
            return Some(Limit::Unanswered);
        };
        let quarter = Duration::from_micros(edge_contract::histogram::micros(old).div_ceil(4));
        let new = old.saturating_add(quarter).saturating_add(FORGIVEN);
        Some(Limit::Longer { old, new })
    }

    /// How many of the past requests were slow, by a limit that was drawn from them.
    pub(crate) fn tally(&self, limit: Limit) -> Tally {
        old(self.requests, &self.sum, limit)
    }
}

/// A window's slow requests: those of the new version that certainly were, and that may have been.
/// [`None`] if latency was not measured.
pub(crate) fn slow(old_arm: &Arm, new_arm: &Arm, limit: Limit) -> Option<(Window, Window)> {
    let (old_latency, new_latency) = (old_arm.latency.as_ref()?, new_arm.latency.as_ref()?);
    let (surely, perhaps) = match limit {
        Limit::Unanswered => (0, 0),
        Limit::Longer { new, .. } => (
            new_latency.slower_than(new),
            new_latency.perhaps_slower_than(new),
        ),
    };
    let window = |slower| Window {
        old: old(old_arm.timed(), old_latency, limit),
        new: with_unanswered(new_arm.timed(), new_latency, slower),
    };
    Some((window(surely), window(perhaps)))
}

fn old(requests: u64, latency: &Histogram, limit: Limit) -> Tally {
    let slower = match limit {
        Limit::Unanswered => 0,
        Limit::Longer { old, .. } => latency.slower_than(old),
    };
    with_unanswered(requests, latency, slower)
}

fn with_unanswered(requests: u64, latency: &Histogram, slower: u64) -> Tally {
    let unanswered = requests.saturating_sub(latency.count());
    Tally::new(requests, unanswered.saturating_add(slower))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(millis: impl IntoIterator<Item = u64>) -> Histogram {
        let mut sketch = Histogram::default();
        for millis in millis {
            sketch.record(Duration::from_millis(millis));
        }
        sketch
    }

    fn arm(total: u64, latency: Histogram) -> Arm {
        Arm {
            total,
            latency: Some(latency),
            ..Arm::default()
        }
    }

    #[test]
    fn the_limit_comes_from_past_windows_and_is_exact_for_the_old_version() {
        let mut past = Latencies::new(2_000);
        assert_eq!(past.limit(0.5), None);
        past.push(1_000, &sketch(1..=1_000));
        let limit = past.limit(0.9).expect("a limit");
        let Limit::Longer { old, new } = limit else {
            panic!("answers came");
        };
        assert!(old >= Duration::from_millis(900) && old.as_secs_f64() < 0.9 * 17.0 / 16.0);
        assert_eq!(
            new.as_micros(),
            old.as_micros() + old.as_micros().div_ceil(4) + 5_000
        );
        assert_eq!(
            past.tally(limit).bad(),
            1_000 - u64::try_from(old.as_millis()).expect("fits")
        );
    }

    #[test]
    fn only_the_last_requests_count() {
        let mut past = Latencies::new(100);
        past.push(5_000, &sketch(std::iter::repeat_n(10, 5_000)));
        for _ in 0..10 {
            past.push(10, &sketch(std::iter::repeat_n(1_000, 10)));
        }
        assert_eq!(past.requests, 100);
        assert_eq!(past.sum.count(), 100);
        assert_eq!(past.chunks.len(), 10);
        let Some(Limit::Longer { old, .. }) = past.limit(0.01) else {
            panic!("answers came");
        };
        assert!(old >= Duration::from_secs(1));
    }

    #[test]
    fn a_request_without_answer_is_slow() {
        let mut past = Latencies::new(100);
        past.push(100, &sketch(std::iter::repeat_n(10, 60)));
        assert_eq!(past.limit(0.9), Some(Limit::Unanswered));
        let limit = past.limit(0.5).expect("a limit");
        let (surely, perhaps) = slow(
            &arm(10, sketch([10, 10, 10])),
            &arm(5, sketch([10, 100])),
            limit,
        )
        .expect("measured");
        assert_eq!(surely, Window::new(10, 7, 5, 4));
        assert_eq!(surely, perhaps);
        let (unanswered, _) = slow(
            &arm(10, sketch([10])),
            &arm(5, sketch([10, 100])),
            Limit::Unanswered,
        )
        .expect("measured");
        assert_eq!(unanswered, Window::new(10, 9, 5, 3));
    }

    #[test]
    fn the_first_requests_of_an_instance_are_not_compared() {
        let mut past = Latencies::new(100);
        past.push(100, &sketch(std::iter::repeat_n(10, 100)));
        let limit = past.limit(0.9).expect("a limit");
        let cold = Arm {
            cold: 4,
            ..arm(10, sketch([10, 10, 10, 10, 10, 100]))
        };
        let (surely, _) = slow(&arm(10, sketch([10; 10])), &cold, limit).expect("measured");
        assert_eq!(surely, Window::new(10, 0, 6, 1));
    }

    #[test]
    fn in_the_bucket_of_the_limit_requests_count_for_the_null_hypothesis() {
        let mut past = Latencies::new(100);
        past.push(100, &sketch(std::iter::repeat_n(100, 100)));
        let limit = past.limit(0.5).expect("a limit");
        let Limit::Longer { new, .. } = limit else {
            panic!("answers came");
        };
        let mut latency = Histogram::default();
        latency.record(new + Duration::from_micros(1));
        let (surely, perhaps) =
            slow(&arm(1, sketch([100])), &arm(1, latency), limit).expect("measured");
        assert_eq!((surely.new.bad(), perhaps.new.bad()), (0, 1));
    }

    #[test]
    fn without_measurement_nothing_is_slow_or_fast() {
        let none = Arm {
            total: 3,
            errors: 3,
            ..Arm::default()
        };
        let some = arm(1, Histogram::default());
        assert_eq!(slow(&none, &some, Limit::Unanswered), None);
        assert_eq!(slow(&some, &none, Limit::Unanswered), None);
    }
}
