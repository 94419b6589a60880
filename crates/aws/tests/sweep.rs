//! The sweep finds leftovers: one resource of each kind is created with an environment's names or
//! tags, and `down --verify` has to report all of them.

mod emulators;

use aws_sdk_ecs::types::ContainerDefinition;
use emulators::{ACCOUNT, REGION, api_gateway, config, distribution, ec2, element, ssm};
use rules::app::manifest::{AppName, EnvironmentName};
use rules::app::names::{Names, Slot, TAG_APP, TAG_ENVIRONMENT};
use rules::event::Event;
use rules::exit::Exit;
use rules::operate::sweep::{Kind, Leftover};
use serde_json::json;
use std::collections::BTreeSet;
use testkit::{Mode, Sandbox};

/// The domain in the app's manifest.
const DOMAIN: &str = "www.planted.example";

fn names() -> Names {
    Names::new(
        AppName::parse("planted").expect("a name"),
        EnvironmentName::parse("prod").expect("an environment"),
    )
}

/// The environment's tags, as parameters of EC2's `Create…` actions.
fn tags(kind: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TagSpecification.1.ResourceType", kind.to_owned()),
        ("TagSpecification.1.Tag.1.Key", TAG_APP.to_owned()),
        ("TagSpecification.1.Tag.1.Value", "planted".to_owned()),
        ("TagSpecification.1.Tag.2.Key", TAG_ENVIRONMENT.to_owned()),
        ("TagSpecification.1.Tag.2.Value", "prod".to_owned()),
    ]
}

/// Creates a network with one of each of its parts. Returns two subnets for the load balancer.
fn create_network(endpoint: &str) -> Vec<String> {
    let create = |action: &str, kind: &str, parameters: &[(&'static str, &str)]| {
        let own = parameters
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let all: Vec<_> = own.chain(tags(kind)).collect();
        ec2(endpoint, action, &all)
    };
    let vpc = create("CreateVpc", "vpc", &[("CidrBlock", "10.9.0.0/16")]);
    let vpc = element(&vpc, "vpcId");
    let subnets = [("us-east-1a", "10.9.0.0/24"), ("us-east-1b", "10.9.1.0/24")];
    let subnets = subnets.map(|(zone, range)| {
        let parameters = [
            ("VpcId", vpc.as_str()),
            ("AvailabilityZone", zone),
            ("CidrBlock", range),
        ];
        let subnet = create("CreateSubnet", "subnet", &parameters);
        element(&subnet, "subnetId")
    });
    create(
        "CreateSecurityGroup",
        "security-group",
        &[
            ("GroupName", "planted-prod-tasks"),
            ("GroupDescription", "planted"),
            ("VpcId", &vpc),
        ],
    );
    create("CreateInternetGateway", "internet-gateway", &[]);
    create("CreateRouteTable", "route-table", &[("VpcId", &vpc)]);
    create(
        "CreateNetworkInterface",
        "network-interface",
        &[("SubnetId", &subnets[0])],
    );
    create(
        "CreateVpcEndpoint",
        "vpc-endpoint",
        &[
            ("VpcId", &vpc),
            ("ServiceName", "com.amazonaws.us-east-1.s3"),
        ],
    );
    // What GuardDuty places into a VPC: neither has the environment's tags.
    let group = format!("GuardDutyManagedSecurityGroup-{vpc}");
    let theirs = [
        ("GroupName", group),
        ("GroupDescription", "Associated with VPC".to_owned()),
        ("VpcId", vpc.clone()),
    ];
    ec2(endpoint, "CreateSecurityGroup", &theirs);
    let theirs = [
        ("VpcId", vpc),
        (
            "ServiceName",
            "com.amazonaws.us-east-1.guardduty-data".to_owned(),
        ),
        ("TagSpecification.1.ResourceType", "vpc-endpoint".to_owned()),
        (
            "TagSpecification.1.Tag.1.Key",
            "GuardDutyManaged".to_owned(),
        ),
        ("TagSpecification.1.Tag.1.Value", "true".to_owned()),
    ];
    ec2(endpoint, "CreateVpcEndpoint", &theirs);
    subnets.to_vec()
}

async fn create_containers(config: &aws_config::SdkConfig, names: &Names) {
    let ecs = aws_sdk_ecs::Client::new(config);
    ecs.create_cluster()
        .cluster_name(names.id())
        .send()
        .await
        .expect("a cluster");
    for family in [names.family(), names.placeholder_family()] {
        ecs.register_task_definition()
            .family(family)
            .container_definitions(
                ContainerDefinition::builder()
                    .name("app")
                    .image("none")
                    .memory(16)
                    .build(),
            )
            .send()
            .await
            .expect("a task definition");
    }
    ecs.create_service()
        .cluster(names.id())
        .service_name(names.slot(Slot::Blue))
        .task_definition(names.family())
        .desired_count(0)
        .send()
        .await
        .expect("a service");
    aws_sdk_ecr::Client::new(config)
        .create_repository()
        .repository_name(names.id())
        .send()
        .await
        .expect("a repository");
}

async fn create_load_balancer(config: &aws_config::SdkConfig, names: &Names, subnets: Vec<String>) {
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(config);
    elb.create_load_balancer()
        .name(names.id())
        .set_subnets(Some(subnets))
        .send()
        .await
        .expect("a load balancer");
    // Only one of two: the missing one must not hide it.
    elb.create_target_group()
        .name(names.slot(Slot::Green))
        .port(80)
        .protocol(aws_sdk_elasticloadbalancingv2::types::ProtocolEnum::Http)
        .send()
        .await
        .expect("a target group");
}

/// A function, and two APIs: one with its name and one with the tags only.
async fn create_function(endpoint: &str, config: &aws_config::SdkConfig, names: &Names) {
    use aws_sdk_lambda::types::{FunctionCode, PackageType};
    let image = format!("{}@sha256:{}", names.id(), "0".repeat(64));
    aws_sdk_lambda::Client::new(config)
        .create_function()
        .function_name(names.function())
        .role(format!(
            "arn:aws:iam::{ACCOUNT}:role/{}",
            names.function_role()
        ))
        .package_type(PackageType::Image)
        .code(FunctionCode::builder().image_uri(image).build())
        .send()
        .await
        .expect("a function");
    for (name, app) in [
        (names.function(), "another"),
        ("renamed".to_owned(), "planted"),
        ("planted-production".to_owned(), "another"),
    ] {
        let tags = json!({ TAG_APP: app, TAG_ENVIRONMENT: "prod" });
        let api = json!({ "name": name, "protocolType": "HTTP", "tags": tags });
        api_gateway(endpoint, "apis", &api);
    }
    let logs = aws_sdk_cloudwatchlogs::Client::new(config);
    for group in [names.function_log_group(), names.access_log_group()] {
        logs.create_log_group()
            .log_group_name(group)
            .send()
            .await
            .expect("a log group");
    }
    aws_sdk_iam::Client::new(config)
        .create_role()
        .role_name(names.function_role())
        .assume_role_policy_document(r#"{"Version":"2012-10-17","Statement":[]}"#)
        .send()
        .await
        .expect("a role");
}

async fn create_watch(config: &aws_config::SdkConfig, names: &Names) {
    aws_sdk_cloudwatchlogs::Client::new(config)
        .create_log_group()
        .log_group_name(names.log_group())
        .send()
        .await
        .expect("a log group");
    let iam = aws_sdk_iam::Client::new(config);
    iam.create_role()
        .role_name(names.task_role())
        .assume_role_policy_document(r#"{"Version":"2012-10-17","Statement":[]}"#)
        .send()
        .await
        .expect("a role");
    iam.create_policy()
        .policy_name(format!("{}-deploy-1", names.id()))
        .path(names.policy_path())
        .policy_document(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#,
        )
        .send()
        .await
        .expect("a policy");
    let sns = aws_sdk_sns::Client::new(config);
    let topic = sns
        .create_topic()
        .name(names.alarm_topic())
        .send()
        .await
        .expect("a topic");
    let topic = topic.topic_arn.expect("its ARN");
    aws_sdk_cloudwatch::Client::new(config)
        .put_metric_alarm()
        .alarm_name(format!("{}-blue-unhealthy", names.id()))
        .alarm_actions(topic)
        .namespace("AWS/ApplicationELB")
        .metric_name("UnHealthyHostCount")
        .statistic(aws_sdk_cloudwatch::types::Statistic::Maximum)
        .comparison_operator(aws_sdk_cloudwatch::types::ComparisonOperator::GreaterThanThreshold)
        .threshold(0.0)
        .evaluation_periods(1)
        .period(60)
        .send()
        .await
        .expect("an alarm");
    // A topic with another name, which can be found only by its tags.
    let stray = sns
        .create_topic()
        .name("stray")
        .send()
        .await
        .expect("a topic");
    aws_sdk_resourcegroupstagging::Client::new(config)
        .tag_resources()
        .resource_arn_list(stray.topic_arn.expect("its ARN"))
        .tags(TAG_APP, "planted")
        .tags(TAG_ENVIRONMENT, "prod")
        .send()
        .await
        .expect("tags");
}

/// A secret in each store, and those of another environment whose name has the same prefix.
async fn create_secrets(endpoint: &str, config: &aws_config::SdkConfig, names: &Names) {
    let manager = aws_sdk_secretsmanager::Client::new(config);
    for id in [names.id(), format!("{}-2", names.id())] {
        ssm(
            endpoint,
            "PutParameter",
            &json!({
                "Name": format!("/landfall/{id}/KEY"),
                "Value": "a value",
                "Type": "SecureString",
            }),
        );
        manager
            .create_secret()
            .name(format!("landfall/{id}/KEY"))
            .secret_string("a value")
            .send()
            .await
            .expect("a secret");
    }
}

/// A certificate, a custom domain name, and a record that points to it.
async fn create_domain(endpoint: &str, config: &aws_config::SdkConfig) {
    use aws_sdk_route53::types::{
        AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecordSet, RrType,
    };
    let tag = |key: &str, value: &str| aws_sdk_acm::types::Tag::builder().key(key).value(value);
    aws_sdk_acm::Client::new(config)
        .request_certificate()
        .domain_name(DOMAIN)
        .tags(tag(TAG_APP, "planted").build().expect("a tag"))
        .tags(tag(TAG_ENVIRONMENT, "prod").build().expect("a tag"))
        .send()
        .await
        .expect("a certificate");
    let tags = json!({ TAG_APP: "planted", TAG_ENVIRONMENT: "prod" });
    let name = json!({ "domainName": DOMAIN, "tags": tags });
    api_gateway(endpoint, "domainnames", &name);
    let route53 = aws_sdk_route53::Client::new(config);
    let zone = route53
        .create_hosted_zone()
        .name("planted.example")
        .caller_reference("planted")
        .send()
        .await
        .expect("a zone");
    let zone = zone.hosted_zone.expect("the zone").id;
    let target = AliasTarget::builder()
        .hosted_zone_id("Z1UJRXOUMOOFQ8")
        .dns_name("d-planted.execute-api.us-east-1.amazonaws.com")
        .evaluate_target_health(false)
        .build()
        .expect("a target");
    let record = ResourceRecordSet::builder()
        .name(DOMAIN)
        .r#type(RrType::A)
        .alias_target(target)
        .build()
        .expect("a record");
    let change = Change::builder()
        .action(ChangeAction::Create)
        .resource_record_set(record)
        .build()
        .expect("a change");
    let batch = ChangeBatch::builder()
        .changes(change)
        .build()
        .expect("changes");
    route53
        .change_resource_record_sets()
        .hosted_zone_id(zone.rsplit('/').next().unwrap_or_default())
        .change_batch(batch)
        .send()
        .await
        .expect("a record");
}

async fn create_second(endpoint: &str, config: &aws_config::SdkConfig, names: &Names) {
    use aws_sdk_budgets::types::{Budget, BudgetType, Spend, TimeUnit};
    let limit = Spend::builder()
        .amount("1")
        .unit("USD")
        .build()
        .expect("a limit");
    let budget = Budget::builder()
        .budget_name(names.id())
        .budget_type(BudgetType::Cost)
        .time_unit(TimeUnit::Monthly)
        .budget_limit(limit)
        .build()
        .expect("a budget");
    aws_sdk_budgets::Client::new(config)
        .create_budget()
        .account_id(ACCOUNT)
        .budget(budget)
        .send()
        .await
        .expect("a budget");
    distribution(endpoint, &names.id());
    let s3 = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(s3)
        .create_bucket()
        .bucket(names.state_bucket(ACCOUNT, REGION))
        .send()
        .await
        .expect("a bucket");
}

#[tokio::test]
async fn one_of_each_kind_is_found() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "planted", Mode::Good, 1);
    let app = app.manifest(&format!("domain = \"{DOMAIN}\"\nsecrets = [\"KEY\"]\n"));
    let none = sandbox
        .rehearse(&app, &["down", "--verify"])
        .expect(Exit::Done);
    assert_eq!(
        none.all(|event| matches!(event, Event::Left { .. }).then_some(())),
        []
    );

    let (endpoint, second_endpoint) = sandbox.emulators();
    let (main, second) = (config(&endpoint).await, config(&second_endpoint).await);
    let names = names();
    let subnets = create_network(&endpoint);
    create_containers(&main, &names).await;
    create_load_balancer(&main, &names, subnets).await;
    create_function(&endpoint, &main, &names).await;
    create_watch(&main, &names).await;
    create_secrets(&endpoint, &main, &names).await;
    create_domain(&endpoint, &main).await;
    create_second(&second_endpoint, &second, &names).await;

    let ended = sandbox
        .rehearse(&app, &["down", "--verify"])
        .expect(Exit::Leftovers);
    let left: Vec<Leftover> = ended.all(|event| match event {
        Event::Left { leftover } => Some(leftover.clone()),
        _ => None,
    });
    // The list of secrets does not show the new one yet.
    let kinds: BTreeSet<Kind> = left.iter().map(|leftover| leftover.kind).collect();
    assert_eq!(kinds, Kind::ALL.into_iter().collect(), "{left:#?}");
    for (kind, count) in [
        (Kind::Function, 1),
        (Kind::HttpApi, 2),
        (Kind::LogGroup, 3),
        (Kind::Role, 2),
        (Kind::Parameter, 1),
        (Kind::Secret, 1),
        // Not GuardDuty's.
        (Kind::SecurityGroup, 1),
        (Kind::VpcEndpoint, 1),
    ] {
        let found = left.iter().filter(|leftover| leftover.kind == kind);
        assert_eq!(found.count(), count, "{kind:?}: {left:#?}");
    }
    for leftover in &left {
        assert!(leftover.remove.contains(&leftover.id), "{leftover:?}");
    }
    let warned = ended.all(|event| match event {
        Event::Warning { text } => Some(text.clone()),
        _ => None,
    });
    let [warned] = warned.as_slice() else {
        panic!("{warned:?}");
    };
    assert_eq!(warned.matches("of Amazon GuardDuty").count(), 2, "{warned}");
    // Resources of another app's environment whose name has the same prefix are not reported.
    let other = sandbox.app("other", "plant", Mode::Good, 1);
    let none = sandbox
        .rehearse(&other, &["down", "--verify"])
        .expect(Exit::Done);
    assert_eq!(
        none.all(|event| matches!(event, Event::Left { .. }).then_some(())),
        []
    );

    // An organization that denies CloudFront's region hides nothing of an app without a domain elsewhere.
    let denied = sandbox.scenario("region-denied");
    let elsewhere = |manifest: &str| {
        let app = other
            .clone()
            .manifest(&format!("region = \"eu-west-2\"\n{manifest}"));
        sandbox.rehearse(&app, &["down", "--verify"])
    };
    let _ = elsewhere("").expect(Exit::Done);
    let unknown = elsewhere("domain = \"www.other.example\"\n").expect(Exit::Unknown);
    let words = unknown.failure();
    assert!(words.contains("certificates of CloudFront"), "{words}");
    drop(denied);

    // The bucket of an environment is not another's with the same id.
    let clash = ["down", "--yes", "--name=planted-prod", "--env=x"];
    let twin = Names::new(
        AppName::parse("planted").expect("a name"),
        EnvironmentName::parse("prod-x").expect("an environment"),
    );
    let session = aws::Session::open(
        None,
        Some(REGION),
        Some(aws::Endpoints {
            main: endpoint,
            second: second_endpoint,
        }),
    );
    let session = session.await.expect("a session");
    let bucket = aws::StateBucket::new(&session, &twin, ACCOUNT);
    bucket.ensure(&twin, None).await.expect("a bucket");
    let refused = sandbox.rehearse(&app, &clash).expect(Exit::BadInput);
    let words = refused.failure();
    assert!(
        words.contains("app planted, environment prod-x")
            && words.contains("app planted-prod, environment x"),
        "{words}"
    );
    assert!(bucket.exists().await.expect("an answer"));
}
