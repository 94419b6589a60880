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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every action in quotes in this HCL or JSON.
    fn actions(text: &str) -> impl Iterator<Item = &str> {
        let code = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default());
        let quoted = code.flat_map(|line| line.split('"').skip(1).step_by(2));
        quoted.filter(|text| {
            let Some((service, action)) = text.split_once(':') else {
                return false;
            };
            let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric());
            is_word(service) && is_word(action) && *text != "sts:AssumeRole"
        })
    }

    #[test]
    fn it_allows_what_the_hcl_gives_the_roles_and_nothing_else() {
        let given: BTreeSet<&str> = [
            include_str!("../../../../infra/roots/foundation/roles.tf"),
            include_str!("../../../../infra/roots/lambda/roles.tf"),
        ]
        .into_iter()
        .flat_map(actions)
        .filter(|action| !action.starts_with("aws:"))
        .collect();
        let document = boundary(&super::super::tests::scope());
        let text = document.text();
        let allowed: BTreeSet<&str> = actions(&text).collect();
        assert_eq!(allowed, given);
    }
}
