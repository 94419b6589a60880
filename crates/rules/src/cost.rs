//! What an environment costs while nobody calls it: enough to be asked for a yes before anything is
//! created. Traffic, storage and log ingestion come on top and are cents for a small app.

use serde::{Deserialize, Serialize};

/// Hours in a month, as AWS counts them.
const HOURS: f64 = 730.0;

/// Prices in USD, read in November 2026 from AWS's price list (`AmazonECS`, `AWSELB`, `AmazonVPC`).
struct Prices {
    region: &'static str,
    x86_vcpu_hour: f64,
    x86_gb_hour: f64,
    arm_vcpu_hour: f64,
    arm_gb_hour: f64,
    load_balancer_hour: f64,
    public_ipv4_hour: f64,
}

const PRICES: [Prices; 2] = [
    Prices {
        region: "us-east-1",
        x86_vcpu_hour: 0.04048,
        x86_gb_hour: 0.004445,
        arm_vcpu_hour: 0.03238,
        arm_gb_hour: 0.00356,
        load_balancer_hour: 0.0225,
        public_ipv4_hour: 0.005,
    },
    Prices {
        region: "eu-west-2",
        x86_vcpu_hour: 0.04656,
        x86_gb_hour: 0.00511,
        arm_vcpu_hour: 0.03725,
        arm_gb_hour: 0.00409,
        load_balancer_hour: 0.02646,
        public_ipv4_hour: 0.005,
    },
];

/// A monthly price without traffic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// USD a month.
    pub monthly: f64,
    /// Whether the region's own prices were used; otherwise those of us-east-1.
    pub exact_region: bool,
}

/// Fixed monthly cost of the Fargate target: tasks, load balancer over two zones, public addresses of
/// both. CloudFront, ECS, the roles and alarms within the always-free allowance cost nothing.
pub fn fargate(region: &str, settings: &crate::revision::Settings, count: u32) -> Estimate {
    let own = PRICES.iter().find(|prices| prices.region == region);
    let prices = own.unwrap_or(&PRICES[0]);
    let (vcpu_hour, gb_hour) = match settings.architecture {
        crate::manifest::Architecture::X86_64 => (prices.x86_vcpu_hour, prices.x86_gb_hour),
        crate::manifest::Architecture::Arm64 => (prices.arm_vcpu_hour, prices.arm_gb_hour),
    };
    let task = f64::from(settings.cpu) / 1024.0 * vcpu_hour
        + f64::from(settings.memory) / 1024.0 * gb_hour
        + prices.public_ipv4_hour;
    let load_balancer = prices.load_balancer_hour + 2.0 * prices.public_ipv4_hour;
    Estimate {
        monthly: (f64::from(count) * task + load_balancer) * HOURS,
        exact_region: own.is_some(),
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
