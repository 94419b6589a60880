//! What passes between landfall and the HCL: the variables it writes and the outputs it reads.
//!
//! Field = HCL variable or output = word in the documentation. A test in `infra` reads the HCL and
//! compares names in both directions.

use crate::edge::ride::FrontOfTask;
use crate::manifest::Manifest;
use crate::names::Slots;
use serde::{Deserialize, Serialize};

/// The two Terraform roots, in the order in which a reader meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    /// Registry, logs, roles, budget, alarm topic: what stays the same whatever the target.
    Foundation,
    /// Network, load balancer, slots and the front door of the Fargate target.
    Fargate,
}

impl Root {
    /// Both roots. They are independent of each other: neither reads what the other made.
    pub const ALL: [Root; 2] = [Root::Foundation, Root::Fargate];

    /// Directory of the root, key of its state, word in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Root::Foundation => "foundation",
            Root::Fargate => "fargate",
        }
    }
}

impl std::fmt::Display for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `terraform.tfvars.json` of the foundation root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundationInputs {
    /// The app's name.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// AWS region.
    pub region: String,
    /// Days that log lines are kept.
    pub log_retention_days: u32,
    /// USD a month that the budget alert watches for; 0 alerts on the first cent.
    pub budget: f64,
    /// Addresses that get alarms, after each has confirmed the subscription by mail.
    pub alarm_emails: Vec<String>,
}

/// `terraform.tfvars.json` of the Fargate root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FargateInputs {
    /// The app's name.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// AWS region.
    pub region: String,
    /// Port of the task that the load balancer connects to: the edge's, or the app's own.
    pub port: u16,
    /// Path the load balancer asks for health.
    pub health_path: String,
    /// Failed health checks in a row after which a target gets no more requests.
    pub unhealthy_threshold: u32,
    /// Seconds that a target keeps answering in-flight requests after it was taken out.
    pub drain_seconds: u32,
}

/// What the foundation root tells landfall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundationOutputs {
    /// Registry host and repository, without tag or digest.
    pub repository_url: String,
    /// Repository name.
    pub repository_name: String,
    /// Log group of the app.
    pub log_group: String,
    /// Role that ECS pulls and logs with.
    pub execution_role_arn: String,
    /// Role that the app runs with.
    pub task_role_arn: String,
    /// Topic of alarms and budget.
    pub alarm_topic_arn: String,
}

/// What the Fargate root tells landfall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FargateOutputs {
    /// Public HTTPS address.
    pub url: String,
    /// CloudFront distribution.
    pub distribution_id: String,
    /// Load balancer.
    pub load_balancer_arn: String,
    /// DNS name of the load balancer.
    pub load_balancer_dns_name: String,
    /// Listener whose default action releases own.
    pub listener_arn: String,
    /// Rule of each slot, whose condition releases own.
    pub slot_rules: Slots<String>,
    /// ECS cluster.
    pub cluster: String,
    /// ECS service of each slot.
    pub services: Slots<String>,
    /// Target group of each slot.
    pub target_groups: Slots<String>,
    /// Subnets that tasks run in.
    pub subnets: Vec<String>,
    /// Security group of the tasks.
    pub task_security_group: String,
}

impl FoundationInputs {
    /// The foundation that a manifest asks for, in `region`.
    pub fn of(manifest: &Manifest, region: &str) -> FoundationInputs {
        FoundationInputs {
            name: manifest.name.to_string(),
            environment: manifest.environment.to_string(),
            region: region.to_owned(),
            log_retention_days: manifest.log_retention_days,
            budget: manifest.budget.unwrap_or(0.0),
            alarm_emails: manifest.alarm_emails.clone(),
        }
    }
}

impl FargateInputs {
    /// The Fargate target that a manifest asks for, in `region`.
    pub fn of(manifest: &Manifest, region: &str) -> FargateInputs {
        let front = FrontOfTask::of(manifest);
        FargateInputs {
            name: manifest.name.to_string(),
            environment: manifest.environment.to_string(),
            region: region.to_owned(),
            port: front.port,
            health_path: front.health_path,
            unhealthy_threshold: front.unhealthy_threshold,
            drain_seconds: manifest.drain_seconds,
        }
    }
}
