//! Time limits on Lambda, where the machine is frozen between invocations.

use edge_contract::time::Timestamp;
use std::time::Duration;

/// The init phase may take 10 s until the runtime asks for the first invocation; then Lambda starts
/// it again. The rest of that time is for the request.
pub const INIT: Duration = Duration::from_millis(9_500);
/// What an HTTP API waits, less a margin for sending the answer.
const API: Duration = Duration::from_millis(29_500);
/// No invocation takes longer. A later deadline means that the clocks differ.
const LONGEST: Duration = Duration::from_secs(900);
/// Shortest time between two summary lines.
const LINE: Duration = Duration::from_secs(1);

/// How long a process exists, from its `/proc/PID/stat` and `/proc/uptime`
/// (<https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>, field 22). [`None`]: one of them cannot be
/// read.
pub fn process_age(stat: &str, uptime: &str, ticks_per_second: u64) -> Option<Duration> {
    // The name of the program is in parentheses and may contain anything.
    let (_, after_name) = stat.rsplit_once(')')?;
    let start: f64 = after_name.split_whitespace().nth(19)?.parse().ok()?;
    let now: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    #[allow(clippy::cast_precision_loss)]
    let start = start / ticks_per_second as f64;
    Duration::try_from_secs_f64(now - start).ok()
}

/// How long an invocation's answer may take from now: the time until Lambda's deadline, less a
/// margin for sending it. [`None`]: no plausible deadline is known.
///
/// Both times are of the wall clock. An invocation has time left when it is fetched, so a deadline
/// that has passed means that the clocks differ.
pub fn limit(deadline: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let left = deadline?.0.checked_sub(now.0).filter(|left| *left > 0)?;
    let left = Duration::from_millis(left);
    (left <= LONGEST).then(|| left.saturating_sub(margin(left)))
}

/// A tenth, from 50 to 500 ms, to write and send the answer.
fn margin(left: Duration) -> Duration {
    (left / 10).clamp(Duration::from_millis(50), Duration::from_millis(500))
}

/// How long an HTTP API still waits for the answer to a request that it got at `received`: 30 s in all, the
/// start of an execution environment included
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>). [`None`]: no plausible
/// time is known.
pub fn until_api_gives_up(received: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let waited = Duration::from_millis(now.0.checked_sub(received?.0)?);
    let is_plausible = waited <= LONGEST;
    is_plausible.then(|| API.saturating_sub(waited))
}

/// The shorter of two limits; [`None`] is no limit.
pub fn shorter(own: Option<Duration>, limit: Option<Duration>) -> Option<Duration> {
    match (own, limit) {
        (Some(own), Some(limit)) => Some(own.min(limit)),
        (own, limit) => own.or(limit),
    }
}

/// Whether a summary line is due at the end of an invocation. Nothing can be written between
/// invocations, so a line that waits for more than a second may never be written.
pub fn line_is_due(every: Option<Duration>, logged_at: Option<Timestamp>, now: Timestamp) -> bool {
    let (Some(every), Some(logged_at)) = (every, logged_at) else {
        return every.is_some();
    };
    let every = u64::try_from(every.min(LINE).as_millis()).unwrap_or(u64::MAX);
    // A clock that was set back counts as if no line had been written.
    now.0
        .checked_sub(logged_at.0)
        .is_none_or(|since| since >= every)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_age_of_a_process_includes_what_ran_before_it_replaced_itself() {
        let stat = "7 (a ) name) S 1 7 7 0 -1 4194560 95 0 0 0 0 0 0 0 20 0 1 0 12345 3276800 110";
        let age = process_age(stat, "130.45 200.00", 100).expect("an age");
        assert_eq!(age.as_millis(), 7_000);
        assert_eq!(process_age(stat, "", 100), None);
        assert_eq!(process_age("7 (name) S", "130.45 200.00", 100), None);
    }

    #[test]
    fn the_answer_has_the_remaining_time_less_a_margin() {
        let limit = |left: u64| limit(Some(Timestamp(1_000_000 + left)), Timestamp(1_000_000));
        let ms = Duration::from_millis;
        assert_eq!(limit(3_000), Some(ms(2_700)));
        assert_eq!(limit(900_000), Some(ms(899_500)));
        assert_eq!(limit(100), Some(ms(50)));
        assert_eq!(limit(20), Some(ms(0)));
    }

    #[test]
    fn implausible_deadlines_are_ignored() {
        let now = Timestamp(1_000_000);
        assert_eq!(limit(None, now), None);
        assert_eq!(limit(Some(Timestamp(999_999)), now), None);
        assert_eq!(limit(Some(now), now), None);
        assert_eq!(limit(Some(Timestamp(1_900_001)), now), None);
        assert_eq!(limit(Some(Timestamp(u64::MAX)), now), None);
    }

    #[test]
    fn the_start_of_a_sandbox_counts_towards_the_time_of_an_api() {
        let left = |waited: u64| {
            let received = Some(Timestamp(1_000_000));
            until_api_gives_up(received, Timestamp(1_000_000 + waited))
        };
        assert_eq!(left(0), Some(API));
        assert_eq!(left(8_000), Some(Duration::from_millis(21_500)));
        assert_eq!(left(40_000), Some(Duration::ZERO));
        assert_eq!(left(900_001), None, "the clocks differ");
        assert_eq!(until_api_gives_up(None, Timestamp(1)), None);
        assert_eq!(until_api_gives_up(Some(Timestamp(2)), Timestamp(1)), None);
    }

    #[test]
    fn the_shorter_limit_applies() {
        let [one, two] = [1, 2].map(|n| Some(Duration::from_secs(n)));
        assert_eq!(shorter(one, two), one);
        assert_eq!(shorter(None, two), two);
        assert_eq!(shorter(one, None), one);
        assert_eq!(shorter(None, None), None);
    }

    #[test]
    fn lines_are_at_least_a_second_apart() {
        let every = Some(Duration::from_secs(10));
        let due = |at: Option<u64>, now| line_is_due(every, at.map(Timestamp), Timestamp(now));
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
