//! The concurrency limit: how many requests the app works on at once, found by watching it.
//!
//! An app that gets more at once than it can work on answers all of them late, and late answers are
//! asked for again. The limit follows the app: it grows while answers come about as fast as they
//! always did, and shrinks when they become slow *while the limit is in use*, or do not come at all.
//! It errs on the generous side, as a request that is turned away for nothing is an error as well:
//! answers have to take three times as long as usual, and 20 ms more, before it shrinks.

use crate::policy::monotonic::Moment;
use rules::edge_contract::histogram::micros;
use std::time::Duration;

/// Where the limit may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitPolicy {
    /// Never fewer than this: any app can hold so many, and the fastest needs no more.
    pub least: u32,
    /// Where it starts.
    pub first: u32,
    /// Never more than this.
    pub most: u32,
}

impl LimitPolicy {
    /// The usual one for an upper bound.
    pub fn up_to(most: u32) -> LimitPolicy {
        LimitPolicy {
            least: most.min(16),
            first: most.min(128),
            most,
        }
    }
}

/// Slower than usual times this counts as slow.
const TOLERANCE: f64 = 3.0;
/// Added to it, in microseconds: three times nothing is nothing.
const SLACK: f64 = 20_000.0;
/// The part of the usual latency that a window of requests replaces.
const MEMORY: f64 = 0.05;
/// The part of the way to its new value that the limit goes at once.
const STEP: f64 = 0.3;
/// A window ends with this many answers, but not before [`WINDOW`] has passed.
const ANSWERS: u32 = 20;
/// Shortest window.
const WINDOW: Duration = Duration::from_millis(100);

/// The limit, with what it has seen.
#[derive(Debug, Clone)]
pub struct Limit {
    policy: LimitPolicy,
    limit: f64,
    in_flight: u32,
    /// Latency of the app when it is well, in microseconds.
    usual: Option<f64>,
    window: Window,
}

/// What happened since the limit was last adjusted.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    since: Moment,
    answers: u32,
    sum: f64,
    lost: u32,
    peak: u32,
}

impl Limit {
    /// A limit that has seen nothing yet.
    pub fn new(policy: LimitPolicy) -> Limit {
        Limit {
            policy,
            limit: f64::from(policy.first),
            in_flight: 0,
            usual: None,
            window: Window::default(),
        }
    }

    /// The limit as it stands.
    pub fn current(&self) -> u32 {
        // At least 1 and at most `most`, so the conversion is exact enough.
        self.limit as u32
    }

    /// Requests that the app works on.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Takes a place, if one is free.
    pub fn enter(&mut self) -> bool {
        let free = self.in_flight < self.current();
        if free {
            self.in_flight += 1;
            self.window.peak = self.window.peak.max(self.in_flight);
        } else {
            self.window.peak = self.window.peak.max(self.in_flight.saturating_add(1));
        }
        free
    }

    /// Gives the place back. `latency` is [`None`] when no answer came in time; a request that says
    /// nothing about the app's speed (its client left) passes `Some` of nothing: use [`Limit::leave`].
    pub fn finish(&mut self, latency: Option<Duration>, now: Moment) {
        self.leave();
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

    /// Gives the place back without a word about the app's speed.
    pub fn leave(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn adjust(&mut self, now: Moment) {
        let window = std::mem::replace(
            &mut self.window,
            Window {
                since: now,
                peak: self.in_flight,
                ..Window::default()
            },
        );
        // A limit that nobody came near has not been tried: its value says nothing.
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
            // The usual latency follows slowly upwards, at once downwards: an overload that lasts must
            // not become what is usual.
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

    /// `seconds` of an app that works on `capacity` requests at once for `service` each, under a
    /// closed loop of `clients`.
    fn run(limit: &mut Limit, clients: u32, capacity: u32, service: Duration, seconds: u64) {
        let mut now = Moment(0);
        let end = Moment(seconds * 1_000_000);
        while now < end {
            let mut entered = 0;
            while entered < clients && limit.enter() {
                entered += 1;
            }
            // Everyone who got in waits for the ones before.
            let latency = service.mul_f64((f64::from(entered) / f64::from(capacity)).max(1.0));
            now = now.plus(latency);
            for _ in 0..entered {
                limit.finish(Some(latency), now);
            }
        }
    }

    #[test]
    fn a_light_load_leaves_it_alone() {
        let mut limit = Limit::new(LimitPolicy::up_to(1024));
        run(&mut limit, 10, 100, Duration::from_millis(10), 60);
        assert_eq!(limit.current(), 128);
    }

    #[test]
    fn an_app_that_can_take_more_gets_more() {
        let mut limit = Limit::new(LimitPolicy::up_to(1024));
        run(&mut limit, 2_000, 5_000, Duration::from_millis(10), 60);
        assert_eq!(limit.current(), 1024);
    }

    #[test]
    fn an_app_that_slows_down_under_load_gets_less() {
        let mut limit = Limit::new(LimitPolicy::up_to(1024));
        run(&mut limit, 10, 10, Duration::from_millis(20), 10);
        run(&mut limit, 2_000, 10, Duration::from_millis(20), 120);
        // Slow is 80 ms here: four times the capacity, and what the square root adds.
        assert!((20..80).contains(&limit.current()), "{}", limit.current());
    }

    #[test]
    fn lost_answers_shrink_it_and_it_comes_back() {
        let mut limit = Limit::new(LimitPolicy::up_to(256));
        let mut now = Moment(0);
        for _ in 0..100 {
            now = now.plus(Duration::from_millis(200));
            let entered = (0..300).filter(|_| limit.enter()).count();
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
        fn it_stays_in_its_bounds(
            most in 1..2_000_u32,
            steps in prop::collection::vec((0..4_u8, 0..10_000_000_u64), 1..400),
        ) {
            let policy = LimitPolicy::up_to(most);
            let mut limit = Limit::new(policy);
            let (mut now, mut inside) = (Moment(0), 0_u32);
            for (step, micros) in steps {
                now = now.plus(Duration::from_micros(micros / 100));
                match step {
                    0 | 1 => {
                        let before = limit.in_flight();
                        let free = limit.enter();
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
