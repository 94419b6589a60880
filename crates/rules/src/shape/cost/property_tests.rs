//! What holds for every bill.

use super::bill::Charge;
use super::budget::{Decision, decide};
use super::samples::{ARM, X86, bill, fargate_roots, lambda_root};
use super::*;
use crate::shape::plan::Resource;
use proptest::prelude::*;
use serde_json::Value;

/// Any JSON that a plan could hold, and much that it could not.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z_]{0,12}".prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "subnets",
        "internal",
        "load_balancer_type",
        "network_configuration",
        "setting",
        "period",
        "metric_query",
        "metric",
        "memory_size",
        "architectures",
        "rule",
        "protocol",
        "tier",
    ]);
    leaf.prop_recursive(3, 32, 5, move |inner| {
        let name = name.clone();
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name.prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn any_resource() -> impl Strategy<Value = Resource> {
    let kind = prop::sample::select(vec![
        "aws_lb",
        "aws_ecs_service",
        "aws_ecs_cluster",
        "aws_cloudwatch_metric_alarm",
        "aws_vpc",
        "aws_cloudwatch_log_metric_filter",
        "aws_lambda_function",
        "aws_wafv2_web_acl",
        "aws_apigatewayv2_api",
        "aws_sns_topic_subscription",
        "aws_vpc_endpoint",
        "aws_eip",
        "aws_nat_gateway",
        "aws_kms_key",
        "aws_acm_certificate",
        "aws_ssm_parameter",
        "azure_vm",
        "aws_cloudfront_distribution",
        "aws_cloudwatch_log_group",
        "aws_s3_bucket",
    ]);
    (kind, anything(), anything()).prop_map(|(kind, values, unknown)| Resource {
        address: format!("{kind}.a"),
        kind: kind.to_owned(),
        values,
        unknown,
        references: None,
    })
}

fn any_workload() -> impl Strategy<Value = Workload> {
    let architecture = || prop_oneof![Just(X86), Just(ARM)];
    let of_tasks = (any::<u32>(), any::<u32>(), any::<u32>(), architecture());
    let of_function = (any::<u32>(), architecture(), any::<u32>());
    prop_oneof![
        of_tasks.prop_map(|(count, cpu, memory, architecture)| Workload::Tasks {
            count,
            cpu,
            memory,
            architecture,
        }),
        of_function.prop_map(|(memory, architecture, request_ms)| Workload::Function {
            memory,
            architecture,
            request_ms,
        }),
    ]
}

fn region() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["us-east-1", "eu-west-2", "eu-central-1", "mars-1"])
}

proptest! {
    #[test]
    fn whatever_a_plan_holds_gets_a_bill_that_adds_up(
        resources in prop::collection::vec(any_resource(), 0..8),
        workload in any_workload(),
        region in region(),
        budget in prop::option::of(any::<f64>()),
    ) {
        let bill = bill(&resources, workload, region);
        for resource in &resources {
            prop_assert!(bill.lines.iter().any(|line| line.address == resource.address));
        }
        // Added up from the JSON, back to front: what a reader of it would do.
        let json = serde_json::to_value(&bill).expect("json");
        let lines = json["lines"].as_array().expect("lines");
        let sum: f64 = lines.iter().rev().filter_map(|line| line["monthly_usd"].as_f64()).sum();
        let total = json["monthly_usd"].as_f64().expect("a number");
        prop_assert!((sum - total).abs() <= total * 1e-12, "{sum} {total}");
        prop_assert!(total >= 0.0);
        for line in &bill.lines {
            if let Charge::Fixed { unit_usd, quantity, monthly_usd, .. } = line.charge {
                prop_assert_eq!(unit_usd * quantity, monthly_usd);
            }
        }
        let unpriced = bill.unpriced().count();
        prop_assert_eq!(bill.incomplete, unpriced > 0);
        prop_assert!(bill.summary().contains("a month without traffic"));
        let decision = decide(&bill, budget, false);
        let is_refused = matches!(decision, Decision::Refused(_));
        prop_assert!(is_refused || budget.is_some() || !bill.incomplete);
    }

    #[test]
    fn more_never_costs_less(
        count in 0u32..1_000, cpu in 0u32..100_000, memory in 0u32..1_000_000,
        more in 1u32..1_000, region in region(), is_arm in any::<bool>(),
    ) {
        let architecture = if is_arm { ARM } else { X86 };
        let of = |count, cpu, memory| {
            let workload = Workload::Tasks { count, cpu, memory, architecture };
            bill(&fargate_roots(), workload, region).monthly_usd
        };
        let base = of(count, cpu, memory);
        prop_assert!(of(count + more, cpu, memory) > base, "each has an address at least");
        prop_assert!(of(count, cpu + more, memory) >= base);
        prop_assert!(of(count, cpu, memory + more) >= base);
        let million = |memory, request_ms| {
            let workload = Workload::Function { memory, architecture, request_ms };
            bill(&lambda_root(), workload, region).per_million_requests_usd
        };
        prop_assert!(million(memory + more, 100) > million(memory, 100));
        prop_assert!(million(memory, 100 + more) >= million(memory, 100));
    }

    #[test]
    fn a_greater_budget_never_refuses_what_a_smaller_one_allows(
        resources in prop::collection::vec(any_resource(), 0..4),
        workload in any_workload(),
        budget in 0.0..1e6f64,
        more in 0.0..1e6f64,
    ) {
        let bill = bill(&resources, workload, "us-east-1");
        if matches!(decide(&bill, Some(budget), false), Decision::Allowed { .. }) {
            let greater = decide(&bill, Some(budget + more), false);
            let is_allowed = matches!(greater, Decision::Allowed { .. });
            prop_assert!(is_allowed);
        }
    }
}
