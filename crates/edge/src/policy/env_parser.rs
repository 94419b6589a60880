//! Parsing of single values. A value that is not valid is recorded as a problem, and parsing
//! continues.

use edge_contract::env_vars::{PREFIX, VARIABLES, Variable};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// One problem of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub name: String,
    /// What is wrong, and what would be valid.
    pub why: String,
}

/// The values, and the problems found so far.
#[derive(Debug, Default)]
pub(super) struct EnvParser {
    /// Values by the short name of their variable.
    pub(super) given: BTreeMap<&'static str, String>,
    pub(super) problems: Vec<Problem>,
}

impl EnvParser {
    pub(super) fn refuse_unknown(&mut self, short: &str) {
        let why = match nearest(short) {
            Some(known) => format!("unknown name; did you mean {PREFIX}{known}?"),
            None => {
                let known: Vec<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
                format!(
                    "unknown name; the names after {PREFIX} are {}",
                    known.join(", ")
                )
            }
        };
        self.problems.push(Problem {
            name: format!("{PREFIX}{}", shown(short)),
            why,
        });
    }

    /// The value, or the default of the table.
    pub(super) fn text(&self, name: &'static str) -> String {
        let default = || {
            named(name)
                .map_or("", |variable| variable.default)
                .to_owned()
        };
        self.given
            .get(name)
            .map_or_else(default, |text| text.trim().to_owned())
    }

    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        right: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name);
        let value = parse(&text);
        if value.is_none() {
            // A secret must not appear in messages, not even one that is too short.
            let why = match text.as_str() {
                "" => format!("it is not set; write {right}"),
                _ if name == "SECRET" => format!("it is not {right}"),
                _ => format!("`{}` is not {right}", shown(&text)),
            };
            self.problems.push(Problem {
                name: format!("{PREFIX}{name}"),
                why,
            });
        }
        value
    }

    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        right: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if self.text(name).is_empty() {
            None
        } else {
            self.parsed(name, right, parse)
        }
    }

    pub(super) fn word(&mut self, name: &'static str) -> Option<String> {
        self.optional(name, "128 letters or less, digits and `-_.:/@`", |text| {
            let plain = text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.:/@".contains(&b));
            (plain && text.len() <= 128).then(|| text.to_owned())
        })
    }

    pub(super) fn number(&mut self, name: &'static str, range: RangeInclusive<u64>) -> u64 {
        let right = format!("a whole number from {} to {}", range.start(), range.end());
        self.parsed(name, &right, |text| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            text.parse()
                .ok()
                .filter(|number| digits && range.contains(number))
        })
        .unwrap_or_default()
    }

    pub(super) fn count(&mut self, name: &'static str, range: RangeInclusive<u64>) -> u32 {
        u32::try_from(self.number(name, range)).unwrap_or(u32::MAX)
    }

    pub(super) fn size(&mut self, name: &'static str, range: RangeInclusive<u64>) -> usize {
        usize::try_from(self.number(name, range)).unwrap_or(usize::MAX)
    }

    pub(super) fn time(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(name, range))
    }

    /// A time; 0 means no limit.
    pub(super) fn limit(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<Duration> {
        Some(self.time(name, range)).filter(|time| !time.is_zero())
    }
}

/// A value from outside, on one line and not too long.
fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        out.push('…');
    }
    out
}

/// The variable with this short name.
pub(super) fn named(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}

/// The known name that was probably meant: at most a third of its characters differ.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase().replace('-', "_");
    VARIABLES
        .iter()
        .map(|variable| {
            (
                strsim::damerau_levenshtein(&name, variable.name),
                variable.name,
            )
        })
        .filter(|(distance, known)| distance * 3 <= known.len().max(name.chars().count()))
        .min()
        .map(|(_, known)| known)
}
