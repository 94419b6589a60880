//! What a plan takes away: which of the resources that it deletes or replaces carry users' requests or
//! hold data, what that means, and whether it may happen.
//!
//! It goes by the plan's actions alone. What a change in place does is the provider's promise.

use crate::shape::plan::{Action, Change, Plan};
use serde::{Deserialize, Serialize};

/// What stands on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stake {
    /// Users' requests pass through it, or those who answer them need it.
    Traffic,
    /// Both [`Stake::Traffic`] and [`Stake::Data`].
    Both,
    /// It holds something that is not made again.
    Data,
    /// A kind of resource that landfall does not know.
    Unknown,
    /// Nothing that anyone would miss.
    Nothing,
}

/// A resource that a plan destroys, for good or to replace it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The change in the plan.
    pub change: Change,
    /// What stands on it.
    pub stake: Stake,
}

/// Whether plans may be carried out, as far as they destroy anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is lost that anyone would miss.
    Allowed,
    /// A person has to accept these losses; each of them is reported.
    NeedsYes(Vec<Loss>),
    /// Users would be cut off: not while anything serves.
    Refused(Vec<Loss>),
}

impl Verdict {
    /// Judges all `plans` together. `serves` is whether anything runs for users: where nothing does, what
    /// carries requests may go, as after a first deployment that was interrupted. Data needs a yes
    /// always.
    pub fn of(plans: &[&Plan], serves: bool) -> Verdict {
        let losses: Vec<Loss> = plans.iter().flat_map(|plan| losses(plan)).collect();
        let of = |wanted: fn(Stake) -> bool| -> Vec<Loss> {
            let some = losses.iter().filter(|loss| wanted(loss.stake));
            some.cloned().collect()
        };
        let cut = of(|stake| matches!(stake, Stake::Traffic | Stake::Both));
        if serves && !cut.is_empty() {
            return Verdict::Refused(cut);
        }
        let missed = of(|stake| matches!(stake, Stake::Both | Stake::Data | Stake::Unknown));
        match missed.is_empty() {
            true => Verdict::Allowed,
            false => Verdict::NeedsYes(missed),
        }
    }
}

/// What a plan destroys, the gravest first and else in the plan's order.
pub fn losses(plan: &Plan) -> Vec<Loss> {
    let mut losses: Vec<Loss> = plan
        .destroyed()
        .map(|change| Loss {
            change: change.clone(),
            stake: stake_of(change).0,
        })
        .collect();
    losses.sort_by_key(|loss| loss.stake);
    losses
}

impl Loss {
    /// One sentence: what happens, which attribute forces it, and what it means.
    pub fn explain(&self) -> String {
        let Change {
            address, action, ..
        } = &self.change;
        let fate = match action {
            Action::Replace => "would be replaced",
            _ => "would be deleted",
        };
        let because = match self.because() {
            Some(because) => format!(", {because}"),
            None => String::new(),
        };
        format!("{address} {fate}{because}: {}", stake_of(&self.change).1)
    }

    /// Why Terraform does it, if the plan states a reason
    /// (<https://developer.hashicorp.com/terraform/internals/json-format#resource_changes>).
    fn because(&self) -> Option<String> {
        let forced_by = &self.change.forced_by;
        if !forced_by.is_empty() {
            let names: Vec<String> = forced_by.iter().map(|path| format!("`{path}`")).collect();
            let names = names.join(" and ");
            return Some(format!("because {names} can't change in place"));
        }
        let words = match self.change.reason.as_deref()? {
            "replace_because_tainted" => "because making it failed half-way before",
            "replace_by_request" => "because that was asked for (-replace)",
            "replace_by_triggers" => "because of `replace_triggered_by`",
            "delete_because_no_resource_config" => {
                "because the configuration no longer contains it"
            }
            "delete_because_no_module" => "because the configuration no longer contains its module",
            "delete_because_count_index" | "delete_because_wrong_repetition" => {
                "because `count` no longer covers it"
            }
            "delete_because_each_key" => "because `for_each` no longer covers it",
            _ => return None,
        };
        Some(words.to_owned())
    }
}

/// The log of requests that API Gateway writes. Another name makes another group, as by the version of landfall that
/// moved it below `/aws/vendedlogs/`.
const ACCESS_LOG: &str = "aws_cloudwatch_log_group.access";

/// What stands on a resource that changes, and what its loss means.
fn stake_of(change: &Change) -> (Stake, &'static str) {
    if change.address == ACCESS_LOG && change.action == Action::Replace {
        let lost = "the API's lines about earlier requests are gone, the app's own logs stay";
        return (Stake::Nothing, lost);
    }
    stake(&change.kind)
}

/// What stands on a resource of this kind, and what its loss means.
pub fn stake(kind: &str) -> (Stake, &'static str) {
    use Stake::{Both, Data, Nothing, Traffic, Unknown};
    match kind {
        "aws_lb" | "aws_alb" => (Traffic, "every request passes through it"),
        "aws_lb_listener" | "aws_alb_listener" => (Traffic, "without it the load balancer answers no requests"),
        "aws_lb_listener_rule" => (Traffic, "a release reaches its slot through it"),
        "aws_lb_target_group" => (Traffic, "the tasks of its slot get no more requests"),
        "aws_ecs_service" => (Traffic, "the tasks of its slot stop"),
        "aws_ecs_cluster" => (Traffic, "everything that runs in it stops"),
        "aws_cloudfront_distribution" => {
            (Traffic, "the address that people use goes with it, and never comes back")
        }
        "aws_lambda_function" => (Traffic, "every version of it goes, with what serves"),
        "aws_lambda_alias" => (Traffic, "users reach a version through it"),
        "aws_ecr_repository_policy" => (Traffic, "identities that pull by this policy can no longer pull"),
        "aws_lambda_permission" => (Traffic, "calls are denied without it"),
        "aws_lambda_function_url" => (Traffic, "its address goes with it, and never comes back"),
        "aws_apigatewayv2_api" | "aws_api_gateway_rest_api" => {
            (Traffic, "its address goes with it, and never comes back")
        }
        "aws_apigatewayv2_integration" | "aws_apigatewayv2_route" | "aws_apigatewayv2_stage" => {
            (Traffic, "the API leads nowhere without it")
        }
        "aws_acm_certificate" | "aws_lb_listener_certificate" | "aws_apigatewayv2_domain_name" => {
            (Traffic, "browsers refuse the address without it")
        }
        "aws_route53_record" | "aws_apigatewayv2_api_mapping" => {
            (Traffic, "the name leads nowhere without it")
        }
        "aws_vpc" | "aws_subnet" | "aws_internet_gateway" | "aws_route" | "aws_route_table"
        | "aws_route_table_association" | "aws_nat_gateway" | "aws_eip" | "aws_vpc_endpoint" => {
            (Traffic, "tasks and load balancer are cut off without it")
        }
        "aws_security_group" | "aws_security_group_rule" | "aws_vpc_security_group_ingress_rule"
        | "aws_vpc_security_group_egress_rule" => (Traffic, "connections are dropped without it"),
        "aws_iam_role" => (Traffic, "what runs under it can start no task and call nothing"),
        "aws_iam_policy" | "aws_iam_role_policy" | "aws_iam_role_policy_attachment" => {
            (Traffic, "no task starts without its permissions")
        }
        "aws_ecr_repository" => (
            Both,
            "its images are gone: no task starts again, and there is nothing to go back to",
        ),
        "aws_s3_bucket" | "aws_s3_directory_bucket" => (Data, "what lies in it is gone"),
        "aws_s3_object" => (Data, "the object is gone, unless its bucket keeps versions"),
        "aws_cloudwatch_log_group" => (Data, "its logs are gone"),
        "aws_db_instance" | "aws_rds_cluster" | "aws_rds_cluster_instance" | "aws_docdb_cluster"
        | "aws_neptune_cluster" | "aws_redshift_cluster" | "aws_dynamodb_table"
        | "aws_opensearch_domain" | "aws_elasticache_cluster"
        | "aws_elasticache_replication_group" => (Data, "its data is gone, but for backups"),
        "aws_efs_file_system" | "aws_ebs_volume" | "aws_fsx_lustre_file_system" => {
            (Data, "its files are gone, but for backups")
        }
        "aws_kms_key" => (Data, "what it encrypted can never be read again"),
        "aws_secretsmanager_secret" | "aws_secretsmanager_secret_version" | "aws_ssm_parameter" => {
            (Data, "the secret is gone")
        }
        "aws_sqs_queue" => (Data, "messages that wait in it are gone"),
        "aws_kinesis_stream" => (Data, "records that wait in it are gone"),
        "aws_sns_topic_subscription" => {
            (Data, "its address gets no alarms until the new subscription is confirmed by mail")
        }
        "aws_sns_topic" => (Data, "its subscriptions are deleted with it, and every address has to confirm again"),
        "aws_cognito_user_pool" => (Data, "its users are gone"),
        "aws_route53_zone" => (Data, "its records are gone, and the new one has other name servers"),
        "aws_acm_certificate_validation" | "aws_appautoscaling_policy" | "aws_appautoscaling_target" | "aws_budgets_budget" | "aws_cloudwatch_log_metric_filter" | "aws_cloudwatch_query_definition" | "aws_lambda_function_event_invoke_config" | "aws_lambda_provisioned_concurrency_config" | "aws_cloudwatch_dashboard" | "aws_cloudwatch_metric_alarm"
        | "aws_default_security_group" | "aws_ecr_lifecycle_policy" | "aws_sns_topic_policy"
        // Registered definitions stay readable, and running tasks keep theirs.
        | "aws_ecs_task_definition" | "aws_iam_policy_document" | "null_resource"
        | "terraform_data" | "random_id" => (Nothing, "nothing is lost with it"),
        _ => (Unknown, "landfall does not know what is lost with it"),
    }
}

#[cfg(test)]
#[path = "data_loss_tests.rs"]
mod tests;
