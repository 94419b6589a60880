//! What a description of a service and its tasks says about a slot.

use super::TaskFacts;
use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{Container, ServiceEvent, Task};
use rules::app::names::CONTAINER;
use rules::release::evidence::StoppedTask;
use rules::release::revision::Digest;

pub(super) fn id_of(arn: Option<&str>) -> String {
    arn.and_then(|arn| arn.rsplit('/').next())
        .unwrap_or_default()
        .to_owned()
}

/// The messages of the events since `staged_at`.
pub(super) fn events_since(events: &[ServiceEvent], staged_at: Option<DateTime>) -> Vec<String> {
    events
        .iter()
        .filter(|event| event.created_at().map(DateTime::secs) >= staged_at.map(|at| at.secs()))
        .filter_map(|event| event.message().map(str::to_owned))
        .collect()
}

/// Whether this is the ID of a deployment, `ecs-svc/` and a number. An emulator has the name of the
/// service there.
fn is_deployment(started_by: &str) -> bool {
    let number = started_by.strip_prefix("ecs-svc/").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The current deployment of a service.
pub(super) struct Current<'a> {
    pub(super) task_definition: &'a str,
    pub(super) deployment: Option<String>,
    pub(super) staged_at: Option<DateTime>,
}

impl Current<'_> {
    /// Whether this deployment started the task. ECS names the deployment in `startedBy`
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html>); where it does not,
    /// the time decides.
    pub(super) fn started(&self, task: &Task) -> bool {
        if task.task_definition_arn() != Some(self.task_definition) {
            return false;
        }
        match (task.started_by(), &self.deployment) {
            (Some(by), Some(id)) if is_deployment(by) => by == id,
            _ => task.created_at().map(DateTime::secs) >= self.staged_at.map(|at| at.secs()),
        }
    }
}

fn app_container(task: &Task) -> Option<&Container> {
    let mut containers = task.containers().iter();
    containers.find(|container| container.name() == Some(CONTAINER))
}

pub(super) fn task_facts(task: &Task, is_current: bool) -> TaskFacts {
    let container = app_container(task);
    TaskFacts {
        id: id_of(task.task_arn()),
        running: task.last_status() == Some("RUNNING"),
        digest: container
            .and_then(|c| c.image_digest())
            .and_then(Digest::parse),
        // One that is being stopped still runs, and may still be a healthy target.
        is_current: is_current && task.desired_status() != Some("STOPPED"),
        address: container
            .and_then(|c| c.network_interfaces().first())
            .and_then(|interface| interface.private_ipv4_address())
            .map(str::to_owned),
    }
}

pub(super) fn stopped_task(task: &Task) -> StoppedTask {
    let container = app_container(task);
    StoppedTask {
        id: id_of(task.task_arn()),
        stop_code: task
            .stop_code()
            .map_or_else(String::new, |code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason().unwrap_or_default().to_owned(),
        exit_code: container.and_then(|c| c.exit_code()),
        container_reason: container
            .and_then(|c| c.reason())
            .unwrap_or_default()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINITION: &str = "arn:aws:ecs:eu-west-2:1:task-definition/shop-prod:7";

    fn task(started_by: &str, created_at: i64) -> aws_sdk_ecs::types::builders::TaskBuilder {
        Task::builder()
            .task_definition_arn(DEFINITION)
            .started_by(started_by)
            .created_at(DateTime::from_secs(created_at))
            .last_status("RUNNING")
            .desired_status("RUNNING")
    }

    fn current() -> Current<'static> {
        Current {
            task_definition: DEFINITION,
            deployment: Some("ecs-svc/2".to_owned()),
            staged_at: Some(DateTime::from_secs(100)),
        }
    }

    #[test]
    fn tasks_of_an_earlier_deployment_of_the_same_definition_are_not_current() {
        // Clocks of services differ: the name of the deployment decides, not the time.
        assert!(current().started(&task("ecs-svc/2", 99).build()));
        assert!(!current().started(&task("ecs-svc/1", 101).build()));
        let other = task("ecs-svc/2", 101).task_definition_arn("another");
        assert!(!current().started(&other.build()));
    }

    #[test]
    fn without_the_name_of_a_deployment_the_time_decides() {
        for by in ["", "ecs-svc/shop-prod-blue"] {
            assert!(current().started(&task(by, 100).build()), "{by}");
            assert!(!current().started(&task(by, 99).build()), "{by}");
        }
    }

    #[test]
    fn only_events_of_the_current_deployment_are_read() {
        let event = |at: i64, message: &str| {
            ServiceEvent::builder()
                .created_at(DateTime::from_secs(at))
                .message(message)
                .build()
        };
        let events = [event(120, "was unable to place a task"), event(99, "old")];
        let since = events_since(&events, Some(DateTime::from_secs(100)));
        assert_eq!(since, ["was unable to place a task"]);
    }

    #[test]
    fn a_task_that_is_being_stopped_is_not_current() {
        let stopping = task("ecs-svc/2", 101).desired_status("STOPPED").build();
        assert!(!task_facts(&stopping, true).is_current);
        assert!(task_facts(&task("ecs-svc/2", 101).build(), true).is_current);
    }
}
