//! A bill as a table: what is charged without traffic and by use, and what would cost less.

use rules::shape::cost::Bill;
use rules::shape::cost::bill::{BillLine, Charge};
use rules::shape::cost::money::{cents, unit_price};
use rules::shape::cost::prices::Confidence;
use std::fmt::Write as _;

/// The table. Amounts have two decimals, and free resources are one line; with `all`, unit prices have all
/// their digits, and every free resource is listed.
pub(crate) fn table(bill: &Bill, all: bool) -> String {
    let prices = match bill.own_prices {
        true => "",
        false => ", at the prices of us-east-1, as the table lacks this region's",
    };
    let mut out = format!(
        "USD a month in {}{prices}; prices of {}, ~ where AWS's price list was not read\n",
        bill.region, bill.prices_of
    );
    for part in [
        fixed(bill, all),
        by_use(bill, all),
        unknown(bill),
        free(bill, all),
    ] {
        out.push_str(&part);
    }
    let account = bill.account.words(bill.monthly_usd, bill.at);
    let _ = writeln!(out, "\naccount: {account}");
    for alternative in &bill.alternatives {
        let _ = writeln!(out, "cheaper: {}", alternative.text);
    }
    for assumption in &bill.assumptions {
        let _ = writeln!(out, "assumed: {assumption}");
    }
    out
}

/// One row: an amount, then the address and what is charged in columns of their own.
fn row(bill: &Bill, amount: &str, line: &BillLine, how: &str) -> String {
    let billed = || {
        let is_free = |line: &&BillLine| matches!(line.charge, Charge::Free { .. });
        bill.lines.iter().filter(move |line| !is_free(line))
    };
    let widest = |of: fn(&BillLine) -> &str| {
        let widths = billed().map(|line| of(line).chars().count());
        widths.max().unwrap_or(0)
    };
    let (address, what) = (widest(|line| &line.address), widest(|line| &line.what));
    format!(
        "  {amount:>9}  {:address$}  {:what$}  {how}\n",
        line.address, line.what
    )
}

fn fixed(bill: &Bill, all: bool) -> String {
    let mut out = String::new();
    for line in &bill.lines {
        if let Charge::Fixed {
            unit_usd,
            unit,
            quantity,
            monthly_usd,
            confidence,
        } = &line.charge
        {
            let amount = format!("{}{}", mark(*confidence), cents(*monthly_usd));
            let how = match all {
                true => format!("{quantity} {unit} at {}", exact(*unit_usd)),
                false => format!("{quantity} {unit}"),
            };
            out.push_str(&row(bill, &amount, line, &how));
        }
    }
    let least = if bill.incomplete { ", at least" } else { "" };
    let sum = cents(bill.monthly_usd);
    out + &format!("  {sum:>9}  a month without traffic{least}\n")
}

fn by_use(bill: &Bill, all: bool) -> String {
    let price = if all { exact } else { unit_price };
    let mut out = String::new();
    for line in &bill.lines {
        if let Charge::Usage {
            usd,
            per,
            always_free,
            confidence,
        } = &line.charge
        {
            let amount = format!("{}{}", mark(*confidence), price(*usd));
            let free = match always_free {
                Some(free) => format!("; always free: {free}"),
                None => String::new(),
            };
            let how = format!("per {}{free}", per.words());
            out.push_str(&row(bill, &amount, line, &how));
        }
    }
    if out.is_empty() {
        return out;
    }
    format!(
        "\nby use:\n{out}  beyond what is free: {} per million requests, {} per GB out\n",
        price(bill.per_million_requests_usd),
        price(bill.per_gb_out_usd)
    )
}

fn unknown(bill: &Bill) -> String {
    let mut out = String::new();
    for line in bill.unpriced() {
        if let Charge::Unknown { why } = &line.charge {
            let _ = writeln!(out, "  {:>9}  {} ({}): {why}", "?", line.address, line.kind);
        }
    }
    match out.is_empty() {
        true => out,
        false => format!("\nunknown price, not in the sum:\n{out}"),
    }
}

fn free(bill: &Bill, all: bool) -> String {
    let groups = bill.free();
    if groups.is_empty() {
        return String::new();
    }
    if !all {
        let number: usize = groups.iter().map(|(_, addresses)| addresses.len()).sum();
        let noun = if number == 1 { "resource" } else { "resources" };
        return format!("\nfree: {number} {noun} (--all lists them)\n");
    }
    let rows = groups
        .iter()
        .map(|(why, addresses)| format!("  {why}: {}\n", addresses.join(", ")));
    format!("\nfree:\n{}", rows.collect::<String>())
}

/// A price with the digits that it needs and at least two: `0.0225`, `1.00`.
fn exact(usd: f64) -> String {
    let text = format!("{usd:.7}");
    let digits = text.trim_end_matches('0');
    let decimals = digits.split_once('.').map_or(0, |(_, tail)| tail.len());
    format!("{usd:.*}", decimals.max(2))
}

fn mark(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Measured => "",
        Confidence::List => "~",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::app::manifest::Architecture;
    use rules::shape::cost::account::AccountPlan;
    use rules::shape::cost::prices::Table;
    use rules::shape::cost::{EstimateInput, REQUEST_MS, Workload, estimate};
    use rules::shape::plan::{Plan, Resource};
    use rules::time::Timestamp;
    use serde_json::{Value, json};

    /// 23 November 2026.
    const NOW: Timestamp = Timestamp(1_795_392_000_000);

    const FIRST: &str = include_str!("../../../rules/tests/plans/first.json");
    const LAMBDA: &str = include_str!("../../../rules/tests/plans/lambda.json");

    fn resources(file: &str, root: &str) -> Vec<Resource> {
        let roots: Value = serde_json::from_str(file).expect("JSON");
        let plan = Plan::parse(&roots[root].to_string()).expect("a plan");
        plan.resources
    }

    fn bill(resources: &[Resource], workload: Workload, region: &str) -> Bill {
        let input = EstimateInput {
            resources,
            workload,
            secrets: 0,
            region,
            account: &AccountPlan::Paid { credits_usd: None },
            now: NOW,
        };
        estimate(Table::own(), &input)
    }

    fn tasks(count: u32) -> Workload {
        Workload::Tasks {
            count,
            cpu: 256,
            memory: 512,
            architecture: Architecture::X86_64,
        }
    }

    #[test]
    fn a_bill_of_fargate() {
        let mut roots = resources(FIRST, "foundation");
        roots.extend(resources(FIRST, "fargate"));
        let bill = bill(&roots, tasks(2), "us-east-1");
        insta::assert_snapshot!(table(&bill, true));
        let brief = table(&bill, false);
        assert!(
            brief.contains("\nfree: 34 resources (--all lists them)\n"),
            "{brief}"
        );
        assert!(!brief.contains("aws_vpc"), "{brief}");
        let digits = |text: &str| text.split_once('.').map_or(0, |(_, tail)| tail.len());
        let amounts = brief
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        assert!(
            amounts
                .filter(|one| one.parse::<f64>().is_ok())
                .all(|one| digits(one) == 2)
        );
    }

    #[test]
    fn a_bill_of_lambda() {
        let mut roots = resources(FIRST, "foundation");
        roots.extend(resources(LAMBDA, "lambda"));
        let function = Workload::Function {
            memory: 512,
            architecture: Architecture::X86_64,
            request_ms: REQUEST_MS,
        };
        insta::assert_snapshot!(table(&bill(&roots, function, "eu-central-1"), false));
    }

    #[test]
    fn a_bill_with_unknown_prices_in_a_region_without_prices() {
        let resource = |address: &str, values: Value| Resource {
            address: address.to_owned(),
            kind: address.split('.').next().unwrap_or_default().to_owned(),
            values,
            ..Resource::default()
        };
        let odd = [
            resource("aws_db_instance.main", json!({})),
            resource("aws_kms_key.logs", json!({})),
            resource("aws_lb.network", json!({"load_balancer_type": "network"})),
            resource("aws_wafv2_web_acl.main", json!({"rule": [{}, {}, {}]})),
        ];
        insta::assert_snapshot!(table(&bill(&odd, tasks(1), "eu-north-1"), false));
    }
}
