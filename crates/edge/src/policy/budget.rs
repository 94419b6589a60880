//! The retry budget: how many more requests the app gets than users sent.
//!
//! Retries hide single failures and make an outage worse. A bucket of tokens does both: every first
//! attempt puts a share of a token in, every retry takes a whole one. As long as one request in ten
//! fails the bucket stays full; when every answer is an error the app sees `1 + share` requests for each
//! of the users', not `tries` of them. It counts requests, not requests in flight: a budget over
//! concurrency is too tight for a burst and worth nothing when requests come one by one.

use crate::policy::monotonic::Moment;

/// One token, in the unit that is counted in. Whole numbers keep the bound exact.
const TOKEN: u64 = 1_000_000;

/// What fills the bucket, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetPolicy {
    /// Retries for every hundred first attempts.
    pub percent: u32,
    /// Retries that may come at once: as many as requests that one crash of the app cuts off.
    pub burst: u32,
    /// Retries a second that need no traffic to earn them, for an app that is asked once a minute.
    pub floor_per_second: u32,
}

/// The bucket.
#[derive(Debug, Clone)]
pub struct Budget {
    policy: BudgetPolicy,
    tokens: u64,
    filled_at: Moment,
}

impl Budget {
    /// A full bucket: the first failure after a start deserves its retry.
    pub fn new(policy: BudgetPolicy, now: Moment) -> Budget {
        Budget {
            policy,
            tokens: u64::from(policy.burst) * TOKEN,
            filled_at: now,
        }
    }

    /// A request made its first attempt.
    pub fn deposit(&mut self) {
        self.put(u64::from(self.policy.percent) * (TOKEN / 100));
    }

    /// Takes a token, if there is one. Without it there is no retry.
    pub fn withdraw(&mut self, now: Moment) -> bool {
        let waited = u64::try_from(now.since(self.filled_at).as_micros()).unwrap_or(u64::MAX);
        // A token is a million units and a second a million microseconds: the floor is units already.
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
    fn an_outage_is_amplified_by_the_share_and_the_burst_only() {
        let mut budget = Budget::new(POLICY, Moment(0));
        let requests = 10_000;
        let mut retries = 0;
        for _ in 0..requests {
            budget.deposit();
            while retries < requests && budget.withdraw(Moment(0)) {
                retries += 1;
            }
        }
        // The first deposits fall on a bucket that is full.
        assert!(
            (requests / 5 + 99..=requests / 5 + 100).contains(&retries),
            "{retries}"
        );
    }

    #[test]
    fn one_error_in_ten_never_empties_it() {
        let mut budget = Budget::new(POLICY, Moment(0));
        for request in 0..100_000_u32 {
            budget.deposit();
            if request % 10 == 0 {
                assert!(budget.withdraw(Moment(0)));
            }
        }
        assert!(budget.tokens() > 90);
    }

    proptest! {
        /// Whatever the order of requests, retries and time: never more than was earned.
        #[test]
        fn it_never_gives_more_than_it_got(
            percent in 0..=100_u32, burst in 0..200_u32, floor_per_second in 0..50_u32,
            steps in prop::collection::vec((any::<bool>(), 0..3_000_000_u64), 1..500),
        ) {
            let policy = BudgetPolicy { percent, burst, floor_per_second };
            let mut budget = Budget::new(policy, Moment(0));
            let (mut requests, mut retries, mut now) = (0_u64, 0_u64, 0_u64);
            for (is_request, later) in steps {
                now += later;
                if is_request {
                    requests += 1;
                    budget.deposit();
                } else {
                    retries += u64::from(budget.withdraw(Moment(now)));
                }
                let earned = u64::from(burst) * TOKEN
                    + requests * u64::from(percent) * (TOKEN / 100)
                    + now * u64::from(floor_per_second);
                prop_assert!(retries * TOKEN <= earned);
            }
        }
    }
}
