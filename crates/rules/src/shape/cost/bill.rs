//! What an environment will cost, line by line.

use super::account::AccountPlan;
use super::money::cents;
use super::prices::Confidence;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a charge for use is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// A million requests of users.
    MillionRequests,
    /// A GB of responses to users.
    GbOut,
    /// A GB that leaves a private network, without the responses.
    GbProcessed,
    /// A GB of log lines.
    GbLogged,
    /// A GB that is stored for a month.
    GbMonth,
    /// A hundred thousand mails.
    HundredThousandMails,
}

impl Per {
    /// The words after "USD per".
    pub fn words(self) -> &'static str {
        match self {
            Per::MillionRequests => "million requests",
            Per::GbOut => "GB out",
            Per::GbProcessed => "GB processed",
            Per::GbLogged => "GB logged",
            Per::GbMonth => "GB stored a month",
            Per::HundredThousandMails => "100,000 mails",
        }
    }
}

/// How something is charged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "charge", rename_all = "snake_case")]
pub enum Charge {
    /// For existing, whether it is used or not.
    Fixed {
        /// USD for one unit.
        unit_usd: f64,
        /// The unit, for example `address-hours`.
        unit: String,
        /// Units in a month.
        quantity: f64,
        /// USD a month: exactly the product of both.
        monthly_usd: f64,
        /// How well the price is known.
        confidence: Confidence,
    },
    /// For use; never part of the sum.
    Usage {
        /// USD for one of `per`.
        usd: f64,
        /// The unit.
        per: Per,
        /// What every account gets free each month without end, if anything.
        always_free: Option<String>,
        /// How well the price is known.
        confidence: Confidence,
    },
    /// Nothing, whether it is used or not.
    Free {
        /// Why.
        why: String,
    },
    /// The price is unknown.
    Unknown {
        /// Why.
        why: String,
    },
}

/// One charge of one resource; a resource may have several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BillLine {
    /// Address in the configuration, `release` for what a release runs, or `secrets`.
    pub address: String,
    /// Resource type in the provider's terms; empty for what is in no plan.
    pub kind: String,
    /// What is charged, for example `load balancer`.
    pub what: String,
    /// How it is charged.
    #[serde(flatten)]
    pub charge: Charge,
}

impl BillLine {
    /// USD a month without traffic; 0 for what is charged by use, free or unknown.
    pub fn monthly_usd(&self) -> f64 {
        match self.charge {
            Charge::Fixed { monthly_usd, .. } => monthly_usd,
            _ => 0.0,
        }
    }

    /// USD for one of `wanted`; 0 for what is not charged by it.
    pub(super) fn usage_usd(&self, wanted: Per) -> f64 {
        match self.charge {
            Charge::Usage { usd, per, .. } if per == wanted => usd,
            _ => 0.0,
        }
    }
}

/// A setting that makes the bill smaller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// The setting as `landfall.toml` has it, for example `architecture = "arm64"`.
    pub setting: String,
    /// USD a month without traffic, with it.
    pub monthly_usd: f64,
    /// What it means: a sentence without a full stop that begins with the setting.
    pub text: String,
}

/// What an environment will cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bill {
    /// AWS region.
    pub region: String,
    /// Whether the prices are those of the region; otherwise they are those of us-east-1.
    pub own_prices: bool,
    /// Date of the prices, `2026-11-23`.
    pub prices_of: String,
    /// Every charge, in the order of the plan; what a release runs comes first.
    pub lines: Vec<BillLine>,
    /// USD a month without traffic: the sum of the lines.
    pub monthly_usd: f64,
    /// USD that a million requests add, beyond what is always free.
    pub per_million_requests_usd: f64,
    /// USD that a GB of responses adds, beyond what is always free.
    pub per_gb_out_usd: f64,
    /// Whether the sum lacks something because a price is unknown.
    pub incomplete: bool,
    /// What was assumed, one sentence each.
    pub assumptions: Vec<String>,
    /// How the account pays.
    pub account: AccountPlan,
    /// When the bill was made: credits and a free plan depend on it.
    pub at: Timestamp,
    /// What would do the same for less.
    pub alternatives: Vec<Alternative>,
}

impl Bill {
    /// One sentence: `about $36.39 a month without traffic`.
    pub fn summary(&self) -> String {
        let least = if self.incomplete { "at least" } else { "about" };
        let mut text = format!(
            "{least} ${} a month without traffic",
            cents(self.monthly_usd)
        );
        if !self.own_prices {
            text.push_str(" at the prices of us-east-1, which differ from this region's");
        }
        text
    }

    /// Lines whose price is unknown.
    pub fn unpriced(&self) -> impl Iterator<Item = &BillLine> {
        self.lines
            .iter()
            .filter(|line| matches!(line.charge, Charge::Unknown { .. }))
    }

    /// Addresses of everything free, grouped by the reason, in order of appearance.
    pub fn free(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in &self.lines {
            let Charge::Free { why } = &line.charge else {
                continue;
            };
            match groups.iter_mut().find(|(reason, _)| reason == why) {
                Some((_, addresses)) => addresses.push(&line.address),
                None => groups.push((why, vec![&line.address])),
            }
        }
        groups
    }
}
