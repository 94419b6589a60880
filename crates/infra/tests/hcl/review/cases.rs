//! Each rule on what it is about, on what it is not, and on what is not known yet; and landfall's own HCL
//! and policies, which pass.

use crate::review::rule::{RULES, Rule, Severity};
use crate::review::{Finding, assert_safe, of_plans, review};
use rules::app::manifest::{AppName, EnvironmentName, RuleId, Target};
use rules::app::names::Names;
use rules::shape::permissions::{Document, Phase, Scope, for_ci, statements};
use rules::shape::plan::{Plan, Resource};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A resource with these values, of which `unknown` come later. All of them are set.
fn resource(kind: &str, values: &Value, unknown: &Value) -> Resource {
    Resource {
        address: format!("{kind}.it"),
        kind: kind.to_owned(),
        values: values.clone(),
        unknown: unknown.clone(),
        references: None,
    }
}

fn found(resources: &[Resource]) -> Vec<(Rule, Severity)> {
    let found = review(resources);
    found.iter().map(|f| (f.rule, f.severity)).collect()
}

/// A resource that must be found, one that must not, and one of which it is not known yet.
struct Case {
    rule: Rule,
    kind: &'static str,
    bad: Value,
    good: Value,
    /// `after_unknown` of a resource without values.
    unknown: Value,
}

fn statement(actions: Value, resources: Value) -> Value {
    let policy =
        json!({"Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]});
    json!({ "policy": policy.to_string() })
}

fn trust(principal: Value, condition: Value) -> Value {
    let policy = json!({"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": principal, "Condition": condition}});
    json!({ "assume_role_policy": policy.to_string() })
}

fn containers(container: Value) -> Value {
    let mut whole = json!({"name": "app", "user": "1000", "readonlyRootFilesystem": true,
        "linuxParameters": {"capabilities": {"drop": ["ALL"]}}});
    for (name, value) in container.as_object().expect("an object") {
        whole[name] = value.clone();
    }
    json!({"cpu": "256", "memory": "512", "container_definitions": json!([whole]).to_string()})
}

fn with(mut value: Value, name: &str, field: Value) -> Value {
    value[name] = field;
    value
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let case = |rule, kind, bad, good, unknown| Case { rule, kind, bad, good, unknown };
    let rule = json!({"type": "ingress", "from_port": 443, "prefix_list_ids": ["pl-1"]});
    let viewer = |policy: &str| json!({"default_cache_behavior": [{"viewer_protocol_policy": policy}]});
    let secure = |name: &str, value: Value| with(viewer("https-only"), name, value);
    vec![
        case(Rule::OpenIngress, "aws_security_group_rule",
            with(rule.clone(), "cidr_blocks", json!(["10.0.0.0/8", "0.0.0.0/0"])), rule.clone(),
            json!({"cidr_blocks": true})),
        case(Rule::OpenIngress, "aws_security_group_rule",
            with(rule.clone(), "ipv6_cidr_blocks", json!(["::/0"])),
            json!({"type": "egress", "cidr_blocks": ["0.0.0.0/0"]}), json!({"cidr_blocks": [true]})),
        case(Rule::OpenIngress, "aws_security_group",
            json!({"ingress": [{"cidr_blocks": ["0.0.0.0/0"]}]}),
            json!({"ingress": [{"security_groups": ["sg-1"]}]}), json!({"ingress": true})),
        case(Rule::OpenIngress, "aws_vpc_security_group_ingress_rule",
            json!({"cidr_ipv4": "0.0.0.0/0"}), json!({"referenced_security_group_id": "sg-1"}),
            json!({"cidr_ipv4": true})),
        case(Rule::OpenFunction, "aws_lambda_function_url", json!({"authorization_type": "NONE"}),
            json!({"authorization_type": "AWS_IAM"}), json!({"authorization_type": true})),
        case(Rule::EveryAction, "aws_iam_role_policy", statement(json!("*"), json!("arn:x")),
            statement(json!(["s3:Get*"]), json!("arn:x")), json!({"policy": true})),
        case(Rule::EveryAction, "aws_iam_policy", statement(json!(["logs:PutLogEvents", "s3:*"]), json!("arn:x")),
            statement(json!("s3:GetObject"), json!("arn:x")), json!({"policy": true})),
        case(Rule::EveryAction, "aws_iam_role_policy_attachment",
            json!({"policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
            json!({"policy_arn": "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"}),
            json!({"policy_arn": true})),
        case(Rule::EveryAction, "aws_iam_role",
            json!({"inline_policy": [{"policy": r#"{"Statement":[{"Effect":"Allow","NotAction":"iam:*","Resource":"arn:x"}]}"#}]}),
            json!({"inline_policy": []}), json!({"managed_policy_arns": true})),
        case(Rule::EveryResource, "aws_iam_role_policy", statement(json!("s3:GetObject"), json!("*")),
            statement(json!(["ecr:GetAuthorizationToken", "ec2:DescribeSubnets"]), json!("*")), json!({"policy": true})),
        case(Rule::OpenToEveryone, "aws_iam_role", trust(json!({"AWS": "*"}), json!({})),
            trust(json!({"AWS": "*"}), json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}})),
            json!({"assume_role_policy": true})),
        case(Rule::OpenToEveryone, "aws_iam_role",
            trust(json!({"Federated": "arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com"}),
                json!({"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}})),
            trust(json!({"Federated": "arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com"}),
                json!({"StringLike": {"token.actions.githubusercontent.com:sub": "repo:a/b:*"}})),
            json!({"assume_role_policy": true})),
        case(Rule::OpenToEveryone, "aws_s3_bucket_policy",
            json!({"policy": r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]}"#}),
            json!({"policy": r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}]}"#}),
            json!({"policy": true})),
        case(Rule::OpenToEveryone, "aws_lambda_permission", json!({"principal": "*"}),
            json!({"principal": "apigateway.amazonaws.com"}), json!({"principal": true})),
        case(Rule::Unencrypted, "aws_db_instance", json!({"publicly_accessible": false}),
            json!({"storage_encrypted": true}), json!({"storage_encrypted": true})),
        case(Rule::Unencrypted, "aws_efs_file_system", json!({"encrypted": false}),
            json!({"encrypted": true}), json!({"encrypted": true})),
        case(Rule::MutableTags, "aws_ecr_repository", json!({}),
            json!({"image_tag_mutability": "IMMUTABLE"}), json!({"image_tag_mutability": true})),
        case(Rule::EndlessLogs, "aws_cloudwatch_log_group", json!({"retention_in_days": 0}),
            json!({"retention_in_days": 14}), json!({"retention_in_days": true})),
        case(Rule::PlainSecret, "aws_lambda_function",
            json!({"environment": [{"variables": {"DB_PASSWORD": "hunter2"}}]}),
            json!({"environment": [{"variables": {"PORT": "80"}}]}), json!({"environment": [{"variables": true}]})),
        case(Rule::PlainSecret, "aws_ecs_task_definition",
            containers(json!({"environment": [{"name": "TOKEN", "value": "hunter2"}]})),
            containers(json!({"environment": [], "secrets": [{"name": "TOKEN", "valueFrom": "arn:x"}]})),
            json!({"container_definitions": true})),
        case(Rule::Privileged, "aws_ecs_task_definition", containers(json!({"privileged": true})),
            containers(json!({})), json!({"container_definitions": true})),
        case(Rule::RootUser, "aws_ecs_task_definition", containers(json!({"user": "0:0"})),
            containers(json!({"user": "nobody"})), json!({"cpu": true})),
        case(Rule::NoLimits, "aws_ecs_task_definition",
            with(containers(json!({"memory": 512})), "cpu", Value::Null),
            containers(json!({})), json!({"cpu": true})),
        case(Rule::WritableRoot, "aws_ecs_task_definition", containers(json!({"readonlyRootFilesystem": false})),
            containers(json!({})), json!({"cpu": true})),
        case(Rule::Capabilities, "aws_ecs_task_definition", containers(json!({"linuxParameters": null})),
            containers(json!({})), json!({"cpu": true})),
        case(Rule::PlainHttp, "aws_cloudfront_distribution", viewer("allow-all"), viewer("redirect-to-https"),
            json!({"default_cache_behavior": true})),
        case(Rule::PlainHttp, "aws_lb_listener", json!({"protocol": "HTTP", "default_action": [{"type": "forward"}]}),
            json!({"protocol": "HTTP", "default_action": [{"type": "redirect", "redirect": [{"protocol": "HTTPS"}]}]}),
            json!({"protocol": true})),
        case(Rule::OldTls, "aws_lb_listener", json!({"protocol": "HTTPS"}),
            json!({"protocol": "HTTPS", "ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"}),
            json!({"ssl_policy": true})),
        case(Rule::OldTls, "aws_cloudfront_distribution",
            secure("viewer_certificate", json!([{"minimum_protocol_version": "TLSv1.1_2016"}])),
            secure("viewer_certificate", json!([{"minimum_protocol_version": "TLSv1.2_2021"}])),
            json!({"viewer_certificate": true})),
        case(Rule::OldTls, "aws_cloudfront_distribution",
            secure("origin", json!([{"custom_origin_config": [{"origin_ssl_protocols": ["SSLv3", "TLSv1.2"]}]}])),
            secure("origin", json!([{"custom_origin_config": [{"origin_ssl_protocols": ["TLSv1.2"]}]}])),
            json!({"origin": true})),
        case(Rule::Metadata, "aws_launch_template", json!({"metadata_options": []}),
            json!({"metadata_options": [{"http_tokens": "required"}]}), json!({"metadata_options": true})),
        case(Rule::PublicBucket, "aws_s3_bucket_acl", json!({"acl": "public-read"}),
            json!({"acl": "private"}), json!({"acl": true})),
        case(Rule::PublicBucket, "aws_s3_bucket_public_access_block",
            json!({"block_public_acls": true, "block_public_policy": false, "ignore_public_acls": true, "restrict_public_buckets": true}),
            json!({"block_public_acls": true, "block_public_policy": true, "ignore_public_acls": true, "restrict_public_buckets": true}),
            json!({"block_public_policy": true})),
        case(Rule::PublicDatabase, "aws_rds_cluster_instance", json!({"publicly_accessible": true}),
            json!({"publicly_accessible": false}), json!({"publicly_accessible": true})),
    ]
}

#[test]
fn what_is_wrong_is_found() {
    for case in cases() {
        let found = found(&[resource(case.kind, &case.bad, &Value::Null)]);
        let wanted = (case.rule, case.rule.severity());
        assert!(
            found.contains(&wanted),
            "{:?} {}: {found:?}",
            case.rule,
            case.bad
        );
    }
}

#[test]
fn what_is_right_is_not() {
    for case in cases() {
        let found = found(&[resource(case.kind, &case.good, &Value::Null)]);
        let wrong = found.iter().any(|(rule, _)| *rule == case.rule);
        assert!(!wrong, "{:?} {}: {found:?}", case.rule, case.good);
    }
}

#[test]
fn what_is_not_known_yet_is_noted_where_it_could_be_refused() {
    for case in cases() {
        let found = found(&[resource(case.kind, &json!({}), &case.unknown)]);
        let of_rule: Vec<Severity> = found
            .into_iter()
            .filter(|(rule, _)| *rule == case.rule)
            .map(|(_, severity)| severity)
            .collect();
        match case.rule.severity() {
            Severity::Refuse => assert!(
                of_rule.contains(&Severity::Note),
                "{:?} {}: {of_rule:?}",
                case.rule,
                case.unknown
            ),
            _ => assert!(of_rule.is_empty(), "{:?}: {of_rule:?}", case.rule),
        }
        if case.rule.severity() == Severity::Refuse && case.rule != Rule::PublicBucket {
            assert!(!of_rule.contains(&Severity::Refuse), "{:?}", case.rule);
        }
    }
}

#[test]
fn every_rule_has_its_cases() {
    let mut tried: BTreeSet<Rule> = cases().iter().map(|case| case.rule).collect();
    // What goes around the front door takes two resources.
    tried.insert(Rule::BesideFrontDoor);
    assert!(tried.into_iter().eq(RULES.map(|(rule, _, _)| rule)));
}

#[test]
fn a_rule_has_the_id_that_allow_accepts() {
    for (number, (rule, id, _)) in RULES.into_iter().enumerate() {
        assert_eq!(rule as usize, number);
        assert_eq!(id, format!("LF{:03}", number + 1));
        assert!(RuleId::parse(id).is_ok(), "{id}");
    }
}

#[test]
fn addresses_of_the_internet_bypass_cloudfront() {
    let office = resource(
        "aws_security_group_rule",
        &json!({"type": "ingress", "cidr_blocks": ["203.0.113.0/24", "10.0.0.0/16"]}),
        &Value::Null,
    );
    let balancer =
        |internal: bool| resource("aws_lb", &json!({ "internal": internal }), &Value::Null);
    let wanted = vec![(Rule::BesideFrontDoor, Severity::Warn)];
    assert_eq!(found(&[office.clone(), balancer(false)]), wanted);
    assert_eq!(found(&[office.clone(), balancer(true)]), []);
    assert_eq!(found(&[office]), []);
}

#[test]
fn behind_cloudfront_a_listener_may_speak_http() {
    let listener = resource(
        "aws_lb_listener",
        &json!({"protocol": "HTTP"}),
        &Value::Null,
    );
    let door = resource(
        "aws_cloudfront_distribution",
        &json!({"default_cache_behavior": [{"viewer_protocol_policy": "https-only"}],
                "viewer_certificate": [{"cloudfront_default_certificate": true}]}),
        &Value::Null,
    );
    // CloudFront's default certificate leaves no choice: it is only a note.
    assert_eq!(found(&[listener, door]), [(Rule::OldTls, Severity::Note)]);
}

#[test]
fn a_policy_that_comes_later_is_judged_by_its_document() {
    let mut policy = resource("aws_iam_role_policy", &json!({}), &json!({"policy": true}));
    let reference = "data.aws_iam_policy_document.a";
    policy.references =
        serde_json::from_value(json!({"policy": [reference, format!("{reference}.json")]})).ok();
    let mut document = resource(
        "aws_iam_policy_document",
        &json!({"statement": [
            {"actions": ["s3:GetObject"], "resources": [null], "principals": [], "condition": []}]}),
        &json!({"json": true, "statement": [{"resources": [true]}]}),
    );
    document.address = reference.to_owned();
    assert_eq!(found(&[policy.clone(), document.clone()]), []);
    assert_eq!(
        found(&[policy.clone()]),
        [(Rule::EveryAction, Severity::Note)],
        "without the document it is only known later"
    );
    document.values["statement"][0]["actions"] = json!(["*"]);
    assert_eq!(
        found(&[policy.clone(), document.clone()]),
        [(Rule::EveryAction, Severity::Refuse)]
    );
    document.values["statement"][0]["actions"] = json!([null]);
    document.unknown["statement"][0]["actions"] = json!([true]);
    assert_eq!(
        found(&[policy, document]),
        [(Rule::EveryAction, Severity::Note)]
    );
}

#[test]
fn what_a_document_takes_in_is_judged_too() {
    let takes_in = |values: Value, unknown: Value| {
        let mut values = values;
        values["statement"] = json!([]);
        found(&[resource("aws_iam_policy_document", &values, &unknown)])
    };
    let wide = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:x"}]}"#;
    assert_eq!(
        takes_in(json!({ "source_policy_documents": [wide] }), Value::Null),
        [(Rule::EveryAction, Severity::Refuse)]
    );
    assert_eq!(
        takes_in(json!({}), json!({"override_policy_documents": [true]})),
        [(Rule::EveryAction, Severity::Note)]
    );
    assert_eq!(takes_in(json!({}), Value::Null), []);
}

#[test]
fn a_document_with_principals_is_one_of_a_resource() {
    let document = |kind: &str, condition: Value| {
        resource(
            "aws_iam_policy_document",
            &json!({"statement": [{"actions": ["sns:*"], "resources": ["*"],
                "principals": [{"type": kind, "identifiers": ["*"]}], "condition": condition}]}),
            &Value::Null,
        )
    };
    let refused = vec![(Rule::OpenToEveryone, Severity::Refuse)];
    for (kind, condition, wanted) in [
        ("AWS", json!([]), refused.clone()),
        ("*", json!([]), refused.clone()),
        (
            "AWS",
            json!([{"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["1"]}]),
            vec![],
        ),
        (
            "AWS",
            json!([{"test": "StringNotEquals", "variable": "aws:SourceAccount", "values": ["1"]}]),
            refused.clone(),
        ),
        (
            "AWS",
            json!([{"test": "ArnLike", "variable": "aws:SourceArn", "values": ["*"]}]),
            refused,
        ),
    ] {
        assert_eq!(
            found(&[document(kind, condition.clone())]),
            wanted,
            "{condition}"
        );
    }
}

/// What Terraform 1.11 with provider 3.39 planned for landfall's own roots, before anything existed and
/// after: nothing is refused or warned about, and nothing is left for later.
#[test]
fn recorded_plans_of_our_own_roots_pass() {
    let first = include_str!("../../../../rules/tests/plans/first.json");
    let again = include_str!("../../../../rules/tests/plans/again.json");
    for text in [first, again] {
        let roots: Value = serde_json::from_str(text).expect("two plans");
        let plan = |root: &str| Plan::parse(&roots[root].to_string()).expect("a plan");
        let found = of_plans(&[&plan("foundation"), &plan("fargate")]);
        let lines: Vec<String> = found.iter().map(Finding::to_string).collect();
        assert_eq!(
            lines,
            [
                "note LF014 aws_cloudfront_distribution.front_door: CloudFront's own certificate admits TLS 1.0"
            ]
        );
    }
    let lambda = include_str!("../../../../rules/tests/plans/lambda.json");
    let roots: Value = serde_json::from_str(lambda).expect("plans");
    assert_safe(&Plan::parse(&roots["lambda"].to_string()).expect("a plan"));
}

/// By Terraform as well: holes that only a part of the plan's JSON shows.
#[test]
fn holes_are_found_where_terraform_shows_them() {
    let holes = include_str!("../../../../rules/tests/plans/holes.json");
    let plan = Plan::parse(holes).expect("a plan");
    let lines: Vec<String> = of_plans(&[&plan]).iter().map(Finding::to_string).collect();
    assert_eq!(
        lines,
        [
            "refuse LF001 aws_security_group.open: ingress from 0.0.0.0/0",
            "refuse LF004 data.aws_iam_policy_document.d: allows the action *",
            "warn LF008 aws_ecr_repository.a: a tag can be moved",
            "note LF001 aws_security_group.later: `ingress.0.cidr_blocks` is known after the apply",
        ]
    );
}

/// Every policy that the deploying identity needs, or that a role of CI has.
#[test]
fn policies_of_the_deploying_identity_pass() {
    let names = Names::new(
        AppName::parse("shop").expect("a name"),
        EnvironmentName::parse("prod").expect("an environment"),
    );
    let scope = Scope::from_names(&names, "aws", "123456789012", "eu-west-2")
        .with_domain(Some("app.example.com"));
    for phase in Phase::ALL {
        for target in Target::ALL {
            let mut all = statements(phase, target, &scope);
            all.extend(for_ci(phase, &scope));
            for document in Document::pack(all) {
                let policy = json!({ "policy": document.text() });
                let policy = resource("aws_iam_policy", &policy, &Value::Null);
                assert_eq!(review(&[policy]), [], "{phase} {target}");
            }
        }
    }
}
