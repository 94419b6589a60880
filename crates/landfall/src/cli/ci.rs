//! `landfall ci …`, as it can be typed.

use super::AppDir;
use clap::{Args, Subcommand};
use rules::leave::ci::origin::{ArchiveUrl, Branch, GithubEnvironment, Sha256};

#[derive(Debug, Subcommand)]
pub(crate) enum Ci {
    /// Let GitHub Actions deploy: make the roles and write the workflow
    Github(Github),
    /// Let GitLab CI deploy: make the roles and write the pipeline
    Gitlab(Gitlab),
    /// In a job: say whether a role trusts it, and if not, what differs
    Check(Check),
    /// Remove the roles of CI, and the identity provider if nobody else uses it
    Remove(Remove),
}

/// What both forges know.
#[derive(Debug, Clone, Args)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Whose jobs to trust: OWNER/REPOSITORY, or GROUP/PROJECT [default: what the remote `origin` says]
    #[arg(long, env = "LANDFALL_REPOSITORY", value_name = "PATH")]
    pub(crate) repository: Option<String>,
    /// The branch that is deployed
    #[arg(long, env = "LANDFALL_BRANCH", default_value = "main")]
    pub(crate) branch: Branch,
    /// Give each pull request an environment of its own, for two hours
    #[arg(long, env = "LANDFALL_PREVIEWS")]
    pub(crate) previews: bool,
    /// Where jobs fetch landfall from: a gzipped tar with `landfall` and `landfall-edge`
    #[arg(
        long,
        env = "LANDFALL_ARCHIVE",
        value_name = "URL",
        requires = "archive_sha256"
    )]
    pub(crate) archive: Option<ArchiveUrl>,
    /// What that archive must be
    #[arg(
        long,
        env = "LANDFALL_ARCHIVE_SHA256",
        value_name = "SHA256",
        requires = "archive"
    )]
    pub(crate) archive_sha256: Option<Sha256>,
    /// Only write the file; make nothing in AWS
    #[arg(long, env = "LANDFALL_NO_APPLY")]
    pub(crate) no_apply: bool,
    /// Write over a file that somebody changed by hand
    #[arg(long, env = "LANDFALL_FORCE")]
    pub(crate) force: bool,
    /// Answer yes to the plan
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Github {
    #[command(flatten)]
    pub(crate) flags: Flags,
    /// The owner's number, for the subjects of repositories that are new since 15 July 2026
    #[arg(
        long,
        env = "LANDFALL_OWNER_ID",
        value_name = "NUMBER",
        requires = "repository_id"
    )]
    pub(crate) owner_id: Option<u64>,
    /// The repository's number
    #[arg(
        long,
        env = "LANDFALL_REPOSITORY_ID",
        value_name = "NUMBER",
        requires = "owner_id"
    )]
    pub(crate) repository_id: Option<u64>,
    /// Environment of GitHub that the job which deploys names, such as one with reviewers
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
    /// The trust policy: JSON, or a file with it
    #[arg(long, env = "LANDFALL_TRUST", value_name = "JSON|FILE")]
    pub(crate) trust: Option<String>,
    /// Read the trust policy of this role from AWS, with whatever credentials there are
    #[arg(
        long,
        env = "LANDFALL_ROLE",
        value_name = "ROLE",
        conflicts_with = "trust"
    )]
    pub(crate) role: Option<String>,
    /// File with the job's token [default: the one that AWS_WEB_IDENTITY_TOKEN_FILE names, or a new one from GitHub]
    #[arg(long, env = "LANDFALL_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<std::path::PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Remove without asking
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn help_of_ci_reads_well() {
        let mut command = Cli::command().term_width(100);
        let ci = command.find_subcommand_mut("ci").expect("ci");
        let mut pages = vec![ci.render_help().to_string()];
        for name in ["github", "gitlab", "check", "remove"] {
            let page = ci.find_subcommand_mut(name).expect(name).render_help();
            pages.push(format!("── {name}\n{page}"));
        }
        insta::assert_snapshot!("help_of_ci", pages.join("\n"));
    }
}
