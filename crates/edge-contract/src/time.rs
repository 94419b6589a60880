//! Points in time and durations: the caller reads the clock, rules only compare.

use ::time::UtcDateTime;
use ::time::format_description::well_known::{Rfc2822, Rfc3339};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Milliseconds since the Unix epoch (UTC).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// The last second of year 9999: RFC 3339 has four digits for the year.
const LAST_SECOND: u64 = 253_402_300_799;

impl Timestamp {
    /// The time since `earlier`; zero if `earlier` is later, as clocks differ.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The time `duration` later.
    pub fn plus(self, duration: Duration) -> Timestamp {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_add(millis))
    }

    /// Its day in UTC: year, month and day of the month.
    pub fn date(self) -> (i32, u8, u8) {
        let (year, month, day) = self.utc().date().to_calendar_date();
        (year, month.into(), day)
    }

    /// The time of day as people read it, `14:03:10 UTC`; with its date, `2026-11-23 14:03:10 UTC`, if
    /// `today` is another day.
    pub fn readable(self, today: Timestamp) -> String {
        let at = self.utc();
        let (hour, minute, second) = at.as_hms();
        let time = format!("{hour:02}:{minute:02}:{second:02} UTC");
        match at.date() == today.utc().date() {
            true => time,
            false => format!("{} {time}", at.date()),
        }
    }

    /// The time as RFC 3339 in UTC with whole seconds, `2026-11-23T12:03:10Z`. Later times than year 9999
    /// become its last second.
    pub fn rfc3339(self) -> String {
        // Every such time can be formatted.
        self.utc().format(&Rfc3339).unwrap_or_default()
    }

    /// Parses what [`Timestamp::rfc3339`] writes. [`None`] for anything else, including other forms that
    /// RFC 3339 allows: landfall does not write them.
    pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
        let at = Timestamp::from_utc(UtcDateTime::parse(text, &Rfc3339).ok()?)?;
        (at.rfc3339() == text).then_some(at)
    }

    /// Parses the `Date` of an HTTP answer, `Sun, 06 Nov 1994 08:49:37 GMT`
    /// (<https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>). [`None`] for the obsolete forms.
    pub fn from_http_date(text: &str) -> Option<Timestamp> {
        let is_gmt = text.ends_with(" GMT");
        let at = UtcDateTime::parse(text, &Rfc2822).ok();
        at.filter(|_| is_gmt).and_then(Timestamp::from_utc)
    }

    fn utc(self) -> UtcDateTime {
        let seconds = i64::try_from((self.0 / 1_000).min(LAST_SECOND));
        let at = UtcDateTime::from_unix_timestamp(seconds.unwrap_or_default());
        at.unwrap_or(UtcDateTime::UNIX_EPOCH)
    }

    fn from_utc(at: UtcDateTime) -> Option<Timestamp> {
        let seconds = u64::try_from(at.unix_timestamp()).ok()?;
        Some(Timestamp(seconds * 1_000))
    }
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

/// Approximately how long, in one unit: `4 s`, `3 min`, `5 h`, `2 days`.
pub fn roughly(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Parses `90s`, `10m`, `2h`, `1d`, `1.5h`, `1h 30m`; a number alone counts seconds.
///
/// # Errors
/// Why it is no duration.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        // `parse` alone accepts a sign.
        Ok(seconds) if !text.starts_with('+') => Ok(Duration::from_secs(seconds)),
        // Ten months instead of ten minutes would go unnoticed for long.
        _ if text.contains('M') => Err("M means months: write m for minutes".to_owned()),
        _ => humantime::parse_duration(text).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
