//! The deadline of a request: one limit over all its tries and waits.

use crate::policy::monotonic::Moment;
use std::time::Duration;

/// Until when a request must have its answer's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    at: Option<Moment>,
}

impl Deadline {
    /// `limit` from `start`; without a limit the request may take for ever.
    pub fn new(start: Moment, limit: Option<Duration>) -> Deadline {
        Deadline {
            at: limit.map(|limit| start.plus(limit)),
        }
    }

    /// What is left, zero once it is over; [`None`] if there is no end.
    pub fn remaining(self, now: Moment) -> Option<Duration> {
        self.at.map(|at| at.since(now))
    }

    /// Whether it is over.
    pub fn is_over(self, now: Moment) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// How long one try or wait may take: `own`, but never past the deadline. [`None`] is no limit.
    pub fn within(self, now: Moment, own: Option<Duration>) -> Option<Duration> {
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
        /// However tries and waits follow each other, together they never pass the deadline.
        #[test]
        fn tries_and_waits_never_outlast_it(
            start in 0..u64::MAX / 2, limit in 0..60_000_u64,
            steps in prop::collection::vec(prop::option::of(0..20_000_u64), 0..50),
        ) {
            let limit = Duration::from_millis(limit);
            let deadline = Deadline::new(Moment(start), Some(limit));
            let mut now = Moment(start);
            for own in steps {
                let step = deadline.within(now, own.map(Duration::from_millis));
                prop_assert!(step.is_some());
                now = now.plus(step.unwrap_or_default());
                prop_assert!(now <= Moment(start).plus(limit));
            }
            prop_assert_eq!(deadline.is_over(now), deadline.remaining(now) == Some(Duration::ZERO));
        }

        #[test]
        fn without_a_limit_only_the_own_one_counts(now in any::<u64>(), own in prop::option::of(0..1_000_u64)) {
            let own = own.map(Duration::from_millis);
            let deadline = Deadline::new(Moment(0), None);
            prop_assert_eq!(deadline.within(Moment(now), own), own);
            prop_assert!(!deadline.is_over(Moment(now)));
        }

        #[test]
        fn the_largest_numbers_do_not_overflow(start in any::<u64>(), limit in any::<u64>(), now in any::<u64>()) {
            let deadline = Deadline::new(Moment(start), Some(Duration::from_secs(limit)));
            let _ = deadline.within(Moment(now), Some(Duration::MAX));
        }
    }
}
