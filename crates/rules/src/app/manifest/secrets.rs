//! Variables whose values do not stand in `landfall.toml`, and where they are kept instead.

use super::newtype::text_value;
use super::problem::{Invalid, quoted};
use super::target::one_of;
use super::variable_name::check_name;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Name of a secret: that of the environment variable which holds its value. From the key `secrets`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(String);

text_value!(SecretName);

impl SecretName {
    /// Longest name. With the environment's path it stays far below what both stores take.
    pub const LENGTH: usize = 128;

    /// Checks a name.
    pub fn parse(text: &str) -> Result<SecretName, Invalid> {
        check_name(&format!("the secret {}", quoted(text)), text)?;
        if text.len() > SecretName::LENGTH {
            return Err(Invalid::new(
                format!("the secret {} has {} letters", quoted(text), text.len()),
                format!("at most {} are possible", SecretName::LENGTH),
                "give it a shorter name",
            ));
        }
        Ok(SecretName(text.to_owned()))
    }
}

impl TryFrom<String> for SecretName {
    type Error = Invalid;

    fn try_from(text: String) -> Result<SecretName, Invalid> {
        SecretName::parse(&text)
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> String {
        name.0
    }
}

/// Where the values of secrets are kept. From the key `secrets_store`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum SecretsStore {
    /// AWS Systems Manager Parameter Store, as standard parameters: they cost nothing.
    #[default]
    ParameterStore,
    /// AWS Secrets Manager: each secret is billed by the month.
    SecretsManager,
}

impl SecretsStore {
    /// Every store.
    pub const ALL: [SecretsStore; 2] = [SecretsStore::ParameterStore, SecretsStore::SecretsManager];

    /// The word in `landfall.toml` and events.
    pub fn as_str(self) -> &'static str {
        match self {
            SecretsStore::ParameterStore => "parameter-store",
            SecretsStore::SecretsManager => "secrets-manager",
        }
    }

    /// What AWS calls it.
    pub fn title(self) -> &'static str {
        match self {
            SecretsStore::ParameterStore => "Parameter Store",
            SecretsStore::SecretsManager => "Secrets Manager",
        }
    }
}

impl fmt::Display for SecretsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SecretsStore {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<SecretsStore, Invalid> {
        let synonyms = [
            ("ssm", SecretsStore::ParameterStore),
            ("parameter_store", SecretsStore::ParameterStore),
            ("secrets_manager", SecretsStore::SecretsManager),
            ("secretsmanager", SecretsStore::SecretsManager),
        ];
        one_of(
            "secrets_store",
            text,
            &SecretsStore::ALL,
            SecretsStore::as_str,
            &synonyms,
        )
    }
}

/// Which version of a secret is meant, without its value. A deployment contains only this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Where it is kept.
    pub store: SecretsStore,
    /// Name of the parameter, or ARN of the secret.
    pub id: String,
    /// Version number of the parameter, or version id of the secret.
    pub version: String,
    /// When it was set. Only for parameters, whose version numbers restart after a removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
}

impl Reference {
    /// The `valueFrom` of a task definition. ECS cannot name versions of parameters: a task gets the
    /// value that is current when it starts
    /// (<https://github.com/aws/containers-roadmap/issues/859>).
    pub fn value_from(&self) -> String {
        match self.store {
            SecretsStore::ParameterStore => self.id.clone(),
            // The two empty fields are a key within the value and a version stage
            // (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html).
            SecretsStore::SecretsManager => format!("{}:::{}", self.id, self.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_a_variable() {
        for good in ["DATABASE_URL", "_x", "a1"] {
            assert_eq!(
                SecretName::parse(good).map(String::from).ok().as_deref(),
                Some(good)
            );
        }
        let long = "A".repeat(129);
        for bad in [
            "",
            "1A",
            "A-B",
            "/a",
            "AWS_KEY",
            "LANDFALL_X",
            "A B",
            long.as_str(),
        ] {
            assert!(SecretName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_store_has_one_word() {
        for store in SecretsStore::ALL {
            assert_eq!(store.as_str().parse(), Ok(store));
            assert_eq!(serde_json::to_value(store).expect("JSON"), store.as_str());
        }
        let error = "SSM".parse::<SecretsStore>().expect_err("no word of ours");
        assert!(error.fix.contains("parameter-store"), "{error}");
    }
}
