//! Whose resources: the names of one environment, or of a family of them, as ARNs.

use crate::app::manifest::{Manifest, boundary_arn};
use crate::app::names::{Names, Slot, TAG_APP, TAG_ENVIRONMENT};

/// An environment, or all that a pattern names, in one account and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// `aws` but for China and government clouds.
    pub partition: String,
    /// Twelve digits.
    pub account: String,
    /// Region.
    pub region: String,
    /// The app.
    pub app: String,
    /// The environment; may hold a `*`, as `pr-*` for those of all pull requests.
    pub environment: String,
    /// The domain of its own, if it has one.
    pub domain: Option<String>,
    /// Path of the roles.
    pub role_path: String,
    /// ARN of the policy that limits the roles. With it, a role can be made or changed only if it has this boundary.
    pub boundary: Option<String>,
}

impl Scope {
    /// One environment.
    pub fn from_names(names: &Names, partition: &str, account: &str, region: &str) -> Scope {
        Scope {
            partition: partition.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            app: names.app.to_string(),
            environment: names.environment.to_string(),
            domain: None,
            role_path: "/".to_owned(),
            boundary: None,
        }
    }

    /// The same with what a manifest sets.
    #[must_use]
    pub fn with_settings(self, manifest: &Manifest) -> Scope {
        let domain = manifest.domain.as_ref();
        let boundary = manifest.permissions_boundary.as_ref();
        Scope {
            domain: domain.map(ToString::to_string),
            role_path: manifest.role_path.to_string(),
            boundary: boundary.map(|one| one.arn(&self.partition, &self.account)),
            ..self
        }
    }

    /// The same with the boundary that is named by its ARN, or by its path and name.
    #[must_use]
    pub fn with_boundary(self, policy: &str) -> Scope {
        let arn = boundary_arn(policy, &self.partition, &self.account);
        Scope {
            boundary: Some(arn),
            ..self
        }
    }

    /// The same with a domain of its own, or without.
    #[must_use]
    pub fn with_domain(self, domain: Option<&str>) -> Scope {
        Scope {
            domain: domain.map(str::to_owned),
            ..self
        }
    }

    /// The stem of every name, as [`Names::id`].
    pub fn id(&self) -> String {
        format!("{}-{}", self.app, self.environment)
    }

    /// ARN of something of this region and account; `ID` in it is replaced by the stem.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        let (partition, region, account) = (&self.partition, &self.region, &self.account);
        let resource = resource.replace("ID", &self.id());
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// The ARN of a log group such as `log-group:/landfall/ID`, and the one with which IAM knows it and its streams.
    pub(super) fn log_group(&self, group: &str) -> [String; 2] {
        [
            self.arn("logs", group),
            self.arn("logs", &format!("{group}:*")),
        ]
    }

    /// ARN of something that has no region.
    pub(super) fn global(&self, service: &str, resource: &str) -> String {
        let (partition, account) = (&self.partition, &self.account);
        let resource = resource.replace("ID", &self.id());
        format!("arn:{partition}:{service}::{account}:{resource}")
    }

    /// The bucket of the state.
    pub(super) fn bucket(&self) -> String {
        let (partition, account, region) = (&self.partition, &self.account, &self.region);
        format!(
            "arn:{partition}:s3:::landfall-{account}-{region}-{}",
            self.id()
        )
    }

    /// What is in the bucket of the state.
    pub(super) fn objects(&self) -> String {
        format!("{}/*", self.bucket())
    }

    /// Roles of the app, by the last words of their names.
    pub(super) fn roles(&self, endings: &[&str]) -> Vec<String> {
        let path = &self.role_path;
        let role = |ending: &&str| self.global("iam", &format!("role{path}ID-{ending}"));
        endings.iter().map(role).collect()
    }

    /// What both slots have, with `SLOT` in the place of each one's name.
    pub(super) fn slots(&self, service: &str, resource: &str) -> Vec<String> {
        Slot::ALL
            .map(|slot| self.arn(service, &resource.replace("SLOT", slot.as_str())))
            .to_vec()
    }

    /// The tags of everything here, as keys of conditions that begin with `prefix`.
    pub(super) fn tags(&self, prefix: &str) -> [(String, String); 2] {
        [
            (format!("{prefix}/{TAG_APP}"), self.app.clone()),
            (
                format!("{prefix}/{TAG_ENVIRONMENT}"),
                self.environment.clone(),
            ),
        ]
    }
}
