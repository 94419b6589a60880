//! What a job of CI can reach, decided as IAM decides it: anyone who may push a branch writes the job.

use super::permissions::{boundaries, documents};
use super::samples::{deployment, github};
use super::{Deployment, Role};
use crate::app::manifest::{AppName, EnvironmentName, PermissionsBoundary, Target};
use crate::app::names::{Names, TAG_APP, TAG_ENVIRONMENT};
use crate::shape::permissions::authorization::Authorization;
use crate::shape::permissions::evaluator::{Call, may};
use crate::shape::permissions::{Phase, Scope, statements};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const BOUNDARY: &str = "iam:PermissionsBoundary";
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn on(target: Target) -> Deployment {
    Deployment {
        target,
        ..deployment()
    }
}

fn policies(role: Role, deployment: &Deployment) -> Vec<Value> {
    let texts = documents(role, deployment);
    let read = |text: &String| serde_json::from_str(text).expect("JSON");
    texts.iter().map(read).collect()
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::123456789012:role/{name}")
}

fn policy_arn(name: &str) -> String {
    format!("arn:aws:iam::123456789012:policy/landfall/shop-prod/{name}")
}

/// Each role that makes things, one of the roles that it makes, and that role's boundary.
fn makers() -> [(Role, &'static str, String); 2] {
    [
        (
            Role::Deploy,
            "shop-prod-task",
            policy_arn("shop-prod-boundary"),
        ),
        (
            Role::Preview,
            "shop-pr-7-task",
            policy_arn("shop_previews-boundary"),
        ),
    ]
}

#[test]
fn a_job_makes_and_changes_roles_only_within_its_boundary() {
    for target in Target::ALL {
        for (role, made, boundary) in makers() {
            let policies = policies(role, &on(target));
            let arn = role_arn(made);
            for action in [
                "iam:CreateRole",
                "iam:PutRolePolicy",
                "iam:PutRolePermissionsBoundary",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
            ] {
                let call = Call::new(action, &arn);
                let within = call.clone().with(BOUNDARY, &boundary);
                assert!(may(&policies, None, &within), "{role}: {action}");
                assert!(
                    !may(&policies, None, &call),
                    "{role}: {action} without a boundary"
                );
                let other = call.with(BOUNDARY, ADMINISTRATOR);
                assert!(
                    !may(&policies, None, &other),
                    "{role}: {action} with another"
                );
            }
            for (action, resource) in [
                ("iam:DeleteRolePermissionsBoundary", &arn),
                ("iam:AttachRolePolicy", &arn),
                ("iam:CreatePolicy", &policy_arn("mine")),
                ("iam:CreatePolicyVersion", &boundary),
                ("iam:SetDefaultPolicyVersion", &boundary),
                ("iam:DeletePolicy", &boundary),
                ("sts:AssumeRole", &arn),
            ] {
                let call = Call::new(action, resource).with(BOUNDARY, &boundary);
                assert!(!may(&policies, None, &call), "{role}: {action}");
            }
            // It passes the role to the services that run the app, and to no other.
            let pass =
                |service| Call::new("iam:PassRole", &arn).with("iam:PassedToService", service);
            assert!(!may(&policies, None, &pass("ec2.amazonaws.com")), "{role}");
        }
    }
}

/// A job writes any policy into a role and runs code with it.
#[test]
fn a_role_that_a_job_makes_does_no_more_than_the_app_needs() {
    let everything = [json!({ "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
    ]})];
    let made = boundaries(&github(), &deployment());
    let names: Vec<&str> = made.keys().map(String::as_str).collect();
    assert_eq!(names, ["shop-prod-boundary", "shop_previews-boundary"]);
    for (name, own, other) in [
        ("shop-prod-boundary", "shop-prod", "shop-pr-7"),
        ("shop_previews-boundary", "shop-pr-7", "shop-prod"),
    ] {
        let boundary: Value = serde_json::from_str(&made[name]).expect("JSON");
        let may = |action: &str, resource: &str| {
            may(&everything, Some(&boundary), &Call::new(action, resource))
        };
        let secret = |id: &str| {
            format!("arn:aws:secretsmanager:eu-west-2:123456789012:secret:landfall/{id}/KEY-AbCdEf")
        };
        let group = |id: &str| {
            format!("arn:aws:logs:eu-west-2:123456789012:log-group:/landfall/{id}:log-stream:a")
        };
        assert!(may("secretsmanager:GetSecretValue", &secret(own)));
        assert!(may("logs:PutLogEvents", &group(own)));
        assert!(may("ecr:GetAuthorizationToken", "*"));
        assert!(
            !may("secretsmanager:GetSecretValue", &secret(other)),
            "{name}"
        );
        assert!(
            !may("secretsmanager:GetSecretValue", &secret("web-prod")),
            "{name}"
        );
        assert!(!may("logs:PutLogEvents", &group(other)), "{name}");
        for (action, resource) in [
            ("iam:CreateRole", role_arn("mine")),
            ("iam:PutRolePolicy", role_arn(&format!("{own}-task"))),
            (
                "iam:CreateUser",
                "arn:aws:iam::123456789012:user/mine".to_owned(),
            ),
            ("sts:AssumeRole", role_arn("OrganizationAccountAccessRole")),
            ("organizations:LeaveOrganization", "*".to_owned()),
            ("account:CloseAccount", "*".to_owned()),
            ("s3:GetObject", "arn:aws:s3:::anything/x".to_owned()),
            ("ec2:RunInstances", "*".to_owned()),
        ] {
            assert!(!may(action, &resource), "{name}: {action}");
        }
    }
}

#[test]
fn the_boundary_of_an_organization_takes_the_place_of_landfalls() {
    let deployment = Deployment {
        permissions_boundary: PermissionsBoundary::parse("org/limit").ok(),
        ..deployment()
    };
    assert!(boundaries(&github(), &deployment).is_empty());
    let policies = policies(Role::Deploy, &deployment);
    let create = Call::new("iam:CreateRole", &role_arn("shop-prod-task"));
    let org = "arn:aws:iam::123456789012:policy/org/limit";
    assert!(may(&policies, None, &create.clone().with(BOUNDARY, org)));
    let ours = policy_arn("shop-prod-boundary");
    assert!(!may(&policies, None, &create.with(BOUNDARY, &ours)));
}

/// What AWS lets no policy limit to an environment. Each with its reason.
const UNLIMITED: [&str; 20] = [
    // Paths of HTTP APIs, whose parts do not inherit their tags.
    "apigateway:DELETE",
    "apigateway:PATCH",
    "apigateway:POST",
    "apigateway:PUT",
    "apigateway:TagResource",
    "apigateway:UntagResource",
    // Makes something of its own, with its own tags.
    "cloudfront:CreateDistribution",
    "cloudfront:CreateDistributionWithTags",
    "ec2:CreateInternetGateway",
    "ec2:CreateRouteTable",
    "ec2:CreateSecurityGroup",
    "ec2:CreateSubnet",
    "ec2:CreateVpc",
    // No resource in IAM.
    "ecs:DeregisterTaskDefinition",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "sns:Unsubscribe",
    // The account's roles of AWS's services.
    "iam:CreateServiceLinkedRole",
];

/// Every call that would make, change or remove something of another environment, as the job would make it: the
/// resource has the other's tags, and the job sends its own.
fn reached(role: Role, own: (&str, &str), other: &Scope) -> BTreeSet<String> {
    let known = Authorization::all();
    let mut reached = BTreeSet::new();
    for target in Target::ALL {
        let policies = policies(role, &on(target));
        for statement in Target::ALL
            .into_iter()
            .flat_map(|of| Phase::ALL.map(|phase| statements(phase, of, other)))
            .flatten()
        {
            for resource in &statement.resources {
                let resource = resource.replace('*', "x");
                for action in &statement.actions {
                    // What ends in `*` reads as well.
                    if action.ends_with('*')
                        || known.get(*action).is_some_and(Authorization::is_reading)
                    {
                        continue;
                    }
                    let cluster = format!(
                        "arn:aws:ecs:eu-west-2:123456789012:cluster/{}-{}",
                        other.app, other.environment
                    );
                    let call = Call::new(action, &resource)
                        .with(&format!("aws:ResourceTag/{TAG_APP}"), &other.app)
                        .with(
                            &format!("aws:ResourceTag/{TAG_ENVIRONMENT}"),
                            &other.environment,
                        )
                        .with(&format!("aws:RequestTag/{TAG_APP}"), own.0)
                        .with(&format!("aws:RequestTag/{TAG_ENVIRONMENT}"), own.1)
                        .with("ecs:cluster", &cluster)
                        .with("iam:AWSServiceName", "ecs.amazonaws.com")
                        .with("iam:PassedToService", "ecs-tasks.amazonaws.com");
                    if may(&policies, None, &call) {
                        reached.insert((*action).to_owned());
                    }
                }
            }
        }
    }
    reached
}

fn environment(app: &str, name: &str) -> Scope {
    let names = Names::new(
        AppName::parse(app).expect("a name"),
        EnvironmentName::parse(name).expect("an environment"),
    );
    Scope::from_names(&names, "aws", "123456789012", "eu-west-2")
}

#[test]
fn a_pull_request_reaches_the_previews_of_its_own_app_and_nothing_else() {
    let expected: BTreeSet<String> = UNLIMITED.iter().map(|one| (*one).to_owned()).collect();
    for (app, name) in [
        ("shop", "prod"),
        ("shop", "staging"),
        ("web", "prod"),
        ("web", "pr-7"),
    ] {
        let reached = reached(Role::Preview, ("shop", "pr-7"), &environment(app, name));
        assert_eq!(reached, expected, "{app} {name}");
    }
    // The test would see it: its own previews are within its reach.
    let own = reached(
        Role::Preview,
        ("shop", "pr-7"),
        &environment("shop", "pr-8"),
    );
    for action in [
        "s3:PutObject",
        "lambda:UpdateFunctionCode",
        "ec2:DeleteVpc",
        "ecs:DeleteCluster",
    ] {
        assert!(own.contains(action), "{action}");
    }
}

#[test]
fn a_deployment_reaches_its_own_environment_and_nothing_else() {
    let expected: BTreeSet<String> = UNLIMITED.iter().map(|one| (*one).to_owned()).collect();
    for (app, name) in [("shop", "staging"), ("shop", "pr-7"), ("web", "prod")] {
        let reached = reached(Role::Deploy, ("shop", "prod"), &environment(app, name));
        assert_eq!(reached, expected, "{app} {name}");
    }
}

/// A half-made environment heals without a person, a domain can be taken away, an app can move.
#[test]
fn a_deployment_may_remove_what_it_makes() {
    for target in Target::ALL {
        let policies = policies(Role::Deploy, &on(target));
        let own = environment("shop", "prod");
        for statement in Target::ALL
            .into_iter()
            .flat_map(|of| statements(Phase::Teardown, of, &own))
        {
            for action in &statement.actions {
                let mut call = Call::new(action, &statement.resources[0].replace('*', "x"));
                for (key, value) in statement.context() {
                    call = call.with(&key, &value);
                }
                assert!(may(&policies, None, &call), "{target}: {action}");
            }
        }
    }
}
