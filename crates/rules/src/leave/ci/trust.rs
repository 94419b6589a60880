//! Which tokens a role trusts.

use super::origin::Branch;
use super::permissions;
use super::subject::{Context, Repository, Subject};
use super::{AUDIENCE, Deployment, Forge, Role, Setup};
use crate::app::manifest::RolePath;
use crate::shape::contract::CiInputs;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How a role compares a token's subject with what it trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Match {
    /// Word for word.
    StringEquals,
    /// With a wildcard for the name of a branch. GitLab has no value for merge requests in a
    /// subject, so it contains their source branch, which is not known beforehand.
    StringLike,
}

impl Match {
    /// The operator in a policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Match::StringEquals => "StringEquals",
            Match::StringLike => "StringLike",
        }
    }
}

/// How the subjects of pull requests' jobs are compared.
pub fn job_match(forge: Forge) -> Match {
    match forge {
        Forge::Github => Match::StringEquals,
        Forge::Gitlab => Match::StringLike,
    }
}

/// Every subject that a role trusts: the form that GitHub had before 15 July 2026 and, where the numbers
/// are known, the one since. A repository sends one of them; no other repository ever sends either, as
/// one that takes over a name is a new one and sends its own numbers.
pub fn subjects(setup: &Setup, role: Role) -> Vec<String> {
    let contexts: Vec<Context> = match (setup.forge, role) {
        (Forge::Gitlab, Role::Plan | Role::Preview) => {
            let project = &setup.project.path;
            return vec![format!("project_path:{project}:ref_type:branch:ref:*")];
        }
        (Forge::Gitlab, Role::Deploy) => {
            return vec![
                Subject::Gitlab {
                    project: setup.project.path.clone(),
                    ref_type: "branch".to_owned(),
                    reference: setup.branch.to_string(),
                }
                .to_string(),
            ];
        }
        (Forge::Github, Role::Deploy) => match &setup.github_environment {
            Some(environment) => vec![Context::Environment(environment.to_string())],
            None => vec![branch(&setup.branch)],
        },
        (Forge::Github, Role::Plan) => vec![Context::PullRequest],
        // The hourly job that takes down what is over runs on the default branch, whatever branch is deployed
        // (<https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule>).
        (Forge::Github, Role::Preview) => {
            let mut all = vec![Context::PullRequest, branch(&setup.branch)];
            let default = setup.default_branch.as_ref();
            all.extend(default.filter(|one| **one != setup.branch).map(branch));
            all
        }
    };
    let (owner, name) = setup.project.path.split_once('/').unwrap_or_default();
    let mut repositories = vec![Repository::named(owner, name)];
    repositories.extend(setup.ids.map(|ids| Repository {
        ids: Some(ids),
        ..Repository::named(owner, name)
    }));
    let each = |repository: &Repository| {
        let of = |context: &Context| {
            Subject::Github {
                repository: repository.clone(),
                context: context.clone(),
            }
            .to_string()
        };
        contexts.iter().map(of).collect::<Vec<String>>()
    };
    repositories.iter().flat_map(each).collect()
}

fn branch(branch: &Branch) -> Context {
    Context::Ref(format!("refs/heads/{branch}"))
}

/// The `ref` claim of the branch that is deployed.
pub fn deploy_reference(setup: &Setup) -> String {
    match setup.forge {
        Forge::Github => format!("refs/heads/{}", setup.branch),
        Forge::Gitlab => setup.branch.to_string(),
    }
}

/// A role's trust policy, as the HCL makes it. The end-to-end test compares the two.
pub fn policy(setup: &Setup, deployment: &Deployment, role: Role) -> Value {
    let issuer = setup.issuer();
    let key = |claim: &str| format!("{issuer}:{claim}");
    let mut condition = json!({ "StringEquals": { key("aud"): AUDIENCE } });
    let operator = match role {
        Role::Deploy => Match::StringEquals,
        Role::Plan | Role::Preview => job_match(setup.forge),
    };
    condition[operator.as_str()][key("sub")] = json!(subjects(setup, role));
    if role == Role::Deploy {
        condition["StringEqualsIfExists"] = json!({ key("ref"): deploy_reference(setup) });
    }
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "JobsOfThisRepository",
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": { "Federated": deployment.provider_arn(issuer) },
            "Condition": condition,
        }],
    })
}

impl CiInputs {
    /// The roles that a setup asks for.
    pub fn of(setup: &Setup, deployment: &Deployment) -> CiInputs {
        let mut job_subjects = BTreeMap::new();
        let mut policies = BTreeMap::new();
        for role in setup.roles() {
            if role != Role::Deploy {
                job_subjects.insert(role.to_string(), subjects(setup, role));
            }
            let documents = permissions::documents(role, deployment);
            policies.insert(role.to_string(), documents);
        }
        CiInputs {
            name: deployment.names.app.to_string(),
            environment: deployment.names.environment.to_string(),
            region: deployment.region.clone(),
            issuer: setup.issuer().to_owned(),
            deploy_subjects: subjects(setup, Role::Deploy),
            deploy_reference: deploy_reference(setup),
            job_subjects,
            job_match: job_match(setup.forge).as_str().to_owned(),
            policies,
            boundaries: permissions::boundaries(setup, deployment),
            tags: deployment.tags.clone(),
            permissions_boundary: deployment
                .permissions_boundary
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            role_path: deployment.role_path.to_string(),
        }
    }

    /// Inputs for removing whatever the state holds: a destroy looks at the state, not at these.
    pub fn to_remove(names: &crate::app::names::Names, region: &str) -> CiInputs {
        CiInputs {
            name: names.app.to_string(),
            environment: names.environment.to_string(),
            region: region.to_owned(),
            issuer: "removed.invalid".to_owned(),
            deploy_subjects: vec!["removed".to_owned()],
            deploy_reference: "removed".to_owned(),
            job_subjects: BTreeMap::new(),
            job_match: Match::StringEquals.as_str().to_owned(),
            policies: BTreeMap::new(),
            boundaries: BTreeMap::new(),
            tags: BTreeMap::new(),
            permissions_boundary: String::new(),
            role_path: RolePath::default().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{deployment, github, gitlab};
    use super::*;

    #[test]
    fn both_forms_of_exactly_this_repository_are_trusted() {
        let setup = github();
        assert_eq!(
            subjects(&setup, Role::Deploy),
            [
                "repo:octo/shop:ref:refs/heads/main",
                "repo:octo@12/shop@345:ref:refs/heads/main",
            ]
        );
        assert_eq!(
            subjects(&setup, Role::Plan),
            [
                "repo:octo/shop:pull_request",
                "repo:octo@12/shop@345:pull_request"
            ]
        );
        let without = Setup { ids: None, ..setup };
        assert_eq!(
            subjects(&without, Role::Plan),
            ["repo:octo/shop:pull_request"]
        );
    }

    #[test]
    fn an_environment_of_github_replaces_the_branch_in_the_subject_and_the_branch_gets_its_own_condition()
     {
        let setup = Setup {
            github_environment: "production".parse().ok(),
            ids: None,
            ..github()
        };
        assert_eq!(
            subjects(&setup, Role::Deploy),
            ["repo:octo/shop:environment:production"]
        );
        let policy = policy(&setup, &deployment(), Role::Deploy);
        let condition = &policy["Statement"][0]["Condition"];
        assert_eq!(
            condition["StringEqualsIfExists"]["token.actions.githubusercontent.com:ref"],
            "refs/heads/main"
        );
    }

    #[test]
    fn scheduled_jobs_run_on_the_default_branch_and_previews_trust_it() {
        let setup = Setup {
            branch: "release".parse().expect("a branch"),
            default_branch: "main".parse().ok(),
            ids: None,
            ..github()
        };
        assert_eq!(
            subjects(&setup, Role::Preview),
            [
                "repo:octo/shop:pull_request",
                "repo:octo/shop:ref:refs/heads/release",
                "repo:octo/shop:ref:refs/heads/main",
            ]
        );
        assert_eq!(
            subjects(&setup, Role::Deploy),
            ["repo:octo/shop:ref:refs/heads/release"]
        );
    }

    #[test]
    fn the_only_wildcard_is_the_branch_of_gitlabs_merge_requests() {
        for setup in [github(), gitlab()] {
            for role in setup.roles() {
                for subject in subjects(&setup, role) {
                    let expected = setup.forge == Forge::Gitlab && role != Role::Deploy;
                    assert_eq!(subject.contains(['*', '?']), expected, "{subject}");
                    assert!(
                        !expected || subject == "project_path:group/shop:ref_type:branch:ref:*"
                    );
                }
            }
        }
    }
}
