//! The end of a task in order: the phases between SIGTERM and the exit.
//!
//! ```text
//! Serving ──SIGTERM──► Lead ──► Closing ──► Ending ──► StoppingApp ──► Gone
//!                      health    no new      requests    SIGTERM, then
//!                      says 503; connec-     in flight   SIGKILL for
//!                      all else  tions       end         the app
//!                      as usual
//! ```
//!
//! During the lead the load balancer learns that the task is leaving; until then it sends users
//! here, and each answer tells its client to close the connection. Only then the door closes, and the
//! app is asked to stop only after the last request: many apps end at once on SIGTERM.

use crate::policy::monotonic::Moment;
use std::time::Duration;

/// How long the phases may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainPolicy {
    /// From SIGTERM until no new connection is taken.
    pub lead: Duration,
    /// For connections in the making when the door closes: [`LAST_CALL`] where there is a door.
    pub last_call: Duration,
    /// From then on, for requests in flight, streams and WebSockets.
    pub in_flight: Duration,
    /// From the app's SIGTERM to its SIGKILL.
    pub stop: Duration,
}

/// Connections in the making when the door closes get this long to arrive.
pub const LAST_CALL: Duration = Duration::from_millis(200);

/// Where the task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// As always.
    Serving,
    /// SIGTERM came; health says so.
    Lead {
        /// When the door closes.
        until: Moment,
    },
    /// No new connection begins; those that had begun are taken.
    Closing {
        /// When the listener closes.
        until: Moment,
    },
    /// Requests in flight end.
    Ending {
        /// When those that are left are cut off.
        until: Moment,
    },
    /// The app was told to stop.
    StoppingApp {
        /// When it is killed.
        until: Moment,
    },
    /// Everything has ended.
    Gone,
}

/// What decides about the next phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainSeen {
    /// Connections of users that are open.
    pub connections: usize,
    /// Whether the app's process runs.
    pub app_runs: bool,
    /// Whoever stops the task is in a hurry: Ctrl-C, or SIGTERM for the second time.
    pub hurry: bool,
}

impl Phase {
    /// Whether the end has begun.
    pub fn is_draining(self) -> bool {
        self != Phase::Serving
    }

    /// When to look again even if nothing happened.
    pub fn until(self) -> Option<Moment> {
        match self {
            Phase::Serving | Phase::Gone => None,
            Phase::Lead { until }
            | Phase::Closing { until }
            | Phase::Ending { until }
            | Phase::StoppingApp { until } => Some(until),
        }
    }
}

/// SIGTERM came.
pub fn begin(policy: &DrainPolicy, now: Moment) -> Phase {
    Phase::Lead {
        until: now.plus(policy.lead),
    }
}

/// The phase after `phase`, or the same. One step at a time: each has its effect.
pub fn next(phase: Phase, policy: &DrainPolicy, seen: &DrainSeen, now: Moment) -> Phase {
    match phase {
        Phase::Lead { until } if now >= until || seen.hurry || !seen.app_runs => Phase::Closing {
            until: now.plus(policy.last_call),
        },
        Phase::Closing { until } if now >= until => Phase::Ending {
            until: now.plus(policy.in_flight),
        },
        Phase::Ending { until } if now >= until || seen.connections == 0 => Phase::StoppingApp {
            until: now.plus(policy.stop),
        },
        Phase::StoppingApp { until } if now >= until || !seen.app_runs => Phase::Gone,
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: DrainPolicy = DrainPolicy {
        lead: Duration::from_secs(5),
        last_call: LAST_CALL,
        in_flight: Duration::from_secs(15),
        stop: Duration::from_secs(5),
    };
    const BUSY: DrainSeen = DrainSeen {
        connections: 3,
        app_runs: true,
        hurry: false,
    };

    fn walk(seen: DrainSeen, millis: u64) -> Phase {
        let mut phase = begin(&POLICY, Moment(0));
        for now in 0..=millis {
            phase = next(phase, &POLICY, &seen, Moment(now * 1_000));
        }
        phase
    }

    #[test]
    fn a_busy_task_goes_through_all_phases_in_time() {
        assert!(matches!(walk(BUSY, 4_999), Phase::Lead { .. }));
        assert!(matches!(walk(BUSY, 5_000), Phase::Closing { .. }));
        assert!(matches!(walk(BUSY, 5_200), Phase::Ending { .. }));
        assert!(matches!(walk(BUSY, 20_199), Phase::Ending { .. }));
        assert!(matches!(walk(BUSY, 20_200), Phase::StoppingApp { .. }));
        assert_eq!(walk(BUSY, 25_200), Phase::Gone);
    }

    #[test]
    fn an_idle_task_waits_for_the_load_balancer_only() {
        let idle = DrainSeen {
            connections: 0,
            ..BUSY
        };
        assert!(matches!(walk(idle, 4_999), Phase::Lead { .. }));
        assert!(matches!(walk(idle, 5_201), Phase::StoppingApp { .. }));
        assert_eq!(
            walk(
                DrainSeen {
                    app_runs: false,
                    ..idle
                },
                300
            ),
            Phase::Gone
        );
        assert!(matches!(
            walk(
                DrainSeen {
                    hurry: true,
                    ..idle
                },
                300
            ),
            Phase::StoppingApp { .. }
        ));
    }

    proptest! {
        /// The end comes, and not later than the three limits together.
        #[test]
        fn it_ends_within_the_limits(
            steps in prop::collection::vec((0..400_u64, 0..3_usize, any::<bool>(), any::<bool>()), 0..300),
        ) {
            let longest = POLICY.lead + LAST_CALL + POLICY.in_flight + POLICY.stop;
            let mut phase = begin(&POLICY, Moment(0));
            let mut now = Moment(0);
            for (millis, connections, app_runs, hurry) in steps {
                // Whoever drives this looks again at `until` at the latest.
                let step = now.plus(Duration::from_millis(millis));
                now = phase.until().map_or(step, |until| step.min(until).max(now));
                let seen = DrainSeen { connections, app_runs, hurry };
                let after = next(phase, &POLICY, &seen, now);
                prop_assert!(after != Phase::Serving);
                phase = after;
                if phase == Phase::Gone {
                    break;
                }
                prop_assert!(now <= Moment(0).plus(longest));
            }
        }
    }
}
