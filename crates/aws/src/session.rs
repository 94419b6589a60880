//! Credentials, region and endpoints, shared by all clients.

use crate::credentials::{CredentialSettings, SharedCredentials};
use crate::error::{Error, ErrorKind, translate};
use aws_config::credential_process::CredentialProcessProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls;
use rules::operate::doctor::account::Identity;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The call that shows whose credentials they are.
const IDENTITY: &str = "sts:GetCallerIdentity";

/// The emulators of a rehearsal, which are called instead of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// URL for every service but those below.
    pub main: String,
    /// URL for the services that the main emulator lacks or gets wrong: Budgets, CloudFront, S3.
    pub second: String,
}

/// Credentials, region and endpoints. Every other type of this crate makes its clients from it.
#[derive(Debug, Clone)]
pub struct Session {
    config: SdkConfig,
    credentials: SharedCredentials,
    region: String,
    endpoints: Option<Endpoints>,
    tags: Arc<BTreeMap<String, String>>,
}

/// Who calls the emulators of a rehearsal that check credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum EmulatorIdentity {
    /// A key of its own.
    Key { id: String, secret: String },
    /// Temporary credentials that a command prints, as `credential_process` in a profile does.
    Process { command: String },
}

impl Session {
    /// Reads credentials and region as the AWS CLI does, but for one thing: a profile that the command line or
    /// `AWS_PROFILE` names is the one used. With `endpoints`, calls emulators with made-up credentials instead, and
    /// uses none of the user's own.
    ///
    /// # Errors
    /// No region is set, or a profile and a key are set that have nothing to do with each other.
    pub async fn open(
        profile: Option<&str>,
        region: Option<&str>,
        endpoints: Option<Endpoints>,
    ) -> Result<Session, Error> {
        let settings = CredentialSettings::of_process(profile);
        let profile = match &endpoints {
            Some(_) => None,
            None => settings
                .profile()
                .map_err(|error| Error::new(ErrorKind::Ambiguous, IDENTITY, error.to_string()))?,
        };
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(5))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .operation_attempt_timeout(Duration::from_secs(30))
                    .build(),
            );
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        if let Some(endpoints) = &endpoints {
            loader = loader
                .endpoint_url(&endpoints.main)
                .credentials_provider(Credentials::new("test", "test", None, None, "rehearsal"));
        }
        let config = loader.load().await;
        let region = config.region().map(ToString::to_string).ok_or_else(|| {
            Error::new(
                ErrorKind::Credentials,
                IDENTITY,
                "no AWS region is set: neither landfall.toml nor the environment nor the profile names one",
            )
        })?;
        let provider = match (profile, config.credentials_provider()) {
            // The default chain would prefer a key of the environment.
            (Some(profile), _) => {
                let settings = ProviderConfig::default()
                    .with_region(config.region().cloned())
                    .with_http_client(http);
                let provider = ProfileFileCredentialsProvider::builder()
                    .configure(&settings)
                    .profile_name(profile)
                    .build();
                SharedCredentialsProvider::new(provider)
            }
            (None, Some(provider)) => provider,
            (None, None) => {
                let why = "no source of credentials is configured";
                return Err(Error::new(ErrorKind::Credentials, IDENTITY, why));
            }
        };
        let credentials = SharedCredentials::new(provider);
        Ok(Session {
            config: with_credentials(&config, &credentials),
            credentials,
            region,
            endpoints,
            tags: Arc::default(),
        })
    }

    /// The same session with the credentials of this provider, for its own calls and for child processes.
    fn signing_with(mut self, provider: SharedCredentialsProvider) -> Session {
        self.credentials = SharedCredentials::new(provider);
        self.config = with_credentials(&self.config, &self.credentials);
        self
    }

    /// The same session with tags for what its clients create.
    #[must_use]
    pub fn with_tags(mut self, tags: BTreeMap<String, String>) -> Session {
        self.tags = Arc::new(tags);
        self
    }

    /// Tags of everything that the session's clients create.
    pub(crate) fn tags(&self) -> Arc<BTreeMap<String, String>> {
        Arc::clone(&self.tags)
    }

    /// The same session with other credentials, for emulators that check them.
    #[must_use]
    pub fn calling_as(self, identity: EmulatorIdentity) -> Session {
        let provider = match identity {
            EmulatorIdentity::Key { id, secret } => {
                let key = Credentials::new(id, secret, None, None, "rehearsal");
                SharedCredentialsProvider::new(key)
            }
            EmulatorIdentity::Process { command } => {
                SharedCredentialsProvider::new(CredentialProcessProvider::new(command))
            }
        };
        self.signing_with(provider)
    }

    pub(crate) fn credentials(&self) -> &SharedCredentials {
        &self.credentials
    }

    /// Settings of the profile that decide which endpoints are called, as environment variables for child processes
    /// that do not read the profile.
    pub fn endpoint_variables(&self) -> Vec<(&'static str, String)> {
        let set = |name, is_on: Option<bool>| is_on.map(|is_on| (name, is_on.to_string()));
        [
            set("AWS_USE_FIPS_ENDPOINT", self.config.use_fips()),
            set("AWS_USE_DUALSTACK_ENDPOINT", self.config.use_dual_stack()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The same session with temporary credentials.
    pub(crate) fn calling_with_token(self, key: &str, secret: &str, token: &str) -> Session {
        let token = Some(token.to_owned());
        let credentials = Credentials::new(key, secret, token, None, "landfall");
        self.signing_with(SharedCredentialsProvider::new(credentials))
    }

    /// The region of all calls.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The account and principal that the credentials belong to.
    ///
    /// # Errors
    /// The credentials are missing or invalid, or AWS cannot be reached.
    pub async fn identity(&self) -> Result<Identity, Error> {
        let answer = aws_sdk_sts::Client::new(&self.config)
            .get_caller_identity()
            .send()
            .await
            .map_err(translate(IDENTITY))?;
        let account = answer
            .account
            .ok_or_else(|| Error::incomplete(IDENTITY, "account"))?;
        Ok(Identity {
            account,
            arn: answer.arn.unwrap_or_default(),
            rehearsal: self.endpoints.is_some(),
        })
    }

    /// The configuration for another region.
    pub(crate) fn at(&self, region: &str) -> SdkConfig {
        let region = Region::new(region.to_owned());
        self.config.to_builder().region(region).build()
    }

    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The configuration for Budgets, CloudFront and S3.
    pub(crate) fn second_config(&self) -> SdkConfig {
        match &self.endpoints {
            None => self.config.clone(),
            Some(endpoints) => self
                .config
                .to_builder()
                .endpoint_url(&endpoints.second)
                .build(),
        }
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.second_config())
            // Emulators do not serve a host for each bucket.
            .force_path_style(self.endpoints.is_some())
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }
}

fn with_credentials(config: &SdkConfig, credentials: &SharedCredentials) -> SdkConfig {
    let provider = SharedCredentialsProvider::new(credentials.clone());
    config.to_builder().credentials_provider(provider).build()
}
