//! The most that the app's roles may do where jobs of CI make them.
//!
//! A job that may give a role any policy may by that give itself anything: it makes a role that it can assume. So a
//! job's own policies let it make and change only roles that have this boundary, and a role can never do more than
//! its boundary allows, whatever policies it has
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>).

use super::{Document, Scope, Statement, foundation, secrets};

/// What the HCL gives the app's roles, and nothing else: no IAM, no other environment.
pub fn boundary(scope: &Scope) -> Document {
    Document::of(vec![
        Statement::anywhere("LogInToRegistry", &["ecr:GetAuthorizationToken"]),
        Statement::allow(
            "PullImage",
            &[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            foundation::repository(scope),
        ),
        Statement::allow(
            "WriteLogs",
            &["logs:CreateLogStream", "logs:PutLogEvents"],
            foundation::groups(scope),
        ),
        Statement::allow(
            "ReadParameters",
            &["ssm:GetParameters"],
            secrets::parameters(scope),
        ),
        Statement::allow(
            "ReadSecrets",
            &["secretsmanager:GetSecretValue"],
            secrets::secrets(scope),
        ),
    ])
}
