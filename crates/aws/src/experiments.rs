//! What only the tests against AWS itself ask (`./dev test-aws`): calls whose answers show whether an assumption
//! of landfall holds. Landfall makes none of them.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use crate::signed::api_gateway::ApiGateway;
use crate::signed::cloudfront::CloudFront;
use crate::state_bucket::StateBucket;
use aws_sdk_ecr::types::ImageIdentifier;
use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, LinuxParameters, NetworkMode, Tmpfs as TmpfsMount,
};
use aws_sdk_iam::types::Tag;
use rules::app::names::Names;
use rules::release::hardening::Tmpfs;
use std::collections::BTreeMap;

/// The name of the one inline policy of a role.
const POLICY: &str = "trial";

/// Calls of experiments, with the credentials of one session.
#[derive(Debug, Clone)]
pub struct Experiments {
    session: Session,
    apis: ApiGateway,
    distributions: CloudFront,
}

impl Experiments {
    /// Calls with this session's credentials.
    pub fn new(session: &Session) -> Experiments {
        Experiments {
            session: session.clone(),
            apis: ApiGateway::new(session.config()),
            distributions: CloudFront::new(&session.second_config()),
        }
    }

    fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(self.session.config())
    }

    /// Creates a role with one inline policy that `trusted`, an ARN, may assume. Returns the role's ARN.
    ///
    /// # Errors
    /// A call fails.
    pub async fn create_role(
        &self,
        name: &str,
        trusted: &str,
        policy: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<String, Error> {
        const OPERATION: &str = "iam:CreateRole";
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{trusted}"}},"Action":"sts:AssumeRole"}}]}}"#
        );
        let mut request = self
            .iam()
            .create_role()
            .role_name(name)
            .assume_role_policy_document(trust);
        for (key, value) in tags {
            let tag = Tag::builder().key(key).value(value).build();
            request = request.tags(tag.map_err(|_| Error::incomplete(OPERATION, "tag"))?);
        }
        let answer = request.send().await.map_err(translate(OPERATION))?;
        self.iam()
            .put_role_policy()
            .role_name(name)
            .policy_name(POLICY)
            .policy_document(policy)
            .send()
            .await
            .map_err(translate("iam:PutRolePolicy"))?;
        let role = answer.role;
        role.map(|role| role.arn)
            .ok_or_else(|| Error::incomplete(OPERATION, "ARN"))
    }

    /// Names of all roles that begin with `prefix`.
    ///
    /// # Errors
    /// A call fails.
    pub async fn roles(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let pages = self.iam().list_roles().into_paginator().items().send();
        let roles = pages
            .try_collect()
            .await
            .map_err(translate("iam:ListRoles"))?;
        let names = roles.into_iter().map(|role| role.role_name);
        Ok(names.filter(|name| name.starts_with(prefix)).collect())
    }

    /// Deletes a role of [`Experiments::create_role`], if it exists.
    ///
    /// # Errors
    /// A call fails.
    pub async fn delete_role(&self, name: &str) -> Result<(), Error> {
        let request = self.iam().delete_role_policy();
        let answer = request.role_name(name).policy_name(POLICY).send().await;
        unless_missing(answer.map(drop).map_err(translate("iam:DeleteRolePolicy")))?;
        let answer = self.iam().delete_role().role_name(name).send().await;
        unless_missing(answer.map(drop).map_err(translate("iam:DeleteRole")))
    }

    /// A session with the credentials of a role, for an hour.
    ///
    /// # Errors
    /// The role cannot be assumed, or not yet.
    pub async fn assume(&self, role_arn: &str) -> Result<Session, Error> {
        const OPERATION: &str = "sts:AssumeRole";
        let answer = aws_sdk_sts::Client::new(self.session.config())
            .assume_role()
            .role_arn(role_arn)
            .role_session_name("landfall-test")
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let found = answer
            .credentials
            .ok_or_else(|| Error::incomplete(OPERATION, "credentials"))?;
        Ok(self.session.clone().calling_with_token(
            &found.access_key_id,
            &found.secret_access_key,
            &found.session_token,
        ))
    }

    /// Creates an HTTP API with these tags; returns its ID.
    ///
    /// # Errors
    /// The call fails.
    pub async fn create_api(
        &self,
        name: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<String, Error> {
        self.apis.create(name, tags).await
    }

    /// Creates the stage `$default` of an API, with these tags.
    ///
    /// # Errors
    /// The call fails.
    pub async fn create_stage(
        &self,
        api: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        self.apis.create_stage(api, tags).await
    }

    /// Changes the description of an API.
    ///
    /// # Errors
    /// The call fails.
    pub async fn change_api(&self, api: &str) -> Result<(), Error> {
        self.apis.describe(api, "changed").await
    }

    /// Deletes an API.
    ///
    /// # Errors
    /// The call fails, or there is none.
    pub async fn delete_api(&self, api: &str) -> Result<(), Error> {
        self.apis.delete(api).await
    }

    /// IDs and names of all APIs whose names begin with `prefix`.
    ///
    /// # Errors
    /// A call fails.
    pub async fn apis(&self, prefix: &str) -> Result<Vec<(String, String)>, Error> {
        let apis = self.apis.apis().await?.into_iter();
        let apis = apis.filter_map(|api| Some((api.api_id?, api.name?)));
        Ok(apis.filter(|(_, name)| name.starts_with(prefix)).collect())
    }

    /// Creates a disabled distribution with tags, which has no users and costs nothing; returns its ID.
    ///
    /// # Errors
    /// The call fails.
    pub async fn create_distribution(
        &self,
        comment: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<String, Error> {
        self.distributions.create_disabled(comment, tags).await
    }

    /// Deletes a disabled distribution; AWS permits it once it is deployed, minutes after its creation.
    ///
    /// # Errors
    /// A call fails, for example because it is still in progress.
    pub async fn delete_distribution(&self, id: &str) -> Result<(), Error> {
        self.distributions.delete(id).await
    }

    /// IDs and comments of all distributions whose comments begin with `prefix`.
    ///
    /// # Errors
    /// A call fails.
    pub async fn distributions(&self, prefix: &str) -> Result<Vec<(String, String)>, Error> {
        let all = self.distributions.distributions().await?.into_iter();
        let all = all.filter(|one| one.comment.starts_with(prefix));
        Ok(all.map(|one| (one.id, one.comment)).collect())
    }

    /// The policy of a repository, JSON; [`None`] if it has none.
    ///
    /// # Errors
    /// The call fails.
    pub async fn repository_policy(&self, repository: &str) -> Result<Option<String>, Error> {
        let answer = aws_sdk_ecr::Client::new(self.session.config())
            .get_repository_policy()
            .repository_name(repository)
            .send()
            .await
            .map_err(translate("ecr:GetRepositoryPolicy"));
        match answer {
            Ok(answer) => Ok(answer.policy_text),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes one image by its digest, with all its tags.
    ///
    /// # Errors
    /// The call fails.
    pub async fn delete_image(&self, repository: &str, digest: &str) -> Result<(), Error> {
        const OPERATION: &str = "ecr:BatchDeleteImage";
        let answer = aws_sdk_ecr::Client::new(self.session.config())
            .batch_delete_image()
            .repository_name(repository)
            .image_ids(ImageIdentifier::builder().image_digest(digest).build())
            .send()
            .await
            .map_err(translate(OPERATION))?;
        match answer.failures.unwrap_or_default().first() {
            None => Ok(()),
            Some(failure) => {
                let why = failure
                    .failure_reason
                    .as_deref()
                    .unwrap_or("no reason given");
                Err(Error::new(ErrorKind::Other, OPERATION, why))
            }
        }
    }

    /// Names and documents of the resource policies of CloudWatch Logs.
    ///
    /// # Errors
    /// The call fails.
    pub async fn log_policies(&self) -> Result<Vec<(String, String)>, Error> {
        let answer = aws_sdk_cloudwatchlogs::Client::new(self.session.config())
            .describe_resource_policies()
            .send()
            .await
            .map_err(translate("logs:DescribeResourcePolicies"))?;
        let all = answer.resource_policies.unwrap_or_default().into_iter();
        let all = all.map(|one| {
            let document = one.policy_document.unwrap_or_default();
            (one.policy_name.unwrap_or_default(), document)
        });
        Ok(all.collect())
    }

    /// Registers a task definition for Fargate with this directory in memory, which no task runs with; returns its
    /// ARN.
    ///
    /// # Errors
    /// The call fails: ECS refuses the directory or its mount options.
    pub async fn register_with_tmpfs(&self, family: &str, tmpfs: &Tmpfs) -> Result<String, Error> {
        const OPERATION: &str = "ecs:RegisterTaskDefinition";
        let mount = TmpfsMount::builder()
            .container_path(&tmpfs.path)
            .size(i32::try_from(tmpfs.size).unwrap_or(i32::MAX))
            .set_mount_options(Some(tmpfs.options()))
            .build()
            .map_err(|error| Error::new(ErrorKind::Other, OPERATION, error.to_string()))?;
        let container = ContainerDefinition::builder()
            .name("trial")
            .image("public.ecr.aws/docker/library/busybox:stable")
            .essential(true)
            .readonly_root_filesystem(true)
            .linux_parameters(LinuxParameters::builder().tmpfs(mount).build())
            .build();
        let answer = aws_sdk_ecs::Client::new(self.session.config())
            .register_task_definition()
            .family(family)
            .network_mode(NetworkMode::Awsvpc)
            .requires_compatibilities(Compatibility::Fargate)
            .cpu("256")
            .memory("512")
            .container_definitions(container)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let definition = answer.task_definition;
        definition
            .and_then(|definition| definition.task_definition_arn)
            .ok_or_else(|| Error::incomplete(OPERATION, "ARN"))
    }

    /// The families of active task definitions that begin with `prefix`.
    ///
    /// # Errors
    /// A call fails.
    pub async fn families(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let pages = aws_sdk_ecs::Client::new(self.session.config())
            .list_task_definition_families()
            .family_prefix(prefix)
            .status(aws_sdk_ecs::types::TaskDefinitionFamilyStatus::Active)
            .into_paginator()
            .items()
            .send();
        let all = pages.try_collect().await;
        let all = all.map_err(translate("ecs:ListTaskDefinitionFamilies"))?;
        Ok(all
            .into_iter()
            .filter(|name| name.starts_with(prefix))
            .collect())
    }

    /// Creates the bucket of `names` and enables its versioning, without waiting for either to take effect. `end` is
    /// the value of the tag with the time at which it may be removed.
    ///
    /// # Errors
    /// A call fails, for example because the name cannot be used again yet (`OperationAborted`).
    pub async fn create_bucket(
        &self,
        bucket: &StateBucket,
        names: &Names,
        end: &str,
    ) -> Result<(), Error> {
        bucket.create_versioned(names, end).await
    }

    /// Writes an object, and reads it once: whether it was found.
    ///
    /// # Errors
    /// A call fails in another way.
    pub async fn write_and_read(
        &self,
        bucket: &StateBucket,
        key: &str,
        text: &str,
    ) -> Result<bool, Error> {
        bucket.write_and_read(key, text).await
    }
}

fn unless_missing(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
