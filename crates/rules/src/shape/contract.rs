//! What passes between landfall and the HCL: the variables it writes and the outputs it reads.
//!
//! Field = HCL variable or output = word in the documentation. A test in `infra` reads the HCL and
//! compares names in both directions.

use crate::app::manifest::{
    DEFAULT_IDLE_SECONDS, Manifest, RolePath, Target, default_request_seconds,
    default_start_seconds,
};
use crate::app::names::{Names, Slots};
use crate::release::revision::Image;
use crate::shape::task_endpoint::TaskEndpoint;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The Terraform roots, in the order in which a reader meets them. An environment has the foundation and the
/// root of its target; with a domain, that of the target's domain; where it is deployed from CI, that of CI as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    /// Registry, logs, roles, budget, alarm topic: what stays the same whatever the target.
    Foundation,
    /// Network, load balancer, slots and the front door of the Fargate target.
    Fargate,
    /// Function, alias, HTTP API and what they write to, of the Lambda target.
    Lambda,
    /// Certificate, records and the domain's name at the HTTP API, of an app on Lambda with a domain.
    LambdaDomain,
    /// Certificate, records and the domain's distribution, of an app on Fargate with a domain.
    FargateDomain,
    /// Roles that jobs of CI deploy with.
    Ci,
}

impl Root {
    /// All of them. They are independent of each other: none reads what another made.
    pub const ALL: [Root; 6] = [
        Root::Foundation,
        Root::Fargate,
        Root::Lambda,
        Root::LambdaDomain,
        Root::FargateDomain,
        Root::Ci,
    ];

    /// The root of a target.
    pub fn of(target: Target) -> Root {
        match target {
            Target::Fargate => Root::Fargate,
            Target::Lambda => Root::Lambda,
        }
    }

    /// The root of a target's domain.
    pub fn domain_of(target: Target) -> Root {
        match target {
            Target::Fargate => Root::FargateDomain,
            Target::Lambda => Root::LambdaDomain,
        }
    }

    /// Directory of the root, key of its state, word in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Root::Foundation => "foundation",
            Root::Fargate => "fargate",
            Root::Lambda => "lambda",
            Root::LambdaDomain => "lambda_domain",
            Root::FargateDomain => "fargate_domain",
            Root::Ci => "ci",
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
    /// Whether there is a budget: not where AWS permits the account none.
    #[serde(default = "default_has_budget")]
    pub has_budget: bool,
    /// Addresses that get alarms, after each has confirmed the subscription by mail.
    pub alarm_emails: Vec<String>,
    /// Tags on everything, besides landfall's own.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Policy that limits every role: its ARN, or its path and name; empty for none.
    #[serde(default)]
    pub permissions_boundary: String,
    /// Path of every role.
    #[serde(default = "default_role_path")]
    pub role_path: String,
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
    /// Seconds in which health checks do not stop a new task.
    #[serde(default = "default_start_seconds")]
    pub start_seconds: u32,
    /// Seconds that a response may take until it begins.
    #[serde(default = "default_request_seconds")]
    pub request_seconds: u32,
    /// Seconds that a connection may be silent.
    #[serde(default = "default_idle")]
    pub idle_seconds: u32,
    /// Whether the edge, which knows that users speak HTTPS, stands before the app.
    #[serde(default = "default_edge")]
    pub edge: bool,
    /// Tags on everything, besides landfall's own.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

// What environments from before these variables have.
fn default_idle() -> u32 {
    DEFAULT_IDLE_SECONDS
}

fn default_has_budget() -> bool {
    true
}

fn default_role_path() -> String {
    RolePath::default().to_string()
}

fn default_edge() -> bool {
    true
}

/// `terraform.tfvars.json` of the Lambda root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LambdaInputs {
    /// The app's name.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// AWS region.
    pub region: String,
    /// Image that the function is made from, by digest; releases own what runs later.
    pub image: String,
    /// Memory of the function in MiB until the first release, within [`LambdaInputs::MEMORY`].
    pub memory: u32,
    /// Seconds after which Lambda ends an invocation, 1 to [`LambdaInputs::TIMEOUT`].
    pub timeout: u32,
    /// Port that the app listens on, behind the edge.
    pub port: u16,
    /// Path that the edge asks to learn whether the app answers.
    pub ready_path: String,
    /// Invocations kept for this function, and its most; -1 for none.
    pub reserved_concurrency: i64,
    /// Requests a second that the API lets through on average.
    pub rate_limit: u32,
    /// Requests that the API lets through at once, above `rate_limit`.
    pub burst_limit: u32,
    /// Days that log lines are kept.
    pub log_retention_days: u32,
    /// Tags on everything, besides landfall's own.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Policy that limits every role: its ARN, or its path and name; empty for none.
    #[serde(default)]
    pub permissions_boundary: String,
    /// Path of every role.
    #[serde(default = "default_role_path")]
    pub role_path: String,
}

/// `terraform.tfvars.json` of the root of a Lambda target's domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LambdaDomainInputs {
    /// The app's name.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// AWS region.
    pub region: String,
    /// Hosted zone of each domain; two while one takes the place of the other, none to remove all.
    pub domains: BTreeMap<String, String>,
    /// HTTP API that the domain leads to.
    pub api_id: String,
    /// Tags on everything, besides landfall's own.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// `terraform.tfvars.json` of the root of a Fargate target's domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FargateDomainInputs {
    /// The app's name.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// Hosted zone of each domain; two while one takes the place of the other, none to remove all.
    pub domains: BTreeMap<String, String>,
    /// Load balancer that the domain leads to.
    pub load_balancer_dns_name: String,
    /// Seconds that a response may take until it begins.
    #[serde(default = "default_request_seconds")]
    pub request_seconds: u32,
    /// As in [`FargateInputs`].
    #[serde(default = "default_edge")]
    pub edge: bool,
    /// Tags on everything, besides landfall's own.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// `terraform.tfvars.json` of the CI root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CiInputs {
    /// The app's name.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// AWS region.
    pub region: String,
    /// Who signs the jobs' tokens: host of the provider's URL.
    pub issuer: String,
    /// Subjects of the job that deploys, word for word.
    pub deploy_subjects: Vec<String>,
    /// The `ref` claim of that job, where AWS compares it.
    pub deploy_reference: String,
    /// Subjects of other jobs, by the role that they have.
    pub job_subjects: BTreeMap<String, Vec<String>>,
    /// Operator that compares those: `StringEquals` or `StringLike`.
    pub job_match: String,
    /// Policies of each role, as JSON.
    pub policies: BTreeMap<String, Vec<String>>,
    /// Permissions boundaries as JSON, by their names.
    #[serde(default)]
    pub boundaries: BTreeMap<String, String>,
    /// Tags on everything, besides landfall's own.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Policy that limits every role: its ARN, or its path and name; empty for none.
    #[serde(default)]
    pub permissions_boundary: String,
    /// Path of every role.
    #[serde(default = "default_role_path")]
    pub role_path: String,
}

/// The outputs of the CI root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiOutputs {
    /// ARN of each role.
    pub role_arns: BTreeMap<String, String>,
}

/// The DNS records that the domain roots of both targets have. When an app moves, the new target's root
/// overwrites them.
pub const SHARED_RECORDS: [&str; 2] = ["aws_route53_record.alias", "aws_route53_record.validation"];

/// The outputs of the root of a domain, the same for every target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainOutputs {
    /// AWS's own name of the front door that each domain's record leads to.
    pub leads_to: BTreeMap<String, String>,
}

/// The outputs of the foundation root.
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

/// The outputs of the Fargate root.
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

/// The outputs of the Lambda root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LambdaOutputs {
    /// Public HTTPS address.
    pub url: String,
    /// HTTP API in front of the function.
    pub api_id: String,
    /// Name of the function.
    pub function: String,
    /// Function without version or alias.
    pub function_arn: String,
    /// Alias that users reach, whose version and weights releases own.
    pub alias: String,
    /// Log group that the function writes to.
    pub log_group: String,
    /// Log group with the API's line for every request.
    pub access_log_group: String,
    /// Role that the function has.
    pub role_arn: String,
}

fn boundary(manifest: &Manifest) -> String {
    let boundary = manifest.permissions_boundary.as_ref();
    boundary.map_or_else(String::new, ToString::to_string)
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
            has_budget: true,
            alarm_emails: manifest.alarm_emails.clone(),
            tags: manifest.tags.clone(),
            permissions_boundary: boundary(manifest),
            role_path: manifest.role_path.to_string(),
        }
    }
}

impl FargateInputs {
    /// The Fargate target that a manifest asks for, in `region`.
    pub fn of(manifest: &Manifest, region: &str) -> FargateInputs {
        let front = TaskEndpoint::of(manifest);
        FargateInputs {
            name: manifest.name.to_string(),
            environment: manifest.environment.to_string(),
            region: region.to_owned(),
            port: front.port,
            health_path: front.health_path,
            unhealthy_threshold: front.unhealthy_threshold,
            drain_seconds: manifest.drain_seconds,
            start_seconds: manifest.start_seconds,
            request_seconds: manifest.request_seconds,
            idle_seconds: manifest.idle_seconds,
            edge: manifest.edge,
            tags: manifest.tags.clone(),
        }
    }
}

impl LambdaDomainInputs {
    /// Placeholder for an HTTP API that does not exist yet, so that a plan can be shown.
    pub const NO_API: &str = "none";

    /// Domains of an environment, with their zones. Without `api_id` it can be planned, not applied.
    pub fn of(
        names: &Names,
        region: &str,
        domains: &BTreeMap<String, String>,
        api_id: Option<&str>,
        tags: &BTreeMap<String, String>,
    ) -> LambdaDomainInputs {
        LambdaDomainInputs {
            name: names.app.to_string(),
            environment: names.environment.to_string(),
            region: region.to_owned(),
            domains: domains.clone(),
            api_id: api_id.unwrap_or(LambdaDomainInputs::NO_API).to_owned(),
            tags: tags.clone(),
        }
    }
}

impl FargateDomainInputs {
    /// Placeholder for a load balancer that does not exist yet, so that a plan can be shown.
    pub const NO_LOAD_BALANCER: &str = "landfall.invalid";

    /// Domains of an environment, with their zones. Without the load balancer it can be planned, not applied.
    pub fn of(
        names: &Names,
        domains: &BTreeMap<String, String>,
        load_balancer_dns_name: Option<&str>,
        manifest: &Manifest,
    ) -> FargateDomainInputs {
        FargateDomainInputs {
            name: names.app.to_string(),
            environment: names.environment.to_string(),
            domains: domains.clone(),
            load_balancer_dns_name: load_balancer_dns_name
                .unwrap_or(FargateDomainInputs::NO_LOAD_BALANCER)
                .to_owned(),
            request_seconds: manifest.request_seconds,
            edge: manifest.edge,
            tags: manifest.tags.clone(),
        }
    }
}

impl LambdaInputs {
    /// MiB that a function may have
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
    pub const MEMORY: std::ops::RangeInclusive<u32> = 128..=10240;
    /// Seconds that an HTTP API waits for an answer at most
    /// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
    pub const TIMEOUT: u32 = 30;
    /// Requests a second: more than a small app sees, and a bill that ends somewhere.
    pub const RATE_LIMIT: u32 = 50;
    /// Requests at once: a page with all its parts, for a few people.
    pub const BURST_LIMIT: u32 = 100;
    /// Placeholder for an image that does not exist yet, so that a plan can be shown. AWS creates no
    /// function from it, because it can't be pulled from anywhere (RFC 2606 reserves `.invalid`).
    pub const NO_IMAGE: &str = "landfall.invalid/placeholder@sha256:\
        0000000000000000000000000000000000000000000000000000000000000000";

    /// The Lambda target that a manifest asks for, in `region`. Without `image` it can be planned, not
    /// applied. No concurrency is reserved: a reservation takes it from every other function of the
    /// account, AWS rejects one that leaves less than 100, and the API's rate limit bounds the cost.
    pub fn of(manifest: &Manifest, region: &str, image: Option<&Image>) -> LambdaInputs {
        LambdaInputs {
            name: manifest.name.to_string(),
            environment: manifest.environment.to_string(),
            region: region.to_owned(),
            image: image.map_or_else(|| LambdaInputs::NO_IMAGE.to_owned(), Image::to_string),
            memory: LambdaInputs::memory(manifest.memory.mib()),
            timeout: LambdaInputs::TIMEOUT,
            port: manifest.port.get(),
            ready_path: manifest.health.to_string(),
            reserved_concurrency: -1,
            rate_limit: LambdaInputs::RATE_LIMIT,
            burst_limit: LambdaInputs::BURST_LIMIT,
            log_retention_days: manifest.log_retention_days,
            tags: manifest.tags.clone(),
            permissions_boundary: boundary(manifest),
            role_path: manifest.role_path.to_string(),
        }
    }

    /// The memory nearest to `mib` that a function can have.
    pub fn memory(mib: u32) -> u32 {
        mib.clamp(*LambdaInputs::MEMORY.start(), *LambdaInputs::MEMORY.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{Draft, Facts, Overrides};

    fn manifest(text: &str) -> Manifest {
        let facts = Facts {
            directory_name: "hello".into(),
            dockerfile: Some("FROM scratch\nEXPOSE 3000\n".into()),
            protected: vec![],
        };
        Draft::read(Some(text))
            .resolve(&facts, &Overrides::default())
            .expect("a manifest")
    }

    #[test]
    fn a_function_is_made_from_the_image_that_there_is() {
        let manifest = manifest("health = \"/up\"\n");
        let digest = format!("sha256:{}", "ab".repeat(32));
        let image = Image::parse(&format!("registry/hello-prod@{digest}")).expect("an image");
        let inputs = LambdaInputs::of(&manifest, "eu-west-2", Some(&image));
        assert_eq!(inputs.image, image.to_string());
        assert_eq!((inputs.port, inputs.ready_path.as_str()), (3000, "/up"));
    }

    #[test]
    fn without_an_image_there_is_a_reference_that_cannot_be_pulled() {
        let inputs = LambdaInputs::of(&manifest(""), "eu-west-2", None);
        let image = Image::parse(&inputs.image).expect("a reference by digest");
        let (host, _) = image.repository_url.split_once('/').expect("a host");
        assert!(host.ends_with(".invalid"), "{host}");
        assert_eq!(inputs.reserved_concurrency, -1);
    }

    #[test]
    fn memory_is_what_a_function_can_have() {
        let with = |text: &str| LambdaInputs::of(&manifest(text), "eu-west-2", None).memory;
        assert_eq!(with(""), 512);
        assert_eq!(with("cpu = 2048\nmemory = 16384\n"), 10240);
        assert_eq!(LambdaInputs::memory(64), 128);
        assert_eq!(LambdaInputs::memory(3008), 3008);
    }
}
