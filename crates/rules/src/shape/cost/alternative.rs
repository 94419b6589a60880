//! What would do the same for less, with figures.

use super::bill::{Alternative, Bill, BillLine, Per};
use super::estimate;
use super::money::{cents, whole_cents};
use super::prices::{Item, Rates, Table};
use super::pricing::{EstimateInput, REQUEST_MS, Workload, compute_million};
use crate::app::manifest::Architecture;
use std::ops::Add as _;

/// MiB that a function can have at most
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const FUNCTION_MEMORY: u32 = 10_240;

/// Everything that would cost less, the greatest saving first.
pub(super) fn find(table: &Table, input: &EstimateInput<'_>, bill: &Bill) -> Vec<Alternative> {
    let rates = table.rates(input.region);
    let mut found = match input.workload {
        Workload::Tasks { count: 0, .. } => Vec::new(),
        Workload::Tasks { count, .. } => {
            let arm = arm_tasks(table, input, bill);
            let one = (count > 1).then(|| one_task(table, input, bill)).flatten();
            let function = on_lambda(&rates, input, bill);
            [function, arm, one].into_iter().flatten().collect()
        }
        Workload::Function { .. } => arm_function(&rates, input, bill).into_iter().collect(),
    };
    found.sort_by(|a, b| a.monthly_usd.total_cmp(&b.monthly_usd));
    found
}

fn arm_tasks(table: &Table, input: &EstimateInput<'_>, bill: &Bill) -> Option<Alternative> {
    let Workload::Tasks {
        count,
        cpu,
        memory,
        architecture: Architecture::X86_64,
    } = input.workload
    else {
        return None;
    };
    let workload = Workload::Tasks {
        count,
        cpu,
        memory,
        architecture: Architecture::Arm64,
    };
    let setting = "architecture = \"arm64\"";
    with(
        table,
        input,
        bill,
        workload,
        setting,
        ", if the image can be built for it",
    )
}

fn one_task(table: &Table, input: &EstimateInput<'_>, bill: &Bill) -> Option<Alternative> {
    let Workload::Tasks {
        cpu,
        memory,
        architecture,
        ..
    } = input.workload
    else {
        return None;
    };
    let workload = Workload::Tasks {
        count: 1,
        cpu,
        memory,
        architecture,
    };
    let loss = ", but nothing answers while a task that died is replaced";
    with(table, input, bill, workload, "count = 1", loss)
}

/// The same shape with another workload, if that is cheaper by a cent at least.
fn with(
    table: &Table,
    input: &EstimateInput<'_>,
    bill: &Bill,
    workload: Workload,
    setting: &str,
    condition: &str,
) -> Option<Alternative> {
    let changed = EstimateInput { workload, ..*input };
    let monthly_usd = estimate::bill(table, &changed).monthly_usd;
    (whole_cents(monthly_usd) < whole_cents(bill.monthly_usd)).then(|| Alternative {
        setting: setting.to_owned(),
        monthly_usd,
        text: format!(
            "`{setting}`: ${} a month without traffic instead of ${}{condition}",
            cents(monthly_usd),
            cents(bill.monthly_usd)
        ),
    })
}

/// What exists only because tasks are reached through a load balancer.
fn is_of_tasks(line: &BillLine) -> bool {
    let kind = line.kind.as_str();
    line.address == "release" || ["aws_lb", "aws_eip", "aws_nat_gateway"].contains(&kind)
}

fn on_lambda(rates: &Rates<'_>, input: &EstimateInput<'_>, bill: &Bill) -> Option<Alternative> {
    let Workload::Tasks {
        memory,
        architecture,
        ..
    } = input.workload
    else {
        return None;
    };
    if memory > FUNCTION_MEMORY {
        return None;
    }
    let stays = bill.lines.iter().filter(|line| !is_of_tasks(line));
    let monthly_usd = stays.map(BillLine::monthly_usd).fold(0.0, f64::add);
    let saved = bill.monthly_usd - monthly_usd;
    if whole_cents(saved) < 1.0 {
        return None;
    }
    let million = rates.of(Item::LambdaMillionRequests).usd
        + rates.of(Item::HttpApiMillionRequests).usd
        + compute_million(rates, memory, architecture, REQUEST_MS).usd;
    let dearer = million - bill.per_million_requests_usd;
    let until = if dearer > 0.0 {
        format!(
            ", so it is cheaper up to about {:.0} million a month",
            saved / dearer
        )
    } else {
        String::new()
    };
    let setting = "target = \"lambda\"".to_owned();
    Some(Alternative {
        text: format!(
            "`{setting}`: ${} a month without traffic instead of ${}; a million requests of {REQUEST_MS} ms with {memory} MiB cost ${} instead of ${}{until}",
            cents(monthly_usd),
            cents(bill.monthly_usd),
            cents(million),
            cents(bill.per_million_requests_usd)
        ),
        setting,
        monthly_usd,
    })
}

fn arm_function(rates: &Rates<'_>, input: &EstimateInput<'_>, bill: &Bill) -> Option<Alternative> {
    let Workload::Function {
        memory,
        architecture: Architecture::X86_64,
        request_ms,
    } = input.workload
    else {
        return None;
    };
    let of = |architecture| compute_million(rates, memory, architecture, request_ms).usd;
    let (x86, arm) = (of(Architecture::X86_64), of(Architecture::Arm64));
    let setting = "architecture = \"arm64\"".to_owned();
    (whole_cents(arm) < whole_cents(x86)).then(|| Alternative {
        text: format!(
            "`{setting}`: the compute of a {} costs ${} instead of ${}, if the image can be built for it",
            Per::MillionRequests.words(),
            cents(arm),
            cents(x86)
        ),
        setting,
        monthly_usd: bill.monthly_usd,
    })
}
