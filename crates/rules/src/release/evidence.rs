//! Evidence of a failed task, as the services report it.
//!
//! Stop codes and reasons: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>.
//! Target health reasons: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>.

use serde::{Deserialize, Serialize};

/// A stopped task, as ECS describes it. On Lambda, a failed invocation has the same form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedTask {
    /// Task id.
    pub id: String,
    /// `TaskFailedToStart`, `EssentialContainerExited`, `ServiceSchedulerInitiated`, …
    pub stop_code: String,
    /// ECS's sentence about the task.
    pub stopped_reason: String,
    /// Exit code of the app's container, if it ever ran.
    pub exit_code: Option<i32>,
    /// ECS's sentence about the container.
    pub container_reason: String,
}

impl StoppedTask {
    /// Whether the task ended by itself. A task that the scheduler or a person stopped is no evidence
    /// against its revision.
    pub fn is_failure(&self) -> bool {
        !matches!(
            self.stop_code.as_str(),
            "ServiceSchedulerInitiated"
                | "UserInitiated"
                | "SpotInterruption"
                | "TerminationNotice"
        ) || self.failed_health_checks()
    }

    fn failed_health_checks(&self) -> bool {
        self.stopped_reason.contains("failed ELB health checks")
    }
}

/// A target, as the load balancer describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetHealth {
    /// Address of the target.
    pub id: String,
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining`, `unavailable`.
    pub state: String,
    /// Reason code, for example `Target.FailedHealthChecks`.
    pub reason: String,
    /// The load balancer's sentence.
    pub description: String,
}

/// The evidence against a candidate that does not become healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Tasks of the candidate that stopped.
    pub stopped: Vec<StoppedTask>,
    /// Its targets.
    pub targets: Vec<TargetHealth>,
    /// What the scheduler reports instead of starting a task: there is no task then that could stop
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The last lines it wrote, oldest first.
    pub log: Vec<String>,
    /// Ports on which the image listened when it was run on this machine; [`None`] if it was not or
    /// could not be.
    pub listens_on: Option<Listening>,
}

/// The TCP ports on which a container listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// Ports that can be reached from outside the container.
    pub reachable: Vec<u16>,
    /// Ports bound to a loopback address, which can be reached from inside only.
    pub loopback: Vec<u16>,
}
