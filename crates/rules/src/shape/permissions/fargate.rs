//! Cluster, services, tasks, load balancer and CloudFront. All but CloudFront have their names in their ARNs.

use super::{Scope, Statement};

fn load_balancer(scope: &Scope) -> String {
    scope.arn("elasticloadbalancing", "loadbalancer/app/ID/*")
}

fn listener(scope: &Scope) -> String {
    scope.arn("elasticloadbalancing", "listener/app/ID/*")
}

fn rule(scope: &Scope) -> String {
    scope.arn("elasticloadbalancing", "listener-rule/app/ID/*")
}

fn target_groups(scope: &Scope) -> Vec<String> {
    scope.slots("elasticloadbalancing", "targetgroup/ID-SLOT/*")
}

fn of_load_balancer(scope: &Scope) -> Vec<String> {
    let mut all = vec![load_balancer(scope), listener(scope), rule(scope)];
    all.extend(target_groups(scope));
    all
}

fn services(scope: &Scope) -> Vec<String> {
    scope.slots("ecs", "service/ID/ID-SLOT")
}

fn distributions(scope: &Scope) -> [String; 1] {
    [scope.global("cloudfront", "distribution/*")]
}

/// What a release registers, and what the empty slots have.
fn definitions(scope: &Scope) -> [String; 2] {
    [
        scope.arn("ecs", "task-definition/ID:*"),
        scope.arn("ecs", "task-definition/ID-placeholder:*"),
    ]
}

pub(super) fn reads(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::anywhere(
            "LookAroundFargate",
            &[
                "ec2:Describe*",
                "ecs:DescribeTaskDefinition",
                "elasticloadbalancing:Describe*",
            ],
        ),
        Statement::allow(
            "ReadPrefixLists",
            &["ec2:GetManagedPrefixListEntries"],
            [format!(
                "arn:{}:ec2:{}:*:prefix-list/*",
                scope.partition, scope.region
            )],
        ),
        Statement::allow(
            "ReadTasks",
            &["ecs:DescribeTasks"],
            [scope.arn("ecs", "task/ID/*")],
        ),
        Statement::anywhere("ListTasks", &["ecs:ListTasks"]).in_cluster(scope),
        Statement::allow(
            "ReadTagsOfEcs",
            &["ecs:ListTagsForResource"],
            [scope.arn("ecs", "cluster/ID")]
                .into_iter()
                .chain(services(scope))
                .chain(definitions(scope)),
        ),
        // Without tags: a deleted one has none, and a tear-down waits until AWS reports it as deleted.
        Statement::allow(
            "ReadFrontDoor",
            &[
                "cloudfront:GetDistribution",
                "cloudfront:GetDistributionConfig",
                "cloudfront:ListTagsForResource",
            ],
            distributions(scope),
        ),
        Statement::allow(
            "ReadQuota",
            &["servicequotas:GetServiceQuota"],
            ["fargate/L-3032A538", "vpc/L-F678F1CE"].map(|quota| scope.arn("servicequotas", quota)),
        ),
    ]
}

pub(super) fn release(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::allow(
            "RegisterRevision",
            &["ecs:RegisterTaskDefinition", "ecs:TagResource"],
            [scope.arn("ecs", "task-definition/ID:*")],
        ),
        Statement::allow(
            "HandOverRoles",
            &["iam:PassRole"],
            scope.roles(&["execution", "task"]),
        )
        .when("iam:PassedToService", &["ecs-tasks.amazonaws.com"]),
        Statement::allow("RunRevision", &["ecs:UpdateService"], services(scope)),
        Statement::allow(
            "ShiftUsers",
            &["elasticloadbalancing:ModifyListener"],
            [listener(scope)],
        ),
        Statement::allow(
            "OpenSlots",
            &["elasticloadbalancing:ModifyRule"],
            [rule(scope)],
        ),
        // Tasks that run once.
        Statement::allow(
            "RunOnce",
            &["ecs:RunTask"],
            [scope.arn("ecs", "task-definition/ID:*")],
        )
        .in_cluster(scope),
        stop_tasks(scope),
    ]
}

pub(super) fn make(scope: &Scope) -> Vec<Statement> {
    let mut all = make_tasks_and_load_balancer(scope);
    all.extend(make_front_door(scope));
    all
}

fn make_tasks_and_load_balancer(scope: &Scope) -> Vec<Statement> {
    let first_use = |service: &str, role: &str| {
        scope.global("iam", &format!("role/aws-service-role/{service}/{role}"))
    };
    vec![
        Statement::allow(
            "MakeCluster",
            &[
                "ecs:CreateCluster",
                "ecs:TagResource",
                "ecs:UntagResource",
                "ecs:UpdateCluster",
                "ecs:UpdateClusterSettings",
            ],
            [scope.arn("ecs", "cluster/ID")],
        ),
        Statement::allow(
            "MakeSlots",
            &["ecs:CreateService", "ecs:TagResource", "ecs:UntagResource"],
            services(scope),
        ),
        Statement::allow(
            "MakePlaceholder",
            &[
                "ecs:RegisterTaskDefinition",
                "ecs:TagResource",
                "ecs:UntagResource",
            ],
            [scope.arn("ecs", "task-definition/ID-placeholder:*")],
        ),
        // Another port means another placeholder, and the old one goes.
        forget_definitions(),
        Statement::allow(
            "MakeLoadBalancer",
            &[
                "elasticloadbalancing:CreateListener",
                "elasticloadbalancing:CreateLoadBalancer",
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "elasticloadbalancing:SetSecurityGroups",
                "elasticloadbalancing:SetSubnets",
            ],
            [load_balancer(scope)],
        ),
        Statement::allow(
            "MakeListenerRules",
            &[
                "elasticloadbalancing:CreateRule",
                "elasticloadbalancing:ModifyListenerAttributes",
            ],
            [listener(scope)],
        ),
        Statement::allow(
            "MakeTargetGroups",
            &[
                "elasticloadbalancing:CreateTargetGroup",
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
            ],
            target_groups(scope),
        ),
        Statement::allow(
            "TagLoadBalancer",
            &[
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:RemoveTags",
            ],
            of_load_balancer(scope),
        ),
        Statement::allow(
            "FirstUse",
            &["iam:CreateServiceLinkedRole"],
            [
                first_use("ecs.amazonaws.com", "AWSServiceRoleForECS"),
                first_use(
                    "elasticloadbalancing.amazonaws.com",
                    "AWSServiceRoleForElasticLoadBalancing",
                ),
            ],
        )
        .when(
            "iam:AWSServiceName",
            &["ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com"],
        ),
    ]
}

fn make_front_door(scope: &Scope) -> Vec<Statement> {
    vec![
        // It has no name, and no ARN before it is there.
        Statement::anywhere("MakeFrontDoor", &["cloudfront:CreateDistribution"])
            .bearing_our_tags(scope),
        // The name of the API that makes it with tags. The reference does not list it as an action.
        Statement::anywhere(
            "MakeFrontDoorWithTags",
            &["cloudfront:CreateDistributionWithTags"],
        )
        .bearing_our_tags(scope),
        Statement::allow(
            "TagFrontDoor",
            &["cloudfront:TagResource"],
            distributions(scope),
        )
        .bearing_our_tags(scope)
        .of_no_one(),
        Statement::allow(
            "RetagFrontDoor",
            &["cloudfront:TagResource", "cloudfront:UntagResource"],
            distributions(scope),
        )
        .of_ours(scope),
        Statement::allow(
            "ChangeFrontDoor",
            &["cloudfront:UpdateDistribution"],
            distributions(scope),
        )
        .of_ours(scope),
    ]
}

/// Tasks that run once are stopped by the command that started them, and by `down`.
fn stop_tasks(scope: &Scope) -> Statement {
    Statement::allow(
        "StopTasks",
        &["ecs:StopTask"],
        [scope.arn("ecs", "task/ID/*")],
    )
}

/// The action has no resource in IAM.
fn forget_definitions() -> Statement {
    Statement::anywhere("ForgetDefinitions", &["ecs:DeregisterTaskDefinition"])
}

pub(super) fn remove(scope: &Scope) -> Vec<Statement> {
    vec![
        stop_tasks(scope),
        Statement::allow(
            "RemoveCluster",
            &["ecs:DeleteCluster"],
            [scope.arn("ecs", "cluster/ID")],
        ),
        Statement::allow(
            "RemoveSlots",
            &["ecs:DeleteService", "ecs:UpdateService"],
            services(scope),
        ),
        forget_definitions(),
        Statement::allow(
            "RemoveDefinitions",
            &["ecs:DeleteTaskDefinitions"],
            definitions(scope),
        ),
        Statement::allow(
            "RemoveLoadBalancer",
            &["elasticloadbalancing:DeleteLoadBalancer"],
            [load_balancer(scope)],
        ),
        Statement::allow(
            "RemoveListener",
            &["elasticloadbalancing:DeleteListener"],
            [listener(scope)],
        ),
        Statement::allow(
            "RemoveRules",
            &["elasticloadbalancing:DeleteRule"],
            [rule(scope)],
        ),
        Statement::allow(
            "RemoveTargetGroups",
            &["elasticloadbalancing:DeleteTargetGroup"],
            target_groups(scope),
        ),
        // It is switched off before it can be deleted.
        Statement::allow(
            "RemoveFrontDoor",
            &[
                "cloudfront:DeleteDistribution",
                "cloudfront:UpdateDistribution",
            ],
            distributions(scope),
        )
        .of_ours(scope),
    ]
}
