//! Whether a bill is allowed. What costs money by existing is refused unless a budget allows it; what
//! costs by use is shown and never refused.
//!
//! The rule, exactly: the sum of all fixed charges, rounded to whole cents, is refused when it is greater
//! than the budget, rounded to whole cents. No budget means 0. So what is kept in the registry, in log
//! groups and in buckets, requests, and data out never count, and neither does a fixed sum below half a cent.
//! A resource of unknown price is refused where the budget is 0, because it may cost something. With a
//! budget above 0 it is allowed with a warning. In a rehearsal nothing is refused.

use super::bill::{Bill, Charge};
use super::money::{cents, whole_cents};
use serde::{Deserialize, Serialize};

/// What becomes of a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may be made, possibly with a warning.
    Allowed {
        /// The warning, if there is one.
        warning: Option<String>,
    },
    /// It must not be made.
    Refused(Refusal),
}

/// Why it must not be made, in the parts of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What is wrong, in one sentence.
    pub what: String,
    /// On what evidence.
    pub why: Vec<String>,
    /// What to do about it.
    pub next: Vec<String>,
}

/// Decides on a bill. `budget` is USD a month, if there is one.
pub fn decide(bill: &Bill, budget: Option<f64>, rehearsal: bool) -> Decision {
    if rehearsal {
        return Decision::Allowed { warning: None };
    }
    // Anything that is no amount allows nothing.
    let budget = budget.filter(|usd| usd.is_finite()).unwrap_or(0.0).max(0.0);
    if whole_cents(bill.monthly_usd) > whole_cents(budget) {
        return Decision::Refused(too_dear(bill, budget));
    }
    if !bill.incomplete {
        return Decision::Allowed { warning: None };
    }
    if whole_cents(budget) < 1.0 {
        return Decision::Refused(unpriced(bill));
    }
    let warning = format!(
        "the price of {} is unknown, and may exceed the budget",
        addresses(bill)
    );
    Decision::Allowed {
        warning: Some(warning),
    }
}

fn too_dear(bill: &Bill, budget: f64) -> Refusal {
    let sum = cents(bill.monthly_usd);
    let what = if whole_cents(budget) < 1.0 {
        format!("it would cost ${sum} a month by existing, and no budget allows that")
    } else {
        format!(
            "it would cost ${sum} a month by existing, and the budget is ${}",
            cents(budget)
        )
    };
    let mut why: Vec<String> = charges(bill);
    why.push(bill.account.words(bill.monthly_usd, bill.at));
    if bill.incomplete {
        why.push(format!(
            "on top comes {}, of unknown price",
            addresses(bill)
        ));
    }
    let least = enough(bill.monthly_usd);
    let mut next = vec![format!(
        "nothing was created; to allow it set `budget = {least}` in landfall.toml, or pass `--budget {least}`"
    )];
    next.extend(bill.alternatives.iter().map(|other| other.text.clone()));
    Refusal { what, why, next }
}

fn unpriced(bill: &Bill) -> Refusal {
    Refusal {
        what: "its cost is unknown, and the budget is 0".to_owned(),
        why: bill
            .unpriced()
            .filter_map(|line| match &line.charge {
                Charge::Unknown { why } => Some(format!("{} ({}): {why}", line.address, line.kind)),
                _ => None,
            })
            .collect(),
        next: vec![
            "nothing was created; to allow it set `budget` in landfall.toml, or pass `--budget`, above what you estimate it costs"
                .to_owned(),
        ],
    }
}

/// The fixed charges as text, the most expensive first.
fn charges(bill: &Bill) -> Vec<String> {
    let mut dear: Vec<_> = bill
        .lines
        .iter()
        .filter(|line| whole_cents(line.monthly_usd()) >= 1.0)
        .collect();
    dear.sort_by(|a, b| b.monthly_usd().total_cmp(&a.monthly_usd()));
    dear.iter()
        .map(|line| {
            format!(
                "${}: {}, {}",
                cents(line.monthly_usd()),
                line.what,
                line.address
            )
        })
        .collect()
}

fn addresses(bill: &Bill) -> String {
    let all: Vec<&str> = bill.unpriced().map(|line| line.address.as_str()).collect();
    all.join(", ")
}

/// The least whole number of USD that allows the sum.
fn enough(monthly: f64) -> f64 {
    (whole_cents(monthly) / 100.0).ceil()
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
