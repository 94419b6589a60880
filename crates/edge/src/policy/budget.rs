//! The retry budget: how many requests the app gets beyond those of users.
//!
//! Retries hide single failures but make an outage worse. A token bucket limits them: every first
//! attempt adds a share of a token, every retry takes a whole one. As long as one request in ten
//! fails, the bucket stays full; when every answer is an error, the app gets `1 + share` requests
//! for each one of a user, not `tries`. The budget counts requests, not requests in flight: a
//! budget over concurrency is too small for a burst, and without effect when requests arrive one by
//! one.

use crate::policy::monotonic::Monotonic;

/// One token in internal units. Integers keep the bound exact.
const TOKEN: u64 = 1_000_000;

/// How fast the bucket fills, and how large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetPolicy {
    /// Retries per hundred first attempts.
    pub percent: u32,
    /// Size of the bucket in tokens: as many retries as requests that one crash of the app
    /// interrupts.
    pub burst: u32,
    /// Tokens per second without any traffic, for an app that is requested once a minute.
    pub floor_per_second: u32,
}

/// The token bucket.
#[derive(Debug, Clone)]
pub struct Budget {
    policy: BudgetPolicy,
    tokens: u64,
    filled_at: Monotonic,
}

impl Budget {
    /// A full bucket: the first failure after a start may be retried.
    pub fn new(policy: BudgetPolicy, now: Monotonic) -> Budget {
        Budget {
            policy,
            tokens: u64::from(policy.burst) * TOKEN,
            filled_at: now,
        }
    }

    /// Adds the share of a first attempt.
    pub fn deposit(&mut self) {
        self.put(u64::from(self.policy.percent) * (TOKEN / 100));
    }

    /// Takes a token for a retry; false if there is none.
    pub fn withdraw(&mut self, now: Monotonic) -> bool {
        let waited = u64::try_from(now.since(self.filled_at).as_micros()).unwrap_or(u64::MAX);
        // A token is a million units and a second a million microseconds, so the product is in
        // units.
        self.put(waited.saturating_mul(u64::from(self.policy.floor_per_second)));
        self.filled_at = self.filled_at.max(now);
        let enough = self.tokens >= TOKEN;
        if enough {
            self.tokens -= TOKEN;
        }
        enough
    }

    /// Whole tokens in the bucket.
    pub fn tokens(&self) -> u64 {
        self.tokens / TOKEN
    }

    fn put(&mut self, units: u64) {
        let full = u64::from(self.policy.burst) * TOKEN;
        self.tokens = self.tokens.saturating_add(units).min(full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: BudgetPolicy = BudgetPolicy {
        percent: 20,
        burst: 100,
        floor_per_second: 1,
    };

    #[test]
    fn an_outage_is_amplified_by_share_and_burst_only() {
        let mut budget = Budget::new(POLICY, Monotonic(0));
        let requests = 10_000;
        let mut retries = 0;
        for _ in 0..requests {
            budget.deposit();
            while retries < requests && budget.withdraw(Monotonic(0)) {
                retries += 1;
            }
        }
        // The first deposits overflow a full bucket.
        assert!(
            (requests / 5 + 99..=requests / 5 + 100).contains(&retries),
            "{retries}"
        );
    }

    #[test]
    fn one_error_in_ten_never_empties_the_bucket() {
        let mut budget = Budget::new(POLICY, Monotonic(0));
        for request in 0..100_000_u32 {
            budget.deposit();
            if request % 10 == 0 {
                assert!(budget.withdraw(Monotonic(0)));
            }
        }
        assert!(budget.tokens() > 90);
    }

    proptest! {
        /// For any order of requests, retries and time, retries never exceed what was added.
        #[test]
        fn retries_never_exceed_the_budget(
            percent in 0..=100_u32, burst in 0..200_u32, floor_per_second in 0..50_u32,
            steps in prop::collection::vec((any::<bool>(), 0..3_000_000_u64), 1..500),
        ) {
            let policy = BudgetPolicy { percent, burst, floor_per_second };
            let mut budget = Budget::new(policy, Monotonic(0));
            let (mut requests, mut retries, mut now) = (0_u64, 0_u64, 0_u64);
            for (is_request, later) in steps {
                now += later;
                if is_request {
                    requests += 1;
                    budget.deposit();
                } else {
                    retries += u64::from(budget.withdraw(Monotonic(now)));
                }
                let earned = u64::from(burst) * TOKEN
                    + requests * u64::from(percent) * (TOKEN / 100)
                    + now * u64::from(floor_per_second);
                prop_assert!(retries * TOKEN <= earned);
            }
        }
    }
}
