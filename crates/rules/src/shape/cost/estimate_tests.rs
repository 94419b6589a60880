//! Bills, compared with figures that were worked out by hand from AWS's price list.

use super::account::AccountPlan;
use super::bill::Per;
use super::money::cents;
use super::prices::Table;
use super::samples::{
    ARM, NOW, X86, bill, fargate_roots, function, lambda_root, load_balancer, plain, resource,
    services, tasks,
};
use super::*;
use crate::app::manifest::Target;
use crate::shape::plan::Resource;
use serde_json::{Value, json};

fn sum(resources: &[Resource], workload: Workload, region: &str) -> String {
    cents(bill(resources, workload, region).monthly_usd)
}

#[test]
fn secrets_that_no_plan_knows_of_are_in_the_sum() {
    let with = |secrets| {
        let input = EstimateInput {
            resources: &[],
            workload: tasks(0, ARM),
            secrets,
            region: "eu-west-2",
            account: &AccountPlan::Paid { credits_usd: None },
            now: NOW,
        };
        estimate(Table::own(), &input)
    };
    assert_eq!(with(0).monthly_usd, 0.0);
    let bill = with(3);
    assert!((bill.monthly_usd - 1.2).abs() < 1e-9, "{bill:?}");
    assert_eq!(bill.lines[0].what, "3 secrets in Secrets Manager");
}

#[test]
fn without_traffic_it_costs_what_was_worked_out_by_hand() {
    let regions = [("us-east-1", 0), ("eu-west-2", 1)];
    for (region, column) in regions {
        let is = |figures: [&str; 2], resources: &[Resource], workload| {
            assert_eq!(
                sum(resources, workload, region),
                figures[column],
                "{region}"
            );
        };
        is(["36.39", "40.63"], &fargate_roots(), tasks(1, X86));
        is(["0.00", "0.00"], &lambda_root(), function(512, X86));
        is(["9.01", "10.36"], &services(false), tasks(1, X86));
        is(["7.21", "8.29"], &services(false), tasks(1, ARM));
        is(["23.73", "26.62"], &[load_balancer()], tasks(0, X86));
        // Two tasks without public addresses behind one NAT gateway.
        let mut private = services(false);
        private.push(load_balancer());
        private.extend(plain(&["aws_nat_gateway.a", "aws_eip.nat"]));
        is(["78.25", "87.49"], &private, tasks(2, X86));
    }
}

#[test]
fn a_release_on_lambda_runs_a_function() {
    let settings = crate::release::revision::Settings {
        secrets: Default::default(),
        target: Target::Lambda,
        port: 8080,
        cpu: 1024,
        memory: 3072,
        architecture: ARM,
        env: Default::default(),
        stop_timeout: 30,
        edge: None,
        container: None,
    };
    assert_eq!(Workload::from_settings(&settings, 3), function(3072, ARM));
}

#[test]
fn a_bill_survives_json() {
    let bill = bill(&fargate_roots(), tasks(1, X86), "eu-west-2");
    let json = serde_json::to_value(&bill).expect("json");
    let empty = super::samples::bill(&[], function(128, X86), "us-east-1");
    assert!(!serde_json::to_string(&empty).expect("json").contains("-0"));
    let line = &json["lines"][0];
    assert_eq!(line["charge"], "fixed");
    assert_eq!(line["confidence"], "measured");
    assert_eq!(json["account"]["plan"], "paid");
    let again: Bill = serde_json::from_value(json).expect("bill");
    assert_eq!(again, bill);
}

#[test]
fn every_resource_has_a_line() {
    let resources = fargate_roots();
    let bill = bill(&resources, tasks(1, X86), "us-east-1");
    for resource in &resources {
        let has = bill
            .lines
            .iter()
            .any(|line| line.address == resource.address);
        assert!(has, "{}", resource.address);
    }
    assert!(!bill.incomplete);
}

#[test]
fn what_is_not_in_the_table_is_unknown_and_not_free() {
    let unknown = |address: &str, values: Value| {
        let bill = bill(
            &[resource(address, values)],
            function(128, X86),
            "us-east-1",
        );
        assert!(bill.incomplete, "{address}");
        assert_eq!(bill.monthly_usd, 0.0);
        assert!(bill.summary().starts_with("at least"), "{}", bill.summary());
    };
    unknown("aws_db_instance.main", json!({}));
    unknown("aws_lb.n", json!({"load_balancer_type": "network"}));
    unknown(
        "aws_vpc_endpoint.logs",
        json!({"vpc_endpoint_type": "Interface"}),
    );
    unknown(
        "aws_apigatewayv2_api.chat",
        json!({"protocol_type": "WEBSOCKET"}),
    );
    unknown("aws_cloudwatch_metric_alarm.fast", json!({"period": 10}));
    unknown(
        "aws_sns_topic_subscription.phone",
        json!({"protocol": "sms"}),
    );
    unknown("aws_ssm_parameter.big", json!({"tier": "Advanced"}));
    unknown(
        "aws_acm_certificate.own",
        json!({"certificate_authority_arn": "arn:aws:acm-pca:"}),
    );
    let insights = json!({"setting": [{"name": "containerInsights", "value": "enabled"}]});
    unknown("aws_ecs_cluster.main", insights);
}

#[test]
fn a_kind_is_known_or_not() {
    assert!(is_known("aws_lb"));
    assert!(is_known("aws_vpc"));
    assert!(
        is_known("aws_sns_topic_subscription"),
        "though not without its protocol"
    );
    assert!(!is_known("aws_db_instance"));
    assert!(!is_known(""));
}

#[test]
fn ten_alarms_and_ten_metrics_are_free() {
    let many = |kind: &str, number: usize| -> Vec<Resource> {
        let addresses: Vec<String> = (0..number).map(|n| format!("{kind}.a[{n}]")).collect();
        let resources = addresses.iter();
        resources
            .map(|address| resource(address, json!({})))
            .collect()
    };
    let alarms = |number| {
        sum(
            &many("aws_cloudwatch_metric_alarm", number),
            function(128, X86),
            "us-east-1",
        )
    };
    assert_eq!(alarms(10), "0.00");
    assert_eq!(alarms(12), "0.20");
    let metrics = |number| {
        sum(
            &many("aws_cloudwatch_log_metric_filter", number),
            function(128, X86),
            "us-east-1",
        )
    };
    assert_eq!(metrics(10), "0.00");
    assert_eq!(metrics(11), "0.30");
    // An expression over eleven metrics is eleven alarms.
    let queries: Vec<Value> = (0..11).map(|_| json!({"metric": [{}]})).collect();
    let expression = resource(
        "aws_cloudwatch_metric_alarm.a",
        json!({"metric_query": queries}),
    );
    assert_eq!(sum(&[expression], function(128, X86), "us-east-1"), "0.10");
}

#[test]
fn use_is_shown_in_addition_to_the_sum() {
    let fargate = bill(&fargate_roots(), tasks(1, X86), "us-east-1");
    // CloudFront 1.00, and at most 11.1 LCU-hours at 0.008.
    assert_eq!(cents(fargate.per_million_requests_usd), "1.09");
    assert_eq!(format!("{:.3}", fargate.per_gb_out_usd), "0.093");
    let lambda = bill(&lambda_root(), function(512, X86), "us-east-1");
    // 1.00 for the API, 0.20 for requests, 50,000 GB-seconds at 0.0000166667.
    assert_eq!(cents(lambda.per_million_requests_usd), "2.03");
    assert_eq!(cents(lambda.per_gb_out_usd), "0.09");
    let arm = bill(&lambda_root(), function(512, ARM), "us-east-1");
    assert_eq!(cents(arm.per_million_requests_usd), "1.87");
}

#[test]
fn a_function_without_a_release_is_taken_as_planned() {
    let planned = bill(&lambda_root(), tasks(0, X86), "us-east-1");
    let released = bill(&lambda_root(), function(1024, X86), "us-east-1");
    assert_eq!(
        planned.per_million_requests_usd,
        released.per_million_requests_usd
    );
}

#[test]
fn a_load_balancer_has_an_address_in_each_zone_that_is_known() {
    let of = |values: Value| sum(&[resource("aws_lb.a", values)], tasks(0, X86), "us-east-1");
    assert_eq!(of(json!({})), "23.73");
    assert_eq!(of(json!({"subnets": ["a", "b", "c"]})), "27.38");
    assert_eq!(of(json!({"internal": true})), "16.43");
}

#[test]
fn answers_leave_through_cloudfront_or_from_the_region() {
    let has = |resources: &[Resource]| {
        let bill = bill(resources, tasks(1, X86), "us-east-1");
        bill.lines
            .iter()
            .any(|line| line.what == "data out" && line.kind == "aws_lb")
    };
    assert!(!has(&fargate_roots()));
    assert!(has(&[load_balancer()]));
}

fn settings(bill: &Bill) -> Vec<&str> {
    let all = bill.alternatives.iter();
    all.map(|other| other.setting.as_str()).collect()
}

#[test]
fn cheaper_alternatives_are_listed_largest_saving_first() {
    let two = bill(&fargate_roots(), tasks(2, X86), "us-east-1");
    let lambda = "target = \"lambda\"";
    let arm = "architecture = \"arm64\"";
    assert_eq!(settings(&two), [lambda, "count = 1", arm]);
    assert_eq!(cents(two.alternatives[1].monthly_usd), "36.39");
    let one = bill(&fargate_roots(), tasks(1, ARM), "us-east-1");
    assert_eq!(settings(&one), [lambda]);
    assert_eq!(one.alternatives[0].monthly_usd, 0.0);
    let function_x86 = bill(&lambda_root(), function(512, X86), "us-east-1");
    assert_eq!(settings(&function_x86), [arm]);
    assert_eq!(
        settings(&bill(&lambda_root(), function(512, ARM), "us-east-1")),
        [""; 0]
    );
    assert_eq!(
        settings(&bill(&fargate_roots(), tasks(0, X86), "us-east-1")),
        [""; 0]
    );
}

#[test]
fn a_task_that_is_too_big_for_a_function_has_no_function() {
    let big = Workload::Tasks {
        count: 1,
        cpu: 4096,
        memory: 16_384,
        architecture: ARM,
    };
    assert_eq!(settings(&bill(&fargate_roots(), big, "us-east-1")), [""; 0]);
}

#[test]
fn each_way_of_counting_has_words_of_its_own() {
    let all = [
        Per::MillionRequests,
        Per::GbOut,
        Per::GbProcessed,
        Per::GbLogged,
        Per::GbMonth,
        Per::HundredThousandMails,
    ];
    let words: std::collections::BTreeSet<&str> = all.iter().map(|per| per.words()).collect();
    assert_eq!(words.len(), all.len());
}
