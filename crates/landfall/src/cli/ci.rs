//! `landfall ci`.

use super::AppDir;
use clap::{Args, Subcommand};
use rules::leave::ci::origin::{ArchiveUrl, Branch, GithubEnvironment, Sha256};

#[derive(Debug, Subcommand)]
pub(crate) enum Ci {
    /// Create the roles and write the workflow for GitHub Actions
    Github(Github),
    /// Create the roles and write the pipeline for GitLab CI
    Gitlab(Gitlab),
    /// In a job: report whether a role trusts it, and if not, what differs
    Check(Check),
    /// Remove the roles of CI, and the identity provider if nothing else uses it
    Remove(Remove),
}

/// Options of GitHub and GitLab.
#[derive(Debug, Clone, Args)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Repository whose jobs are trusted: OWNER/REPOSITORY, or GROUP/PROJECT [default: that of the
    /// remote `origin`]
    #[arg(long, env = "LANDFALL_REPOSITORY", value_name = "PATH")]
    pub(crate) repository: Option<String>,
    /// Branch that is deployed
    #[arg(long, env = "LANDFALL_BRANCH", default_value = "main")]
    pub(crate) branch: Branch,
    /// Give each pull request its own environment, for two hours
    #[arg(long, env = "LANDFALL_PREVIEWS")]
    pub(crate) previews: bool,
    /// Archive of landfall that jobs download: a gzipped tar with `landfall` and `landfall-edge`
    #[arg(
        long,
        env = "LANDFALL_ARCHIVE",
        value_name = "URL",
        requires = "archive_sha256"
    )]
    pub(crate) archive: Option<ArchiveUrl>,
    /// SHA-256 sum of that archive
    #[arg(
        long,
        env = "LANDFALL_ARCHIVE_SHA256",
        value_name = "SHA256",
        requires = "archive"
    )]
    pub(crate) archive_sha256: Option<Sha256>,
    /// Only write the file; create nothing in AWS
    #[arg(long, env = "LANDFALL_NO_APPLY")]
    pub(crate) no_apply: bool,
    /// Overwrite a file that was edited
    #[arg(long, env = "LANDFALL_FORCE")]
    pub(crate) force: bool,
    /// Confirm the plan
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Github {
    #[command(flatten)]
    pub(crate) flags: Flags,
    /// Number of the owner; repositories created, renamed or moved since 15 July 2026 need it
    #[arg(
        long,
        env = "LANDFALL_OWNER_ID",
        value_name = "NUMBER",
        requires = "repository_id"
    )]
    pub(crate) owner_id: Option<u64>,
    /// Number of the repository
    #[arg(
        long,
        env = "LANDFALL_REPOSITORY_ID",
        value_name = "NUMBER",
        requires = "owner_id"
    )]
    pub(crate) repository_id: Option<u64>,
    /// GitHub environment of the deploying job, for example one with reviewers
    #[arg(long, env = "LANDFALL_GITHUB_ENVIRONMENT", value_name = "NAME")]
    pub(crate) github_environment: Option<GithubEnvironment>,
}

#[derive(Debug, Args)]
pub(crate) struct Gitlab {
    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Trust policy: JSON, or a file with it
    #[arg(long, env = "LANDFALL_TRUST", value_name = "JSON|FILE")]
    pub(crate) trust: Option<String>,
    /// Read the trust policy of this role from AWS, with the available credentials
    #[arg(
        long,
        env = "LANDFALL_ROLE",
        value_name = "ROLE",
        conflicts_with = "trust"
    )]
    pub(crate) role: Option<String>,
    /// File with the job's token [default: that of AWS_WEB_IDENTITY_TOKEN_FILE, or a new token from
    /// GitHub]
    #[arg(long, env = "LANDFALL_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<std::path::PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
}
