//! From a plan's resources and what a release will run to a [`Bill`].

use super::account::AccountPlan;
use super::bill::{Bill, BillLine, Charge, Per};
use super::kinds;
use super::prices::{STAND_IN, Table};
use super::pricing::{EstimateInput, Pricing, REQUEST_MS, Workload};
use crate::app::manifest::Architecture;
use crate::shape::plan::Resource;
use crate::time::Timestamp;
use std::ops::Add as _;

/// The bill, without alternatives.
pub(super) fn bill(table: &Table, input: &EstimateInput<'_>) -> Bill {
    let mut pricing = Pricing::new(table, input);
    pricing.release(input.resources);
    pricing.secrets(input.secrets);
    for resource in input.resources {
        kinds::price(&mut pricing, resource);
    }
    let Pricing {
        rates,
        lines,
        assumptions,
        ..
    } = pricing;
    // From 0.0 on: the sum of nothing would be -0.0, and JSON would show it.
    let sum = |of: &dyn Fn(&BillLine) -> f64| lines.iter().map(of).fold(0.0, f64::add);
    let is_unknown = |line: &BillLine| matches!(line.charge, Charge::Unknown { .. });
    Bill {
        region: input.region.to_owned(),
        own_prices: rates.is_own,
        prices_of: table.date.clone(),
        monthly_usd: sum(&BillLine::monthly_usd),
        per_million_requests_usd: sum(&|line| line.usage_usd(Per::MillionRequests)),
        per_gb_out_usd: sum(&|line| line.usage_usd(Per::GbOut)),
        incomplete: lines.iter().any(is_unknown),
        lines,
        assumptions,
        account: input.account.clone(),
        at: input.now,
        alternatives: Vec::new(),
    }
}

/// Whether a kind of resource has a price here, so that a new one in the HCL is not forgotten.
pub fn is_known(kind: &str) -> bool {
    let resource = Resource {
        kind: kind.to_owned(),
        ..Resource::default()
    };
    let workload = Workload::Function {
        memory: 128,
        architecture: Architecture::X86_64,
        request_ms: REQUEST_MS,
    };
    let input = EstimateInput {
        resources: &[resource],
        workload,
        secrets: 0,
        region: STAND_IN,
        account: &AccountPlan::Paid { credits_usd: None },
        now: Timestamp(0),
    };
    let not_listed = Charge::Unknown {
        why: kinds::NOT_LISTED.to_owned(),
    };
    let bill = bill(Table::own(), &input);
    bill.lines.iter().all(|line| line.charge != not_listed)
}
