//! What every target has: state, registry, logs, roles, alarms, budget; and the search for everything with the
//! environment's names, which covers all services whatever the target.

use super::{Scope, Statement};

pub(super) const ROLES: [&str; 3] = ["execution", "task", "function"];
const ROLES_OF_CI: [&str; 3] = ["deploy", "plan", "preview"];
const GROUPS: [&str; 4] = [
    "log-group:/landfall/ID",
    "log-group:/aws/vendedlogs/landfall/ID/access",
    // What the one before was called in earlier versions.
    super::lambda::FORMER_ACCESS_LOG,
    "log-group:/aws/lambda/ID",
];
const ALARMS: [&str; 5] = [
    "alarm:ID-load-balancer-errors",
    "alarm:ID-blue-unhealthy",
    "alarm:ID-green-unhealthy",
    "alarm:ID-function-errors",
    "alarm:ID-function-throttles",
];

pub(super) fn repository(scope: &Scope) -> [String; 1] {
    [scope.arn("ecr", "repository/ID")]
}

pub(super) fn groups(scope: &Scope) -> Vec<String> {
    GROUPS.iter().flat_map(|one| scope.log_group(one)).collect()
}

fn alarms(scope: &Scope) -> Vec<String> {
    ALARMS.map(|alarm| scope.arn("cloudwatch", alarm)).to_vec()
}

fn topic(scope: &Scope) -> [String; 1] {
    [scope.arn("sns", "ID-alarms")]
}

fn budget(scope: &Scope) -> [String; 1] {
    [scope.global("budgets", "budget/ID")]
}

pub(super) fn reads(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::allow(
            "FindState",
            &["s3:GetBucketTagging", "s3:ListBucket"],
            [scope.bucket()],
        ),
        Statement::allow("ReadState", &["s3:GetObject"], [scope.objects()]),
        Statement::allow(
            "ReadRegistry",
            &[
                "ecr:DescribeImages",
                "ecr:DescribeRepositories",
                "ecr:GetLifecyclePolicy",
                "ecr:GetRepositoryPolicy",
                "ecr:ListImages",
                "ecr:ListTagsForResource",
            ],
            repository(scope),
        ),
        // The two names of the second: older versions of the provider use the older one.
        Statement::allow(
            "ReadLogs",
            &[
                "logs:FilterLogEvents",
                "logs:ListTagsForResource",
                "logs:ListTagsLogGroup",
            ],
            groups(scope),
        ),
        Statement::allow(
            "ReadRoles",
            &[
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies",
                "iam:ListRolePolicies",
            ],
            scope.roles(&ROLES),
        ),
        Statement::allow("FindRolesOfCi", &["iam:GetRole"], scope.roles(&ROLES_OF_CI)),
        Statement::allow(
            "ReadAlarms",
            &["cloudwatch:ListTagsForResource"],
            alarms(scope),
        ),
        Statement::allow(
            "ReadTopic",
            &[
                "sns:GetTopicAttributes",
                "sns:ListSubscriptionsByTopic",
                "sns:ListTagsForResource",
            ],
            topic(scope),
        ),
        Statement::allow(
            "ReadBudget",
            &["budgets:ListTagsForResource", "budgets:ViewBudget"],
            budget(scope),
        ),
        Statement::allow(
            "ReadAccount",
            &["account:GetAccountInformation"],
            [scope.global("account", "account")],
        ),
        look(),
        Statement::allow(
            "FindCluster",
            &["ecs:DescribeClusters"],
            [scope.arn("ecs", "cluster/ID")],
        ),
        Statement::allow(
            "FindServices",
            &["ecs:DescribeServices"],
            scope.slots("ecs", "service/ID/ID-SLOT"),
        ),
        Statement::allow(
            "FindFunction",
            &["lambda:GetFunction", "lambda:GetFunctionConfiguration"],
            super::lambda::functions(scope),
        ),
        Statement::allow("FindApis", &["apigateway:GET"], super::lambda::apis(scope)),
    ]
}

/// Actions that know no narrower resource, or none before it is found. They read lists of names, and what this account has
/// of a quota or a credit.
fn look() -> Statement {
    Statement::anywhere(
        "LookAround",
        &[
            "cloudfront:ListDistributions",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:GetMetricData",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeRegions",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcEndpoints",
            "ec2:DescribeVpcs",
            "ecs:ListTaskDefinitions",
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeTargetGroups",
            "freetier:GetAccountPlanState",
            "iam:ListPolicies",
            "logs:DescribeLogGroups",
            "sns:GetSubscriptionAttributes",
            "sns:ListTopics",
            "sts:GetCallerIdentity",
            "tag:GetResources",
        ],
    )
}

pub(super) fn release(scope: &Scope) -> Vec<Statement> {
    vec![
        state(scope),
        // When an environment is over stands with its bucket.
        Statement::allow("SetItsTime", &["s3:PutBucketTagging"], [scope.bucket()]),
        Statement::anywhere("LogInToRegistry", &["ecr:GetAuthorizationToken"]),
        Statement::allow(
            "Push",
            &[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:GetDownloadUrlForLayer",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
            ],
            repository(scope),
        ),
    ]
}

/// State, ledger, and the locks of both.
fn state(scope: &Scope) -> Statement {
    Statement::allow(
        "KeepState",
        &["s3:DeleteObject", "s3:PutObject"],
        [scope.objects()],
    )
}

/// Everything that gives a role permissions, or someone the role. Without a boundary any of it gives as much as its
/// caller likes.
const MAKE_ROLES: [&str; 6] = [
    "iam:CreateRole",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
];

pub(super) fn make(scope: &Scope) -> Vec<Statement> {
    let mut all = vec![
        Statement::allow(
            "MakeState",
            &[
                "s3:CreateBucket",
                "s3:PutBucketPolicy",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
            ],
            [scope.bucket()],
        ),
        // A plan that is not confirmed leaves nothing: the bucket that was made for it is deleted.
        Statement::allow(
            "TakeStateBack",
            &["s3:DeleteBucket", "s3:ListBucketVersions"],
            [scope.bucket()],
        ),
        Statement::allow(
            "TakeVersionsBack",
            &["s3:DeleteObjectVersion"],
            [scope.objects()],
        ),
        Statement::allow(
            "MakeRegistry",
            &[
                "ecr:CreateRepository",
                "ecr:PutImageScanningConfiguration",
                "ecr:PutImageTagMutability",
                "ecr:PutLifecyclePolicy",
                "ecr:SetRepositoryPolicy",
                "ecr:TagResource",
                "ecr:UntagResource",
            ],
            repository(scope),
        ),
        Statement::allow(
            "MakeLogs",
            &[
                "logs:CreateLogGroup",
                "logs:PutRetentionPolicy",
                "logs:TagLogGroup",
                "logs:TagResource",
                "logs:UntagLogGroup",
                "logs:UntagResource",
            ],
            groups(scope),
        ),
        Statement::allow("MakeRoles", &MAKE_ROLES, scope.roles(&ROLES)).with_boundary(scope),
        Statement::allow(
            "TagRoles",
            &["iam:TagRole", "iam:UntagRole"],
            scope.roles(&ROLES),
        ),
        Statement::allow(
            "MakeAlarms",
            &[
                "cloudwatch:PutMetricAlarm",
                "cloudwatch:TagResource",
                "cloudwatch:UntagResource",
            ],
            alarms(scope),
        ),
        Statement::allow(
            "MakeTopic",
            &[
                "sns:CreateTopic",
                "sns:SetTopicAttributes",
                "sns:Subscribe",
                "sns:TagResource",
                "sns:UntagResource",
            ],
            topic(scope),
        ),
        forget_subscriptions(),
        // AWS calls everything that makes, changes or removes a budget the same.
        Statement::allow(
            "MakeBudget",
            &[
                "budgets:ModifyBudget",
                "budgets:TagResource",
                "budgets:UntagResource",
            ],
            budget(scope),
        ),
    ];
    // An identity that no boundary binds may also take one away.
    if scope.boundary.is_none() {
        all.push(Statement::allow(
            "FreeRoles",
            &["iam:DeleteRolePermissionsBoundary"],
            scope.roles(&ROLES),
        ));
    }
    all
}

/// Of an address that no longer gets alarms.
fn forget_subscriptions() -> Statement {
    Statement::anywhere("ForgetSubscriptions", &["sns:Unsubscribe"])
}

pub(super) fn remove(scope: &Scope) -> Vec<Statement> {
    vec![
        state(scope),
        Statement::allow(
            "RemoveState",
            &["s3:DeleteBucket", "s3:ListBucketVersions"],
            [scope.bucket()],
        ),
        Statement::allow(
            "RemoveVersions",
            &["s3:DeleteObjectVersion"],
            [scope.objects()],
        ),
        Statement::allow(
            "RemoveRegistry",
            &[
                "ecr:BatchDeleteImage",
                "ecr:DeleteLifecyclePolicy",
                "ecr:DeleteRepository",
                "ecr:DeleteRepositoryPolicy",
            ],
            repository(scope),
        ),
        Statement::allow("RemoveLogs", &["logs:DeleteLogGroup"], groups(scope)),
        Statement::allow(
            "RemoveRoles",
            &[
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:ListInstanceProfilesForRole",
            ],
            scope.roles(&ROLES),
        ),
        Statement::allow("RemoveAlarms", &["cloudwatch:DeleteAlarms"], alarms(scope)),
        // The provider takes a topic's policy away by setting the usual one.
        Statement::allow(
            "RemoveTopic",
            &["sns:DeleteTopic", "sns:SetTopicAttributes"],
            topic(scope),
        ),
        forget_subscriptions(),
        Statement::allow("RemoveBudget", &["budgets:ModifyBudget"], budget(scope)),
    ]
}
