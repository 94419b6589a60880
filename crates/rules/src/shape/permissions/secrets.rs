//! Secrets of an environment: parameters below `/landfall/ID/`, or secrets of Secrets Manager of that name.

use super::{Scope, Statement};

pub(super) fn parameters(scope: &Scope) -> [String; 1] {
    [scope.arn("ssm", "parameter/landfall/ID/*")]
}

pub(super) fn secrets(scope: &Scope) -> [String; 1] {
    [scope.arn("secretsmanager", "secret:landfall/ID/*")]
}

/// Which there are and of which version; not what is in them.
pub(super) fn reads(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::anywhere(
            "ListSecrets",
            &["secretsmanager:ListSecrets", "ssm:DescribeParameters"],
        ),
        // The list may lag by five minutes; this does not.
        Statement::allow(
            "DescribeSecrets",
            &["secretsmanager:DescribeSecret"],
            secrets(scope),
        ),
    ]
}

/// `landfall secrets`: it sets values, and reads none.
pub(super) fn release(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::allow(
            "KeepParameters",
            &[
                "ssm:AddTagsToResource",
                "ssm:DeleteParameters",
                "ssm:PutParameter",
            ],
            parameters(scope),
        ),
        Statement::allow(
            "KeepSecrets",
            &[
                "secretsmanager:CreateSecret",
                "secretsmanager:DeleteSecret",
                "secretsmanager:PutSecretValue",
                "secretsmanager:TagResource",
            ],
            secrets(scope),
        ),
    ]
}

pub(super) fn remove(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::allow(
            "RemoveParameters",
            &["ssm:DeleteParameters"],
            parameters(scope),
        ),
        Statement::allow(
            "RemoveSecrets",
            &["secretsmanager:DeleteSecret"],
            secrets(scope),
        ),
    ]
}
