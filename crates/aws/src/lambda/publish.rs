//! Makes a version of an image: several calls, of which Lambda takes one at a time.

use super::{Functions, revision};
use crate::error::{Error, ErrorKind, translate};
use aws_sdk_lambda::types::{Architecture as Wanted, Environment, LastUpdateStatus};
use rules::app::manifest::Architecture;
use rules::edge_contract::REVISION_VARIABLE;
use rules::release::published_versions;
use rules::release::revision::{Image, RevisionId};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Until Lambda is asked again whether a change is through: an image's takes seconds.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// Longer than any change takes; an image of 10 GB has to be fetched and optimised.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a version is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication<'a> {
    /// Its image, of one architecture: Lambda takes no index.
    pub image: &'a Image,
    /// What it is known by.
    pub revision: RevisionId,
    /// MB, 128 to 10,240. Processors come with it.
    pub memory: u32,
    /// The image's.
    pub architecture: Architecture,
    /// All variables but Lambda's own. The revision's is added.
    pub environment: BTreeMap<String, String>,
}

impl Functions {
    /// Publishes a version, or finds the newest one of that revision; returns its number. Killed anywhere and
    /// called again, it makes one version.
    ///
    /// It goes by way of `$LATEST`, so nobody else may do the same meanwhile.
    ///
    /// # Errors
    /// A call fails, or Lambda does not take the image: it is an index, of another architecture, missing, or
    /// may not be read. Its words say which. No version was published.
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
        let end = Instant::now() + PATIENCE;
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
            if !self.is_taken(updated, end).await? {
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
            if !self.is_taken(updated, end).await? {
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
                    self.is_taken(Err(error), end).await?;
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
                    "somebody else has changed the function meanwhile",
                ));
            }
            return published
                .version
                .ok_or_else(|| Error::incomplete(OPERATION, "version"));
        }
    }

    /// Whether Lambda took a change. If another one was still going on, waits for that one's end.
    async fn is_taken(&self, answer: Result<(), Error>, end: Instant) -> Result<bool, Error> {
        match answer {
            Ok(()) => Ok(true),
            Err(error) if is_under_way(&error) && Instant::now() < end => {
                tokio::time::sleep(ASK_AGAIN).await;
                // How the other change ended does not matter to this one.
                let _ = self.await_update(error.operation, end).await;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until the last change is through. `operation` is what made it.
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
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                Some(LastUpdateStatus::InProgress) => {
                    let message = format!("the change is not through after {PATIENCE:?}");
                    return Err(Error::new(ErrorKind::Other, operation, message));
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

/// `ResourceConflictException`: another change, or the function's creation, is still going on
/// (<https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>).
fn is_under_way(error: &Error) -> bool {
    error.code.as_deref() == Some("ResourceConflictException")
}
