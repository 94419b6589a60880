//! The deadline of a request: one limit over all its attempts and waits.

use crate::policy::monotonic::Monotonic;
use std::time::Duration;

/// Until when the head of a request's answer must have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    at: Option<Monotonic>,
}

impl Deadline {
    /// A deadline `limit` after `start`; without a limit there is none.
    pub fn new(start: Monotonic, limit: Option<Duration>) -> Deadline {
        Deadline {
            at: limit.map(|limit| start.plus(limit)),
        }
    }

    /// The remaining time, zero after the deadline; [`None`] without a deadline.
    pub fn remaining(self, now: Monotonic) -> Option<Duration> {
        self.at.map(|at| at.since(now))
    }

    /// Whether the deadline has passed.
    pub fn is_over(self, now: Monotonic) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// The time limit of one attempt or wait: `own`, but never past the deadline; [`None`]: no
    /// limit.
    pub fn within(self, now: Monotonic, own: Option<Duration>) -> Option<Duration> {
        match (self.remaining(now), own) {
            (Some(left), Some(own)) => Some(left.min(own)),
            (left, own) => left.or(own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// In whatever order, attempts and waits together never pass the deadline.
        #[test]
        fn attempts_and_waits_never_pass_the_deadline(
            start in 0..u64::MAX / 2, limit in 0..60_000_u64,
            steps in prop::collection::vec(prop::option::of(0..20_000_u64), 0..50),
        ) {
            let limit = Duration::from_millis(limit);
            let deadline = Deadline::new(Monotonic(start), Some(limit));
            let mut now = Monotonic(start);
            for own in steps {
                let step = deadline.within(now, own.map(Duration::from_millis));
                prop_assert!(step.is_some());
                now = now.plus(step.unwrap_or_default());
                prop_assert!(now <= Monotonic(start).plus(limit));
            }
            prop_assert_eq!(deadline.is_over(now), deadline.remaining(now) == Some(Duration::ZERO));
        }

        #[test]
        fn without_a_deadline_only_the_own_limit_counts(now in any::<u64>(), own in prop::option::of(0..1_000_u64)) {
            let own = own.map(Duration::from_millis);
            let deadline = Deadline::new(Monotonic(0), None);
            prop_assert_eq!(deadline.within(Monotonic(now), own), own);
            prop_assert!(!deadline.is_over(Monotonic(now)));
        }

        #[test]
        fn the_largest_numbers_do_not_overflow(start in any::<u64>(), limit in any::<u64>(), now in any::<u64>()) {
            let deadline = Deadline::new(Monotonic(start), Some(Duration::from_secs(limit)));
            let _ = deadline.within(Monotonic(now), Some(Duration::MAX));
        }
    }
}
