//! The pipeline of GitLab CI.

use super::generated_file::stamp;
use super::template::{fill, flag, shared_values};
use rules::leave::ci::{AUDIENCE, Deployment, Role, Setup, trust};
use rules::shape::toolchain::Tool;

const PIPELINE: &str = include_str!("gitlab.yml");

/// Path of the pipeline in the repository. GitLab reads one file, which has to include the file of an app in
/// a directory of its own.
pub(super) fn path(deployment: &Deployment) -> String {
    match deployment.directory.as_str() {
        "." => ".gitlab-ci.yml".to_owned(),
        directory => format!("{directory}/.gitlab-ci.yml"),
    }
}

/// The pipeline's text, with its stamp.
pub(super) fn pipeline(setup: &Setup, deployment: &Deployment, tool: &Tool) -> String {
    let mut values = shared_values(setup, deployment);
    values.insert("AUDIENCE", AUDIENCE.to_owned());
    for (role, arn, policy) in [
        (Role::Plan, "PLAN_ROLE_ARN", "PLAN_TRUST"),
        (Role::Deploy, "DEPLOY_ROLE_ARN", "DEPLOY_TRUST"),
        (Role::Preview, "PREVIEW_ROLE_ARN", "PREVIEW_TRUST"),
    ] {
        values.insert(arn, deployment.role_arn(role));
        values.insert(policy, trust::policy(setup, deployment, role).to_string());
    }
    values.insert("TOOL_VERSION", tool.version.clone());
    let mut flags = vec![flag(tool.program)];
    if setup.previews {
        flags.push("previews");
    }
    stamp(&fill(PIPELINE, &values, &flags))
}
