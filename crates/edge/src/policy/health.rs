//! What the load balancer is told: whether this task should get users.
//!
//! An answer of the app, an error as well, proves that it works on requests; one random 500 says
//! nothing about the next request. Silence does. A crash that is mended within the grace is nobody's
//! business either: the edge holds the requests meanwhile.

use crate::policy::monotonic::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the edge waits for the app before it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthPolicy {
    /// The app does not run, or takes no connections.
    pub down: Duration,
    /// The app takes requests and does not answer.
    pub stuck: Duration,
}

/// What is known about the app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AppSeen {
    /// SIGTERM came.
    pub draining: bool,
    /// The app has answered at least once since the edge started.
    pub was_ready: bool,
    /// Since when it does not run or takes no connections.
    pub down_since: Option<Moment>,
    /// The edge's question that is the first without an answer since the last answer.
    pub silent_since: Option<Moment>,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Send users.
    Well,
    /// The app has not answered yet.
    Starting,
    /// The app has been down for too long.
    Down,
    /// The app has not answered for too long.
    Stuck,
    /// This task is about to end.
    Draining,
}

impl Health {
    /// The status of the health endpoint.
    pub fn status(self) -> u16 {
        if self == Health::Well { 200 } else { 503 }
    }

    /// Its word in answers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Well => "well",
            Health::Starting => "starting",
            Health::Down => "down",
            Health::Stuck => "stuck",
            Health::Draining => "draining",
        }
    }
}

/// Judges the task.
pub fn judge(seen: &AppSeen, policy: &HealthPolicy, now: Moment) -> Health {
    let overdue = |since: Option<Moment>, grace| since.is_some_and(|at| now.since(at) > grace);
    if seen.draining {
        Health::Draining
    } else if !seen.was_ready {
        Health::Starting
    } else if overdue(seen.down_since, policy.down) {
        Health::Down
    } else if overdue(seen.silent_since, policy.stuck) {
        Health::Stuck
    } else {
        Health::Well
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: HealthPolicy = HealthPolicy {
        down: Duration::from_secs(5),
        stuck: Duration::from_secs(15),
    };

    #[test]
    fn the_table() {
        let well = AppSeen {
            was_ready: true,
            ..AppSeen::default()
        };
        let at = |seen: AppSeen, second: u64| judge(&seen, &POLICY, Moment(second * 1_000_000));
        assert_eq!(at(AppSeen::default(), 100), Health::Starting);
        assert_eq!(at(well, 100), Health::Well);
        let down = AppSeen {
            down_since: Some(Moment(0)),
            ..well
        };
        assert_eq!(at(down, 5), Health::Well);
        assert_eq!(at(down, 6), Health::Down);
        let silent = AppSeen {
            silent_since: Some(Moment(0)),
            ..well
        };
        assert_eq!(at(silent, 15), Health::Well);
        assert_eq!(at(silent, 16), Health::Stuck);
        for seen in [AppSeen::default(), well, down, silent] {
            assert_eq!(
                at(
                    AppSeen {
                        draining: true,
                        ..seen
                    },
                    100
                ),
                Health::Draining
            );
        }
    }

    #[test]
    fn only_well_is_200() {
        for health in [
            Health::Starting,
            Health::Down,
            Health::Stuck,
            Health::Draining,
        ] {
            assert_eq!(health.status(), 503);
        }
        assert_eq!(Health::Well.status(), 200);
    }
}
