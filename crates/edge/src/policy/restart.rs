//! What happens after the app has exited: a restart at once, a restart later, or none.

use crate::policy::monotonic::Monotonic;
use std::time::Duration;

/// How often the app is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Restarts in a row before the edge gives up.
    pub restarts: u32,
    /// The same for an app that has never answered: a broken image should fail soon.
    pub never_ready: u32,
    /// An app that answered and ran for this long resets the count.
    pub settled: Duration,
}

impl RestartPolicy {
    /// The default policy for a number of restarts in a row.
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
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// The exit code that a shell would report, and with which the edge exits in the app's place.
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

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Start the app again after this long.
    Start(Duration),
    /// Shut down with the app's exit code.
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
    /// No restarts yet.
    pub fn new(policy: RestartPolicy) -> Restarts {
        Restarts {
            policy,
            in_a_row: 0,
            total: 0,
            was_ready: false,
        }
    }

    /// Their number.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// The app ended at `now`. It had run since `started` and first answered at `ready`, if at all.
    pub fn ended(&mut self, started: Monotonic, ready: Option<Monotonic>, now: Monotonic) -> Step {
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

/// The first two restarts come at once, as users wait for them; then 100 ms, doubled up to 5 s.
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
    fn later_restarts_are_delayed() {
        let delays: Vec<u128> = (0..10).map(|n| delay(n).as_millis()).collect();
        assert_eq!(
            delays,
            [0, 0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]
        );
    }

    #[test]
    fn an_app_that_never_answers_is_given_up_soon() {
        let mut restarts = Restarts::new(RestartPolicy::up_to(10));
        assert!(matches!(
            restarts.ended(Monotonic(0), None, Monotonic(9)),
            Step::Start(_)
        ));
        assert!(matches!(
            restarts.ended(Monotonic(0), None, Monotonic(9)),
            Step::Start(_)
        ));
        assert_eq!(
            restarts.ended(Monotonic(0), None, Monotonic(9)),
            Step::GiveUp
        );
        assert_eq!(restarts.total(), 2);
    }

    #[test]
    fn an_app_that_crashes_occasionally_is_always_restarted() {
        let mut restarts = Restarts::new(RestartPolicy::up_to(3));
        let mut now = Monotonic(0);
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
        /// An app that exits quickly gets exactly the allowed number of restarts, whatever it did
        /// before.
        #[test]
        fn an_app_that_keeps_crashing_is_given_up(restarts in 0..20_u32, runs in prop::collection::vec(any::<bool>(), 100)) {
            let mut state = Restarts::new(RestartPolicy::up_to(restarts));
            let given_up = runs.into_iter().any(|ready| {
                state.ended(Monotonic(0), ready.then_some(Monotonic(1)), Monotonic(2)) == Step::GiveUp
            });
            prop_assert!(given_up);
            prop_assert!(state.total() <= restarts.max(2));
        }
    }
}
