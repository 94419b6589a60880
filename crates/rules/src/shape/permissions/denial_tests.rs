//! The messages of AWS, the SDK and the provider when an action is denied, word for word.

use super::*;

fn scope() -> Scope {
    super::super::tests::scope()
}

#[test]
fn messages_of_aws_are_read_from_each_tool() {
    let user =
        "User: arn:aws:sts::123456789012:assumed-role/deployer/me is not authorized to perform:";
    let table: [(String, &str, Option<&str>, Option<&str>); 10] = [
        (
            format!("{user} ecs:CreateCluster on resource: arn:aws:ecs:eu-west-2:123456789012:cluster/shop-prod because no identity-based policy allows the ecs:CreateCluster action (AccessDeniedException)"),
            "ecs:CreateCluster",
            Some("arn:aws:ecs:eu-west-2:123456789012:cluster/shop-prod"),
            None,
        ),
        (
            format!("aws_vpc.main: creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 403, RequestID: 1, api error UnauthorizedOperation: You are not authorized to perform this operation. {user} ec2:CreateVpc on resource: arn:aws:ec2:eu-west-2:123456789012:vpc/* with an explicit deny in a service control policy. Encoded authorization failure message: abc"),
            "ec2:CreateVpc",
            Some("arn:aws:ec2:eu-west-2:123456789012:vpc/*"),
            Some("service control policy"),
        ),
        (
            format!("error creating SNS topic: AuthorizationError: {user} SNS:CreateTopic on resource: arn:aws:sns:eu-west-2:123456789012:shop-prod-alarms because no permissions boundary allows the SNS:CreateTopic action"),
            "sns:CreateTopic",
            Some("arn:aws:sns:eu-west-2:123456789012:shop-prod-alarms"),
            Some("permissions boundary"),
        ),
        (
            format!("{user} s3:PutObject on resource: \"arn:aws:s3:::b/foundation/terraform.tfstate\" because no session policy allows the s3:PutObject action"),
            "s3:PutObject",
            Some("arn:aws:s3:::b/foundation/terraform.tfstate"),
            Some("session policy"),
        ),
        (
            format!("{user} ecr:GetAuthorizationToken on resource: * because no identity-based policy allows it"),
            "ecr:GetAuthorizationToken",
            Some("*"),
            None,
        ),
        (
            format!("{user} budgets:ViewBudget"),
            "budgets:ViewBudget",
            None,
            None,
        ),
        (
            format!("{user} iam:PassRole on resource: arn:aws:iam::123456789012:role/shop-prod-task with an explicit deny in an identity-based policy"),
            "iam:PassRole",
            Some("arn:aws:iam::123456789012:role/shop-prod-task"),
            Some("identity-based policy"),
        ),
        (
            "Error: Unable to list objects in S3 bucket \"b\": operation error S3: ListObjectsV2, https response error StatusCode: 403, api error AccessDenied: Access Denied".to_owned(),
            "s3:ListBucket",
            None,
            None,
        ),
        (
            "creating Elastic Load Balancing v2: operation error Elastic Load Balancing v2: CreateLoadBalancer, api error AccessDenied: no".to_owned(),
            "elasticloadbalancing:CreateLoadBalancer",
            None,
            None,
        ),
        (
            "operation error Budgets: DescribeBudget, AccessDeniedException: no".to_owned(),
            "budgets:ViewBudget",
            None,
            None,
        ),
    ];
    for (line, action, resource, against) in table {
        let denied = Denied::read(&line).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(denied.action, action);
        assert_eq!(denied.resource.as_deref(), resource, "{line}");
        assert_eq!(denied.against.as_deref(), against, "{line}");
    }
}

/// The sentences of AWS's page about denied access, for each kind of policy.
#[test]
fn each_kind_of_policy_is_reported_as_what_it_is() {
    let user = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: \
                iam:CreateRole on resource: arn:aws:iam::123456789012:role/shop-prod-task";
    for (rest, kind) in [
        (
            "with an explicit deny in a service control policy",
            Some("service control policy"),
        ),
        (
            "because no service control policy allows the iam:CreateRole action",
            Some("service control policy"),
        ),
        (
            "with an explicit deny in a resource control policy",
            Some("resource control policy"),
        ),
        (
            "because no permissions boundary allows the iam:CreateRole action",
            Some("permissions boundary"),
        ),
        (
            "with an explicit deny in a permissions boundary",
            Some("permissions boundary"),
        ),
        (
            "with an explicit deny in an identity-based policy",
            Some("identity-based policy"),
        ),
        (
            "because no identity-based policy allows the iam:CreateRole action",
            None,
        ),
        (
            "with an explicit deny in a resource-based policy",
            Some("resource-based policy"),
        ),
        (
            "because no resource-based policy allows the iam:CreateRole action",
            None,
        ),
        (
            "because no session policy allows the iam:CreateRole action",
            Some("session policy"),
        ),
        (
            "with an explicit deny in a session policy",
            Some("session policy"),
        ),
        (
            "because no VPC endpoint policy allows the iam:CreateRole action",
            Some("VPC endpoint policy"),
        ),
        (
            "with an explicit deny in a VPC endpoint policy",
            Some("VPC endpoint policy"),
        ),
    ] {
        let denied = Denied::read(&format!("{user} {rest}")).expect(rest);
        assert_eq!(denied.against.as_deref(), kind, "{rest}");
        assert_eq!(denied.policy, None, "{rest}");
    }
    let arn = "arn:aws:organizations::210987654321:policy/o-abc/service_control_policy/p-1";
    let named = format!("{user} with an explicit deny in a service control policy: {arn}");
    assert_eq!(
        Denied::read(&named).expect("a denial").policy.as_deref(),
        Some(arn)
    );
}

#[test]
fn what_a_service_control_policy_demands_names_the_key_that_meets_it() {
    let next = |action: &str| {
        let denied = Denied {
            action: action.to_owned(),
            resource: None,
            against: Some("service control policy".to_owned()),
            policy: None,
        };
        denied.next(&scope()).join("\n")
    };
    for (action, keys, others) in [
        (
            "iam:CreateRole",
            &["`permissions_boundary`", "`role_path`", "`tags`"] as &[&str],
            &["`region`"] as &[&str],
        ),
        (
            "ec2:CreateVpc",
            &["`tags`", "`region`"],
            &["`permissions_boundary`"],
        ),
        (
            "lambda:InvokeFunction",
            &["`region`"],
            &["`tags`", "`permissions_boundary`"],
        ),
    ] {
        let text = next(action);
        assert!(text.contains("a service control policy denies"), "{text}");
        assert!(
            keys.iter().all(|key| text.contains(key)),
            "{action}: {text}"
        );
        assert!(
            !others.iter().any(|key| text.contains(key)),
            "{action}: {text}"
        );
    }
}

#[test]
fn other_failures_are_no_denials() {
    for line in [
        "creating ECS Cluster: InvalidParameterException: no",
        "operation error EC2: CreateVpc, api error VpcLimitExceeded: five",
        "is not authorized to perform: everything",
        "permission denied",
        "",
    ] {
        assert_eq!(Denied::read(line), None, "{line}");
    }
}

#[test]
fn a_denial_names_the_document_with_the_statement() {
    let denied = |action: &str, resource: Option<&str>| Denied {
        action: action.to_owned(),
        resource: resource.map(str::to_owned),
        against: None,
        policy: None,
    };
    let forbidden = Denied {
        against: Some("service control policy".to_owned()),
        ..denied("ec2:CreateVpc", None)
    };
    let scp = "arn:aws:organizations::210987654321:policy/o-abc/service_control_policy/p-tags";
    let unbounded = Denied {
        against: Some("service control policy".to_owned()),
        policy: Some(scp.to_owned()),
        ..denied("iam:CreateRole", None)
    };
    let beyond = Denied {
        against: Some("permissions boundary".to_owned()),
        ..denied("lambda:CreateFunction", None)
    };
    let cluster = "arn:aws:ecs:eu-west-2:123456789012:cluster/shop-prod";
    let messages: Vec<String> = [
        denied("ecs:CreateCluster", Some(cluster)),
        denied("ecs:UpdateService", None),
        denied(
            "ec2:CreateVpc",
            Some("arn:aws:ec2:eu-west-2:123456789012:vpc/*"),
        ),
        denied("iam:CreatePolicy", None),
        denied(
            "ecs:CreateCluster",
            Some("arn:aws:ecs:eu-west-2:123456789012:cluster/other"),
        ),
        denied("sqs:CreateQueue", None),
        forbidden,
        unbounded,
        beyond,
    ]
    .iter()
    .map(|denied| format!("{}\n{}", denied.action, denied.next(&scope()).join("\n")))
    .collect();
    insta::assert_snapshot!("denied", messages.join("\n\n"));
}

#[test]
fn a_denied_call_without_details_is_identified_by_its_name() {
    let denied = Denied::call("s3:PutObject", "Access Denied (AccessDenied)");
    assert_eq!(
        (denied.action.as_str(), denied.resource),
        ("s3:PutObject", None)
    );
}

#[test]
fn patterns_are_those_of_iam() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abcd", false),
        ("apis/*/routes/*", "apis/x/routes/y/z", true),
        ("ec2:describe*", "ec2:describevpcs", true),
        ("abc", "abcd", false),
        ("é*", "éa", true),
    ] {
        assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
    }
}
