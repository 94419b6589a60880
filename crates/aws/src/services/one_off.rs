//! One-off tasks: not part of a service, but with a service's task definition and network.

use super::{Services, id_of, stopped_task};
use crate::error::{Error, ErrorKind, translate};
use aws_sdk_ecs::types::{
    ContainerOverride, KeyValuePair, LaunchType, NetworkConfiguration, Task, TaskOverride,
};
use rules::app::names::CONTAINER;
use rules::release::evidence::StoppedTask;

/// The `startedBy` of one-off tasks, by which they are listed.
const STARTED_BY: &str = "landfall-exec";

/// A one-off task to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOff<'a> {
    /// Name of the service whose network configuration it uses.
    pub service: &'a str,
    /// ARN of its task definition.
    pub task_definition: &'a str,
    /// Environment variables added to those of the task definition, or overriding them.
    pub environment: &'a [(&'a str, &'a str)],
    /// Random idempotency token: a request that is repeated because its answer got lost starts no
    /// second task.
    pub token: &'a str,
}

/// The state of a one-off task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// `PROVISIONING`, `PENDING` and so on.
    Starting,
    /// The container runs.
    Running,
    /// The task has stopped.
    Ended(StoppedTask),
}

impl Services {
    /// Starts a task; returns its ID.
    ///
    /// # Errors
    /// A call fails, there is no such service, or ECS has no capacity for the task.
    pub async fn start_once(&self, what: &OneOff<'_>) -> Result<String, Error> {
        const OPERATION: &str = "ecs:RunTask";
        let pairs = what.environment.iter();
        let container = ContainerOverride::builder()
            .name(CONTAINER)
            .set_environment(Some(
                pairs
                    .map(|(name, value)| KeyValuePair::builder().name(*name).value(*value).build())
                    .collect(),
            ))
            .build();
        let answer = self
            .ecs
            .run_task()
            .cluster(&self.cluster)
            .task_definition(what.task_definition)
            .launch_type(LaunchType::Fargate)
            .platform_version("LATEST")
            .network_configuration(self.network(what.service).await?)
            .overrides(
                TaskOverride::builder()
                    .container_overrides(container)
                    .build(),
            )
            .count(1)
            .started_by(STARTED_BY)
            .client_token(what.token)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        if let Some(task) = answer.tasks.unwrap_or_default().first() {
            return Ok(id_of(task.task_arn()));
        }
        let failure = answer.failures.unwrap_or_default().into_iter().next();
        let why = failure.map(|failure| {
            let (reason, detail) = (failure.reason, failure.detail);
            let known = [reason, detail].into_iter().flatten();
            known.collect::<Vec<_>>().join(": ")
        });
        let why = why.unwrap_or_else(|| "no task was started, and no reason was given".to_owned());
        Err(Error::new(ErrorKind::Other, OPERATION, why))
    }

    async fn network(&self, service: &str) -> Result<NetworkConfiguration, Error> {
        const OPERATION: &str = "ecs:DescribeServices";
        let answer = self
            .ecs
            .describe_services()
            .cluster(&self.cluster)
            .services(service)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let found = answer.services.unwrap_or_default().into_iter().next();
        found
            .and_then(|service| service.network_configuration)
            .ok_or_else(|| Error::incomplete(OPERATION, "network configuration"))
    }

    /// The state of a task.
    ///
    /// # Errors
    /// The call fails. A task that ECS does not know, or no longer knows, is
    /// [`ErrorKind::NotFound`].
    pub async fn progress(&self, id: &str) -> Result<Progress, Error> {
        const OPERATION: &str = "ecs:DescribeTasks";
        let answer = self
            .ecs
            .describe_tasks()
            .cluster(&self.cluster)
            .tasks(id)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let task: Task = answer
            .tasks
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| Error::new(ErrorKind::NotFound, OPERATION, format!("no task {id}")))?;
        Ok(match task.last_status() {
            Some("STOPPED") => Progress::Ended(stopped_task(&task)),
            Some("RUNNING" | "DEACTIVATING" | "STOPPING" | "DEPROVISIONING") => Progress::Running,
            _ => Progress::Starting,
        })
    }

    /// Stops a task: SIGTERM, then SIGKILL after its stop timeout. A task that does not exist is no
    /// error.
    ///
    /// # Errors
    /// The call fails.
    pub async fn stop_once(&self, id: &str, reason: &str) -> Result<(), Error> {
        let stopped = self
            .ecs
            .stop_task()
            .cluster(&self.cluster)
            .task(id)
            .reason(reason)
            .send()
            .await
            .map(drop)
            .map_err(translate("ecs:StopTask"));
        match stopped {
            Err(error) if error.kind == ErrorKind::NotFound || is_no_task(&error) => Ok(()),
            other => other,
        }
    }

    /// IDs of the one-off tasks that have not stopped; none if there is no cluster.
    ///
    /// # Errors
    /// The call fails.
    pub async fn running_once(&self) -> Result<Vec<String>, Error> {
        // `startedBy` excludes other filters; the desired status is RUNNING by default.
        let tasks = self.ecs.list_tasks().cluster(&self.cluster);
        let tasks = tasks.started_by(STARTED_BY).into_paginator().items().send();
        let arns = tasks.try_collect().await;
        match arns.map_err(translate("ecs:ListTasks")) {
            Ok(arns) => Ok(arns.iter().map(|arn| id_of(Some(arn))).collect()),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// Whether this is ECS's error for a task that it no longer knows.
fn is_no_task(error: &Error) -> bool {
    error.code.as_deref() == Some("InvalidParameterException") && error.message.contains("task")
}
