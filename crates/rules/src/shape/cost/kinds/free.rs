//! Kinds of resources that cost nothing.

/// Kinds that cost nothing whatever their attributes, with why.
const FREE: &[(&str, &[&str])] = &[
    (
        "networks, routes and security groups are free",
        &[
            "aws_default_security_group",
            "aws_internet_gateway",
            "aws_main_route_table_association",
            "aws_route",
            "aws_route_table",
            "aws_route_table_association",
            "aws_security_group",
            "aws_security_group_rule",
            "aws_subnet",
            "aws_vpc",
            "aws_vpc_security_group_egress_rule",
            "aws_vpc_security_group_ingress_rule",
        ],
    ),
    (
        "IAM is free",
        &[
            "aws_iam_openid_connect_provider",
            "aws_iam_policy",
            "aws_iam_role",
            "aws_iam_role_policy",
            "aws_iam_role_policy_attachment",
        ],
    ),
    (
        "paid with its load balancer",
        &[
            "aws_lb_listener",
            "aws_lb_listener_rule",
            "aws_lb_target_group",
        ],
    ),
    (
        "the tasks are paid, not what they belong to",
        &["aws_ecs_service", "aws_ecs_task_definition"],
    ),
    (
        "paid with its registry, by what is kept",
        &["aws_ecr_lifecycle_policy", "aws_ecr_repository_policy"],
    ),
    (
        "the first million notifications a month are free, and alarms send few",
        &["aws_sns_topic"],
    ),
    ("paid with its topic", &["aws_sns_topic_policy"]),
    ("a budget that notifies is free", &["aws_budgets_budget"]),
    (
        "paid with its function, by request",
        &["aws_lambda_alias", "aws_lambda_permission"],
    ),
    (
        "paid with its API, by request",
        &[
            "aws_apigatewayv2_api_mapping",
            "aws_apigatewayv2_deployment",
            "aws_apigatewayv2_domain_name",
            "aws_apigatewayv2_integration",
            "aws_apigatewayv2_route",
            "aws_apigatewayv2_stage",
        ],
    ),
    (
        "paid with its bucket, by what is kept",
        &[
            "aws_s3_bucket_lifecycle_configuration",
            "aws_s3_bucket_policy",
            "aws_s3_bucket_public_access_block",
            "aws_s3_bucket_server_side_encryption_configuration",
            "aws_s3_bucket_versioning",
        ],
    ),
    (
        "paid with what it belongs to",
        &[
            "aws_acm_certificate_validation",
            "aws_kms_alias",
            "aws_route53_record",
            "aws_secretsmanager_secret_version",
            "aws_wafv2_web_acl_association",
        ],
    ),
    ("exists in the state alone", &["terraform_data"]),
];

/// Why a kind costs nothing, if it does.
pub(super) fn why(kind: &str) -> Option<&'static str> {
    let mut groups = FREE.iter();
    let (why, _) = groups.find(|(_, kinds)| kinds.contains(&kind))?;
    Some(why)
}
