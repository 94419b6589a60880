//! What the health endpoint reports: whether this task should get users.
//!
//! Any answer of the app, even an error, proves that it processes requests; one random 500 predicts
//! nothing about the next request. No answer does. A crash that is over within the grace period is
//! not reported either: the edge holds the requests meanwhile.

use crate::policy::monotonic::Monotonic;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the app may fail before the task is unhealthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthPolicy {
    /// Without running, or without accepting connections.
    pub down: Duration,
    /// Accepting requests without answering.
    pub stuck: Duration,
}

/// What is known about the app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AppObservation {
    /// SIGTERM arrived.
    pub draining: bool,
    /// The app has answered at least once since the edge started.
    pub was_ready: bool,
    /// Since when it does not run or accept connections.
    pub down_since: Option<Monotonic>,
    /// When the edge sent the first request that has no answer, since the last answer.
    pub silent_since: Option<Monotonic>,
}

/// The health of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Send users.
    #[serde(rename = "well")]
    Healthy,
    /// The app has not answered yet.
    Starting,
    /// The app has been down for too long.
    Down,
    /// The app has not answered for too long.
    Stuck,
    /// The task is shutting down.
    Draining,
}

impl Health {
    /// HTTP status of the health endpoint.
    pub fn status(self) -> u16 {
        if self == Health::Healthy { 200 } else { 503 }
    }

    /// The word in answers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Healthy => "well",
            Health::Starting => "starting",
            Health::Down => "down",
            Health::Stuck => "stuck",
            Health::Draining => "draining",
        }
    }
}

/// Judges the task.
pub fn judge(seen: &AppObservation, policy: &HealthPolicy, now: Monotonic) -> Health {
    let overdue = |since: Option<Monotonic>, grace| since.is_some_and(|at| now.since(at) > grace);
    if seen.draining {
        Health::Draining
    } else if !seen.was_ready {
        Health::Starting
    } else if overdue(seen.down_since, policy.down) {
        Health::Down
    } else if overdue(seen.silent_since, policy.stuck) {
        Health::Stuck
    } else {
        Health::Healthy
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
    fn each_observation_has_its_health() {
        let well = AppObservation {
            was_ready: true,
            ..AppObservation::default()
        };
        let at = |seen: AppObservation, second: u64| {
            judge(&seen, &POLICY, Monotonic(second * 1_000_000))
        };
        assert_eq!(at(AppObservation::default(), 100), Health::Starting);
        assert_eq!(at(well, 100), Health::Healthy);
        let down = AppObservation {
            down_since: Some(Monotonic(0)),
            ..well
        };
        assert_eq!(at(down, 5), Health::Healthy);
        assert_eq!(at(down, 6), Health::Down);
        let silent = AppObservation {
            silent_since: Some(Monotonic(0)),
            ..well
        };
        assert_eq!(at(silent, 15), Health::Healthy);
        assert_eq!(at(silent, 16), Health::Stuck);
        for seen in [AppObservation::default(), well, down, silent] {
            assert_eq!(
                at(
                    AppObservation {
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
    fn only_a_healthy_task_answers_200() {
        for health in [
            Health::Starting,
            Health::Down,
            Health::Stuck,
            Health::Draining,
        ] {
            assert_eq!(health.status(), 503);
        }
        assert_eq!(Health::Healthy.status(), 200);
    }
}
