//! What `landfall ci` makes: roles for jobs, their policies, and the account's identity provider.

use super::{Scope, Statement, foundation};
use crate::app::manifest::PREVIEW;

const ROLES: [&str; 3] = ["deploy", "plan", "preview"];

fn policies(scope: &Scope) -> [String; 1] {
    [scope.global("iam", "policy/landfall/ID/*")]
}

fn providers(scope: &Scope) -> [String; 1] {
    [scope.global("iam", "oidc-provider/*")]
}

/// The roles that jobs make: the environment's and those of previews.
fn bounded(scope: &Scope) -> Vec<String> {
    let previews = Scope {
        environment: format!("{PREVIEW}-*"),
        ..scope.clone()
    };
    [scope, &previews]
        .into_iter()
        .flat_map(|one| one.roles(&foundation::ROLES))
        .collect()
}

fn reads(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::allow(
            "ReadRolesOfCi",
            &[
                "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies",
                "iam:ListRolePolicies",
            ],
            scope.roles(&ROLES),
        ),
        Statement::allow(
            "ReadPoliciesOfCi",
            &[
                "iam:GetPolicy",
                "iam:GetPolicyVersion",
                "iam:ListEntitiesForPolicy",
                "iam:ListPolicyVersions",
            ],
            policies(scope),
        ),
        Statement::allow(
            "FindProvider",
            &["iam:GetOpenIDConnectProvider"],
            providers(scope),
        ),
        Statement::anywhere("WhoElseTrustsIt", &["iam:ListRoles"]),
    ]
}

pub(super) fn make(scope: &Scope) -> Vec<Statement> {
    let mut all = reads(scope);
    all.extend([
        Statement::allow(
            "MakeRolesOfCi",
            &[
                "iam:CreateRole",
                "iam:PutRolePermissionsBoundary",
                "iam:PutRolePolicy",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            scope.roles(&ROLES),
        ),
        // Only policies of this environment's.
        Statement::allow(
            "GivePoliciesOfCi",
            &["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            scope.roles(&ROLES),
        )
        .when("iam:PolicyARN", &[&policies(scope)[0]]),
        Statement::allow(
            "MakePoliciesOfCi",
            &[
                "iam:CreatePolicy",
                "iam:CreatePolicyVersion",
                "iam:DeletePolicy",
                "iam:DeletePolicyVersion",
                "iam:TagPolicy",
                "iam:UntagPolicy",
            ],
            policies(scope),
        ),
        Statement::allow(
            "MakeProvider",
            &[
                "iam:AddClientIDToOpenIDConnectProvider",
                "iam:CreateOpenIDConnectProvider",
                "iam:TagOpenIDConnectProvider",
            ],
            providers(scope),
        ),
    ]);
    all
}

pub(super) fn remove(scope: &Scope) -> Vec<Statement> {
    let mut all = reads(scope);
    all.extend([
        Statement::allow(
            "RemoveRolesOfCi",
            &[
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:ListInstanceProfilesForRole",
            ],
            scope.roles(&ROLES),
        ),
        Statement::allow(
            "RemovePoliciesOfCi",
            &["iam:DeletePolicy", "iam:DeletePolicyVersion"],
            policies(scope),
        ),
        // A policy can be deleted only when it limits no role any more.
        Statement::allow(
            "LiftBoundaries",
            &["iam:DeleteRolePermissionsBoundary"],
            bounded(scope),
        ),
        Statement::allow(
            "RemoveProvider",
            &["iam:DeleteOpenIDConnectProvider"],
            providers(scope),
        ),
    ]);
    all
}
