//! Secrets of an app: those that the manifest names, those that are set, and the references to them.
//!
//! A value goes from the person who sets it to the store, and from the store into the app's environment. It is
//! nowhere else: plans, task definitions, functions, the ledger and events have [`Reference`]s.

use crate::app::manifest::{
    Architecture, FILE, Invalid, Manifest, Reference, SecretName, SecretsStore,
};
use crate::app::names::Names;
use crate::check::{Check, CheckId};
use crate::exit::Exit;
use crate::shape::cost::account::AccountPlan;
use crate::shape::cost::budget::{Decision, Refusal, decide};
use crate::shape::cost::prices::Table;
use crate::shape::cost::{EstimateInput, Workload, estimate};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bytes that a standard parameter holds
/// (<https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html>).
const PARAMETER_BYTES: usize = 4 * 1024;
/// Bytes that a secret holds
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>).
const SECRET_BYTES: usize = 64 * 1024;

/// The value of a secret. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// Parses a value. One line break at its end is removed, as `echo` and editors add it.
    ///
    /// # Errors
    /// An environment variable cannot have this value, or it is too long for the store.
    pub fn read(bytes: Vec<u8>, store: SecretsStore) -> Result<Value, Invalid> {
        let Ok(mut text) = String::from_utf8(bytes) else {
            return Err(Invalid::new(
                "the value is not text",
                "environment variables are UTF-8 text",
                "encode it, for example with base64, and decode it in the app",
            ));
        };
        for end in ["\n", "\r"] {
            if text.ends_with(end) {
                text.truncate(text.len() - end.len());
            }
        }
        if text.is_empty() {
            return Err(Invalid::new(
                "the value is empty",
                "neither store accepts an empty value",
                "pipe the value into the command, or name its file with --from-file",
            ));
        }
        if text.contains('\0') {
            return Err(Invalid::new(
                "the value contains a NUL character",
                "environment variables cannot contain it",
                "remove it",
            ));
        }
        let (most, more) = match store {
            SecretsStore::ParameterStore => (
                PARAMETER_BYTES,
                "shorten it, or set `secrets_store = \"secrets-manager\"`, which accepts 64 KiB and costs money",
            ),
            SecretsStore::SecretsManager => (SECRET_BYTES, "shorten it"),
        };
        if text.len() > most {
            return Err(Invalid::new(
                format!("the value has {} bytes", text.len()),
                format!("{} accepts at most {most}", store.title()),
                more,
            ));
        }
        Ok(Value(text))
    }

    /// The value itself, to store it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value(…)")
    }
}

/// A secret as its store lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its name.
    pub name: SecretName,
    /// The store.
    pub store: SecretsStore,
    /// Name of the parameter, or ARN of the secret.
    pub id: String,
    /// Number of the parameter's version, or id of the secret's.
    pub version: String,
    /// When it was last set, if the store reports it.
    pub changed: Option<Timestamp>,
}

impl Stored {
    fn reference(&self) -> Reference {
        Reference {
            store: self.store,
            id: self.id.clone(),
            version: self.version.clone(),
            changed: self
                .changed
                .filter(|_| self.store == SecretsStore::ParameterStore),
        }
    }
}

/// The name of a secret in its store, made from an environment's names.
pub fn path(names: &Names, store: SecretsStore, name: &SecretName) -> String {
    format!("{}{name}", prefix(names, store))
}

/// The prefix of an environment's secrets in a store.
pub fn prefix(names: &Names, store: SecretsStore) -> String {
    match store {
        SecretsStore::ParameterStore => format!("/landfall/{}/", names.id()),
        SecretsStore::SecretsManager => format!("landfall/{}/", names.id()),
    }
}

/// The secret of a name in a store; [`None`] if it is not one of the environment.
pub fn name_of(names: &Names, store: SecretsStore, path: &str) -> Option<SecretName> {
    let name = path.strip_prefix(prefix(names, store).as_str())?;
    SecretName::parse(name).ok()
}

/// A reference for each secret that the manifest names.
///
/// # Errors
/// Some of them are not set.
pub fn references(
    manifest: &Manifest,
    stored: &[Stored],
) -> Result<BTreeMap<SecretName, Reference>, Refusal> {
    let store = manifest.secrets_store;
    let mut found = BTreeMap::new();
    let mut missing: Vec<&SecretName> = Vec::new();
    for name in &manifest.secrets {
        match stored.iter().find(|s| s.name == *name && s.store == store) {
            Some(one) => drop(found.insert(name.clone(), one.reference())),
            None => missing.push(name),
        }
    }
    let Some(first) = missing.first() else {
        return Ok(found);
    };
    let names = Names::new(manifest.name.clone(), manifest.environment.clone());
    let what = match missing.len() {
        1 => format!("the secret {first} is not set"),
        several => format!("{several} secrets are not set"),
    };
    let why = missing.iter().map(|name| {
        let path = path(&names, store, name);
        let elsewhere = stored.iter().find(|s| s.name == **name);
        match elsewhere {
            None => format!("`secrets` in {FILE} has {name}, but {} has no {path}", store.title()),
            Some(other) => format!(
                "`secrets` in {FILE} has {name}, which is in {}; `secrets_store` is \"{store}\", which has no {path}",
                other.store.title()
            ),
        }
    });
    let next = missing.iter().map(|name| {
        format!(
            "`landfall secrets set {name}` sets it for the environment {}",
            names.environment
        )
    });
    Err(Refusal {
        what,
        why: why.collect(),
        next: next.collect(),
    })
}

/// The checks of `doctor` and `up`.
pub(crate) fn checks(manifest: &Manifest, stored: &[Stored]) -> Vec<Check> {
    let store = manifest.secrets_store.title();
    match references(manifest, stored) {
        Ok(found) if found.is_empty() => Vec::new(),
        Ok(found) => {
            let names: Vec<&str> = found.keys().map(SecretName::as_str).collect();
            vec![Check::ok(
                CheckId::Secrets,
                format!("{} in {store}", names.join(", ")),
            )]
        }
        Err(refusal) => {
            let mut check = Check::blocker(CheckId::Secrets, Exit::BadInput, refusal.what);
            check.why = refusal.why;
            check.fix = refusal.next;
            vec![check]
        }
    }
}

/// One line of `landfall secrets list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Name.
    pub name: SecretName,
    /// Whether the manifest names it.
    pub wanted: bool,
    /// The secret in the manifest's store or the other one; [`None`] if it is not set.
    pub stored: Option<Stored>,
    /// Whether the next `up` uses it.
    pub used: bool,
}

/// The secrets of the manifest and those that are set, by name.
pub fn rows(manifest: &Manifest, stored: &[Stored]) -> Vec<Row> {
    let mut rows: Vec<Row> = stored
        .iter()
        .map(|one| {
            let wanted = manifest.secrets.contains(&one.name);
            Row {
                name: one.name.clone(),
                wanted,
                used: wanted && one.store == manifest.secrets_store,
                stored: Some(one.clone()),
            }
        })
        .collect();
    for name in &manifest.secrets {
        if !rows.iter().any(|row| row.name == *name && row.used) {
            rows.push(Row {
                name: name.clone(),
                wanted: true,
                stored: None,
                used: false,
            });
        }
    }
    rows.sort_by(|a, b| (&a.name, !a.used).cmp(&(&b.name, !b.used)));
    rows
}

/// Why `name` must not be set in the manifest's store; [`None`] if it may. Secrets Manager bills each secret,
/// which the budget has to allow. `stored` are the secrets that are set.
pub fn over_budget(
    manifest: &Manifest,
    stored: &[Stored],
    name: &SecretName,
    region: &str,
    account: &AccountPlan,
    rehearsal: bool,
    now: Timestamp,
) -> Option<Refusal> {
    let billed = |one: &&Stored| one.store == SecretsStore::SecretsManager;
    let there: Vec<&Stored> = stored.iter().filter(billed).collect();
    let is_new = !there.iter().any(|one| one.name == *name);
    if manifest.secrets_store != SecretsStore::SecretsManager || !is_new {
        return None;
    }
    let bill = estimate(
        Table::own(),
        &EstimateInput {
            resources: &[],
            workload: Workload::Function {
                memory: manifest.memory.mib(),
                architecture: Architecture::Arm64,
                request_ms: 0,
            },
            secrets: there.len() + 1,
            region,
            account,
            now,
        },
    );
    match decide(&bill, manifest.budget, rehearsal) {
        Decision::Allowed { .. } => None,
        Decision::Refused(mut refusal) => {
            refusal.next.push(
                "Parameter Store is free: remove `secrets_store` from landfall.toml".to_owned(),
            );
            Some(refusal)
        }
    }
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
