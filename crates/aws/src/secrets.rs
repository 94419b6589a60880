//! Secrets of an environment, in Parameter Store and in Secrets Manager. Values are written and
//! never read back: no call that lists them returns values.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use crate::signed::ssm::Ssm;
use crate::time::timestamp;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use rules::app::manifest::{SecretName, SecretsStore};
use rules::app::names::Names;
use rules::operate::secrets::{Stored, Value, name_of, path, prefix};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most parameters that one call deletes.
const BATCH: usize = 10;
/// The stage of the current version.
const CURRENT: &str = "AWSCURRENT";

/// The secrets of one environment.
#[derive(Debug, Clone)]
pub struct Secrets {
    names: Names,
    ssm: Ssm,
    manager: aws_sdk_secretsmanager::Client,
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
            tags: session.tags(),
        }
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
        const CREATE: &str = "secretsmanager:CreateSecret";
        const PUT: &str = "secretsmanager:PutSecretValue";
        const TAG: &str = "secretsmanager:TagResource";
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let tags: Vec<Tag> = self.tags.iter().map(tag).collect();
        let tags = (!tags.is_empty()).then_some(tags);
        let created = self
            .manager
            .create_secret()
            .name(path)
            .secret_string(value.reveal())
            .set_tags(tags.clone())
            .send()
            .await
            .map_err(translate(CREATE));
        match created {
            Ok(created) => created
                .version_id
                .ok_or_else(|| Error::incomplete(CREATE, "version")),
            Err(error) if error.code.as_deref() == Some("ResourceExistsException") => {
                if let Some(tags) = tags {
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
            Err(error) => Err(error),
        }
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

    async fn managed(&self) -> Result<Vec<Stored>, Error> {
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
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate("secretsmanager:ListSecrets"))?;
            all.extend(
                page.secret_list
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|one| {
                        let versions = one.secret_versions_to_stages.unwrap_or_default();
                        let current = versions
                            .into_iter()
                            .find(|(_, stages)| stages.iter().any(|stage| stage == CURRENT));
                        Some(Stored {
                            // The filter matches prefixes, and ignores their case.
                            name: name_of(&self.names, store, &one.name?)?,
                            store,
                            id: one.arn?,
                            version: current?.0,
                            changed: one
                                .last_changed_date
                                .or(one.created_date)
                                .and_then(timestamp),
                        })
                    }),
            );
        }
        Ok(all)
    }
}
