//! The circuit breaker: requests fail fast while the app is down.
//!
//! Only requests without *any answer* count as failures. An app that answers 500 to everything is
//! up, and users get its answers; the retry budget limits its load.
//!
//! ```text
//!            enough failures in a row, over enough time
//!  Closed ────────────────────────────────────────────► Open(until)
//!    ▲                                                     │ after `until`, one request may pass
//!    │ answer                                              ▼
//!    └─────────────────────────────────────────────── Probing
//!                         no answer: Open, twice as long ──┘
//! ```

use crate::policy::monotonic::Monotonic;
use std::time::Duration;

/// When the circuit opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitPolicy {
    /// Requests in a row without an answer that open it.
    pub failures: u32,
    /// They must be spread over this much time, as one crash interrupts many requests at once.
    pub over: Duration,
    /// How long it stays open the first time.
    pub first: Duration,
    /// Each failed probe doubles that time, up to this.
    pub longest: Duration,
}

impl Default for CircuitPolicy {
    fn default() -> CircuitPolicy {
        CircuitPolicy {
            failures: 5,
            over: Duration::from_secs(1),
            first: Duration::from_millis(250),
            longest: Duration::from_secs(5),
        }
    }
}

/// What may happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It proceeds.
    Pass,
    /// It proceeds, and its result decides whether the circuit closes.
    Probe,
    /// It fails at once; a retry makes sense after this long.
    FailFast(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
        since: Monotonic,
    },
    Open {
        until: Monotonic,
        lasted: Duration,
    },
    /// A probe may never report, so the next one may pass at `until`.
    Probing {
        until: Monotonic,
        lasted: Duration,
    },
}

/// The circuit breaker.
#[derive(Debug, Clone)]
pub struct Circuit {
    policy: CircuitPolicy,
    state: State,
}

impl Circuit {
    /// A closed circuit.
    pub fn new(policy: CircuitPolicy) -> Circuit {
        Circuit {
            policy,
            state: State::Closed {
                failures: 0,
                since: Monotonic(0),
            },
        }
    }

    /// Whether requests fail fast now.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    /// Decides about a new request.
    pub fn admit(&mut self, now: Monotonic) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Pass,
            State::Open { until, .. } | State::Probing { until, .. } if now < until => {
                Admission::FailFast(until.since(now))
            }
            State::Open { lasted, .. } | State::Probing { lasted, .. } => {
                self.state = State::Probing {
                    until: now.plus(lasted),
                    lasted,
                };
                Admission::Probe
            }
        }
    }

    /// The app answered, with whatever status, to a request or to a probe of the edge.
    pub fn answered(&mut self) {
        if !matches!(self.state, State::Closed { failures: 0, .. }) {
            self.state = State::Closed {
                failures: 0,
                since: Monotonic(0),
            };
        }
    }

    /// A request ended without an answer of the app.
    pub fn unanswered(&mut self, now: Monotonic) {
        self.state = match self.state {
            State::Closed { failures: 0, .. } => State::Closed {
                failures: 1,
                since: now,
            },
            State::Closed { failures, since } => {
                let failures = failures.saturating_add(1);
                if failures >= self.policy.failures && now.since(since) >= self.policy.over {
                    State::Open {
                        until: now.plus(self.policy.first),
                        lasted: self.policy.first,
                    }
                } else {
                    State::Closed { failures, since }
                }
            }
            State::Probing { lasted, .. } => {
                let lasted = lasted.saturating_mul(2).min(self.policy.longest);
                State::Open {
                    until: now.plus(lasted),
                    lasted,
                }
            }
            // Of requests from before it opened.
            open @ State::Open { .. } => open,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> Monotonic {
        Monotonic(millis * 1_000)
    }

    fn dead_since_second_two() -> Circuit {
        let mut circuit = Circuit::new(CircuitPolicy::default());
        for millis in [1_000, 1_200, 1_400, 1_600, 2_000] {
            circuit.unanswered(at(millis));
        }
        circuit
    }

    #[test]
    fn a_crash_that_interrupts_many_requests_does_not_open_it() {
        let mut circuit = Circuit::new(CircuitPolicy::default());
        for _ in 0..100 {
            circuit.unanswered(at(1_000));
        }
        assert_eq!(circuit.admit(at(1_001)), Admission::Pass);
    }

    #[test]
    fn while_open_one_request_at_a_time_probes() {
        let mut circuit = dead_since_second_two();
        assert_eq!(
            circuit.admit(at(2_100)),
            Admission::FailFast(Duration::from_millis(150))
        );
        assert_eq!(circuit.admit(at(2_250)), Admission::Probe);
        assert!(matches!(circuit.admit(at(2_251)), Admission::FailFast(_)));
        circuit.unanswered(at(2_260));
        assert_eq!(
            circuit.admit(at(2_261)),
            Admission::FailFast(Duration::from_millis(499))
        );
        assert_eq!(circuit.admit(at(2_760)), Admission::Probe);
        circuit.answered();
        assert_eq!(circuit.admit(at(2_761)), Admission::Pass);
    }

    proptest! {
        /// It neither opens without failures nor stays open longer than the longest time.
        #[test]
        fn it_opens_only_after_failures_and_not_for_ever(
            steps in prop::collection::vec((0..3_u8, 0..3_000_u64), 1..300),
        ) {
            let policy = CircuitPolicy::default();
            let mut circuit = Circuit::new(policy);
            let (mut now, mut in_a_row) = (0, 0_u32);
            for (step, later) in steps {
                now += later;
                match step {
                    0 => {
                        circuit.answered();
                        in_a_row = 0;
                        prop_assert!(!circuit.is_open());
                    }
                    1 => {
                        circuit.unanswered(at(now));
                        in_a_row += 1;
                    }
                    _ => {
                        if let Admission::FailFast(wait) = circuit.admit(at(now)) {
                            prop_assert!(wait <= policy.longest);
                        }
                    }
                }
                if circuit.is_open() {
                    prop_assert!(in_a_row >= policy.failures);
                }
            }
            // In whatever state it is: after the longest time a request may pass.
            let later = at(now).plus(policy.longest);
            prop_assert!(!matches!(circuit.admit(later), Admission::FailFast(_)));
        }
    }
}
