//! What happens after the app has ended by itself: again, a little later, or not at all.

use crate::policy::monotonic::Moment;
use std::time::Duration;

/// How patient the edge is with an app that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Restarts in a row after which it gives up.
    pub restarts: u32,
    /// Restarts in a row of an app that has never answered. A broken image should fail soon.
    pub never_ready: u32,
    /// An app that answered and ran this long starts the count anew.
    pub settled: Duration,
}

impl RestartPolicy {
    /// The usual one for a number of restarts in a row.
    pub fn up_to(restarts: u32) -> RestartPolicy {
        RestartPolicy {
            restarts,
            never_ready: restarts.min(2),
            settled: Duration::from_secs(5),
        }
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// The code that a shell would report, and that the edge ends with in the app's place.
    pub fn code(self) -> u8 {
        match self {
            Exit::Code(code) => u8::try_from(code & 0xff).unwrap_or(u8::MAX),
            Exit::Signal(signal) => u8::try_from((128 + signal) & 0xff).unwrap_or(u8::MAX),
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit code {code}"),
            Exit::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Start it again after this long.
    Start(Duration),
    /// End, with the app's exit code.
    GiveUp,
}

/// The restarts so far.
#[derive(Debug, Clone)]
pub struct Restarts {
    policy: RestartPolicy,
    in_a_row: u32,
    total: u32,
    was_ready: bool,
}

impl Restarts {
    /// None yet.
    pub fn new(policy: RestartPolicy) -> Restarts {
        Restarts {
            policy,
            in_a_row: 0,
            total: 0,
            was_ready: false,
        }
    }

    /// How many there were.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// The app ended at `now`. It ran from `started` and first answered at `ready`, if ever.
    pub fn ended(&mut self, started: Moment, ready: Option<Moment>, now: Moment) -> Step {
        self.was_ready |= ready.is_some();
        if ready.is_some() && now.since(started) >= self.policy.settled {
            self.in_a_row = 0;
        }
        let most = if self.was_ready {
            self.policy.restarts
        } else {
            self.policy.never_ready
        };
        if self.in_a_row >= most {
            return Step::GiveUp;
        }
        let wait = delay(self.in_a_row);
        self.in_a_row += 1;
        self.total = self.total.saturating_add(1);
        Step::Start(wait)
    }
}

/// Twice at once, as users wait for it; then 100 ms and doubled, up to 5 s.
fn delay(in_a_row: u32) -> Duration {
    match in_a_row.checked_sub(2) {
        None => Duration::ZERO,
        Some(later) => Duration::from_millis(100 << later.min(6)).min(Duration::from_secs(5)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_restarts_come_at_once_and_the_later_ones_wait() {
        let delays: Vec<u128> = (0..10).map(|n| delay(n).as_millis()).collect();
        assert_eq!(
            delays,
            [0, 0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]
        );
    }

    #[test]
    fn an_app_that_never_answers_fails_soon() {
        let mut restarts = Restarts::new(RestartPolicy::up_to(10));
        assert!(matches!(
            restarts.ended(Moment(0), None, Moment(9)),
            Step::Start(_)
        ));
        assert!(matches!(
            restarts.ended(Moment(0), None, Moment(9)),
            Step::Start(_)
        ));
        assert_eq!(restarts.ended(Moment(0), None, Moment(9)), Step::GiveUp);
        assert_eq!(restarts.total(), 2);
    }

    #[test]
    fn an_app_that_dies_now_and_then_is_restarted_for_ever() {
        let mut restarts = Restarts::new(RestartPolicy::up_to(3));
        let mut now = Moment(0);
        for _ in 0..1_000 {
            let started = now;
            now = now.plus(Duration::from_secs(6));
            assert_eq!(
                restarts.ended(started, Some(started), now),
                Step::Start(Duration::ZERO)
            );
        }
    }

    #[test]
    fn exit_codes_are_those_of_a_shell() {
        assert_eq!(Exit::Code(3).code(), 3);
        assert_eq!(Exit::Signal(9).code(), 137);
        assert_eq!(Exit::Code(-1).code(), 255);
    }

    proptest! {
        /// An app that dies quickly gets exactly the allowed number of restarts, whatever it did before.
        #[test]
        fn it_gives_up_in_the_end(restarts in 0..20_u32, runs in prop::collection::vec(any::<bool>(), 100)) {
            let mut state = Restarts::new(RestartPolicy::up_to(restarts));
            let given_up = runs.into_iter().any(|ready| {
                state.ended(Moment(0), ready.then_some(Moment(1)), Moment(2)) == Step::GiveUp
            });
            prop_assert!(given_up);
            prop_assert!(state.total() <= restarts.max(2));
        }
    }
}
