//! The TTL of an environment: set by `up`, stored in a tag as the time of its expiry.
//!
//! Nothing happens by itself at that time. `status` reports it, and `reap` destroys expired environments.

use crate::time::{Timestamp, parse_duration, roughly};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Tag with the expiry of an environment, `2026-11-23T12:03:10Z`.
pub const TAG_EXPIRES_AT: &str = "landfall:expires-at";

/// The shortest TTL: creating an environment and trying it takes that long.
pub const SHORTEST: Duration = Duration::from_secs(10 * 60);

/// The longest TTL.
pub const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// A TTL, from [`SHORTEST`] to [`LONGEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ttl(Duration);

/// Why a text is not a TTL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTtl {
    text: String,
    why: &'static str,
}

impl std::fmt::Display for InvalidTtl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let InvalidTtl { text, why } = self;
        write!(f, "ttl {text:?}: {why}")
    }
}

impl std::error::Error for InvalidTtl {}

impl Ttl {
    /// Parses `90m`, `2h` or `3d`.
    ///
    /// # Errors
    /// It is not a number of whole minutes with a unit, or outside the limits.
    pub fn parse(text: &str) -> Result<Ttl, InvalidTtl> {
        let invalid = |why| InvalidTtl {
            text: text.to_owned(),
            why,
        };
        let has_unit = !text.bytes().all(|byte| byte.is_ascii_digit());
        let duration = parse_duration(text).ok().filter(|_| has_unit);
        let duration = duration.filter(|duration| duration.as_secs().is_multiple_of(60));
        let duration = duration
            .ok_or_else(|| invalid("set whole minutes, hours or days, such as 90m, 2h or 3d"))?;
        if duration < SHORTEST {
            return Err(invalid("the minimum is 10m"));
        }
        if duration > LONGEST {
            return Err(invalid(
                "the maximum is 30d; set none for an environment that stays",
            ));
        }
        Ok(Ttl(duration))
    }

    /// The TTL as a duration.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// The expiry of an environment that gets this TTL `now`, in whole seconds like the tag.
    pub fn expires_at(self, now: Timestamp) -> Timestamp {
        Timestamp(now.plus(self.0).0 / 1_000 * 1_000)
    }
}

impl std::fmt::Display for Ttl {
    /// In the largest unit without a remainder.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minutes = self.0.as_secs() / 60;
        match minutes {
            _ if minutes.is_multiple_of(1_440) => write!(f, "{}d", minutes / 1_440),
            _ if minutes.is_multiple_of(60) => write!(f, "{}h", minutes / 60),
            _ => write!(f, "{minutes}m"),
        }
    }
}

impl TryFrom<String> for Ttl {
    type Error = InvalidTtl;
    fn try_from(text: String) -> Result<Ttl, InvalidTtl> {
        Ttl::parse(&text)
    }
}

impl From<Ttl> for String {
    fn from(ttl: Ttl) -> String {
        ttl.to_string()
    }
}

/// The argument of `up --ttl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlChange {
    /// Expiry after this time from now.
    For(Ttl),
    /// No expiry.
    Never,
}

impl TtlChange {
    /// Parses a TTL, or `never`.
    ///
    /// # Errors
    /// As of [`Ttl::parse`].
    pub fn parse(text: &str) -> Result<TtlChange, InvalidTtl> {
        match text {
            "never" => Ok(TtlChange::Never),
            text => Ttl::parse(text).map(TtlChange::For),
        }
    }

    /// The new expiry; [`None`] for none.
    pub fn expires_at(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            TtlChange::For(ttl) => Some(ttl.expires_at(now)),
            TtlChange::Never => None,
        }
    }
}

/// The expiry of an environment as it was observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedExpiry {
    /// The expiry.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// When it was observed.
    pub seen_at: Timestamp,
}

impl ObservedExpiry {
    /// From the value of the tag, if there is one.
    pub fn read(now: Timestamp, tag: Option<&str>) -> ObservedExpiry {
        ObservedExpiry {
            expiry: expiry(now, tag),
            seen_at: now,
        }
    }

    /// The line of `up` and `status`; [`None`] for an environment without expiry.
    pub fn describe(&self) -> Option<String> {
        self.expiry.status(self.seen_at)
    }
}

/// A warning after an `up`: it set an expiry for an environment that had none, or left an expired one
/// unchanged. No environment is destroyed without a warning before.
pub fn warning(change: Option<TtlChange>, before: &ObservedExpiry, is_new: bool) -> Option<String> {
    match (change, &before.expiry) {
        (Some(TtlChange::For(ttl)), Expiry::Never) if !is_new => Some(format!(
            "this environment had no TTL and now expires in {ttl}: `landfall up --ttl never` undoes that"
        )),
        (None, Expiry::Expired { at }) => Some(format!(
            "this environment has expired at {}: the next `landfall reap` destroys it; \
             `landfall up --ttl 2h` extends its TTL, `--ttl never` removes it",
            at.readable(before.seen_at)
        )),
        _ => None,
    }
}

/// When an environment expires, by its tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "expiry", rename_all = "snake_case")]
pub enum Expiry {
    /// It has no such tag.
    #[default]
    Never,
    /// It expires at this time.
    Until {
        /// When.
        at: Timestamp,
    },
    /// It has expired.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// The tag has a value that landfall does not write. The environment does not expire.
    Unreadable {
        /// The value.
        value: String,
    },
}

/// The value of [`TAG_EXPIRES_AT`].
pub fn tag_value(at: Timestamp) -> String {
    at.rfc3339()
}

/// The expiry by the value of the tag, if there is one.
pub fn expiry(now: Timestamp, tag: Option<&str>) -> Expiry {
    let Some(tag) = tag else {
        return Expiry::Never;
    };
    match Timestamp::parse_rfc3339(tag) {
        Some(at) if at <= now => Expiry::Expired { at },
        Some(at) => Expiry::Until { at },
        None => Expiry::Unreadable {
            value: tag.to_owned(),
        },
    }
}

/// Whether an environment with this tag has expired. A value that cannot be parsed never expires.
pub fn is_expired(now: Timestamp, tag: Option<&str>) -> bool {
    matches!(expiry(now, tag), Expiry::Expired { .. })
}

impl Expiry {
    /// The line of `status`; [`None`] without expiry.
    pub fn status(&self, now: Timestamp) -> Option<String> {
        match self {
            Expiry::Never => None,
            Expiry::Until { at } => Some(format!(
                "expires in {}, at {}",
                roughly(at.since(now)),
                at.readable(now)
            )),
            Expiry::Expired { at } => Some(format!(
                "expired {} ago, at {}; `landfall reap` destroys it",
                roughly(now.since(*at)),
                at.readable(now)
            )),
            Expiry::Unreadable { value } => Some(format!(
                "its tag {TAG_EXPIRES_AT} has the unknown value {value:?}; it does not expire"
            )),
        }
    }

    /// The line of `reap`.
    pub fn reap(&self, environment: &str, now: Timestamp) -> String {
        match self {
            Expiry::Never => format!("{environment}: stays, it has no TTL"),
            Expiry::Until { at } => {
                format!("{environment}: stays for {} more", roughly(at.since(now)))
            }
            Expiry::Expired { at } => format!(
                "{environment}: expired {} ago, will be destroyed",
                roughly(now.since(*at))
            ),
            Expiry::Unreadable { value } => format!(
                "{environment}: stays, its tag {TAG_EXPIRES_AT} has the unknown value {value:?}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-23 12:03:10.250 UTC.
    const NOW: Timestamp = Timestamp(1_795_435_390_250);

    fn ttl(text: &str) -> Ttl {
        Ttl::parse(text).expect(text)
    }

    #[test]
    fn minutes_hours_and_days_are_read() {
        assert_eq!(ttl("90m").duration(), Duration::from_secs(5_400));
        assert_eq!(ttl("2h").duration(), Duration::from_secs(7_200));
        assert_eq!(ttl("3d").duration(), Duration::from_secs(259_200));
    }

    #[test]
    fn the_limits_are_valid_and_values_beyond_are_not() {
        assert_eq!(ttl("10m").duration(), SHORTEST);
        assert_eq!(ttl("30d").duration(), LONGEST);
        assert_eq!(ttl("720h").duration(), LONGEST);
        for (bad, why) in [
            ("9m", "the minimum is 10m"),
            ("0d", "the minimum is 10m"),
            ("31d", "the maximum is 30d"),
            ("43201m", "the maximum is 30d"),
        ] {
            let error = Ttl::parse(bad).expect_err(bad).to_string();
            assert!(error.contains(why) && error.contains(bad), "{error}");
        }
    }

    #[test]
    fn anything_else_is_an_error_that_shows_the_form() {
        for bad in [
            "",
            "m",
            "2",
            "90s",
            "-2h",
            "+2h",
            "2H",
            "20M",
            "h2",
            "2é",
            "99999999999999999999d",
            "999999999999999999d",
        ] {
            let error = Ttl::parse(bad).expect_err(bad).to_string();
            assert!(error.contains("such as 90m, 2h or 3d"), "{error}");
        }
    }

    #[test]
    fn other_ways_to_write_a_duration_are_read_too() {
        for (text, same) in [
            ("600s", "10m"),
            ("1.5h", "90m"),
            ("2 h", "2h"),
            ("2w", "14d"),
        ] {
            assert_eq!(ttl(text), ttl(same));
            assert_eq!(ttl(text).to_string(), same);
        }
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        for (text, again) in [
            ("90m", "90m"),
            ("120m", "2h"),
            ("48h", "2d"),
            ("25h", "25h"),
        ] {
            assert_eq!(ttl(text).to_string(), again);
            assert_eq!(ttl(again), ttl(text));
        }
        let json = serde_json::to_string(&ttl("2h")).expect("json");
        assert_eq!(json, "\"2h\"");
        assert!(serde_json::from_str::<Ttl>("\"5m\"").is_err());
    }

    #[test]
    fn a_change_is_a_ttl_or_never() {
        assert_eq!(TtlChange::parse("2h"), Ok(TtlChange::For(ttl("2h"))));
        assert_eq!(TtlChange::parse("never"), Ok(TtlChange::Never));
        assert!(TtlChange::parse("Never").is_err() && TtlChange::parse("5m").is_err());
        assert_eq!(TtlChange::Never.expires_at(NOW), None);
        assert_eq!(
            TtlChange::For(ttl("2h")).expires_at(NOW),
            Some(ttl("2h").expires_at(NOW))
        );
    }

    #[test]
    fn setting_an_expiry_or_leaving_an_expired_one_is_a_warning() {
        let of = |tag| ObservedExpiry::read(NOW, tag);
        let (none, past, future) = (
            of(None),
            of(Some("2026-11-20T08:00:00Z")),
            of(Some("2026-11-23T14:03:10Z")),
        );
        let asked = Some(TtlChange::For(ttl("2h")));
        let text = warning(asked, &none, false).expect("it had no end");
        assert!(text.contains("now expires in 2h"), "{text}");
        let text = warning(None, &past, false).expect("it is over");
        assert!(text.contains("2026-11-20 08:00:00 UTC"), "{text}");
        for (change, before, is_new) in [
            (asked, &none, true),
            (asked, &future, false),
            (asked, &past, false),
            (Some(TtlChange::Never), &none, false),
            (Some(TtlChange::Never), &past, false),
            (None, &none, false),
            (None, &future, false),
        ] {
            assert_eq!(
                warning(change, before, is_new),
                None,
                "{change:?} {before:?}"
            );
        }
    }

    #[test]
    fn the_tag_has_the_expiry() {
        let end = ttl("2h").expires_at(NOW);
        let tag = tag_value(end);
        assert_eq!(tag, "2026-11-23T14:03:10Z");
        assert_eq!(expiry(NOW, Some(&tag)), Expiry::Until { at: end });
        let before = Timestamp(end.0 - 1);
        assert!(!is_expired(before, Some(&tag)));
        assert!(is_expired(end, Some(&tag)));
        assert_eq!(expiry(end, Some(&tag)), Expiry::Expired { at: end });
    }

    #[test]
    fn a_missing_or_unknown_tag_never_expires() {
        let late = Timestamp(u64::MAX);
        assert!(!is_expired(late, None));
        for strange in [
            "",
            "yesterday",
            "2026-11-23",
            "2026-11-23T14:03:10+01:00",
            "0",
        ] {
            assert!(!is_expired(late, Some(strange)), "{strange}");
        }
    }

    #[test]
    fn lines_of_status_and_reap() {
        let tags = [
            None,
            Some("2026-11-23T14:03:10Z"),
            Some("2026-11-20T08:00:00Z"),
            Some("tomorrow"),
        ];
        let lines: Vec<String> = tags
            .iter()
            .map(|tag| {
                let expiry = expiry(NOW, *tag);
                let status = expiry.status(NOW).unwrap_or_else(|| "(nothing)".to_owned());
                format!("{status}\n  {}", expiry.reap("shop-try", NOW))
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    proptest! {
        #[test]
        fn it_expires_after_its_ttl_and_not_before(
            minutes in 10u64..=43_200, now in 0u64..200_000_000_000_000,
        ) {
            let ttl = Ttl::parse(&format!("{minutes}m")).expect("within the limits");
            prop_assert_eq!(Ttl::parse(&ttl.to_string()), Ok(ttl));
            let now = Timestamp(now);
            let tag = tag_value(ttl.expires_at(now));
            let later = |ms: u64| Timestamp(now.0 + ms);
            prop_assert!(!is_expired(now, Some(&tag)));
            // At most the fraction of the second in which it was set is lost.
            prop_assert!(!is_expired(later(minutes * 60_000 - 1_000), Some(&tag)));
            prop_assert!(is_expired(later(minutes * 60_000), Some(&tag)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,12}") {
            if let Ok(ttl) = Ttl::parse(&text) {
                prop_assert!((SHORTEST..=LONGEST).contains(&ttl.duration()));
            }
            prop_assert!(!is_expired(Timestamp(0), Some(&text)));
        }
    }
}
