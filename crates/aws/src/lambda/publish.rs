//! Publishes a version: several changes, of which Lambda accepts one at a time.

use super::{Functions, revision};
use crate::error::{Error, ErrorKind, translate};
use aws_sdk_lambda::types::{Architecture as Wanted, Environment, LastUpdateStatus};
use edge_contract::REVISION_VARIABLE;
use rules::app::manifest::Architecture;
use rules::release::published_versions;
use rules::release::revision::{Image, RevisionId};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Delay before Lambda is asked again whether a change is complete; changing an image takes
/// seconds.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Longer than any change takes; Lambda has to fetch and optimize images of up to 10 GB.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The contents of a version to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication<'a> {
    /// An image of one architecture: Lambda accepts no index.
    pub image: &'a Image,
    /// The revision, which is added to the environment.
    pub revision: RevisionId,
    /// MB, 128 to 10,240. CPU power is proportional to it.
    pub memory: u32,
    /// The image's architecture.
    pub architecture: Architecture,
    /// All variables except Lambda's own and the revision's.
    pub environment: BTreeMap<String, String>,
}

impl Functions {
    /// Publishes a version, unless there is one of that revision already; returns its number.
    /// Idempotent, even if it was killed at any point before.
    ///
    /// It changes `$LATEST`, so only one process may publish at a time.
    ///
    /// # Errors
    /// A call fails, or Lambda rejects the image: it is an index, of another architecture, missing,
    /// or not readable. The message names the reason. No version was published.
    pub async fn publish(&self, publication: &Publication<'_>) -> Result<String, Error> {
        let revision = &publication.revision;
        let found = self.versions().await?.into_iter().rev();
        let found = found
            .filter(|facts| facts.revision.as_ref() == Some(revision))
            .map(|facts| facts.version)
            .next();
        if let Some(version) = found {
            return Ok(version);
        }
        let end = Instant::now() + TIMEOUT;
        self.update_configuration(publication, end).await?;
        self.update_code(publication, end).await?;
        self.publish_latest(revision, end).await
    }

    async fn update_configuration(
        &self,
        publication: &Publication<'_>,
        end: Instant,
    ) -> Result<(), Error> {
        const OPERATION: &str = "lambda:UpdateFunctionConfiguration";
        let mut environment = publication.environment.clone();
        let revision = publication.revision.to_string();
        environment.insert(REVISION_VARIABLE.to_owned(), revision);
        let environment = Environment::builder()
            .set_variables(Some(environment.into_iter().collect()))
            .build();
        loop {
            let updated = self
                .lambda
                .update_function_configuration()
                .function_name(&self.function)
                .memory_size(i32::try_from(publication.memory).unwrap_or(i32::MAX))
                .environment(environment.clone())
                .send()
                .await
                .map(drop)
                .map_err(translate(OPERATION));
            if !self.is_accepted(updated, end).await? {
                continue;
            }
            return self.await_update(OPERATION, end).await;
        }
    }

    async fn update_code(&self, publication: &Publication<'_>, end: Instant) -> Result<(), Error> {
        const OPERATION: &str = "lambda:UpdateFunctionCode";
        let architecture = match publication.architecture {
            Architecture::X86_64 => Wanted::X8664,
            Architecture::Arm64 => Wanted::Arm64,
        };
        loop {
            let updated = self
                .lambda
                .update_function_code()
                .function_name(&self.function)
                .image_uri(publication.image.to_string())
                .architectures(architecture.clone())
                .send()
                .await
                .map(drop)
                .map_err(translate(OPERATION));
            if !self.is_accepted(updated, end).await? {
                continue;
            }
            return self.await_update(OPERATION, end).await;
        }
    }

    async fn publish_latest(&self, wanted: &RevisionId, end: Instant) -> Result<String, Error> {
        const OPERATION: &str = "lambda:PublishVersion";
        loop {
            let published = self
                .lambda
                .publish_version()
                .function_name(&self.function)
                .description(published_versions::description(wanted))
                .send()
                .await
                .map_err(translate(OPERATION));
            let published = match published {
                Err(error) => {
                    self.is_accepted(Err(error), end).await?;
                    continue;
                }
                Ok(published) => published,
            };
            let variables = published
                .environment
                .and_then(|environment| environment.variables)
                .unwrap_or_default();
            if revision(&variables).as_ref() != Some(wanted) {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    OPERATION,
                    "another process changed the function at the same time",
                ));
            }
            return published
                .version
                .ok_or_else(|| Error::incomplete(OPERATION, "version"));
        }
    }

    /// Whether Lambda accepted a change. If another change is under way, waits for it.
    async fn is_accepted(&self, answer: Result<(), Error>, end: Instant) -> Result<bool, Error> {
        match answer {
            Ok(()) => Ok(true),
            Err(error) if is_under_way(&error) && Instant::now() < end => {
                tokio::time::sleep(POLL_INTERVAL).await;
                // The result of the other change is irrelevant to this one.
                let _ = self.await_update(error.operation, end).await;
                Ok(false)
            }
            Err(error) if may_pass(&error) && Instant::now() < end => {
                tokio::time::sleep(POLL_INTERVAL).await;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until the last change, made by `operation`, is complete.
    async fn await_update(&self, operation: &'static str, end: Instant) -> Result<(), Error> {
        loop {
            let seen = self
                .lambda
                .get_function_configuration()
                .function_name(&self.function)
                .send()
                .await
                .map_err(translate("lambda:GetFunctionConfiguration"))?;
            match seen.last_update_status {
                Some(LastUpdateStatus::InProgress) if Instant::now() < end => {
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
                Some(LastUpdateStatus::InProgress) => {
                    let message = format!("the change is not complete after {TIMEOUT:?}");
                    return Err(Error::new(ErrorKind::Busy, operation, message));
                }
                Some(LastUpdateStatus::Failed) => {
                    let code = seen.last_update_status_reason_code;
                    let code = code.map(|code| code.as_str().to_owned());
                    let reason = seen.last_update_status_reason.unwrap_or_default();
                    let message = match &code {
                        Some(code) => format!("{reason} ({code})"),
                        None => reason,
                    };
                    return Err(Error {
                        code,
                        ..Error::new(ErrorKind::Other, operation, message)
                    });
                }
                _ => return Ok(()),
            }
        }
    }
}

/// Whether the same call may succeed later: Lambda is busy, or the permission to pull from a registry
/// that was created just now has not reached it.
fn may_pass(error: &Error) -> bool {
    error.kind == ErrorKind::Busy || error.message.contains("permission to access the ECR image")
}

/// `ResourceConflictException`: another change, or the creation of the function, is under way
/// (<https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>).
fn is_under_way(error: &Error) -> bool {
    error.code.as_deref() == Some("ResourceConflictException")
}
