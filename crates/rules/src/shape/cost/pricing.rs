//! What an estimate starts from, and the charges that it has collected so far.

use super::account::AccountPlan;
use super::bill::{BillLine, Charge};
use super::money::cents;
use super::prices::{Confidence, Item, Price, Rates, Table};
use crate::app::manifest::{Architecture, Target};
use crate::release::revision::Settings;
use crate::shape::plan::Resource;
use crate::time::Timestamp;
use serde_json::Value;

/// How long a request is assumed to occupy a function, in ms, where nothing was measured.
pub const REQUEST_MS: u32 = 100;

/// Metrics under alarm, and custom metrics, that every account has free.
const METRICS_FREE: usize = 10;

/// What a release runs in the infrastructure that Terraform made. A plan does not contain it: new slots
/// are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// Tasks on Fargate, which run all the time.
    Tasks {
        /// Number of tasks.
        count: u32,
        /// CPU units of each; 1024 are one vCPU.
        cpu: u32,
        /// MiB of each.
        memory: u32,
        /// Their processor.
        architecture: Architecture,
    },
    /// A function, which runs while it handles a request.
    Function {
        /// MiB.
        memory: u32,
        /// Its processor.
        architecture: Architecture,
        /// How long a request occupies it, in ms; [`REQUEST_MS`] where nothing was measured.
        request_ms: u32,
    },
}

impl Workload {
    /// What a release with these settings runs. `count` is the number of tasks; a function has none.
    pub fn from_settings(settings: &Settings, count: u32) -> Workload {
        let Settings {
            cpu,
            memory,
            architecture,
            ..
        } = *settings;
        match settings.target {
            Target::Fargate => Workload::Tasks {
                count,
                cpu,
                memory,
                architecture,
            },
            Target::Lambda => Workload::Function {
                memory,
                architecture,
                request_ms: REQUEST_MS,
            },
        }
    }
}

/// The price of an hour of one task.
fn task_hour(rates: &Rates<'_>, cpu: u32, memory: u32, architecture: Architecture) -> Price {
    let (vcpu, gb) = match architecture {
        Architecture::X86_64 => (Item::FargateX86VcpuHour, Item::FargateX86GbHour),
        Architecture::Arm64 => (Item::FargateArmVcpuHour, Item::FargateArmGbHour),
    };
    let (vcpu, gb) = (rates.of(vcpu), rates.of(gb));
    let is_measured = [vcpu, gb]
        .iter()
        .all(|price| price.confidence == Confidence::Measured);
    Price {
        usd: f64::from(cpu) / 1024.0 * vcpu.usd + f64::from(memory) / 1024.0 * gb.usd,
        confidence: match is_measured {
            true => Confidence::Measured,
            false => Confidence::List,
        },
    }
}

/// The compute of a million requests to a function.
pub(super) fn compute_million(
    rates: &Rates<'_>,
    memory: u32,
    architecture: Architecture,
    request_ms: u32,
) -> Price {
    let item = match architecture {
        Architecture::X86_64 => Item::LambdaX86GbSecond,
        Architecture::Arm64 => Item::LambdaArmGbSecond,
    };
    let price = rates.of(item);
    // A million requests of so many ms take a thousand times so many seconds.
    let gb_seconds = f64::from(memory) / 1024.0 * f64::from(request_ms) * 1_000.0;
    Price {
        usd: gb_seconds * price.usd,
        ..price
    }
}

/// What an estimate starts from.
#[derive(Debug, Clone, Copy)]
pub struct EstimateInput<'a> {
    /// What will exist, from the plans of all roots ([`crate::shape::plan::Plan::resources`]).
    pub resources: &'a [Resource],
    /// What a release will run in it.
    pub workload: Workload,
    /// Number of secrets in Secrets Manager, which are in no plan.
    pub secrets: usize,
    /// AWS region.
    pub region: &'a str,
    /// How the account pays.
    pub account: &'a AccountPlan,
    /// The current time.
    pub now: Timestamp,
}

/// The charges of an estimate so far.
pub(super) struct Pricing<'a> {
    pub(super) rates: Rates<'a>,
    /// Hours of a month.
    pub(super) hours: f64,
    pub(super) workload: Workload,
    /// Whether responses leave through CloudFront rather than from the region.
    pub(super) has_cdn: bool,
    /// Metrics under alarm that are still free.
    pub(super) alarms_free: usize,
    /// Custom metrics that are still free.
    pub(super) metrics_free: usize,
    pub(super) lines: Vec<BillLine>,
    pub(super) assumptions: Vec<String>,
}

impl<'a> Pricing<'a> {
    pub(super) fn new(table: &'a Table, input: &EstimateInput<'_>) -> Pricing<'a> {
        let is_cdn = |one: &Resource| one.kind == "aws_cloudfront_distribution";
        let month = format!(
            "a month has {} hours; tax, support plans and other use of the account are left out",
            table.hours
        );
        let state =
            "the bucket of the Terraform state, which is in no plan, costs less than a cent";
        Pricing {
            rates: table.rates(input.region),
            hours: table.hours,
            workload: input.workload,
            has_cdn: input.resources.iter().any(is_cdn),
            alarms_free: METRICS_FREE,
            metrics_free: METRICS_FREE,
            lines: Vec::new(),
            assumptions: vec![month, state.to_owned()],
        }
    }

    /// Adds a charge of a resource.
    pub(super) fn add(&mut self, resource: &Resource, what: &str, charge: Charge) {
        self.add_line(&resource.address, &resource.kind, what, charge);
    }

    fn add_line(&mut self, address: &str, kind: &str, what: &str, charge: Charge) {
        self.lines.push(BillLine {
            address: address.to_owned(),
            kind: kind.to_owned(),
            what: what.to_owned(),
            charge,
        });
    }

    /// Records an assumption, once.
    pub(super) fn assume(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.assumptions.contains(&sentence) {
            self.assumptions.push(sentence);
        }
    }

    /// Adds what a release runs. A function costs nothing without requests, so these are tasks.
    pub(super) fn release(&mut self, resources: &[Resource]) {
        let Workload::Tasks {
            count,
            cpu,
            memory,
            architecture,
        } = self.workload
        else {
            return;
        };
        if count == 0 {
            return;
        }
        let task = task_hour(&self.rates, cpu, memory, architecture);
        let hours = f64::from(count) * self.hours;
        let noun = if count == 1 { "task" } else { "tasks" };
        let size = format!(
            "{count} {noun} of {} vCPU, {memory} MiB, {}",
            f64::from(cpu) / 1024.0,
            architecture.as_str()
        );
        self.add_line("release", "", &size, fixed(task, "task-hours", hours));
        let mut hour_usd = task.usd;
        if self.tasks_are_public(resources) {
            let address = self.rates.of(Item::PublicIpv4Hour);
            hour_usd += address.usd;
            let charge = fixed(address, "address-hours", hours);
            self.add_line("release", "", "public IPv4 of each task", charge);
        }
        self.assume(format!(
            "the tasks run all the time; during a release those of both versions do: ${} an hour more",
            cents(f64::from(count) * hour_usd)
        ));
    }

    /// Adds secrets that are billed by the month.
    pub(super) fn secrets(&mut self, number: usize) {
        if number == 0 {
            return;
        }
        let noun = if number == 1 { "secret" } else { "secrets" };
        let quantity = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let what = format!("{number} {noun} in Secrets Manager");
        let charge = fixed(self.rates.of(Item::SecretMonth), "a month", quantity);
        self.add_line("secrets", "", &what, charge);
    }

    /// Whether the services of the plan give their tasks public addresses.
    fn tasks_are_public(&mut self, resources: &[Resource]) -> bool {
        let settings: Vec<bool> = resources
            .iter()
            .filter(|resource| resource.kind == "aws_ecs_service")
            .filter_map(|service| {
                service.values["network_configuration"][0]["assign_public_ip"].as_bool()
            })
            .collect();
        if settings.is_empty() {
            self.assume("each task has a public address");
        }
        settings.is_empty() || settings.contains(&true)
    }
}

/// A charge for existing.
pub(super) fn fixed(price: Price, unit: &str, quantity: f64) -> Charge {
    Charge::Fixed {
        unit_usd: price.usd,
        unit: unit.to_owned(),
        quantity,
        monthly_usd: price.usd * quantity,
        confidence: price.confidence,
    }
}

/// An attribute that is a known text.
pub(super) fn text<'v>(values: &'v Value, name: &str) -> Option<&'v str> {
    values.get(name)?.as_str()
}

/// How many elements an attribute has, if it is a list.
pub(super) fn length(values: &Value, name: &str) -> usize {
    let list = values.get(name).and_then(Value::as_array);
    list.map_or(0, Vec::len)
}
