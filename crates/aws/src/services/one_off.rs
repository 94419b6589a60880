//! Tasks that run once, beside the services: of the same task definition, in the same network.

use super::{Services, id_of, stopped_task};
use crate::error::{Error, ErrorKind, translate};
use aws_sdk_ecs::types::{
    ContainerOverride, KeyValuePair, LaunchType, NetworkConfiguration, Task, TaskOverride,
};
use rules::app::names::CONTAINER;
use rules::release::evidence::StoppedTask;

/// Who started such a task, as ECS keeps it: by this they are found again.
const STARTED_BY: &str = "landfall-exec";

/// What runs once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOff<'a> {
    /// Service whose network it is to run in.
    pub service: &'a str,
    /// ARN of its task definition.
    pub task_definition: &'a str,
    /// Variables that its container gets beside those of the task definition, or instead.
    pub environment: &'a [(&'a str, &'a str)],
    /// Something random: a call that is repeated, as its answer got lost, starts nothing twice.
    pub token: &'a str,
}

/// How far such a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It is on its way: `PROVISIONING`, `PENDING` and so on.
    Starting,
    /// Its container runs.
    Running,
    /// It has ended, and how.
    Ended(StoppedTask),
}

impl Services {
    /// Starts a task; returns its id.
    ///
    /// # Errors
    /// A call fails, there is no such service, or ECS has no room for the task.
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
            let words = [reason, detail].into_iter().flatten();
            words.collect::<Vec<_>>().join(": ")
        });
        let why = why.unwrap_or_else(|| "it started nothing and said nothing".to_owned());
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

    /// How far a task is.
    ///
    /// # Errors
    /// The call fails. A task that ECS does not know, or not any more, is [`ErrorKind::NotFound`].
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

    /// Tells a task to stop: SIGTERM, and SIGKILL when its time to stop is over. One that is gone is fine.
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

    /// Ids of the tasks that run once and have not ended; none where there is no cluster.
    ///
    /// # Errors
    /// The call fails.
    pub async fn running_once(&self) -> Result<Vec<String>, Error> {
        let mut ids = Vec::new();
        let mut token = None;
        loop {
            let page = self
                .ecs
                .list_tasks()
                .cluster(&self.cluster)
                // The only filter that may be there; those that are to run are meant by default.
                .started_by(STARTED_BY)
                .set_next_token(token.take())
                .send()
                .await
                .map_err(translate("ecs:ListTasks"));
            let page = match page {
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(ids),
                other => other?,
            };
            let arns = page.task_arns.unwrap_or_default();
            ids.extend(arns.iter().map(|arn| id_of(Some(arn))));
            token = page.next_token;
            if token.is_none() {
                return Ok(ids);
            }
        }
    }
}

/// What ECS says of a task that it has forgotten.
fn is_no_task(error: &Error) -> bool {
    error.code.as_deref() == Some("InvalidParameterException") && error.message.contains("task")
}
