//! From a plan's resources and what a release will run to a [`Bill`].

use super::account::AccountPlan;
use super::alternative;
use super::bill::{Bill, Charge, Draft, Line, cents};
use super::kinds;
use super::prices::{Confidence, Item, Price, Rates, Table};
use crate::app::manifest::{Architecture, Target};
use crate::release::revision::Settings;
use crate::shape::plan::Resource;
use crate::time::Timestamp;
use serde_json::Value;

/// What a request is taken to keep a function busy for, ms, where nothing was measured.
pub const REQUEST_MS: u32 = 100;

/// What a release runs in the shape that Terraform made. A plan does not tell it: the slots it makes are
/// empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// Tasks on Fargate that run all the time.
    Tasks {
        /// How many.
        count: u32,
        /// CPU units of each; 1024 are one vCPU.
        cpu: u32,
        /// MiB of each.
        memory: u32,
        /// Their processor.
        architecture: Architecture,
    },
    /// A function that runs while it is asked.
    Function {
        /// MiB.
        memory: u32,
        /// Its processor.
        architecture: Architecture,
        /// ms that a request keeps it busy; [`REQUEST_MS`] where nobody measured.
        request_ms: u32,
    },
}

impl Workload {
    /// What a release with these settings runs. `count` is the number of tasks; a function has none.
    pub fn of(settings: &Settings, count: u32) -> Workload {
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

    /// The price of an hour of one task; nothing for a function.
    fn task_hour_price(&self, rates: &Rates<'_>) -> Price {
        let Workload::Tasks {
            cpu,
            memory,
            architecture,
            ..
        } = *self
        else {
            return Price {
                usd: 0.0,
                confidence: Confidence::Measured,
            };
        };
        let (vcpu, gb) = match architecture {
            Architecture::X86_64 => (Item::FargateX86VcpuHour, Item::FargateX86GbHour),
            Architecture::Arm64 => (Item::FargateArmVcpuHour, Item::FargateArmGbHour),
        };
        let (vcpu, gb) = (rates.of(vcpu), rates.of(gb));
        Price {
            usd: f64::from(cpu) / 1024.0 * vcpu.usd + f64::from(memory) / 1024.0 * gb.usd,
            confidence: weaker(vcpu.confidence, gb.confidence),
        }
    }
}

/// USD for the compute of a million requests to a function.
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
    // A million requests of so many ms are a thousand times so many seconds.
    let gb_seconds = f64::from(memory) / 1024.0 * f64::from(request_ms) * 1_000.0;
    Price {
        usd: gb_seconds * price.usd,
        ..price
    }
}

fn weaker(a: Confidence, b: Confidence) -> Confidence {
    match (a, b) {
        (Confidence::Measured, Confidence::Measured) => Confidence::Measured,
        _ => Confidence::List,
    }
}

/// What an estimate starts from.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    /// What will be there, of the plans of all roots ([`crate::shape::plan::Plan::resources`]).
    pub resources: &'a [Resource],
    /// What a release will run in it.
    pub workload: Workload,
    /// Secrets that Secrets Manager keeps: no plan knows of them.
    pub secrets: usize,
    /// Where.
    pub region: &'a str,
    /// How the account pays.
    pub account: &'a AccountPlan,
    /// What the clock says.
    pub now: Timestamp,
}

/// What it will all cost, and what would cost less.
pub fn estimate(table: &Table, basis: &Basis<'_>) -> Bill {
    let mut bill = without_alternatives(table, basis);
    bill.alternatives = alternative::find(table, basis, &bill);
    bill
}

/// The bill alone.
pub(super) fn without_alternatives(table: &Table, basis: &Basis<'_>) -> Bill {
    let rates = table.rates(basis.region);
    let mut pricing = Pricing {
        rates,
        hours: table.hours,
        workload: basis.workload,
        has_cdn: basis
            .resources
            .iter()
            .any(|resource| resource.kind == "aws_cloudfront_distribution"),
        alarms_free: 10,
        metrics_free: 10,
        lines: Vec::new(),
        assumptions: vec![
            format!(
                "a month has {} hours; tax, support plans and what others do in the account are left out",
                table.hours
            ),
            "the bucket with Terraform's state, which is in no plan, stays below a cent".to_owned(),
        ],
    };
    pricing.release(basis.resources);
    pricing.secrets(basis.secrets);
    for resource in basis.resources {
        kinds::price(&mut pricing, resource);
    }
    let draft = Draft {
        region: basis.region,
        own_prices: rates.is_own,
        prices_of: &table.date,
        account: basis.account,
        at: basis.now,
    };
    draft.bill(pricing.lines, pricing.assumptions)
}

/// An estimate on its way.
pub(super) struct Pricing<'a> {
    pub(super) rates: Rates<'a>,
    pub(super) hours: f64,
    pub(super) workload: Workload,
    /// Whether answers leave through CloudFront rather than from the region.
    pub(super) has_cdn: bool,
    /// Metrics under alarm that are still free.
    pub(super) alarms_free: usize,
    /// Metrics of our own that are still free.
    pub(super) metrics_free: usize,
    lines: Vec<Line>,
    assumptions: Vec<String>,
}

impl Pricing<'_> {
    /// Adds a charge of a resource.
    pub(super) fn add(&mut self, resource: &Resource, what: &str, charge: Charge) {
        self.lines.push(Line {
            address: resource.address.clone(),
            kind: resource.kind.clone(),
            what: what.to_owned(),
            charge,
        });
    }

    /// Says once what was taken for granted.
    pub(super) fn assume(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.assumptions.contains(&sentence) {
            self.assumptions.push(sentence);
        }
    }

    /// What a release runs. A function costs nothing while it is not asked, so only tasks are there.
    fn release(&mut self, resources: &[Resource]) {
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
        let task = self.workload.task_hour_price(&self.rates);
        let address = self.rates.of(Item::PublicIpv4Hour);
        let hours = f64::from(count) * self.hours;
        let noun = if count == 1 { "task" } else { "tasks" };
        let size = format!(
            "{count} {noun} of {} vCPU, {memory} MiB, {}",
            f64::from(cpu) / 1024.0,
            architecture.as_str()
        );
        self.add_release(&size, fixed(task, "task-hours", hours));
        let is_public = self.tasks_are_public(resources);
        if is_public {
            let charge = fixed(address, "address-hours", hours);
            self.add_release("public IPv4 of each task", charge);
        }
        let address_usd = if is_public { address.usd } else { 0.0 };
        self.assume(format!(
            "the tasks run all the time; while a release goes on, those of both versions do: ${} an hour more",
            cents(f64::from(count) * (task.usd + address_usd))
        ));
    }

    /// Values that are kept for money, whether anything runs or not.
    fn secrets(&mut self, number: usize) {
        if number == 0 {
            return;
        }
        let noun = if number == 1 { "secret" } else { "secrets" };
        let quantity = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        self.lines.push(Line {
            address: "secrets".to_owned(),
            kind: String::new(),
            what: format!("{number} {noun} in Secrets Manager"),
            charge: fixed(self.rates.of(Item::SecretMonth), "a month", quantity),
        });
    }

    fn add_release(&mut self, what: &str, charge: Charge) {
        self.lines.push(Line {
            address: "release".to_owned(),
            kind: String::new(),
            what: what.to_owned(),
            charge,
        });
    }

    /// Whether tasks get public addresses, as the services of the plan say.
    fn tasks_are_public(&mut self, resources: &[Resource]) -> bool {
        let said: Vec<bool> = resources
            .iter()
            .filter(|resource| resource.kind == "aws_ecs_service")
            .filter_map(|service| {
                service.values["network_configuration"][0]["assign_public_ip"].as_bool()
            })
            .collect();
        if said.is_empty() {
            self.assume("each task has a public address");
        }
        said.is_empty() || said.contains(&true)
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

/// Text of an attribute, if it is one and known.
pub(super) fn text<'v>(values: &'v Value, name: &str) -> Option<&'v str> {
    values.get(name)?.as_str()
}

/// How many elements an attribute has, if it is a list.
pub(super) fn length(values: &Value, name: &str) -> usize {
    values
        .get(name)
        .and_then(Value::as_array)
        .map_or(0, Vec::len)
}
