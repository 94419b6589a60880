//! Which credentials are used, and when they are resolved again.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, future::ProvideCredentials as Resolving,
};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Credentials that are valid for less than this are resolved again. Terraform's AWS SDK asks again five minutes
/// before they expire, and must not get the same ones then.
const RENEWED_BEFORE: Duration = Duration::from_secs(600);

/// The names of the user's own settings that decide between credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CredentialSettings {
    /// The profile of the command line.
    pub(crate) option: Option<String>,
    /// `AWS_PROFILE`, otherwise `AWS_DEFAULT_PROFILE`.
    pub(crate) profile: Option<String>,
    /// Whether `AWS_ACCESS_KEY_ID` is set.
    pub(crate) has_key: bool,
}

/// Two settings name different credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "AWS_PROFILE names the profile {profile}, but AWS_ACCESS_KEY_ID is set too and belongs to no profile"
)]
pub(crate) struct Contradiction {
    /// The profile of the environment.
    pub(crate) profile: String,
}

impl CredentialSettings {
    /// The settings of this process, with the profile of the command line.
    pub(crate) fn of_process(option: Option<&str>) -> CredentialSettings {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        CredentialSettings {
            option: option.map(str::to_owned),
            profile: set("AWS_PROFILE").or_else(|| set("AWS_DEFAULT_PROFILE")),
            has_key: set("AWS_ACCESS_KEY_ID").is_some(),
        }
    }

    /// The profile whose credentials are used, whatever keys the environment has; [`None`] if no profile is named.
    ///
    /// # Errors
    /// The environment names a profile and has a key. SDKs take the key, without a word.
    pub(crate) fn profile(&self) -> Result<Option<&str>, Contradiction> {
        match (&self.option, &self.profile, self.has_key) {
            (Some(profile), ..) | (None, Some(profile), false) => Ok(Some(profile)),
            (None, None, _) => Ok(None),
            (None, Some(profile), true) => Err(Contradiction {
                profile: profile.clone(),
            }),
        }
    }
}

/// Credentials of a provider, resolved again when they are about to expire. Landfall and Terraform share it, so a
/// process or a person is asked once.
#[derive(Debug, Clone)]
pub(crate) struct SharedCredentials {
    provider: SharedCredentialsProvider,
    last: Arc<Mutex<Option<Credentials>>>,
}

impl SharedCredentials {
    pub(crate) fn new(provider: SharedCredentialsProvider) -> SharedCredentials {
        SharedCredentials {
            provider,
            last: Arc::default(),
        }
    }

    pub(crate) async fn resolve(&self) -> Result<Credentials, CredentialsError> {
        let mut last = self.last.lock().await;
        if let Some(credentials) = last.as_ref()
            && is_fresh(credentials.expiry(), SystemTime::now())
        {
            return Ok(credentials.clone());
        }
        let credentials = self.provider.provide_credentials().await?;
        *last = Some(credentials.clone());
        Ok(credentials)
    }
}

impl ProvideCredentials for SharedCredentials {
    fn provide_credentials<'a>(&'a self) -> Resolving<'a>
    where
        Self: 'a,
    {
        Resolving::new(self.resolve())
    }
}

fn is_fresh(expiry: Option<SystemTime>, now: SystemTime) -> bool {
    expiry.is_none_or(|expiry| expiry > now + RENEWED_BEFORE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_profile_is_the_one_used_or_the_settings_contradict_each_other() {
        let settings = |option: Option<&str>, profile: Option<&str>, has_key| CredentialSettings {
            option: option.map(str::to_owned),
            profile: profile.map(str::to_owned),
            has_key,
        };
        let table = [
            (settings(None, None, false), Ok(None)),
            (settings(None, None, true), Ok(None)),
            (settings(None, Some("env"), false), Ok(Some("env"))),
            (settings(Some("work"), None, true), Ok(Some("work"))),
            (settings(Some("work"), Some("env"), true), Ok(Some("work"))),
            (
                settings(None, Some("env"), true),
                Err(Contradiction {
                    profile: "env".to_owned(),
                }),
            ),
        ];
        for (settings, profile) in table {
            assert_eq!(settings.profile(), profile, "{settings:?}");
        }
    }

    #[test]
    fn credentials_are_resolved_again_before_terraform_asks_for_new_ones() {
        let now = SystemTime::now();
        assert!(is_fresh(None, now));
        assert!(is_fresh(Some(now + Duration::from_secs(601)), now));
        assert!(!is_fresh(Some(now + Duration::from_secs(301)), now));
        assert!(!is_fresh(Some(now), now));
    }
}
