//! The network of Fargate. Its resources have no names, so tags identify the owner.

use super::{Scope, Statement};

const KINDS: [&str; 5] = [
    "internet-gateway/*",
    "route-table/*",
    "security-group/*",
    "subnet/*",
    "vpc/*",
];

fn all(scope: &Scope) -> Vec<String> {
    some(scope, &KINDS)
}

fn some(scope: &Scope, kinds: &[&str]) -> Vec<String> {
    kinds.iter().map(|kind| scope.arn("ec2", kind)).collect()
}

pub(super) fn make(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::allow(
            "MakeNetwork",
            &["ec2:CreateInternetGateway", "ec2:CreateVpc"],
            some(scope, &["internet-gateway/*", "vpc/*"]),
        )
        .bearing_our_tags(scope),
        // In two: what is made has to get the tags, and the VPC that it is made in has to have them.
        Statement::allow(
            "MakeInNetwork",
            &[
                "ec2:CreateRouteTable",
                "ec2:CreateSecurityGroup",
                "ec2:CreateSubnet",
            ],
            some(scope, &["route-table/*", "security-group/*", "subnet/*"]),
        )
        .bearing_our_tags(scope),
        Statement::allow(
            "MakeInOwnNetwork",
            &[
                "ec2:CreateRouteTable",
                "ec2:CreateSecurityGroup",
                "ec2:CreateSubnet",
            ],
            some(scope, &["vpc/*"]),
        )
        .of_ours(scope),
        Statement::allow("TagAsMade", &["ec2:CreateTags"], all(scope)).when(
            "ec2:CreateAction",
            &[
                "CreateInternetGateway",
                "CreateRouteTable",
                "CreateSecurityGroup",
                "CreateSubnet",
                "CreateVpc",
            ],
        ),
        Statement::allow("TagOwn", &["ec2:CreateTags", "ec2:DeleteTags"], all(scope))
            .of_ours(scope),
        // A VPC's default group comes without tags, and is adopted to be emptied.
        Statement::allow(
            "AdoptDefaultGroup",
            &["ec2:CreateTags"],
            some(scope, &["security-group/*"]),
        )
        .bearing_our_tags(scope)
        .of_no_one(),
        Statement::allow(
            "KeepNetwork",
            &[
                "ec2:AssociateRouteTable",
                "ec2:AttachInternetGateway",
                "ec2:AuthorizeSecurityGroupEgress",
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:CreateRoute",
                "ec2:ModifySubnetAttribute",
                "ec2:ModifyVpcAttribute",
                "ec2:RevokeSecurityGroupEgress",
                "ec2:RevokeSecurityGroupIngress",
            ],
            all(scope),
        )
        .of_ours(scope),
    ]
}

pub(super) fn remove(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::allow(
            "RemoveNetwork",
            &[
                "ec2:DeleteInternetGateway",
                "ec2:DeleteRoute",
                "ec2:DeleteRouteTable",
                "ec2:DeleteSecurityGroup",
                "ec2:DeleteSubnet",
                "ec2:DeleteVpc",
                "ec2:DetachInternetGateway",
                "ec2:DisassociateRouteTable",
                "ec2:RevokeSecurityGroupEgress",
                "ec2:RevokeSecurityGroupIngress",
            ],
            all(scope),
        )
        .of_ours(scope),
        // GuardDuty's Runtime Monitoring places an endpoint and its group in every VPC with tasks, and the provider
        // removes both with the VPC
        // (<https://docs.aws.amazon.com/guardduty/latest/ug/runtime-monitoring-agent-resource-clean-up.html>).
        Statement::allow(
            "RemoveGuardDuty",
            &[
                "ec2:DeleteSecurityGroup",
                "ec2:DeleteVpcEndpoints",
                "ec2:ModifyVpcEndpoint",
            ],
            some(scope, &["security-group/*", "vpc-endpoint/*"]),
        )
        .when("aws:ResourceTag/GuardDutyManaged", &["true"]),
    ]
}
