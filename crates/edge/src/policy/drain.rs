//! The clean shutdown of a task: the phases between SIGTERM and the exit.
//!
//! ```text
//! Serving ──SIGTERM──► Lead ──► Closing ──► Draining ──► StoppingApp ──► Done
//!                      health    no new      requests    SIGTERM, then
//!                      is 503;   connec-     in flight   SIGKILL for
//!                      all else  tions       end         the app
//!                      as usual
//! ```
//!
//! During the lead time the load balancer finds out that the task is leaving; until then it sends
//! users here, and each answer asks its client to close the connection. Then the listener closes.
//! The app gets its SIGTERM only after the last request, because many apps exit on it at once.

use crate::policy::monotonic::Monotonic;
use std::time::Duration;

/// How long the phases may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainPolicy {
    /// From SIGTERM until no new connection is accepted.
    pub lead: Duration,
    /// Then, for connections that are being established: [`CLOSING_TIME`], zero without a listener.
    pub closing: Duration,
    /// Then, for requests in flight, streams and WebSockets.
    pub in_flight: Duration,
    /// From the app's SIGTERM to its SIGKILL.
    pub stop: Duration,
}

/// How long connections that are being established get before the listener closes.
pub const CLOSING_TIME: Duration = Duration::from_millis(200);

/// The phase that the task is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Normal operation.
    Serving,
    /// SIGTERM arrived; the health endpoint reports it.
    Lead {
        /// When new connections are no longer accepted.
        until: Monotonic,
    },
    /// New connections are ignored; those whose handshake has begun are accepted.
    Closing {
        /// When the listener closes.
        until: Monotonic,
    },
    /// Requests in flight end.
    Draining {
        /// When the remaining ones are cut off.
        until: Monotonic,
    },
    /// The app got SIGTERM.
    StoppingApp {
        /// When it gets SIGKILL.
        until: Monotonic,
    },
    /// Everything has ended.
    Done,
}

/// What decides about the next phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainObservation {
    /// Open connections of users.
    pub connections: usize,
    /// Whether the app's process runs.
    pub app_runs: bool,
    /// Whether to skip the lead time: after SIGINT, or a second SIGTERM.
    pub hurry: bool,
}

impl Phase {
    /// Whether the shutdown has begun.
    pub fn is_draining(self) -> bool {
        self != Phase::Serving
    }

    /// When the phase ends at the latest.
    pub fn until(self) -> Option<Monotonic> {
        match self {
            Phase::Serving | Phase::Done => None,
            Phase::Lead { until }
            | Phase::Closing { until }
            | Phase::Draining { until }
            | Phase::StoppingApp { until } => Some(until),
        }
    }
}

/// The first phase after SIGTERM.
pub fn begin(policy: &DrainPolicy, now: Monotonic) -> Phase {
    Phase::Lead {
        until: now.plus(policy.lead),
    }
}

/// The phase after `phase`, or the same one. Never skips a phase, as each has its effect.
pub fn next(phase: Phase, policy: &DrainPolicy, seen: &DrainObservation, now: Monotonic) -> Phase {
    match phase {
        Phase::Lead { until } if now >= until || seen.hurry || !seen.app_runs => Phase::Closing {
            until: now.plus(policy.closing),
        },
        Phase::Closing { until } if now >= until => Phase::Draining {
            until: now.plus(policy.in_flight),
        },
        Phase::Draining { until } if now >= until || seen.connections == 0 => Phase::StoppingApp {
            until: now.plus(policy.stop),
        },
        Phase::StoppingApp { until } if now >= until || !seen.app_runs => Phase::Done,
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: DrainPolicy = DrainPolicy {
        lead: Duration::from_secs(5),
        closing: CLOSING_TIME,
        in_flight: Duration::from_secs(15),
        stop: Duration::from_secs(5),
    };
    const BUSY: DrainObservation = DrainObservation {
        connections: 3,
        app_runs: true,
        hurry: false,
    };

    fn walk(seen: DrainObservation, millis: u64) -> Phase {
        let mut phase = begin(&POLICY, Monotonic(0));
        for now in 0..=millis {
            phase = next(phase, &POLICY, &seen, Monotonic(now * 1_000));
        }
        phase
    }

    #[test]
    fn a_busy_task_passes_all_phases_in_time() {
        assert!(matches!(walk(BUSY, 4_999), Phase::Lead { .. }));
        assert!(matches!(walk(BUSY, 5_000), Phase::Closing { .. }));
        assert!(matches!(walk(BUSY, 5_200), Phase::Draining { .. }));
        assert!(matches!(walk(BUSY, 20_199), Phase::Draining { .. }));
        assert!(matches!(walk(BUSY, 20_200), Phase::StoppingApp { .. }));
        assert_eq!(walk(BUSY, 25_200), Phase::Done);
    }

    #[test]
    fn an_idle_task_waits_for_the_load_balancer_only() {
        let idle = DrainObservation {
            connections: 0,
            ..BUSY
        };
        assert!(matches!(walk(idle, 4_999), Phase::Lead { .. }));
        assert!(matches!(walk(idle, 5_201), Phase::StoppingApp { .. }));
        assert_eq!(
            walk(
                DrainObservation {
                    app_runs: false,
                    ..idle
                },
                300
            ),
            Phase::Done
        );
        assert!(matches!(
            walk(
                DrainObservation {
                    hurry: true,
                    ..idle
                },
                300
            ),
            Phase::StoppingApp { .. }
        ));
    }

    proptest! {
        /// The shutdown ends within the sum of the limits.
        #[test]
        fn the_shutdown_ends_within_the_limits(
            steps in prop::collection::vec((0..400_u64, 0..3_usize, any::<bool>(), any::<bool>()), 0..300),
        ) {
            let longest = POLICY.lead + CLOSING_TIME + POLICY.in_flight + POLICY.stop;
            let mut phase = begin(&POLICY, Monotonic(0));
            let mut now = Monotonic(0);
            for (millis, connections, app_runs, hurry) in steps {
                // The caller checks again at `until` at the latest.
                let step = now.plus(Duration::from_millis(millis));
                now = phase.until().map_or(step, |until| step.min(until).max(now));
                let seen = DrainObservation { connections, app_runs, hurry };
                let after = next(phase, &POLICY, &seen, now);
                prop_assert!(after != Phase::Serving);
                phase = after;
                if phase == Phase::Done {
                    break;
                }
                prop_assert!(now <= Monotonic(0).plus(longest));
            }
        }
    }
}
