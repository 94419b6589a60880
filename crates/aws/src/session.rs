//! Credentials, region and endpoints, shared by all clients.

use crate::error::{Error, ErrorKind, translate};
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
    region: String,
    endpoints: Option<Endpoints>,
    tags: Arc<BTreeMap<String, String>>,
}

impl Session {
    /// Reads credentials and region as the AWS CLI does. With `endpoints`, calls emulators with
    /// made-up credentials instead, and uses none of the user's own.
    ///
    /// # Errors
    /// No region is set.
    pub async fn open(
        profile: Option<&str>,
        region: Option<&str>,
        endpoints: Option<Endpoints>,
    ) -> Result<Session, Error> {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
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
                "sts:GetCallerIdentity",
                "no AWS region is set: neither landfall.toml nor the environment nor the profile names one",
            )
        })?;
        Ok(Session {
            config,
            region,
            endpoints,
            tags: Arc::default(),
        })
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

    /// The same session with other credentials, for emulators that check permissions.
    #[must_use]
    pub fn calling_as(mut self, key: &str, secret: &str) -> Session {
        let credentials = Credentials::new(key, secret, None, None, "rehearsal");
        self.config = self
            .config
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        self
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
        const OPERATION: &str = "sts:GetCallerIdentity";
        let answer = aws_sdk_sts::Client::new(&self.config)
            .get_caller_identity()
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let account = answer
            .account
            .ok_or_else(|| Error::incomplete(OPERATION, "account"))?;
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
