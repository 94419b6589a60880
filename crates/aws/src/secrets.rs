//! Secrets of an environment, in Parameter Store and in Secrets Manager. Values are written and
//! never read back: no call that lists them returns values.

use crate::again::again_after;
use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use crate::signed::ssm::Ssm;
use crate::time::timestamp;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use futures_util::future::try_join_all;
use rules::app::manifest::{SecretName, SecretsStore};
use rules::app::names::Names;
use rules::operate::secrets::{Stored, Value, name_of, path, prefix};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The most parameters that one call deletes.
const BATCH: usize = 10;
/// The most secrets that are looked up at once.
const AT_ONCE: usize = 10;
/// Seconds between attempts to create a secret whose name was just deleted.
const DELETED_PAUSES: [u64; 5] = [1, 2, 4, 8, 15];
/// The stage of the current version.
const CURRENT: &str = "AWSCURRENT";

/// The secrets of one environment.
#[derive(Debug, Clone)]
pub struct Secrets {
    names: Names,
    ssm: Ssm,
    manager: aws_sdk_secretsmanager::Client,
    known: BTreeSet<SecretName>,
    /// Tags of secrets that are set.
    tags: Arc<BTreeMap<String, String>>,
}

impl Secrets {
    /// The secrets of the environment that `names` belongs to.
    pub fn new(session: &Session, names: &Names) -> Secrets {
        Secrets {
            names: names.clone(),
            ssm: Ssm::new(session.config()),
            manager: aws_sdk_secretsmanager::Client::new(session.config()),
            known: BTreeSet::new(),
            tags: session.tags(),
        }
    }

    /// The same with names of secrets that may exist. Secrets Manager's list is up to five minutes behind, so a
    /// secret that was just created is found by its name alone
    /// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>).
    #[must_use]
    pub fn with_known<'a>(mut self, names: impl IntoIterator<Item = &'a SecretName>) -> Secrets {
        self.known.extend(names.into_iter().cloned());
        self
    }

    /// The secrets in both stores.
    ///
    /// # Errors
    /// A call fails.
    pub async fn list(&self) -> Result<Vec<Stored>, Error> {
        let (parameters, secrets) = tokio::try_join!(self.parameters(), self.managed())?;
        Ok([parameters, secrets].concat())
    }

    /// The secrets in one store.
    ///
    /// # Errors
    /// The call fails.
    pub async fn list_in(&self, store: SecretsStore) -> Result<Vec<Stored>, Error> {
        match store {
            SecretsStore::ParameterStore => self.parameters().await,
            SecretsStore::SecretsManager => self.managed().await,
        }
    }

    /// Sets a secret; returns the number or ID of the new version.
    ///
    /// # Errors
    /// The call fails; the secret is unchanged.
    pub async fn set(
        &self,
        store: SecretsStore,
        name: &SecretName,
        value: &Value,
    ) -> Result<String, Error> {
        let path = path(&self.names, store, name);
        match store {
            SecretsStore::ParameterStore => self.put_parameter(&path, value).await,
            SecretsStore::SecretsManager => self.put_secret(&path, value).await,
        }
    }

    /// Deletes secrets irrevocably. Secrets that do not exist are no error.
    ///
    /// # Errors
    /// A call fails; some secrets may have been deleted.
    pub async fn remove(&self, secrets: &[Stored]) -> Result<(), Error> {
        let of = |store: SecretsStore| -> Vec<String> {
            let all = secrets.iter().filter(|one| one.store == store);
            all.map(|one| one.id.clone()).collect()
        };
        for names in of(SecretsStore::ParameterStore).chunks(BATCH) {
            self.ssm.delete(names).await?;
        }
        for id in of(SecretsStore::SecretsManager) {
            let deleted = self
                .manager
                .delete_secret()
                .secret_id(id)
                // Otherwise the secret is kept, and its name blocked, for a month.
                .force_delete_without_recovery(true)
                .send()
                .await
                .map(drop)
                .map_err(translate("secretsmanager:DeleteSecret"));
            match deleted {
                Err(error) if error.kind == ErrorKind::NotFound => {}
                other => other?,
            }
        }
        Ok(())
    }

    async fn put_parameter(&self, path: &str, value: &Value) -> Result<String, Error> {
        let version = self.ssm.put(path, value.reveal(), &self.tags).await?;
        Ok(version.to_string())
    }

    async fn put_secret(&self, path: &str, value: &Value) -> Result<String, Error> {
        const PUT: &str = "secretsmanager:PutSecretValue";
        const TAG: &str = "secretsmanager:TagResource";
        match self.create_secret(path, value).await {
            Err(error) if error.code.as_deref() == Some("ResourceExistsException") => {
                if let Some(tags) = self.secret_tags() {
                    let tagged = self.manager.tag_resource().secret_id(path);
                    let tagged = tagged.set_tags(Some(tags)).send().await;
                    tagged.map_err(translate(TAG))?;
                }
                let put = self
                    .manager
                    .put_secret_value()
                    .secret_id(path)
                    .secret_string(value.reveal())
                    .send()
                    .await
                    .map_err(translate(PUT))?;
                put.version_id
                    .ok_or_else(|| Error::incomplete(PUT, "version"))
            }
            other => other,
        }
    }

    fn secret_tags(&self) -> Option<Vec<Tag>> {
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let tags: Vec<Tag> = self.tags.iter().map(tag).collect();
        (!tags.is_empty()).then_some(tags)
    }

    /// The name of a secret that was just deleted cannot be used again for a while, so this waits.
    async fn create_secret(&self, path: &str, value: &Value) -> Result<String, Error> {
        let pauses = DELETED_PAUSES.map(Duration::from_secs);
        let call = || self.create_secret_once(path, value);
        let created = again_after(pauses, is_being_deleted, call).await;
        created.map_err(|error| {
            if !is_being_deleted(&error) {
                return error;
            }
            let what = format!(
                "{path} is scheduled for deletion ({}); wait until it is gone, or keep it with `aws secretsmanager \
                 restore-secret --secret-id {path}`",
                error.message
            );
            Error::new(error.kind, error.operation, what)
        })
    }

    async fn create_secret_once(&self, path: &str, value: &Value) -> Result<String, Error> {
        const CREATE: &str = "secretsmanager:CreateSecret";
        let created = self
            .manager
            .create_secret()
            .name(path)
            .secret_string(value.reveal())
            .set_tags(self.secret_tags())
            .send()
            .await
            .map_err(translate(CREATE))?;
        created
            .version_id
            .ok_or_else(|| Error::incomplete(CREATE, "version"))
    }

    async fn parameters(&self) -> Result<Vec<Stored>, Error> {
        let store = SecretsStore::ParameterStore;
        let prefix = prefix(&self.names, store);
        let path = prefix.trim_end_matches('/');
        let parameters = self.ssm.directly_under(path).await?.into_iter();
        Ok(parameters
            .filter_map(|one| {
                let changed = one.changed().and_then(timestamp);
                let id = one.name?;
                Some(Stored {
                    name: name_of(&self.names, store, &id)?,
                    store,
                    id,
                    version: one.version.to_string(),
                    changed,
                })
            })
            .collect())
    }

    /// The list finds secrets that no one knows of; each secret's own description shows whether it exists.
    async fn managed(&self) -> Result<Vec<Stored>, Error> {
        let mut names = self.listed().await?;
        names.extend(self.known.iter().cloned());
        let names: Vec<SecretName> = names.into_iter().collect();
        let mut all = Vec::new();
        for some in names.chunks(AT_ONCE) {
            let found = try_join_all(some.iter().map(|name| self.described(name))).await?;
            all.extend(found.into_iter().flatten());
        }
        Ok(all)
    }

    async fn listed(&self) -> Result<BTreeSet<SecretName>, Error> {
        let store = SecretsStore::SecretsManager;
        let mut pages = self
            .manager
            .list_secrets()
            .filters(
                Filter::builder()
                    .key(FilterNameStringType::Name)
                    .values(prefix(&self.names, store))
                    .build(),
            )
            .into_paginator()
            .send();
        let mut names = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate("secretsmanager:ListSecrets"))?;
            let secrets = page.secret_list.unwrap_or_default().into_iter();
            // The filter matches prefixes, and ignores their case.
            names.extend(secrets.filter_map(|one| name_of(&self.names, store, &one.name?)));
        }
        Ok(names)
    }

    /// A secret of Secrets Manager; [`None`] if it does not exist, is being deleted, or has no value.
    async fn described(&self, name: &SecretName) -> Result<Option<Stored>, Error> {
        const DESCRIBE: &str = "secretsmanager:DescribeSecret";
        let store = SecretsStore::SecretsManager;
        let answer = self
            .manager
            .describe_secret()
            .secret_id(path(&self.names, store, name))
            .send()
            .await
            .map_err(translate(DESCRIBE));
        let one = match answer {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        if one.deleted_date.is_some() {
            return Ok(None);
        }
        let mut versions = one.version_ids_to_stages.unwrap_or_default().into_iter();
        let current = versions.find(|(_, stages)| stages.iter().any(|stage| stage == CURRENT));
        let (Some((version, _)), Some(id)) = (current, one.arn) else {
            return Ok(None);
        };
        Ok(Some(Stored {
            name: name.clone(),
            store,
            id,
            version,
            changed: one
                .last_changed_date
                .or(one.created_date)
                .and_then(timestamp),
        }))
    }
}

/// Whether a secret of this name was deleted and is not gone yet: after a deletion without recovery, for some
/// seconds
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html>).
fn is_being_deleted(error: &Error) -> bool {
    error.code.as_deref() == Some("InvalidRequestException")
        && error.message.contains("scheduled for deletion")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_being_deleted_is_told_from_other_refusals() {
        let of = |code: &str, message: &str| {
            let mut error = Error::new(ErrorKind::Other, "secretsmanager:CreateSecret", message);
            error.code = Some(code.to_owned());
            is_being_deleted(&error)
        };
        let message = "You can't create this secret because a secret with this name is already scheduled for \
                       deletion. (InvalidRequestException)";
        assert!(of("InvalidRequestException", message));
        assert!(!of(
            "InvalidRequestException",
            "You provided a parameter value that is not valid"
        ));
        assert!(!of("ResourceExistsException", message));
    }
}
