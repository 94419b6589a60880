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
use rules::shape::toolchain::Tool;

/// The file's path in the repository. An app in a directory of its own gets a file of its own.
pub(crate) fn path(setup: &Setup, deployment: &Deployment) -> String {
    match setup.forge {
        Forge::Github => github::path(deployment),
        Forge::Gitlab => gitlab::path(deployment),
    }
}

/// The file's text, with the stamp of [`generated_file`]. Its jobs install `tool`, which is the environment's.
pub(crate) fn text(setup: &Setup, deployment: &Deployment, tool: &Tool) -> String {
    match setup.forge {
        Forge::Github => github::workflow(setup, deployment, tool),
        Forge::Gitlab => gitlab::pipeline(setup, deployment, tool),
    }
}
