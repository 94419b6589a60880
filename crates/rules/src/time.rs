//! Points in time as data: the caller reads the clock, rules only compare.

mod http_date;
mod rfc3339;

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Milliseconds since the Unix epoch (UTC).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// How long it has been since `earlier`; zero if `earlier` lies in the future (clocks differ).
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The moment `duration` later.
    pub fn plus(self, duration: Duration) -> Timestamp {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_add(millis))
    }

    /// Its day in UTC: year, month and day of the month.
    pub fn date(self) -> (u64, u64, u64) {
        date(self.0 / MILLIS_OF_A_DAY)
    }

    /// The time of day as people read it, `14:03:10 UTC`; with its date, `2026-11-23 14:03:10 UTC`, if
    /// `today` lies on another day.
    pub fn readable(self, today: Timestamp) -> String {
        let seconds = self.0 / 1_000;
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        let day = self.0 / MILLIS_OF_A_DAY;
        if day == today.0 / MILLIS_OF_A_DAY {
            return format!("{hour:02}:{minute:02}:{second:02} UTC");
        }
        let (year, month, day) = date(day);
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

const MILLIS_OF_A_DAY: u64 = 86_400_000;

/// Year, month and day of the day that begins `days` after 1970-01-01, in the Gregorian calendar
/// (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
fn date(days: u64) -> (u64, u64, u64) {
    // Eras of 400 years, each of 146,097 days, count from 0000-03-01, so that a leap day ends its year.
    let days = days + 719_468;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = days / 146_097 * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// A duration the way people read it: `850 ms`, `4.2 s`, `3 min 05 s`.
pub fn readable(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// About how long something has been, in one unit: `4 s`, `3 min`, `5 h`, `2 days`.
pub fn roughly(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Reads `90s`, `10m`, `2h` or `1d`; a number alone counts seconds. [`None`] for anything else.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_prose() {
        let of = |ms| readable(Duration::from_millis(ms));
        assert_eq!(of(850), "850 ms");
        assert_eq!(of(4_240), "4.2 s");
        assert_eq!(of(185_000), "3 min 05 s");
    }

    #[test]
    fn an_age_is_told_in_one_unit() {
        let of = |seconds| roughly(Duration::from_secs(seconds));
        assert_eq!(of(0), "0 s");
        assert_eq!(of(185), "3 min");
        assert_eq!(of(172_799), "47 h");
        assert_eq!(of(172_800), "2 days");
    }

    #[test]
    fn a_moment_is_told_with_its_date_on_any_other_day() {
        let noon = Timestamp(1_795_435_390_250);
        assert_eq!(noon.readable(noon), "12:03:10 UTC");
        let of = |seconds: u64| Timestamp(seconds * 1_000).readable(Timestamp(u64::MAX));
        assert_eq!(of(1_795_435_390), "2026-11-23 12:03:10 UTC");
        assert_eq!(of(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(of(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(of(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(of(4_107_542_399), "2100-02-28 23:59:59 UTC");
        assert_eq!(of(4_107_542_400), "2100-03-01 00:00:00 UTC");
        // Nonsense out of a file is told as well as it can be.
        Timestamp(u64::MAX).readable(Timestamp(0));
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(parse_duration("10m"), Some(Duration::from_secs(600)));
        assert_eq!(parse_duration("45"), Some(Duration::from_secs(45)));
        for bad in [
            "",
            "m",
            "10 m",
            "-1s",
            "1.5h",
            "10x",
            "99999999999999999999d",
        ] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_clock_that_ran_backwards_counts_as_no_time() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    }
}
