//! How long an environment is to live: set when it is made, kept in a tag, decided on by whoever looks.
//!
//! Nothing happens by itself at the end. `status` says it, and `reap` takes down what has expired.

use crate::time::{Timestamp, parse_duration, roughly};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Tag that holds the end of an environment's life, `2026-11-23T12:03:10Z`.
pub const TAG_EXPIRES_AT: &str = "landfall:expires-at";

/// The least: making an environment and trying it takes that long.
pub const SHORTEST: Duration = Duration::from_secs(10 * 60);

/// The most: what is to live longer had better have no end.
pub const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// A time to live, from [`SHORTEST`] to [`LONGEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ttl(Duration);

/// Why a text is no time to live.
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
    /// Reads `90m`, `2h` or `3d`.
    ///
    /// # Errors
    /// It is no whole number with one of these units, or outside the limits.
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
            return Err(invalid("10m is the least"));
        }
        if duration > LONGEST {
            return Err(invalid(
                "30d is the most; leave it out for an environment that stays",
            ));
        }
        Ok(Ttl(duration))
    }

    /// How long that is.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// When an environment ends that is made, or given this time anew, `now`. In whole seconds, as the
    /// tag has no others.
    pub fn expires_at(self, now: Timestamp) -> Timestamp {
        Timestamp(now.plus(self.0).0 / 1_000 * 1_000)
    }
}

impl std::fmt::Display for Ttl {
    /// In the greatest unit that fits without a rest, so that it is read again as the same.
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

/// What `up --ttl` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// An end, counted from now: the first one, or a new one.
    For(Ttl),
    /// No end any more.
    Never,
}

impl Wish {
    /// Reads a time to live, or `never`.
    ///
    /// # Errors
    /// As of [`Ttl::parse`].
    pub fn parse(text: &str) -> Result<Wish, InvalidTtl> {
        match text {
            "never" => Ok(Wish::Never),
            text => Ttl::parse(text).map(Wish::For),
        }
    }

    /// The end that is wished for `now`; [`None`] for no end.
    pub fn end(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Wish::For(ttl) => Some(ttl.expires_at(now)),
            Wish::Never => None,
        }
    }
}

/// What an environment's tag said of its end when somebody looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// What it said.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// When it was looked at.
    pub seen_at: Timestamp,
}

impl Lifetime {
    /// Reads the tag, if there is one.
    pub fn read(now: Timestamp, tag: Option<&str>) -> Lifetime {
        Lifetime {
            expiry: expiry(now, tag),
            seen_at: now,
        }
    }

    /// What `up` and `status` say; nothing of an environment that stays.
    pub fn describe(&self) -> Option<String> {
        self.expiry.status(self.seen_at)
    }
}

/// What there is to warn of after an `up`: that it gave an end to what had none, or none to what has run
/// out. Nobody is to lose an environment without having read it.
pub fn warning(wish: Option<Wish>, before: &Lifetime, is_new: bool) -> Option<String> {
    match (wish, &before.expiry) {
        (Some(Wish::For(ttl)), Expiry::Never) if !is_new => Some(format!(
            "this environment had no end, and now ends in {ttl}: `landfall up --ttl never` takes that back"
        )),
        (None, Expiry::Expired { at }) => Some(format!(
            "the time of this environment is over since {}: the next `landfall reap` takes it down; \
             `landfall up --ttl 2h` gives it more, `--ttl never` all it wants",
            at.readable(before.seen_at)
        )),
        _ => None,
    }
}

/// What an environment's tag says of its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "expiry", rename_all = "snake_case")]
pub enum Expiry {
    /// It has no such tag: it stays.
    #[default]
    Never,
    /// It lives.
    Until {
        /// Until when.
        at: Timestamp,
    },
    /// Its time is over.
    Expired {
        /// Since when.
        at: Timestamp,
    },
    /// The tag holds something that landfall does not write. Nothing is taken down for it.
    Unreadable {
        /// What it holds.
        value: String,
    },
}

/// The value of [`TAG_EXPIRES_AT`] for an end.
pub fn tag_value(at: Timestamp) -> String {
    at.rfc3339()
}

/// Reads the tag, if there is one.
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

/// Whether an environment with this tag may be taken down for its age. Only a readable end that lies
/// behind is one.
pub fn is_expired(now: Timestamp, tag: Option<&str>) -> bool {
    matches!(expiry(now, tag), Expiry::Expired { .. })
}

impl Expiry {
    /// What `status` says; nothing of an environment that stays.
    pub fn status(&self, now: Timestamp) -> Option<String> {
        match self {
            Expiry::Never => None,
            Expiry::Until { at } => Some(format!(
                "expires in {}, at {}",
                roughly(at.since(now)),
                at.readable(now)
            )),
            Expiry::Expired { at } => Some(format!(
                "expired {} ago, at {}; `landfall reap` takes it down",
                roughly(now.since(*at)),
                at.readable(now)
            )),
            Expiry::Unreadable { value } => Some(format!(
                "its tag {TAG_EXPIRES_AT} holds {value:?}, which is no end that landfall writes; it stays until it is taken down"
            )),
        }
    }

    /// What `reap` says of an environment that it looked at.
    pub fn reap(&self, environment: &str, now: Timestamp) -> String {
        match self {
            Expiry::Never => format!("{environment}: stays, it has no end"),
            Expiry::Until { at } => {
                format!("{environment}: stays for {} more", roughly(at.since(now)))
            }
            Expiry::Expired { at } => format!(
                "{environment}: expired {} ago, is taken down",
                roughly(now.since(*at))
            ),
            Expiry::Unreadable { value } => format!(
                "{environment}: stays, its tag {TAG_EXPIRES_AT} holds {value:?}, which is no end that landfall writes"
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
    fn the_limits_are_allowed_and_what_lies_beyond_is_not() {
        assert_eq!(ttl("10m").duration(), SHORTEST);
        assert_eq!(ttl("30d").duration(), LONGEST);
        assert_eq!(ttl("720h").duration(), LONGEST);
        for (bad, why) in [
            ("9m", "10m is the least"),
            ("0d", "10m is the least"),
            ("31d", "30d is the most"),
            ("43201m", "30d is the most"),
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
    fn a_wish_is_a_time_or_none() {
        assert_eq!(Wish::parse("2h"), Ok(Wish::For(ttl("2h"))));
        assert_eq!(Wish::parse("never"), Ok(Wish::Never));
        assert!(Wish::parse("Never").is_err() && Wish::parse("5m").is_err());
        assert_eq!(Wish::Never.end(NOW), None);
        assert_eq!(
            Wish::For(ttl("2h")).end(NOW),
            Some(ttl("2h").expires_at(NOW))
        );
    }

    #[test]
    fn who_gives_an_end_or_forgets_to_is_told() {
        let of = |tag| Lifetime::read(NOW, tag);
        let (none, past, future) = (
            of(None),
            of(Some("2026-11-20T08:00:00Z")),
            of(Some("2026-11-23T14:03:10Z")),
        );
        let asked = Some(Wish::For(ttl("2h")));
        let text = warning(asked, &none, false).expect("it had no end");
        assert!(text.contains("now ends in 2h"), "{text}");
        let text = warning(None, &past, false).expect("it is over");
        assert!(text.contains("2026-11-20 08:00:00 UTC"), "{text}");
        for (wish, before, is_new) in [
            (asked, &none, true),
            (asked, &future, false),
            (asked, &past, false),
            (Some(Wish::Never), &none, false),
            (Some(Wish::Never), &past, false),
            (None, &none, false),
            (None, &future, false),
        ] {
            assert_eq!(warning(wish, before, is_new), None, "{wish:?} {before:?}");
        }
    }

    #[test]
    fn the_end_is_told_by_the_tag() {
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
    fn nothing_is_taken_down_for_a_tag_that_is_missing_or_strange() {
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
    fn what_status_and_reap_say() {
        let tags = [
            None,
            Some("2026-11-23T14:03:10Z"),
            Some("2026-11-20T08:00:00Z"),
            Some("tomorrow"),
        ];
        let said: Vec<String> = tags
            .iter()
            .map(|tag| {
                let expiry = expiry(NOW, *tag);
                let status = expiry.status(NOW).unwrap_or_else(|| "(nothing)".to_owned());
                format!("{status}\n  {}", expiry.reap("shop-try", NOW))
            })
            .collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    proptest! {
        #[test]
        fn it_expires_when_its_time_is_over_and_not_before(
            minutes in 10u64..=43_200, now in 0u64..200_000_000_000_000,
        ) {
            let ttl = Ttl::parse(&format!("{minutes}m")).expect("within the limits");
            prop_assert_eq!(Ttl::parse(&ttl.to_string()), Ok(ttl));
            let now = Timestamp(now);
            let tag = tag_value(ttl.expires_at(now));
            let later = |ms: u64| Timestamp(now.0 + ms);
            prop_assert!(!is_expired(now, Some(&tag)));
            // The second in which it was set is lost at most.
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
