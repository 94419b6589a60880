//! ECS: task definitions, services and tasks.

mod hardening;
mod one_off;
mod tasks;

pub use hardening::InMemory;
pub use one_off::{OneOff, Progress as OneOffProgress};

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use crate::time::timestamp;
use aws_sdk_ecs::types::{
    AvailabilityZoneRebalancing, Compatibility, ContainerDefinition, CpuArchitecture,
    DesiredStatus, KeyValuePair, LogConfiguration, LogDriver, NetworkMode, OsFamily, PortMapping,
    RuntimePlatform, Secret as SecretReference, Tag, Task, TaskDefinition, TaskDefinitionStatus,
    TransportProtocol,
};
use edge_contract::SECRET_VARIABLE;
use edge_contract::secret::Secret;
use rules::app::manifest::Architecture;
use rules::app::names::{CONTAINER, LABEL_REVISION};
use rules::release::evidence::StoppedTask;
use rules::release::hardening::Hardening;
use rules::release::revision::{Digest, Revision, RevisionId};
use rules::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tasks::{Current, events_since, id_of, stopped_task, task_facts};

/// The roles and the log group of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// Role with which ECS pulls the image and writes logs.
    pub execution_role_arn: String,
    /// Role that the app runs with: the source of its credentials for AWS.
    pub task_role_arn: String,
    /// Name of the log group that the container writes to.
    pub log_group: String,
}

const REGISTER: &str = "ecs:RegisterTaskDefinition";

/// A task definition that a release registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// ARN of the task definition.
    pub task_definition: String,
    /// [`None`] for the placeholder of an empty slot.
    pub revision: Option<RevisionId>,
    /// URI of the container's image.
    pub image: Option<String>,
    /// Secret of its edges, if it has any.
    pub secret: Option<Secret>,
}

/// A task that has not stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFacts {
    /// The last part of its ARN.
    pub id: String,
    /// Whether its status is `RUNNING`.
    pub running: bool,
    /// Digest of the image that its container runs, as ECS resolved it.
    pub digest: Option<Digest>,
    /// Whether the service's current deployment started it and keeps it; otherwise it will be stopped,
    /// or is being stopped.
    pub is_current: bool,
    /// Private IP address, which is its ID in a target group. Some emulators do not return it.
    pub address: Option<String>,
}

/// The state of one slot's service in ECS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotFacts {
    /// The service's current task definition.
    pub deployed: Deployed,
    /// Desired number of tasks.
    pub desired: u32,
    /// Tasks of any task definition that have not stopped.
    pub tasks: Vec<TaskFacts>,
    /// Tasks of the current deployment that stopped.
    pub stopped: Vec<StoppedTask>,
    /// What the scheduler has reported since the current deployment was created, newest first.
    pub events: Vec<String>,
    /// When the service's current deployment was created.
    pub staged_at: Option<Timestamp>,
}

/// The ECS cluster of one environment.
#[derive(Debug, Clone)]
pub struct Services {
    ecs: aws_sdk_ecs::Client,
    region: String,
    cluster: String,
    /// Tags of what is registered.
    tags: Arc<BTreeMap<String, String>>,
    /// Task definitions that were read. They never change.
    definitions: Arc<Mutex<BTreeMap<String, Deployed>>>,
}

impl Services {
    /// The cluster named `cluster`.
    pub fn new(session: &Session, cluster: &str) -> Services {
        Services {
            ecs: aws_sdk_ecs::Client::new(session.config()),
            region: session.region().to_owned(),
            cluster: cluster.to_owned(),
            tags: session.tags(),
            definitions: Arc::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Deployed>> {
        self.definitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a task definition for `revision` in `family`; returns its ARN, and what it has of directories in
    /// memory. `secret` authorizes reading the counts of its edges and marking requests as probes, and nothing
    /// else.
    ///
    /// # Errors
    /// The call fails; nothing was registered.
    pub async fn register(
        &self,
        family: &str,
        revision: &Revision,
        secret: &Secret,
        roles: &Roles,
    ) -> Result<(String, InMemory), Error> {
        let mut refusal = None;
        for in_memory in InMemory::ALL {
            let container = self.container(revision, secret, roles, in_memory)?;
            match self.register_once(family, revision, roles, container).await {
                Ok(arn) => return Ok((arn, in_memory)),
                Err(error) if InMemory::is_refused(&error) => refusal = Some(error),
                Err(error) => return Err(error),
            }
        }
        // The last attempt has none of them, so AWS refuses something else.
        Err(refusal.unwrap_or_else(|| Error::incomplete(REGISTER, "answer")))
    }

    async fn register_once(
        &self,
        family: &str,
        revision: &Revision,
        roles: &Roles,
        container: ContainerDefinition,
    ) -> Result<String, Error> {
        let settings = &revision.settings;
        let architecture = match settings.architecture {
            Architecture::X86_64 => CpuArchitecture::X8664,
            Architecture::Arm64 => CpuArchitecture::Arm64,
        };
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let tags: Vec<Tag> = self.tags.iter().map(tag).collect();
        let answer = self
            .ecs
            .register_task_definition()
            .family(family)
            .network_mode(NetworkMode::Awsvpc)
            .requires_compatibilities(Compatibility::Fargate)
            .cpu(settings.cpu.to_string())
            .memory(settings.memory.to_string())
            .execution_role_arn(&roles.execution_role_arn)
            .task_role_arn(&roles.task_role_arn)
            .runtime_platform(
                RuntimePlatform::builder()
                    .cpu_architecture(architecture)
                    .operating_system_family(OsFamily::Linux)
                    .build(),
            )
            .container_definitions(container)
            .set_tags((!tags.is_empty()).then_some(tags))
            .send()
            .await
            .map_err(translate(REGISTER))?;
        answer
            .task_definition
            .and_then(|definition| definition.task_definition_arn)
            .ok_or_else(|| Error::incomplete(REGISTER, "ARN"))
    }

    fn container(
        &self,
        revision: &Revision,
        secret: &Secret,
        roles: &Roles,
        in_memory: InMemory,
    ) -> Result<ContainerDefinition, Error> {
        let settings = &revision.settings;
        let invalid = |error: aws_smithy_types::error::operation::BuildError| {
            Error::new(ErrorKind::Other, REGISTER, error.to_string())
        };
        let log = LogConfiguration::builder()
            .log_driver(LogDriver::Awslogs)
            .options("awslogs-group", &roles.log_group)
            .options("awslogs-region", &self.region)
            .options("awslogs-stream-prefix", CONTAINER)
            // ECS's default since 2025. Explicit, as an account can change it: an app never waits for the log.
            // With more than this waiting, lines are lost.
            // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
            .options("mode", "non-blocking")
            .options("max-buffer-size", "25m")
            .build()
            .map_err(invalid)?;
        let mut container = ContainerDefinition::builder()
            .name(CONTAINER)
            .image(revision.image.to_string())
            .essential(true)
            .port_mappings(
                PortMapping::builder()
                    .container_port(i32::from(revision.front_port()))
                    .protocol(TransportProtocol::Tcp)
                    .build(),
            )
            .stop_timeout(i32::try_from(settings.stop_timeout).unwrap_or(i32::MAX))
            .docker_labels(LABEL_REVISION, revision.id().to_string())
            .log_configuration(log);
        let hardening = Hardening::from_settings(settings);
        container = hardening::harden(container, hardening.as_ref(), in_memory, REGISTER)?;
        let mut environment = revision.environment();
        if settings.edge.is_some() {
            environment.insert(SECRET_VARIABLE.to_owned(), secret.reveal().to_owned());
        }
        for (name, value) in &environment {
            container =
                container.environment(KeyValuePair::builder().name(name).value(value).build());
        }
        for (name, reference) in &settings.secrets {
            let reference = SecretReference::builder()
                .name(name.as_str())
                .value_from(reference.value_from())
                .build()
                .map_err(invalid)?;
            container = container.secrets(reference);
        }
        Ok(container.build())
    }

    /// ARN of the newest active task definition of `family` for `revision`, among its twenty
    /// newest.
    ///
    /// # Errors
    /// A call fails.
    pub async fn find(&self, family: &str, revision: &RevisionId) -> Result<Option<String>, Error> {
        // A revision that is older than the newest twenty is registered again.
        let answer = self
            .ecs
            .list_task_definitions()
            .family_prefix(family)
            .status(TaskDefinitionStatus::Active)
            .sort(aws_sdk_ecs::types::SortOrder::Desc)
            .max_results(20)
            .send()
            .await
            .map_err(translate("ecs:ListTaskDefinitions"))?;
        for arn in answer.task_definition_arns.unwrap_or_default() {
            let deployed = self.deployed(&arn).await?;
            if deployed.revision.as_ref() == Some(revision) && is_of_family(&arn, family) {
                return Ok(Some(arn));
            }
        }
        Ok(None)
    }

    /// The revision in a task definition.
    ///
    /// # Errors
    /// The call fails.
    pub async fn deployed(&self, task_definition: &str) -> Result<Deployed, Error> {
        const OPERATION: &str = "ecs:DescribeTaskDefinition";
        if let Some(known) = self.known().get(task_definition) {
            return Ok(known.clone());
        }
        let answer = self
            .ecs
            .describe_task_definition()
            .task_definition(task_definition)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let definition: TaskDefinition = answer
            .task_definition
            .ok_or_else(|| Error::incomplete(OPERATION, "definition"))?;
        let container = definition
            .container_definitions
            .unwrap_or_default()
            .into_iter()
            .find(|container| container.name.as_deref() == Some(CONTAINER));
        let revision = container.as_ref().and_then(|container| {
            container
                .docker_labels
                .as_ref()?
                .get(LABEL_REVISION)
                .cloned()
        });
        let secret = container.as_ref().and_then(|container| {
            let environment = container.environment.as_ref()?;
            let own = environment
                .iter()
                .find(|pair| pair.name.as_deref() == Some(SECRET_VARIABLE))?;
            Secret::parse(own.value.as_deref()?)
        });
        let deployed = Deployed {
            task_definition: task_definition.to_owned(),
            revision: revision.map(RevisionId),
            image: container.and_then(|container| container.image),
            secret,
        };
        self.known()
            .insert(task_definition.to_owned(), deployed.clone());
        Ok(deployed)
    }

    /// Sets the task definition and the desired number of tasks of a service, in a new deployment.
    /// Without `forceNewDeployment` ECS keeps the deployment of a task definition that the service has
    /// already, with its time and its stopped tasks
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>).
    ///
    /// # Errors
    /// The call fails; the service is unchanged.
    pub async fn set(&self, service: &str, task_definition: &str, count: u32) -> Result<(), Error> {
        self.ecs
            .update_service()
            .cluster(&self.cluster)
            .service(service)
            .task_definition(task_definition)
            .desired_count(i32::try_from(count).unwrap_or(i32::MAX))
            .force_new_deployment(true)
            // It would stop healthy tasks in the middle of a release, to start them in another zone.
            .availability_zone_rebalancing(AvailabilityZoneRebalancing::Disabled)
            .send()
            .await
            .map(drop)
            .map_err(translate("ecs:UpdateService"))
    }

    /// Sets the desired number of tasks of a service.
    ///
    /// # Errors
    /// The call fails; the service is unchanged. A service that does not exist is
    /// [`ErrorKind::NotFound`].
    pub async fn scale(&self, service: &str, count: u32) -> Result<(), Error> {
        self.ecs
            .update_service()
            .cluster(&self.cluster)
            .service(service)
            .desired_count(i32::try_from(count).unwrap_or(i32::MAX))
            // A service that an older landfall released to may have it, and a rollback only scales.
            .availability_zone_rebalancing(AvailabilityZoneRebalancing::Disabled)
            .send()
            .await
            .map(drop)
            .map_err(translate("ecs:UpdateService"))
            .map_err(|error| match error.code.as_deref() {
                // ECS's code for a service that was deleted.
                Some("ServiceNotActiveException") => Error {
                    kind: ErrorKind::NotFound,
                    ..error
                },
                _ => error,
            })
    }

    /// The state of the slot whose service is named `service`.
    ///
    /// # Errors
    /// A call fails, or the service does not exist.
    pub async fn slot(&self, service: &str) -> Result<SlotFacts, Error> {
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
        // A deleted service is still listed as INACTIVE for a while.
        let found = found
            .filter(|found| found.status.as_deref() == Some("ACTIVE"))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    OPERATION,
                    format!("no service {service}"),
                )
            })?;
        let task_definition = found
            .task_definition
            .clone()
            .ok_or_else(|| Error::incomplete(OPERATION, "task definition"))?;
        // It need not be the only deployment: a failed one can stay in the list for ever.
        let primary = found
            .deployments
            .unwrap_or_default()
            .into_iter()
            .find(|deployment| deployment.status.as_deref() == Some("PRIMARY"));
        let current = Current {
            staged_at: primary.as_ref().and_then(|primary| primary.created_at),
            deployment: primary.and_then(|primary| primary.id),
            task_definition: &task_definition,
        };
        let staged_at = current.staged_at;
        let mut tasks = Vec::new();
        let mut stopped = Vec::new();
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            for task in self.tasks(service, status).await? {
                let is_current = current.started(&task);
                match task.last_status.as_deref() == Some("STOPPED") {
                    true if is_current => stopped.push(stopped_task(&task)),
                    true => {}
                    false => tasks.push(task_facts(&task, is_current)),
                }
            }
        }
        Ok(SlotFacts {
            deployed: self.deployed(&task_definition).await?,
            desired: u32::try_from(found.desired_count).unwrap_or(0),
            events: events_since(found.events.as_deref().unwrap_or_default(), staged_at),
            tasks,
            stopped,
            staged_at: staged_at.and_then(timestamp),
        })
    }

    async fn tasks(&self, service: &str, status: DesiredStatus) -> Result<Vec<Task>, Error> {
        let mut found = Vec::new();
        let mut pages = self
            .ecs
            .list_tasks()
            .cluster(&self.cluster)
            .service_name(service)
            .desired_status(status)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate("ecs:ListTasks"))?;
            let arns = page.task_arns.unwrap_or_default();
            if arns.is_empty() {
                continue;
            }
            // A page of ListTasks holds at most 100, the most that DescribeTasks accepts.
            let answer = self
                .ecs
                .describe_tasks()
                .cluster(&self.cluster)
                .set_tasks(Some(arns))
                .send()
                .await
                .map_err(translate("ecs:DescribeTasks"))?;
            found.extend(answer.tasks.unwrap_or_default());
        }
        Ok(found)
    }

    /// Deregisters and deletes every task definition of a family; returns how many were deleted.
    ///
    /// # Errors
    /// A call fails; calling this again continues.
    pub async fn delete_definitions(&self, family: &str) -> Result<usize, Error> {
        for arn in self
            .definitions(family, TaskDefinitionStatus::Active)
            .await?
        {
            self.ecs
                .deregister_task_definition()
                .task_definition(arn)
                .send()
                .await
                .map_err(translate("ecs:DeregisterTaskDefinition"))?;
        }
        let inactive = self
            .definitions(family, TaskDefinitionStatus::Inactive)
            .await?;
        for batch in inactive.chunks(10) {
            self.ecs
                .delete_task_definitions()
                .set_task_definitions(Some(batch.to_vec()))
                .send()
                .await
                .map_err(translate("ecs:DeleteTaskDefinitions"))?;
        }
        Ok(inactive.len())
    }

    pub(crate) async fn definitions(
        &self,
        family: &str,
        status: TaskDefinitionStatus,
    ) -> Result<Vec<String>, Error> {
        let definitions = self.ecs.list_task_definitions();
        let definitions = definitions.family_prefix(family).status(status);
        let arns = definitions.into_paginator().items().send();
        let arns = arns.try_collect().await;
        let mut arns = arns.map_err(translate("ecs:ListTaskDefinitions"))?;
        // The API takes a prefix, and another app's definitions must not be touched.
        arns.retain(|arn| is_of_family(arn, family));
        Ok(arns)
    }
}

/// `arn:aws:ecs:eu-west-2:1:task-definition/uptime-prod:7` is of the family `uptime-prod`.
fn is_of_family(arn: &str, family: &str) -> bool {
    arn.rsplit('/')
        .next()
        .and_then(|name| name.split(':').next())
        == Some(family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Endpoints;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    #[test]
    fn a_family_is_not_matched_by_its_prefix() {
        let arn = "arn:aws:ecs:eu-west-2:1:task-definition/uptime-prod-placeholder:7";
        assert!(is_of_family(arn, "uptime-prod-placeholder"));
        assert!(!is_of_family(arn, "uptime-prod"));
    }

    /// The bodies of the next `count` requests, each of which gets an empty answer.
    fn record(listener: TcpListener, count: usize) -> JoinHandle<Vec<serde_json::Value>> {
        std::thread::spawn(move || {
            let request = || {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut reader = BufReader::new(stream.try_clone().expect("a reader"));
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).expect("a header");
                    let line = line.trim_end().to_ascii_lowercase();
                    if line.is_empty() {
                        break;
                    }
                    if let Some(value) = line.strip_prefix("content-length:") {
                        length = value.trim().parse().expect("a length");
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).expect("a body");
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                stream.write_all(answer.as_bytes()).expect("an answer");
                serde_json::from_slice(&body).expect("JSON")
            };
            std::iter::repeat_with(request).take(count).collect()
        })
    }

    #[tokio::test]
    async fn ecs_moves_no_tasks_between_zones_on_its_own_after_any_update() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = record(listener, 2);
        let endpoints = Endpoints {
            main: url.clone(),
            second: url,
        };
        let session = Session::open(None, Some("us-east-1"), Some(endpoints)).await;
        let services = Services::new(&session.expect("a session"), "shop-prod");
        services
            .set("shop-prod-blue", "shop-prod:7", 2)
            .await
            .expect("set");
        services.scale("shop-prod-blue", 3).await.expect("scaled");
        let requests = requests.join().expect("requests");
        assert_eq!(requests.len(), 2);
        for (request, count) in requests.iter().zip([2, 3]) {
            assert_eq!(request["service"], "shop-prod-blue");
            assert_eq!(request["desiredCount"], count);
            assert_eq!(request["availabilityZoneRebalancing"], "DISABLED");
        }
    }
}
