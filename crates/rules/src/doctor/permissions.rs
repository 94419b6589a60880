//! Which actions are asked about, on what, and what the simulation's answer means.
//!
//! These are the telling ones, not all: each stands for a part of a deployment that somebody's policy may
//! leave out. <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>

use super::{Check, Name, Outcome};
use crate::domain::CLOUDFRONT_REGION;
use crate::exit::Exit;
use crate::manifest::Target;
use crate::names::Names;

/// Actions on one resource, asked in one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// ARN, or `*`.
    pub resource: String,
    /// `service:Action`.
    pub actions: Vec<&'static str>,
}

/// An answer of the simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// `service:Action`.
    pub action: String,
    /// On what.
    pub resource: String,
    /// The answer.
    pub decision: Decision,
    /// Policies whose statements decided; empty if none speaks of it.
    pub by: Vec<String>,
}

/// What policies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// They allow it.
    Allowed,
    /// One forbids it.
    ExplicitDeny,
    /// None allows it.
    ImplicitDeny,
    /// It depends on something that a simulation does not know, such as the tags of a request.
    Depends,
}

/// Where an environment is, for the ARNs of what it makes.
#[derive(Debug, Clone, Copy)]
pub struct Whereabouts<'a> {
    /// `aws`, `aws-cn`, …
    pub partition: &'a str,
    /// Twelve digits.
    pub account: &'a str,
    /// AWS region.
    pub region: &'a str,
    /// Names of the environment.
    pub names: &'a Names,
}

/// What each target needs beside the foundation. `{…}` is filled in by [`asks`].
const FOUNDATION: &[(&str, &[&str])] = &[
    ("*", &["ecr:GetAuthorizationToken"]),
    (
        "arn:{partition}:ecr:{region}:{account}:repository/{id}",
        &["ecr:CreateRepository", "ecr:PutImage"],
    ),
    (
        "arn:{partition}:logs:{region}:{account}:log-group:/landfall/{id}",
        &["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
    ),
    (
        "arn:{partition}:iam::{account}:role/{id}-execution",
        &["iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRole"],
    ),
    (
        "arn:{partition}:sns:{region}:{account}:{id}-alarms",
        &["sns:CreateTopic"],
    ),
    (
        "arn:{partition}:cloudwatch:{region}:{account}:alarm:{id}-alarm",
        &["cloudwatch:PutMetricAlarm"],
    ),
    (
        "arn:{partition}:budgets::{account}:budget/{id}",
        &["budgets:ModifyBudget"],
    ),
    (
        "arn:{partition}:s3:::{bucket}",
        &[
            "s3:CreateBucket",
            "s3:PutBucketPolicy",
            "s3:PutBucketVersioning",
        ],
    ),
    (
        "arn:{partition}:s3:::{bucket}/state",
        &["s3:PutObject", "s3:GetObject", "s3:DeleteObject"],
    ),
];

const LAMBDA: &[(&str, &[&str])] = &[
    (
        "arn:{partition}:iam::{account}:role/{id}-function",
        &[
            "iam:CreateRole",
            "iam:PutRolePolicy",
            "iam:PassRole",
            "iam:DeleteRole",
        ],
    ),
    (
        "arn:{partition}:lambda:{region}:{account}:function:{id}",
        &[
            "lambda:CreateFunction",
            "lambda:UpdateFunctionCode",
            "lambda:PublishVersion",
            "lambda:AddPermission",
            "lambda:DeleteFunction",
        ],
    ),
    (
        "arn:{partition}:lambda:{region}:{account}:function:{id}:live",
        &["lambda:UpdateAlias"],
    ),
    (
        "arn:{partition}:apigateway:{region}::/apis",
        &["apigateway:POST"],
    ),
    (
        "arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{id}",
        &["logs:CreateLogGroup", "logs:FilterLogEvents"],
    ),
];

const FARGATE: &[(&str, &[&str])] = &[
    (
        "arn:{partition}:iam::{account}:role/{id}-task",
        &["iam:CreateRole", "iam:PassRole"],
    ),
    (
        "arn:{partition}:ec2:{region}:{account}:vpc/vpc-0123456789abcdef0",
        &["ec2:CreateVpc"],
    ),
    (
        "arn:{partition}:ec2:{region}:{account}:security-group/sg-0123456789abcdef0",
        &["ec2:CreateSecurityGroup"],
    ),
    (
        "arn:{partition}:cloudfront::{account}:distribution/E0123456789ABC",
        &["cloudfront:CreateDistribution"],
    ),
    (
        "arn:{partition}:ecs:{region}:{account}:task-definition/{id}:1",
        &["ecs:RegisterTaskDefinition"],
    ),
    (
        "arn:{partition}:ecs:{region}:{account}:cluster/{id}",
        &["ecs:CreateCluster"],
    ),
    (
        "arn:{partition}:ecs:{region}:{account}:service/{id}/{id}-blue",
        &[
            "ecs:CreateService",
            "ecs:UpdateService",
            "ecs:DeleteService",
        ],
    ),
    (
        "arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/app/{id}/0123456789abcdef",
        &[
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:CreateListener",
        ],
    ),
    (
        "arn:{partition}:elasticloadbalancing:{region}:{account}:listener/app/{id}/0123456789abcdef/0123456789abcdef",
        &["elasticloadbalancing:ModifyListener"],
    ),
];

/// What a domain needs beside either. CloudFront's certificates are all in one region.
const DOMAIN: &[(&str, &[&str])] = &[
    ("*", &["route53:ListHostedZonesByName"]),
    (
        "arn:{partition}:acm:{certified}:{account}:certificate/01234567-89ab-cdef-0123-456789abcdef",
        &["acm:RequestCertificate", "acm:DeleteCertificate"],
    ),
];

/// What it needs at the HTTP API.
const DOMAIN_NAME: &[(&str, &[&str])] = &[(
    "arn:{partition}:apigateway:{region}::/domainnames",
    &["apigateway:POST"],
)];

/// The service that the roles of a target are passed to: the condition of many a policy.
pub fn passed_to(target: Target) -> &'static str {
    match target {
        Target::Lambda => "lambda.amazonaws.com",
        Target::Fargate => "ecs-tasks.amazonaws.com",
    }
}

/// What is asked for a target, and for a domain if one is wanted.
pub fn asks(target: Target, domain: bool, at: &Whereabouts<'_>) -> Vec<Ask> {
    let (of_domain, certified) = match (domain, target) {
        (false, _) => ([&[][..], &[][..]], at.region),
        (true, Target::Lambda) => ([DOMAIN, DOMAIN_NAME], at.region),
        (true, Target::Fargate) => ([DOMAIN, &[][..]], CLOUDFRONT_REGION),
    };
    let own = match target {
        Target::Lambda => LAMBDA,
        Target::Fargate => FARGATE,
    };
    FOUNDATION
        .iter()
        .chain(own)
        .chain(of_domain.into_iter().flatten())
        .map(|(resource, actions)| Ask {
            resource: resource
                .replace("{partition}", at.partition)
                .replace("{account}", at.account)
                .replace("{region}", at.region)
                .replace("{certified}", certified)
                .replace("{bucket}", &at.names.state_bucket(at.account, at.region))
                .replace("{id}", &at.names.id()),
            actions: actions.to_vec(),
        })
        .collect()
}

/// Whom a simulation is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The account's root user: it may do everything.
    Root,
    /// A user or role, by its ARN.
    Arn(String),
    /// A role of which only the name is known: its path is not in the ARN of its sessions.
    Role(String),
    /// Somebody whom no simulation knows, such as a federated user.
    Other,
}

impl Principal {
    /// Reads what `sts:GetCallerIdentity` says of the caller
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>).
    pub fn of(arn: &str) -> Principal {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, service, _, _, resource] = parts.as_slice() else {
            return Principal::Other;
        };
        let mut path = resource.split('/');
        match (*service, path.next()) {
            ("iam", Some("root")) => Principal::Root,
            ("iam", Some("user" | "role")) => Principal::Arn(arn.to_owned()),
            ("sts", Some("assumed-role")) => match path.next() {
                Some(role) if !role.is_empty() => Principal::Role(role.to_owned()),
                _ => Principal::Other,
            },
            _ => Principal::Other,
        }
    }
}

/// One check of all answers.
pub(super) fn check(answers: &[Simulated]) -> Check {
    let denied: Vec<&Simulated> = answers
        .iter()
        .filter(|answer| {
            matches!(
                answer.decision,
                Decision::ExplicitDeny | Decision::ImplicitDeny
            )
        })
        .collect();
    let depends = answers
        .iter()
        .filter(|answer| answer.decision == Decision::Depends);
    let depends: Vec<&str> = depends.map(|answer| answer.action.as_str()).collect();
    if denied.is_empty() && depends.is_empty() {
        return Check::ok(
            Name::Permissions,
            format!(
                "all of {} actions that were asked for are allowed",
                answers.len()
            ),
        );
    }
    if denied.is_empty() {
        return Check::new(
            Name::Permissions,
            Outcome::Unknown,
            "what is allowed depends on what a simulation does not know",
        )
        .why(format!(
            "conditions of policies decide on {}",
            depends.join(", ")
        ));
    }
    let mut check = Check::blocker(
        Name::Permissions,
        Exit::Access,
        format!(
            "{} of {} actions that a deployment needs are not allowed",
            denied.len(),
            answers.len()
        ),
    );
    for answer in &denied {
        let by = match answer.by.as_slice() {
            [] => String::new(),
            all => format!(" ({})", all.join(", ")),
        };
        let word = match answer.decision {
            Decision::ExplicitDeny => "forbidden",
            _ => "no policy allows it",
        };
        check = check.why(format!(
            "{} on {}: {word}{by}",
            answer.action, answer.resource
        ));
    }
    let implicit: Vec<&&Simulated> = denied
        .iter()
        .filter(|answer| answer.decision == Decision::ImplicitDeny)
        .collect();
    if !implicit.is_empty() {
        check = check.fix(format!(
            "let the deploying identity do this: {}",
            statement(&implicit)
        ));
    }
    if implicit.len() < denied.len() {
        check = check.fix(
            "ask whoever wrote the policies that forbid it; an Allow does not help against a Deny",
        );
    }
    check.fix("or use another identity with --profile")
}

/// A policy document that allows what is missing, one statement for each resource.
fn statement(missing: &[&&Simulated]) -> String {
    let mut by_resource: Vec<(&str, Vec<&str>)> = Vec::new();
    for answer in missing {
        match by_resource
            .iter_mut()
            .find(|(resource, _)| *resource == answer.resource)
        {
            Some((_, actions)) => actions.push(&answer.action),
            None => by_resource.push((&answer.resource, vec![&answer.action])),
        }
    }
    let statements: Vec<serde_json::Value> = by_resource
        .into_iter()
        .map(|(resource, actions)| {
            serde_json::json!({ "Effect": "Allow", "Action": actions, "Resource": resource })
        })
        .collect();
    serde_json::json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}
