//! The workflow of GitHub Actions.

use super::generated_file::stamp;
use super::template::{Values, fill, flag, shared_values};
use rules::leave::ci::{AUDIENCE, Deployment, Role, Setup, trust};
use rules::shape::toolchain::Tool;

const WORKFLOW: &str = include_str!("github.yml");
const SETUP: &str = include_str!("github-setup.yml");
const COMMENT: &str = include_str!("github-comment.yml");

/// The actions of others that run, each by the commit that its version was when it was looked up: a tag can
/// be moved, a commit cannot. Two public repositories at least pin each of them to the same commit.
const ACTIONS: [(&str, &str); 5] = [
    (
        "CHECKOUT",
        "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    ),
    (
        "CREDENTIALS",
        "aws-actions/configure-aws-credentials@e1253824e5c10ff9df46874f81ed3ec929e19cfd # v6.3.0",
    ),
    (
        "OPENTOFU",
        "opentofu/setup-opentofu@a1320f892987e89d278cc92dc5adc984fb93aca4 # v2.0.2",
    ),
    (
        "TERRAFORM",
        "hashicorp/setup-terraform@dfe3c3f87815947d99a8997f908cb6525fc44e9e # v4.0.1",
    ),
    (
        "UPLOAD",
        "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1",
    ),
];

/// Path of the workflow in the repository. Each app in a directory of its own has its own workflow.
pub(super) fn path(deployment: &Deployment) -> String {
    match deployment.directory.as_str() {
        "." => ".github/workflows/landfall.yml".to_owned(),
        _ => format!(".github/workflows/landfall-{}.yml", deployment.names.app),
    }
}

/// The workflow's text, with its stamp.
pub(super) fn workflow(setup: &Setup, deployment: &Deployment, tool: &Tool) -> String {
    let mut values = shared_values(setup, deployment);
    values.extend(ACTIONS.map(|(name, action)| (name, action.to_owned())));
    let steps = |role: Role| {
        let mut values: Values = values.clone();
        values.insert("ROLE_ARN", deployment.role_arn(role));
        values.insert("AUDIENCE", AUDIENCE.to_owned());
        values.insert("TRUST", trust::policy(setup, deployment, role).to_string());
        values.insert("TOOL_VERSION", tool.version.clone());
        fill(SETUP, &values, &[flag(tool.program)])
    };
    let setups = [
        ("SETUP_PLAN", steps(Role::Plan)),
        ("SETUP_DEPLOY", steps(Role::Deploy)),
        ("SETUP_PREVIEW", steps(Role::Preview)),
    ];
    values.extend(setups);
    values.insert("COMMENT", COMMENT.to_owned());
    let mut flags = Vec::new();
    if setup.previews {
        flags.push("previews");
    }
    if let Some(environment) = &setup.github_environment {
        flags.push("github_environment");
        values.insert("GITHUB_ENVIRONMENT", environment.to_string());
    }
    stamp(&fill(WORKFLOW, &values, &flags))
}
