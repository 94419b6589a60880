//! Moments as texts for machines: RFC 3339 in UTC with whole seconds, `2026-11-23T12:03:10Z`
//! (<https://www.rfc-editor.org/rfc/rfc3339#section-5.6>).

use super::{MILLIS_OF_A_DAY, Timestamp, date};

/// The last day of year 9999, counted from 1970-01-01: RFC 3339 has four digits for the year.
const LAST_DAY: u64 = 2_932_896;

impl Timestamp {
    /// The moment as `2026-11-23T12:03:10Z`; what follows the second is dropped. Moments after year 9999 become
    /// its last second, as nothing else would be read again.
    pub fn rfc3339(self) -> String {
        let last = (LAST_DAY + 1) * MILLIS_OF_A_DAY - 1;
        let millis = self.0.min(last);
        let seconds = millis / 1_000;
        let (year, month, day) = date(millis / MILLIS_OF_A_DAY);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// Reads what [`Timestamp::rfc3339`] writes. [`None`] for anything else, other forms that RFC 3339 allows included:
    /// nothing of landfall writes them.
    pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
        let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
        let marks = [
            (4, b'-'),
            (7, b'-'),
            (10, b'T'),
            (13, b':'),
            (16, b':'),
            (19, b'Z'),
        ];
        if marks.iter().any(|(place, mark)| bytes[*place] != *mark) {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<u64> {
            bytes[from..to].iter().try_fold(0, |sum, byte| {
                let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
                Some(sum * 10 + digit)
            })
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds = days(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + second;
        Some(Timestamp(seconds * 1_000))
    }
}

/// Days from 1970-01-01 to a date; [`None`] for one that does not exist or lies before
/// (<https://howardhinnant.github.io/date_algorithms.html#days_from_civil>).
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years from March on, as in `date`.
    let year_from_march = if month > 2 { year } else { year - 1 };
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let (era, of_era) = (year_from_march / 400, year_from_march % 400);
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    (date(days) == (year, month, day)).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_moment_reads_as_it_is_written() {
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_435_390, "2026-11-23T12:03:10Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, text) in table {
            assert_eq!(Timestamp(seconds * 1_000 + 999).rfc3339(), text);
            assert_eq!(
                Timestamp::parse_rfc3339(text),
                Some(Timestamp(seconds * 1_000))
            );
        }
        assert_eq!(Timestamp(u64::MAX).rfc3339(), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_such_moment_is_not_read() {
        for bad in [
            "",
            "never",
            "2026-11-23",
            "2026-11-23 12:03:10Z",
            "2026-11-23T12:03:10+00:00",
            "2026-11-23T12:03:10z",
            "2026-11-23T12:03:10.5Z",
            "2026-02-29T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-13-10T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T23:60:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-2éT12:03:1Z",
            "+026-11-23T12:03:10Z",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_second_survives(seconds in 0..253_402_300_800u64) {
            let moment = Timestamp(seconds * 1_000);
            prop_assert_eq!(Timestamp::parse_rfc3339(&moment.rfc3339()), Some(moment));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,24}", digits in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z") {
            for text in [text, digits] {
                if let Some(moment) = Timestamp::parse_rfc3339(&text) {
                    prop_assert_eq!(moment.rfc3339(), text);
                }
            }
        }
    }
}
