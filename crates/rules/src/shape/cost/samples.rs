//! Environments that the tests of bills are made with.

use super::account::AccountPlan;
use super::prices::Table;
use super::{Bill, EstimateInput, REQUEST_MS, Workload, estimate};
use crate::app::manifest::Architecture;
use crate::shape::plan::Resource;
use crate::time::Timestamp;
use serde_json::{Value, json};

/// 23 November 2026.
pub(super) const NOW: Timestamp = Timestamp(1_795_392_000_000);

pub(super) fn resource(address: &str, values: Value) -> Resource {
    let kind = address.split('.').next().unwrap_or_default();
    Resource {
        address: address.to_owned(),
        kind: kind.to_owned(),
        values,
        unknown: Value::Null,
        references: None,
    }
}

pub(super) fn plain(addresses: &[&str]) -> Vec<Resource> {
    let resources = addresses.iter();
    resources
        .map(|address| resource(address, json!({})))
        .collect()
}

pub(super) fn services(public: bool) -> Vec<Resource> {
    let values = json!({"desired_count": 0,
        "network_configuration": [{"assign_public_ip": public}]});
    ["blue", "green"]
        .map(|slot| resource(&format!("aws_ecs_service.slot[\"{slot}\"]"), values.clone()))
        .into()
}

/// As a first plan has it: its subnets are not known by name, only that there are two.
pub(super) fn load_balancer() -> Resource {
    Resource {
        unknown: json!({"arn": true, "subnets": [true, true]}),
        ..resource(
            "aws_lb.main",
            json!({"internal": false, "load_balancer_type": "application"}),
        )
    }
}

/// What the two roots of the Fargate target make, with what their prices depend on.
pub(super) fn fargate_roots() -> Vec<Resource> {
    let mut all = plain(&[
        "aws_budgets_budget.monthly",
        "aws_cloudwatch_log_group.app",
        "aws_ecr_lifecycle_policy.app",
        "aws_ecr_repository.app",
        "aws_iam_role.execution",
        "aws_iam_role.task",
        "aws_iam_role_policy.execution",
        "aws_sns_topic.alarms",
        "aws_sns_topic_policy.alarms",
        "aws_cloudfront_distribution.front_door",
        "aws_default_security_group.empty",
    ]);
    all.push(resource(
        "aws_sns_topic_subscription.email[\"ops@example.com\"]",
        json!({"protocol": "email"}),
    ));
    for alarm in [
        "load_balancer_errors",
        "unhealthy[\"blue\"]",
        "unhealthy[\"green\"]",
    ] {
        let address = format!("aws_cloudwatch_metric_alarm.{alarm}");
        all.push(resource(&address, json!({"period": 60})));
    }
    let setting = json!({"setting": [{"name": "containerInsights", "value": "disabled"}]});
    all.push(resource("aws_ecs_cluster.main", setting));
    all.extend(services(true));
    all.extend(plain(&[
        "aws_ecs_task_definition.placeholder",
        "aws_internet_gateway.main",
    ]));
    all.push(load_balancer());
    all.extend(plain(&[
        "aws_lb_listener.http",
        "aws_lb_listener_rule.slot[\"blue\"]",
        "aws_lb_listener_rule.slot[\"green\"]",
        "aws_lb_target_group.slot[\"blue\"]",
        "aws_lb_target_group.slot[\"green\"]",
        "aws_route.internet",
        "aws_route_table.public",
        "aws_route_table_association.public[0]",
        "aws_route_table_association.public[1]",
        "aws_security_group.load_balancer",
        "aws_security_group.tasks",
        "aws_security_group_rule.tasks_to_everywhere",
        "aws_subnet.public[0]",
        "aws_subnet.public[1]",
        "aws_vpc.main",
    ]));
    all
}

/// What a Lambda target creates in addition to the foundation.
pub(super) fn lambda_root() -> Vec<Resource> {
    let mut all = plain(&[
        "aws_apigatewayv2_integration.live",
        "aws_apigatewayv2_route.default",
        "aws_apigatewayv2_stage.default",
        "aws_cloudwatch_log_group.app",
        "aws_cloudwatch_metric_alarm.errors",
        "aws_ecr_repository.app",
        "aws_ecr_repository_policy.app",
        "aws_iam_role.function",
        "aws_lambda_alias.live",
        "aws_lambda_permission.api",
    ]);
    all.push(resource(
        "aws_apigatewayv2_api.main",
        json!({"protocol_type": "HTTP"}),
    ));
    let function = json!({"memory_size": 1024, "architectures": ["x86_64"]});
    all.push(resource("aws_lambda_function.app", function));
    all
}

pub(super) fn tasks(count: u32, architecture: Architecture) -> Workload {
    Workload::Tasks {
        count,
        cpu: 256,
        memory: 512,
        architecture,
    }
}

pub(super) fn function(memory: u32, architecture: Architecture) -> Workload {
    Workload::Function {
        memory,
        architecture,
        request_ms: REQUEST_MS,
    }
}

pub(super) const X86: Architecture = Architecture::X86_64;
pub(super) const ARM: Architecture = Architecture::Arm64;
pub(super) const PAID: AccountPlan = AccountPlan::Paid { credits_usd: None };

pub(super) fn bill(resources: &[Resource], workload: Workload, region: &str) -> Bill {
    let input = EstimateInput {
        secrets: 0,
        resources,
        workload,
        region,
        account: &PAID,
        now: NOW,
    };
    estimate(Table::own(), &input)
}
