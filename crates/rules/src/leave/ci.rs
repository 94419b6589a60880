//! Deploying from CI: which jobs may have which role, the files that make the jobs, and why a job was
//! refused.
//!
//! A job proves who it is by an OIDC token that its forge signs; nothing is kept that could be stolen. A role's
//! trust policy names the token's subject word for word ([`trust`]); where the two differ,
//! [`claims`] reports the difference.

pub mod claims;
pub mod origin;
pub mod permissions;
pub mod repository;
pub mod subject;
pub mod trust;

#[cfg(test)]
mod boundary_tests;
#[cfg(test)]
mod claims_tests;
#[cfg(test)]
pub(crate) mod samples;

use crate::app::manifest::{PermissionsBoundary, RolePath};
use origin::{Branch, GithubEnvironment, Project};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The audience of tokens for AWS. Both forges let a job choose it.
pub const AUDIENCE: &str = "sts.amazonaws.com";

/// Where the jobs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forge {
    /// GitHub Actions on github.com.
    Github,
    /// GitLab CI, on gitlab.com or elsewhere.
    Gitlab,
}

impl Forge {
    /// The word of the command.
    pub fn as_str(self) -> &'static str {
        match self {
            Forge::Github => "github",
            Forge::Gitlab => "gitlab",
        }
    }
}

/// A role that jobs can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Deploys from the branch.
    Deploy,
    /// Plans for pull requests; changes nothing.
    Plan,
    /// Makes and removes the environments of pull requests.
    Preview,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 3] = [Role::Deploy, Role::Plan, Role::Preview];

    /// Ending of the role's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Deploy => "deploy",
            Role::Plan => "plan",
            Role::Preview => "preview",
        }
    }

    /// Names of all three for the stem `id`: a role of another kind is not CI's.
    pub fn names(id: &str) -> [String; 3] {
        Role::ALL.map(|role| format!("{id}-{}", role.as_str()))
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Numbers that GitHub never gives twice. They stand in the subject of repositories that were created,
/// renamed or moved since 15 July 2026.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// The user or organisation.
    pub owner: u64,
    /// The repository.
    pub repository: u64,
}

/// Of the roles that trust a provider, those that stay. IAM lists roles for a while after they were removed, so
/// those just `removed` do not count.
pub fn trusted_by_others(trusting: Vec<String>, removed: &[String]) -> Vec<String> {
    let mut others = trusting;
    others.retain(|role| !removed.contains(role));
    others
}

/// What CI is set up for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Where the jobs run.
    pub forge: Forge,
    /// Whose jobs.
    pub project: Project,
    /// The repository's numbers, if they are known. GitHub only.
    pub ids: Option<Ids>,
    /// Branch that is deployed.
    pub branch: Branch,
    /// The repository's default branch, if it is known: GitHub runs scheduled jobs there only. GitHub only.
    pub default_branch: Option<Branch>,
    /// Environment of GitHub that the job which deploys names, if any.
    pub github_environment: Option<GithubEnvironment>,
    /// Whether pull requests get environments of their own.
    pub previews: bool,
}

impl Setup {
    /// The roles that are made.
    pub fn roles(&self) -> Vec<Role> {
        let mut roles = vec![Role::Deploy, Role::Plan];
        if self.previews {
            roles.push(Role::Preview);
        }
        roles
    }

    /// Who signs the tokens: the provider's URL without `https://`, as conditions spell it.
    pub fn issuer(&self) -> &str {
        match self.forge {
            Forge::Github => "token.actions.githubusercontent.com",
            Forge::Gitlab => &self.project.host,
        }
    }
}

/// What is deployed where, as far as the files and permissions need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Partition of AWS: `aws` but for China and government clouds.
    pub partition: String,
    /// Account: twelve digits.
    pub account: String,
    /// Region.
    pub region: String,
    /// Names of the environment that the branch is deployed to.
    pub names: crate::app::names::Names,
    /// What it runs on.
    pub target: crate::app::manifest::Target,
    /// The domain of that environment, if it has one.
    pub domain: Option<crate::app::manifest::Domain>,
    /// Tags on the roles and policies, besides landfall's own.
    pub tags: BTreeMap<String, String>,
    /// The policy that the manifest sets as the limit of every role, if it does.
    pub permissions_boundary: Option<PermissionsBoundary>,
    /// Path of every role.
    pub role_path: RolePath,
    /// The app's directory in the repository; `.` for the repository itself.
    pub directory: String,
    /// Where jobs get landfall from.
    pub archive: Option<Archive>,
}

/// A gzipped tar with `landfall` and `landfall-edge` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Where it is.
    pub url: origin::ArchiveUrl,
    /// What it must be.
    pub sha256: origin::Sha256,
}

impl Deployment {
    /// ARN of a role.
    pub fn role_arn(&self, role: Role) -> String {
        let Deployment {
            partition, account, ..
        } = self;
        format!(
            "arn:{partition}:iam::{account}:role{}{}-{role}",
            self.role_path,
            self.names.id()
        )
    }

    /// ARN of the identity provider for an issuer.
    pub fn provider_arn(&self, issuer: &str) -> String {
        let Deployment {
            partition, account, ..
        } = self;
        format!("arn:{partition}:iam::{account}:oidc-provider/{issuer}")
    }
}

/// The partition that a region belongs to
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>). Where the caller's ARN is known,
/// [`partition_of`] it is certain.
pub fn partition(region: &str) -> &'static str {
    const KNOWN: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("eusc-", "aws-eusc"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
    ];
    let known = KNOWN.iter().find(|(start, _)| region.starts_with(start));
    known.map_or("aws", |(_, partition)| partition)
}

/// The partition in an ARN.
pub fn partition_of(arn: &str) -> Option<&str> {
    let partition = arn.strip_prefix("arn:")?.split(':').next()?;
    (!partition.is_empty()).then_some(partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_that_were_just_removed_keep_no_provider() {
        let listed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let removed = Role::names("shop-prod");
        let left = |names: &[&str]| trusted_by_others(listed(names), &removed);
        assert_eq!(left(&["shop-prod-deploy", "shop-prod-plan"]), [""; 0]);
        assert_eq!(
            left(&["shop-prod-deploy", "web-prod-deploy"]),
            ["web-prod-deploy"]
        );
    }

    #[test]
    fn every_partition_is_known() {
        for (region, expected) in [
            ("eu-west-2", "aws"),
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
        ] {
            assert_eq!(partition(region), expected, "{region}");
            let arn = format!("arn:{expected}:sts::123456789012:assumed-role/deployer/me");
            assert_eq!(partition_of(&arn), Some(expected));
        }
        assert_eq!(partition_of("123456789012"), None);
    }
}
