//! What an environment will cost, line by line: for people as a table, for programs as JSON.

use super::account::AccountPlan;
use super::alternative::Alternative;
use super::prices::Confidence;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};
use std::ops::Add as _;

/// What a charge for use is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// A million requests of users.
    MillionRequests,
    /// A GB of answers to users.
    GbOut,
    /// A GB that passes through on its way out of a private network, answers not among it.
    GbProcessed,
    /// A GB of log lines.
    GbLogged,
    /// A GB that is kept for a month.
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
            Per::GbMonth => "GB kept a month",
            Per::HundredThousandMails => "100,000 mails",
        }
    }
}

/// How something is charged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "charge", rename_all = "snake_case")]
pub enum Charge {
    /// By existing, whether anybody uses it or not.
    Fixed {
        /// USD for one unit.
        unit_usd: f64,
        /// What is counted, for example `address-hours`.
        unit: String,
        /// How many of them in a month.
        quantity: f64,
        /// USD a month: the product of both, to the bit.
        monthly_usd: f64,
        /// How well the price is known.
        confidence: Confidence,
    },
    /// By use; never part of the sum.
    Usage {
        /// USD for one of `per`.
        usd: f64,
        /// What is counted.
        per: Per,
        /// What is not charged, if anything: of the whole account, every month, without end.
        always_free: Option<String>,
        /// How well the price is known.
        confidence: Confidence,
    },
    /// Nothing, by existing or by use.
    Free {
        /// Why.
        why: String,
    },
    /// Nobody knows here.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// One charge of one resource; a resource may have several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Address in the configuration, `release` for what a release runs, or `secrets`.
    pub address: String,
    /// Type in the provider's words; empty for what no plan knows of.
    pub kind: String,
    /// What is charged for, for example `load balancer`.
    pub what: String,
    /// How.
    #[serde(flatten)]
    pub charge: Charge,
}

impl Line {
    /// USD a month without traffic; 0 for what is charged by use, free or unknown.
    pub fn monthly_usd(&self) -> f64 {
        match self.charge {
            Charge::Fixed { monthly_usd, .. } => monthly_usd,
            _ => 0.0,
        }
    }

    fn usage(&self, wanted: Per) -> f64 {
        match self.charge {
            Charge::Usage { usd, per, .. } if per == wanted => usd,
            _ => 0.0,
        }
    }
}

/// How much of a bill is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Two decimals everywhere, and one line for everything that is free.
    Brief,
    /// Unit prices with all their digits, and every free resource.
    All,
}

/// What an environment will cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bill {
    /// Where.
    pub region: String,
    /// Whether the prices are the region's own; otherwise they are those of us-east-1.
    pub own_prices: bool,
    /// The day of the prices.
    pub prices_of: String,
    /// Every charge, in the order of the plan; what a release runs comes first.
    pub lines: Vec<Line>,
    /// USD a month without traffic: the sum of the lines.
    pub monthly_usd: f64,
    /// USD that a million requests add, once what is always free is used up.
    pub per_million_requests_usd: f64,
    /// USD that a GB of answers adds, once what is always free is used up.
    pub per_gb_out_usd: f64,
    /// Whether the sum lacks something, as a price is unknown.
    pub incomplete: bool,
    /// What was taken for granted, one sentence each.
    pub assumptions: Vec<String>,
    /// How the account pays.
    pub account: AccountPlan,
    /// When the bill was made: what credits and a free plan mean depends on it.
    pub at: Timestamp,
    /// What would do the same for less.
    pub alternatives: Vec<Alternative>,
}

/// What a bill is made of.
pub(super) struct Draft<'a> {
    pub(super) region: &'a str,
    pub(super) own_prices: bool,
    pub(super) prices_of: &'a str,
    pub(super) account: &'a AccountPlan,
    pub(super) at: Timestamp,
}

impl Draft<'_> {
    /// Sums up the lines.
    pub(super) fn bill(self, lines: Vec<Line>, assumptions: Vec<String>) -> Bill {
        // From 0.0 on: the sum of nothing would be -0.0, and JSON would show it.
        let sum = |of: &dyn Fn(&Line) -> f64| lines.iter().map(of).fold(0.0, f64::add);
        let by_use = |per| sum(&|line| line.usage(per));
        Bill {
            region: self.region.to_owned(),
            own_prices: self.own_prices,
            prices_of: self.prices_of.to_owned(),
            monthly_usd: sum(&Line::monthly_usd),
            per_million_requests_usd: by_use(Per::MillionRequests),
            per_gb_out_usd: by_use(Per::GbOut),
            incomplete: lines
                .iter()
                .any(|line| matches!(line.charge, Charge::Unknown { .. })),
            lines,
            assumptions,
            account: self.account.clone(),
            at: self.at,
            alternatives: Vec::new(),
        }
    }
}

/// USD as people read them, rounded to the cent with halves up: `36.39`. A plain `{:.2}` would leave
/// 36.385 to how the float happens to lie.
pub fn cents(usd: f64) -> String {
    format!("{:.2}", whole_cents(usd) / 100.0)
}

/// The same in cents.
pub(super) fn whole_cents(usd: f64) -> f64 {
    // A millionth of a cent outweighs what adding floats loses, and no price has that many digits.
    (usd * 100.0 + 1e-6 + 0.5).floor()
}

/// A price by use with two decimals; one that they would hide is `<0.01`.
fn brief_price(usd: f64) -> String {
    match usd > 0.0 && whole_cents(usd) < 1.0 {
        true => "<0.01".to_owned(),
        false => cents(usd),
    }
}

/// A unit price with the digits that it needs and at least two: `0.0225`, `1.00`.
pub fn unit_price(usd: f64) -> String {
    let text = format!("{usd:.7}");
    let digits = text.trim_end_matches('0');
    let decimals = digits.split_once('.').map_or(0, |(_, tail)| tail.len());
    format!("{usd:.*}", decimals.max(2))
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
            text.push_str(" at us-east-1's prices; this region's own differ");
        }
        text
    }

    /// Lines whose price nobody knows here.
    pub fn unpriced(&self) -> impl Iterator<Item = &Line> {
        self.lines
            .iter()
            .filter(|line| matches!(line.charge, Charge::Unknown { .. }))
    }

    /// Addresses of everything free, together where the reason is the same, in order of appearance.
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

    /// Width of the columns for address and what is charged for.
    fn widths(&self) -> (usize, usize) {
        let billed = || {
            self.lines
                .iter()
                .filter(|line| !matches!(line.charge, Charge::Free { .. }))
        };
        let widest = |of: fn(&Line) -> &str| {
            let widths = billed().map(|line| of(line).chars().count());
            widths.max().unwrap_or(0)
        };
        (widest(|line| &line.address), widest(|line| &line.what))
    }

    /// The bill as text, one charge per line.
    pub fn describe(&self, detail: Detail) -> String {
        match detail {
            Detail::Brief => Shown(self, detail).to_string(),
            Detail::All => self.to_string(),
        }
    }

    fn fixed(&self, detail: Detail, f: &mut Formatter<'_>) -> fmt::Result {
        let (address, what) = self.widths();
        for line in &self.lines {
            let Charge::Fixed {
                unit_usd,
                unit,
                quantity,
                monthly_usd,
                confidence,
            } = &line.charge
            else {
                continue;
            };
            let sum = format!("{}{}", mark(*confidence), cents(*monthly_usd));
            let how = match detail {
                Detail::Brief => String::new(),
                Detail::All => format!("  {quantity} {unit} at {}", unit_price(*unit_usd)),
            };
            let text = format!(
                "  {:>9}  {:address$}  {:what$}{how}",
                sum, line.address, line.what
            );
            writeln!(f, "{}", text.trim_end())?;
        }
        let least = if self.incomplete { ", at least" } else { "" };
        writeln!(
            f,
            "  {:>9}  a month without traffic{least}",
            cents(self.monthly_usd)
        )
    }

    fn by_use(&self, detail: Detail, f: &mut Formatter<'_>) -> fmt::Result {
        let unit_price = match detail {
            Detail::Brief => brief_price,
            Detail::All => unit_price,
        };
        let (address, what) = self.widths();
        let is_usage = |line: &&Line| matches!(line.charge, Charge::Usage { .. });
        if !self.lines.iter().any(|line| is_usage(&line)) {
            return Ok(());
        }
        writeln!(f, "\nby use:")?;
        for line in &self.lines {
            let Charge::Usage {
                usd,
                per,
                always_free,
                confidence,
            } = &line.charge
            else {
                continue;
            };
            let price = format!("{}{}", mark(*confidence), unit_price(*usd));
            let free = match always_free {
                Some(free) => format!("; always free: {free}"),
                None => String::new(),
            };
            writeln!(
                f,
                "  {:>9}  {:address$}  {:what$}  per {}{free}",
                price,
                line.address,
                line.what,
                per.words()
            )?;
        }
        writeln!(
            f,
            "  beyond what is free: {} per million requests, {} per GB out",
            cents(self.per_million_requests_usd),
            unit_price(self.per_gb_out_usd)
        )
    }

    fn unknown(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, line) in self.unpriced().enumerate() {
            if index == 0 {
                writeln!(f, "\nunknown price, not in the sum:")?;
            }
            if let Charge::Unknown { why } = &line.charge {
                writeln!(f, "  {:>9}  {} ({}): {why}", "?", line.address, line.kind)?;
            }
        }
        Ok(())
    }

    fn free_of_charge(&self, detail: Detail, f: &mut Formatter<'_>) -> fmt::Result {
        if detail == Detail::Brief {
            let count: usize = self
                .free()
                .iter()
                .map(|(_, addresses)| addresses.len())
                .sum();
            return match count {
                0 => Ok(()),
                1 => writeln!(f, "\nfree: 1 resource (--all shows it)"),
                many => writeln!(f, "\nfree: {many} resources (--all lists them)"),
            };
        }
        for (index, (why, addresses)) in self.free().iter().enumerate() {
            if index == 0 {
                writeln!(f, "\ncosts nothing:")?;
            }
            writeln!(f, "  {:>9}  {why}: {}", "0.00", addresses.join(", "))?;
        }
        Ok(())
    }
}

fn mark(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Measured => "",
        Confidence::List => "~",
    }
}

/// With all details.
impl Display for Bill {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Shown(self, Detail::All).fmt(f)
    }
}

struct Shown<'a>(&'a Bill, Detail);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Shown(bill, detail) = *self;
        bill.write(detail, f)
    }
}

impl Bill {
    fn write(&self, detail: Detail, f: &mut Formatter<'_>) -> fmt::Result {
        let whose = if self.own_prices {
            ""
        } else {
            ", with us-east-1's prices as its own are not in the table"
        };
        writeln!(
            f,
            "USD a month in {}{whose}; prices of {}, ~ as known and not read again",
            self.region, self.prices_of
        )?;
        self.fixed(detail, f)?;
        self.by_use(detail, f)?;
        self.unknown(f)?;
        self.free_of_charge(detail, f)?;
        writeln!(
            f,
            "\naccount: {}",
            self.account.words(self.monthly_usd, self.at)
        )?;
        for alternative in &self.alternatives {
            writeln!(f, "cheaper: {}", alternative.text)?;
        }
        for assumption in &self.assumptions {
            writeln!(f, "assumed: {assumption}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_cent_are_rounded_up_however_the_float_lies() {
        assert_eq!(cents(36.385), "36.39");
        assert_eq!(cents(16.425), "16.43");
        assert_eq!(cents(0.1 + 0.2), "0.30");
        assert_eq!(cents(0.004), "0.00");
        assert_eq!(cents(0.0), "0.00");
        assert_eq!(cents(78.245), "78.25");
    }

    #[test]
    fn two_decimals_hide_no_price() {
        assert_eq!(brief_price(0.0888889), "0.09");
        assert_eq!(brief_price(0.008), "0.01");
        assert_eq!(brief_price(0.004), "<0.01");
        assert_eq!(brief_price(0.0), "0.00");
    }

    #[test]
    fn a_unit_price_has_the_digits_that_it_needs() {
        assert_eq!(unit_price(0.004445), "0.004445");
        assert_eq!(unit_price(1.0), "1.00");
        assert_eq!(unit_price(0.5), "0.50");
        assert_eq!(unit_price(10.0), "10.00");
    }
}
