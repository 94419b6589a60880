//! What each kind of resource costs. A kind that is not here has an unknown price, never none.

mod free;

use super::bill::{Charge, Per};
use super::prices::{Item, Price};
use super::pricing::{Pricing, REQUEST_MS, Workload, compute_million, fixed, length, text};
use crate::app::manifest::Architecture;
use crate::shape::plan::Resource;
use serde_json::Value;

/// The reason for a kind without an entry.
pub(super) const NOT_LISTED: &str = "this kind is not in the table";

/// Zones that a load balancer is in at least: AWS refuses fewer.
const ZONES: usize = 2;

/// LCU-hours of a million requests if each comes on a connection of its own: an LCU has 25 new
/// connections a second (<https://aws.amazon.com/elasticloadbalancing/pricing/>).
const LCU_HOURS_OF_A_MILLION: f64 = 1_000_000.0 / 25.0 / 3_600.0;

/// Adds everything that a resource is charged for; at least one line.
pub(super) fn price(pricing: &mut Pricing<'_>, resource: &Resource) {
    let values = &resource.values;
    match resource.kind.as_str() {
        "aws_lb" => load_balancer(pricing, resource),
        "aws_cloudfront_distribution" => cdn(pricing, resource),
        "aws_ecs_cluster" => cluster(pricing, resource),
        "aws_ecr_repository" => {
            pricing.by_use(
                resource,
                "images",
                Item::RegistryGbMonth,
                Per::GbMonth,
                None,
            );
        }
        "aws_cloudwatch_log_group" => log_group(pricing, resource),
        "aws_cloudwatch_metric_alarm" => alarm(pricing, resource),
        "aws_cloudwatch_log_metric_filter" => custom_metrics(pricing, resource),
        "aws_sns_topic_subscription" => subscription(pricing, resource),
        "aws_lambda_function" => function(pricing, resource),
        "aws_apigatewayv2_api" => http_api(pricing, resource),
        "aws_s3_bucket" => {
            pricing.by_use(resource, "objects", Item::S3GbMonth, Per::GbMonth, None);
        }
        "aws_eip" => pricing.hourly(resource, "public IPv4", Item::PublicIpv4Hour, "address", 1),
        "aws_nat_gateway" => {
            pricing.hourly(resource, "NAT gateway", Item::NatGatewayHour, "gateway", 1);
            let gb = Item::NatGatewayGb;
            pricing.by_use(resource, "NAT gateway", gb, Per::GbProcessed, None);
        }
        "aws_kms_key" => pricing.monthly(resource, "customer key", Item::KmsKeyMonth, 1),
        "aws_secretsmanager_secret" => pricing.monthly(resource, "secret", Item::SecretMonth, 1),
        "aws_route53_zone" => pricing.monthly(resource, "hosted zone", Item::HostedZoneMonth, 1),
        "aws_wafv2_web_acl" => web_acl(pricing, resource),
        "aws_vpc_endpoint" => match text(values, "vpc_endpoint_type").unwrap_or("Gateway") {
            "Gateway" => pricing.free(resource, "gateway endpoints are free"),
            other => pricing.unknown(resource, format!("{other} endpoints are not in the table")),
        },
        "aws_acm_certificate" => match text(values, "certificate_authority_arn") {
            None | Some("") => pricing.free(resource, "public certificates are free"),
            Some(_) => pricing.unknown(resource, "private certificates are not in the table"),
        },
        "aws_ssm_parameter" => match text(values, "tier").unwrap_or("Standard") {
            "Standard" => pricing.free(resource, "standard parameters are free"),
            tier => pricing.unknown(resource, format!("{tier} parameters are not in the table")),
        },
        kind => match free::why(kind) {
            Some(why) => pricing.free(resource, why),
            None => pricing.unknown(resource, NOT_LISTED),
        },
    }
}

impl Pricing<'_> {
    fn free(&mut self, resource: &Resource, why: &str) {
        self.add(
            resource,
            "",
            Charge::Free {
                why: why.to_owned(),
            },
        );
    }

    fn unknown(&mut self, resource: &Resource, why: impl Into<String>) {
        self.add(resource, "", Charge::Unknown { why: why.into() });
    }

    /// `number` of something that exists all the time.
    fn hourly(&mut self, resource: &Resource, what: &str, item: Item, unit: &str, number: u32) {
        let hours = f64::from(number) * self.hours;
        let charge = fixed(self.rates.of(item), &format!("{unit}-hours"), hours);
        self.add(resource, what, charge);
    }

    /// `number` of something that is paid by the month.
    fn monthly(&mut self, resource: &Resource, what: &str, item: Item, number: usize) {
        // More than 2^32 of anything is nonsense out of a file; that it is much is all that matters then.
        let number = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let charge = fixed(self.rates.of(item), "a month", number);
        self.add(resource, what, charge);
    }

    fn by_use(
        &mut self,
        resource: &Resource,
        what: &str,
        item: Item,
        per: Per,
        always_free: Option<&str>,
    ) {
        self.charge_use(resource, what, self.rates.of(item), per, always_free);
    }

    fn charge_use(
        &mut self,
        resource: &Resource,
        what: &str,
        price: Price,
        per: Per,
        always_free: Option<&str>,
    ) {
        let charge = Charge::Usage {
            usd: price.usd,
            per,
            always_free: always_free.map(str::to_owned),
            confidence: price.confidence,
        };
        self.add(resource, what, charge);
    }

    /// Things that are paid by the month beyond some that are free in every account.
    fn beyond_free(&mut self, resource: &Resource, things: &Things, number: usize, left: usize) {
        let paid = number.saturating_sub(left);
        if paid == 0 {
            self.free(resource, things.free);
        } else {
            self.monthly(resource, things.what, things.item, paid);
        }
        self.assume(things.assumption);
    }

    fn data_out(&mut self, resource: &Resource) {
        if !self.has_cdn {
            let free = Some("the first 100 GB a month");
            self.by_use(resource, "data out", Item::DataOutGb, Per::GbOut, free);
        }
    }
}

/// Something of which every account has some for free.
struct Things {
    what: &'static str,
    item: Item,
    free: &'static str,
    assumption: &'static str,
}

fn load_balancer(pricing: &mut Pricing<'_>, resource: &Resource) {
    let values = &resource.values;
    // The provider's default, https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lb
    let kind = text(values, "load_balancer_type").unwrap_or("application");
    if kind != "application" {
        pricing.unknown(
            resource,
            format!("{kind} load balancers are not in the table"),
        );
        return;
    }
    pricing.hourly(
        resource,
        "load balancer",
        Item::LoadBalancerHour,
        "balancer",
        1,
    );
    if values.get("internal").and_then(Value::as_bool) != Some(true) {
        let zones = zones(pricing, resource);
        let number = u32::try_from(zones).unwrap_or(u32::MAX);
        pricing.hourly(
            resource,
            "public IPv4 in each zone",
            Item::PublicIpv4Hour,
            "address",
            number,
        );
    }
    let lcu = pricing.rates.of(Item::LoadBalancerLcuHour);
    let million = Price {
        usd: lcu.usd * LCU_HOURS_OF_A_MILLION,
        ..lcu
    };
    pricing.charge_use(
        resource,
        "capacity, at most",
        million,
        Per::MillionRequests,
        None,
    );
    // An LCU-hour holds one GB.
    pricing.charge_use(resource, "capacity, at most", lcu, Per::GbOut, None);
    pricing.data_out(resource);
}

/// In how many zones a load balancer is. Before an apply its subnets are often known in number at most.
fn zones(pricing: &mut Pricing<'_>, resource: &Resource) -> usize {
    let sources = [
        (&resource.values, "subnets"),
        (&resource.values, "subnet_mapping"),
        (&resource.unknown, "subnets"),
    ];
    let known = sources
        .map(|(values, name)| length(values, name))
        .into_iter()
        .max();
    match known {
        Some(zones) if zones > 0 => zones,
        _ => {
            pricing.assume("a load balancer whose subnets are not known yet is in two zones");
            ZONES
        }
    }
}

fn cdn(pricing: &mut Pricing<'_>, resource: &Resource) {
    let ten_thousand = pricing.rates.of(Item::CloudfrontTenThousandRequests);
    let million = Price {
        usd: ten_thousand.usd * 100.0,
        ..ten_thousand
    };
    let requests = Some("the first 10 million a month");
    pricing.charge_use(
        resource,
        "requests",
        million,
        Per::MillionRequests,
        requests,
    );
    let free = Some("the first 1 TB a month");
    pricing.by_use(resource, "data out", Item::CloudfrontGb, Per::GbOut, free);
    pricing.assume("CloudFront's users are where the region is, in North America or Europe");
}

fn cluster(pricing: &mut Pricing<'_>, resource: &Resource) {
    let settings = resource.values["setting"].as_array();
    let insights = settings.into_iter().flatten().find(|setting| {
        text(setting, "name") == Some("containerInsights")
            && text(setting, "value") != Some("disabled")
    });
    match insights {
        Some(_) => pricing.unknown(resource, "Container Insights bills metrics for every task"),
        None => pricing.free(resource, "the tasks are paid, not what they belong to"),
    }
}

fn log_group(pricing: &mut Pricing<'_>, resource: &Resource) {
    let free = Some("the first 5 GB a month");
    pricing.by_use(
        resource,
        "log lines",
        Item::LogsIngestedGb,
        Per::GbLogged,
        free,
    );
    pricing.by_use(
        resource,
        "log lines",
        Item::LogsStoredGbMonth,
        Per::GbMonth,
        None,
    );
}

fn alarm(pricing: &mut Pricing<'_>, resource: &Resource) {
    let values = &resource.values;
    let period = values.get("period").and_then(Value::as_u64);
    if period.is_some_and(|seconds| seconds < 60) {
        pricing.unknown(
            resource,
            "alarms on less than a minute are not in the table",
        );
        return;
    }
    // An alarm on an expression counts each metric in it.
    let queries = values["metric_query"].as_array();
    let metrics = queries
        .into_iter()
        .flatten()
        .filter(|query| length(query, "metric") > 0)
        .count()
        .max(1);
    let things = Things {
        what: "alarm beyond the tenth",
        item: Item::AlarmMonth,
        free: "ten alarms are always free in an account",
        assumption: "no other alarm of the account uses up the ten that are free",
    };
    pricing.beyond_free(resource, &things, metrics, pricing.alarms_free);
    pricing.alarms_free = pricing.alarms_free.saturating_sub(metrics);
}

fn custom_metrics(pricing: &mut Pricing<'_>, resource: &Resource) {
    let things = Things {
        what: "custom metric beyond the tenth",
        item: Item::CustomMetricMonth,
        free: "ten custom metrics are always free in an account",
        assumption: "no other custom metric of the account uses up the ten that are free",
    };
    let metrics = length(&resource.values, "metric_transformation").max(1);
    pricing.beyond_free(resource, &things, metrics, pricing.metrics_free);
    pricing.metrics_free = pricing.metrics_free.saturating_sub(metrics);
}

fn subscription(pricing: &mut Pricing<'_>, resource: &Resource) {
    match text(&resource.values, "protocol") {
        Some("email" | "email-json") => {
            let free = Some("the first 1,000 a month");
            let per = Per::HundredThousandMails;
            pricing.by_use(resource, "mails", Item::SnsHundredThousandMails, per, free);
        }
        Some("sqs" | "lambda") => pricing.free(resource, "deliveries to it are free"),
        protocol => {
            let protocol = protocol.unwrap_or("unknown");
            pricing.unknown(
                resource,
                format!("deliveries by {protocol} are not in the table"),
            );
        }
    }
}

fn function(pricing: &mut Pricing<'_>, resource: &Resource) {
    let (memory, architecture, request_ms) = match pricing.workload {
        Workload::Function {
            memory,
            architecture,
            request_ms,
        } => (memory, architecture, request_ms),
        Workload::Tasks { .. } => planned(&resource.values),
    };
    let requests = Some("the first million a month");
    let item = Item::LambdaMillionRequests;
    pricing.by_use(resource, "requests", item, Per::MillionRequests, requests);
    let compute = compute_million(&pricing.rates, memory, architecture, request_ms);
    let what = format!("{memory} MiB for {request_ms} ms each");
    let free = Some("the first 400,000 GB-seconds a month");
    pricing.charge_use(resource, &what, compute, Per::MillionRequests, free);
    pricing.assume(format!(
        "a request keeps {memory} MiB ({}) busy for {request_ms} ms, which has not been measured",
        architecture.as_str()
    ));
}

/// Memory, processor and time of a function that no release describes; the first two are AWS's defaults
/// where the plan lacks them.
fn planned(values: &Value) -> (u32, Architecture, u32) {
    let memory = values.get("memory_size").and_then(Value::as_u64);
    let memory = memory.and_then(|mib| u32::try_from(mib).ok());
    let architecture = match values["architectures"][0].as_str() {
        Some("arm64") => Architecture::Arm64,
        _ => Architecture::X86_64,
    };
    (memory.unwrap_or(128), architecture, REQUEST_MS)
}

fn http_api(pricing: &mut Pricing<'_>, resource: &Resource) {
    match text(&resource.values, "protocol_type").unwrap_or("HTTP") {
        "HTTP" => {
            let item = Item::HttpApiMillionRequests;
            pricing.by_use(resource, "requests", item, Per::MillionRequests, None);
            pricing.assume("no request or answer at the HTTP API has more than 512 KB: larger ones count several times");
            pricing.data_out(resource);
        }
        other => pricing.unknown(resource, format!("{other} APIs are not in the table")),
    }
}

fn web_acl(pricing: &mut Pricing<'_>, resource: &Resource) {
    pricing.monthly(resource, "web ACL", Item::WafAclMonth, 1);
    let rules = length(&resource.values, "rule");
    if rules > 0 {
        pricing.monthly(resource, "rules of the web ACL", Item::WafRuleMonth, rules);
    }
    let item = Item::WafMillionRequests;
    pricing.by_use(resource, "requests", item, Per::MillionRequests, None);
}
