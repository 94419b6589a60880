//! The concurrency limit: how many requests may be at the app at once, derived from its latency.
//!
//! An app with more requests than it can process answers all of them late, and late answers are
//! requested again. The limit grows while answers take about as long as usual, and shrinks when
//! they become slow *while the limit is in use*, or do not arrive at all. A request that is
//! rejected without need is an error too, so the limit shrinks only when answers take more than
//! three times as long as usual plus 20 ms.

use crate::policy::monotonic::Monotonic;
use edge_contract::histogram::micros;
use std::time::Duration;

/// The bounds of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitPolicy {
    /// Never lower than this: any app can queue so many, and the fastest needs no more.
    pub least: u32,
    /// The initial limit.
    pub first: u32,
    /// Never higher than this.
    pub most: u32,
}

impl LimitPolicy {
    /// The default policy for an upper bound.
    pub fn up_to(most: u32) -> LimitPolicy {
        LimitPolicy {
            least: most.min(16),
            first: most.min(128),
            most,
        }
    }
}

/// The factor on the usual latency above which an answer is slow.
const TOLERANCE: f64 = 3.0;
/// Added to the product, in microseconds, so that very fast apps have some tolerance.
const SLACK: f64 = 20_000.0;
/// The weight of a window's latency in the usual latency.
const MEMORY: f64 = 0.05;
/// The part of the distance to its target by which the limit moves.
const STEP: f64 = 0.3;
/// A window ends after this many answers, but not before [`WINDOW`] has passed.
const ANSWERS: u32 = 20;
/// Shortest window.
const WINDOW: Duration = Duration::from_millis(100);

/// The limit, and what it is derived from.
#[derive(Debug, Clone)]
pub struct Limit {
    policy: LimitPolicy,
    limit: f64,
    in_flight: u32,
    /// The app's usual latency in microseconds.
    usual: Option<f64>,
    window: Window,
}

/// What happened since the limit was last adjusted.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    since: Monotonic,
    answers: u32,
    sum: f64,
    lost: u32,
    peak: u32,
}

impl Limit {
    /// The initial limit.
    pub fn new(policy: LimitPolicy) -> Limit {
        Limit {
            policy,
            limit: f64::from(policy.first),
            in_flight: 0,
            usual: None,
            window: Window::default(),
        }
    }

    /// The current limit.
    pub fn current(&self) -> u32 {
        // From 1 to `most`, so the conversion is exact.
        self.limit as u32
    }

    /// Requests at the app.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Counts a request in, unless the limit is reached.
    pub fn acquire(&mut self) -> bool {
        let free = self.in_flight < self.current();
        if free {
            self.in_flight += 1;
            self.window.peak = self.window.peak.max(self.in_flight);
        } else {
            self.window.peak = self.window.peak.max(self.in_flight.saturating_add(1));
        }
        free
    }

    /// Counts a request out. `latency` is [`None`] if no answer arrived in time. For a request that
    /// gives no information about the app's speed, because its client left, use [`Limit::release`].
    pub fn finish(&mut self, latency: Option<Duration>, now: Monotonic) {
        self.release();
        match latency {
            Some(latency) => {
                self.window.answers += 1;
                self.window.sum += micros(latency) as f64;
            }
            None => self.window.lost += 1,
        }
        if self.window.answers + self.window.lost >= ANSWERS
            && now.since(self.window.since) >= WINDOW
        {
            self.adjust(now);
        }
    }

    /// Counts a request out whose latency does not matter.
    pub fn release(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn adjust(&mut self, now: Monotonic) {
        let window = std::mem::replace(
            &mut self.window,
            Window {
                since: now,
                peak: self.in_flight,
                ..Window::default()
            },
        );
        // A limit that was not nearly reached has not been tested.
        let in_use = f64::from(window.peak) >= self.limit / 2.0;
        let mut target = self.limit;
        if window.answers > 0 {
            let mean = window.sum / f64::from(window.answers);
            let usual = self.usual.unwrap_or(mean);
            let slow = usual * TOLERANCE + SLACK;
            if in_use {
                let gradient = (slow / mean.max(1.0)).clamp(0.5, 1.0);
                target = self.limit * gradient + self.limit.sqrt();
            }
            // The usual latency rises slowly and falls quickly: a long overload must not become
            // usual.
            let share = if mean < usual {
                0.5
            } else if mean > slow {
                0.0
            } else {
                MEMORY
            };
            self.usual = Some(usual + (mean - usual) * share);
        }
        if in_use && window.lost * 10 > window.answers {
            target = self.limit * 0.7;
        }
        self.limit = (self.limit + (target - self.limit) * STEP).clamp(
            f64::from(self.policy.least.max(1)),
            f64::from(self.policy.most.max(1)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Simulates `seconds` of an app that processes `capacity` requests at once, each for
    /// `service`, with `clients` that send their next request when they get an answer.
    fn run(limit: &mut Limit, clients: u32, capacity: u32, service: Duration, seconds: u64) {
        let mut now = Monotonic(0);
        let end = Monotonic(seconds * 1_000_000);
        while now < end {
            let mut entered = 0;
            while entered < clients && limit.acquire() {
                entered += 1;
            }
            // The app processes the requests in batches of `capacity`.
            let latency = service.mul_f64((f64::from(entered) / f64::from(capacity)).max(1.0));
            now = now.plus(latency);
            for _ in 0..entered {
                limit.finish(Some(latency), now);
            }
        }
    }

    #[test]
    fn a_light_load_does_not_change_it() {
        let mut limit = Limit::new(LimitPolicy::up_to(1024));
        run(&mut limit, 10, 100, Duration::from_millis(10), 60);
        assert_eq!(limit.current(), 128);
    }

    #[test]
    fn a_fast_app_gets_more() {
        let mut limit = Limit::new(LimitPolicy::up_to(1024));
        run(&mut limit, 2_000, 5_000, Duration::from_millis(10), 60);
        assert_eq!(limit.current(), 1024);
    }

    #[test]
    fn an_app_that_slows_down_under_load_gets_less() {
        let mut limit = Limit::new(LimitPolicy::up_to(1024));
        run(&mut limit, 10, 10, Duration::from_millis(20), 10);
        run(&mut limit, 2_000, 10, Duration::from_millis(20), 120);
        // Slow is 80 ms here: four times the capacity, plus what the square root adds.
        assert!((20..80).contains(&limit.current()), "{}", limit.current());
    }

    #[test]
    fn lost_answers_shrink_it_and_it_recovers() {
        let mut limit = Limit::new(LimitPolicy::up_to(256));
        let mut now = Monotonic(0);
        for _ in 0..100 {
            now = now.plus(Duration::from_millis(200));
            let entered = (0..300).filter(|_| limit.acquire()).count();
            for _ in 0..entered {
                limit.finish(None, now);
            }
        }
        assert_eq!(limit.current(), 16);
        run(&mut limit, 2_000, 5_000, Duration::from_millis(10), 120);
        assert_eq!(limit.current(), 256);
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(
            most in 1..2_000_u32,
            steps in prop::collection::vec((0..4_u8, 0..10_000_000_u64), 1..400),
        ) {
            let policy = LimitPolicy::up_to(most);
            let mut limit = Limit::new(policy);
            let (mut now, mut inside) = (Monotonic(0), 0_u32);
            for (step, micros) in steps {
                now = now.plus(Duration::from_micros(micros / 100));
                match step {
                    0 | 1 => {
                        let before = limit.in_flight();
                        let free = limit.acquire();
                        prop_assert_eq!(free, before < limit.current());
                        inside += u32::from(free);
                    }
                    _ if inside == 0 => {}
                    2 => { limit.finish(Some(Duration::from_micros(micros)), now); inside -= 1; }
                    _ => { limit.finish(None, now); inside -= 1; }
                }
                prop_assert_eq!(limit.in_flight(), inside);
                prop_assert!(limit.current() >= policy.least.max(1) && limit.current() <= most);
            }
        }
    }
}
