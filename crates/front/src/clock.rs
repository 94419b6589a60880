//! The virtual clock: a time is an argument, never read.

use std::time::Duration;

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// This moment, `by` later.
    #[must_use]
    pub fn after(self, by: Duration) -> Moment {
        Moment(self.0.saturating_add(millis(by)))
    }

    /// This moment, `by` earlier.
    #[must_use]
    pub fn before(self, by: Duration) -> Moment {
        Moment(self.0.saturating_sub(millis(by)))
    }

    /// The time from `earlier` to this moment; zero if it is later.
    #[must_use]
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Year, month and day in UTC.
    #[must_use]
    pub fn date(self) -> (u64, u64, u64) {
        // Howard Hinnant's `civil_from_days`, for days since the epoch.
        let days = self.0 / 86_400_000 + 719_468;
        let era = days / 146_097;
        let of_era = days % 146_097;
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year + era * 400 + u64::from(month <= 2);
        (year, month, day)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How long AWS takes for something, in seconds: in a rehearsal, and really. A delay is drawn
/// between the ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lag {
    /// In a rehearsal.
    pub short: (f64, f64),
    /// On AWS.
    pub real: (f64, f64),
}

impl Lag {
    /// The shortest and the longest delay, in seconds.
    #[must_use]
    pub fn bounds(self, is_real: bool) -> (f64, f64) {
        if is_real { self.real } else { self.short }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(Moment(0).date(), (1970, 1, 1));
        assert_eq!(Moment(951_782_400_000).date(), (2000, 2, 29));
        assert_eq!(Moment(1_795_940_955_000).date(), (2026, 11, 29));
    }

    #[test]
    fn moments_never_underflow() {
        let first = Moment(5);
        assert_eq!(first.before(Duration::from_secs(1)), Moment(0));
        assert_eq!(first.since(Moment(9)), Duration::ZERO);
        assert_eq!(first.after(Duration::from_secs(1)), Moment(1_005));
    }
}
