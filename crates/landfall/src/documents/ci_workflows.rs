//! The files that make the jobs of CI: a workflow for GitHub Actions or a pipeline for GitLab CI.

pub(crate) mod generated_file;
mod github;
mod gitlab;
#[cfg(test)]
pub(crate) mod samples;
mod template;
#[cfg(test)]
mod tests;

use rules::leave::ci::{Deployment, Forge, Setup};

/// The file's path in the repository. An app in a directory of its own gets a file of its own.
pub(crate) fn path(setup: &Setup, deployment: &Deployment) -> String {
    match setup.forge {
        Forge::Github => github::path(deployment),
        Forge::Gitlab => gitlab::path(deployment),
    }
}

/// The file's text, with the stamp of [`generated_file`].
pub(crate) fn text(setup: &Setup, deployment: &Deployment) -> String {
    match setup.forge {
        Forge::Github => github::workflow(setup, deployment),
        Forge::Gitlab => gitlab::pipeline(setup, deployment),
    }
}
