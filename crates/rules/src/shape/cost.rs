//! What an environment costs: reported for each resource before anything is created, and refused where
//! no budget allows it.
//!
//! [`prices`] is the dated table, [`estimate()`] lays it over what a plan will make and gives a [`Bill`],
//! [`budget`] decides whether the bill is allowed, [`alternative`] what would cost less, [`account`] what an
//! account's free plan and credits mean for it.
//! `docs/cost.md` describes the model and what it leaves out.

pub mod account;
mod alternative;
pub mod bill;
pub mod budget;
mod estimate;
mod kinds;
pub mod money;
pub mod prices;
mod pricing;
mod spent;

#[cfg(test)]
mod estimate_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod samples;

pub use bill::Bill;
pub use estimate::is_known;
pub use pricing::{EstimateInput, REQUEST_MS, Workload};
pub use spent::Spent;

use prices::Table;

/// What everything will cost, and what would cost less.
pub fn estimate(table: &Table, input: &EstimateInput<'_>) -> Bill {
    let mut bill = estimate::bill(table, input);
    bill.alternatives = alternative::find(table, input, &bill);
    bill
}
