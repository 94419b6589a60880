//! What an environment costs: said resource by resource before anything is created, and refused where
//! nobody allowed it.
//!
//! [`prices`] is the dated table, [`estimate()`] lays it over what a plan will make and gives a [`Bill`],
//! [`budget`] says whether the bill is allowed, [`alternative`] what would cost less, [`account`] what an
//! account's free plan and credits mean for it, and [`list`] reads AWS's price list to renew the table.
//! `docs/cost.md` tells the model and what it leaves out.

pub mod account;
pub mod alternative;
pub mod bill;
pub mod budget;
mod estimate;
mod kinds;
pub mod list;
pub mod prices;

#[cfg(test)]
mod estimate_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod samples;

pub use bill::Bill;
pub use estimate::{Basis, REQUEST_MS, Workload, estimate};
pub use kinds::is_known;

use prices::{Item, Table};
use serde::{Deserialize, Serialize};

/// A monthly price without traffic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// USD a month.
    pub monthly: f64,
    /// Whether the region's own prices were used; otherwise those of us-east-1.
    pub exact_region: bool,
}

/// Fixed monthly cost of the Fargate target before there is a plan: tasks, load balancer over two zones,
/// public addresses of both. [`estimate()`] says more where there is a plan.
pub fn fargate(region: &str, settings: &crate::revision::Settings, count: u32) -> Estimate {
    let table = Table::own();
    let rates = table.rates(region);
    let task = Workload::Tasks {
        count,
        cpu: settings.cpu,
        memory: settings.memory,
        architecture: settings.architecture,
    }
    .task_hour(&rates);
    let address = rates.of(Item::PublicIpv4Hour).usd;
    let load_balancer = rates.of(Item::LoadBalancerHour).usd + 2.0 * address;
    Estimate {
        monthly: (f64::from(count) * (task + address) + load_balancer) * table.hours,
        exact_region: rates.is_own,
    }
}

/// Whether `budget` (USD a month, if the manifest sets one) allows the estimate.
pub fn is_within(estimate: Estimate, budget: Option<f64>) -> bool {
    budget.is_none_or(|budget| estimate.monthly <= budget)
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "about ${:.2} a month without traffic", self.monthly)?;
        if !self.exact_region {
            f.write_str(" at us-east-1's prices; this region's own differ")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Architecture;
    use crate::revision::Settings;

    fn settings(architecture: Architecture) -> Settings {
        Settings {
            target: crate::manifest::Target::Fargate,
            port: 8080,
            cpu: 256,
            memory: 512,
            architecture,
            env: Default::default(),
            stop_timeout: 30,
            edge: None,
        }
    }

    #[test]
    fn one_small_task_costs_what_the_price_list_says() {
        let x86 = settings(Architecture::X86_64);
        assert_eq!(
            format!("{:.2}", fargate("us-east-1", &x86, 1).monthly),
            "36.39"
        );
        assert_eq!(
            format!("{:.2}", fargate("eu-west-2", &x86, 1).monthly),
            "40.63"
        );
        let arm = settings(Architecture::Arm64);
        assert!(fargate("us-east-1", &arm, 1).monthly < fargate("us-east-1", &x86, 1).monthly);
    }

    #[test]
    fn a_region_without_prices_says_so() {
        let estimate = fargate("eu-north-1", &settings(Architecture::X86_64), 1);
        assert!(estimate.to_string().contains("this region's own differ"));
    }

    #[test]
    fn without_a_budget_the_person_decides() {
        let estimate = Estimate {
            monthly: 36.0,
            exact_region: true,
        };
        assert!(is_within(estimate, None));
        assert!(!is_within(estimate, Some(35.99)));
        assert!(is_within(estimate, Some(36.0)));
    }
}
