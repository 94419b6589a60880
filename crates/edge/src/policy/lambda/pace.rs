//! Time on Lambda: it stands still between invocations, and within one it is short.

use rules::time::Timestamp;
use std::time::Duration;

/// The start of a function may take 10 s until its runtime asks for the first invocation; after that
/// Lambda starts it all over. What is left is for asking.
pub const INIT: Duration = Duration::from_millis(9_500);
/// No invocation takes longer; a deadline beyond comes from clocks that differ.
const LONGEST: Duration = Duration::from_secs(900);
/// Lines are not closer than this.
const LINE: Duration = Duration::from_secs(1);

/// How long an invocation's answer may take, from now on: what is left until Lambda's deadline without a
/// margin to bring the answer there. [`None`]: no sound deadline is known, so it is nothing to go by.
///
/// Both times are of the wall clock. An invocation that is handed out has time left, so a deadline that is
/// over says that the two clocks differ.
pub fn limit(deadline: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let left = deadline?.0.checked_sub(now.0).filter(|left| *left > 0)?;
    let left = Duration::from_millis(left);
    (left <= LONGEST).then(|| left.saturating_sub(margin(left)))
}

/// A tenth, from 50 to 500 ms: the answer has to be written, sent and told.
fn margin(left: Duration) -> Duration {
    (left / 10).clamp(Duration::from_millis(50), Duration::from_millis(500))
}

/// The shorter one of what the environment says and what the invocation has left.
pub fn shorter(own: Option<Duration>, limit: Option<Duration>) -> Option<Duration> {
    match (own, limit) {
        (Some(own), Some(limit)) => Some(own.min(limit)),
        (own, limit) => own.or(limit),
    }
}

/// Whether the line that tells about the last seconds is due, when an invocation ends. Between
/// invocations nobody can write it, so waiting longer than a second risks that nobody ever does.
pub fn line_is_due(every: Option<Duration>, told: Option<Timestamp>, now: Timestamp) -> bool {
    let (Some(every), Some(told)) = (every, told) else {
        return every.is_some();
    };
    let every = u64::try_from(every.min(LINE).as_millis()).unwrap_or(u64::MAX);
    // A clock that was set back: as if it had never been told.
    now.0.checked_sub(told.0).is_none_or(|since| since >= every)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_invocation_of_three_seconds() {
        let limit = |left: u64| limit(Some(Timestamp(1_000_000 + left)), Timestamp(1_000_000));
        let ms = Duration::from_millis;
        assert_eq!(limit(3_000), Some(ms(2_700)));
        assert_eq!(limit(900_000), Some(ms(899_500)));
        assert_eq!(limit(100), Some(ms(50)));
        assert_eq!(limit(20), Some(ms(0)));
    }

    #[test]
    fn clocks_that_differ_are_no_deadline() {
        let now = Timestamp(1_000_000);
        assert_eq!(limit(None, now), None);
        assert_eq!(limit(Some(Timestamp(999_999)), now), None);
        assert_eq!(limit(Some(now), now), None);
        assert_eq!(limit(Some(Timestamp(1_900_001)), now), None);
        assert_eq!(limit(Some(Timestamp(u64::MAX)), now), None);
    }

    #[test]
    fn the_shorter_limit_counts() {
        let [one, two] = [1, 2].map(|n| Some(Duration::from_secs(n)));
        assert_eq!(shorter(one, two), one);
        assert_eq!(shorter(None, two), two);
        assert_eq!(shorter(one, None), one);
        assert_eq!(shorter(None, None), None);
    }

    #[test]
    fn lines_are_a_second_apart_at_least() {
        let every = Some(Duration::from_secs(10));
        let due = |told: Option<u64>, now| line_is_due(every, told.map(Timestamp), Timestamp(now));
        assert!(due(None, 0));
        assert!(!due(Some(5_000), 5_999));
        assert!(due(Some(5_000), 6_000));
        assert!(due(Some(5_000), 4_000));
        assert!(!line_is_due(None, None, Timestamp(9_000)));
        let often = Some(Duration::from_millis(10));
        assert!(line_is_due(often, Some(Timestamp(0)), Timestamp(10)));
    }

    proptest! {
        #[test]
        fn the_margin_is_always_kept(deadline in any::<u64>(), now in any::<u64>()) {
            if let Some(limit) = limit(Some(Timestamp(deadline)), Timestamp(now)) {
                let end = u128::from(now) + limit.as_millis() + 50;
                prop_assert!(end <= u128::from(deadline) || limit.is_zero());
            }
        }
    }
}
