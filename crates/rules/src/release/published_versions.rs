//! Published versions of a function, and the descriptions of its aliases.

use crate::release::revision::RevisionId;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// The alias that users invoke. The other two have the names of the slots.
pub const LIVE: &str = "live";

/// Published versions that are kept for a rollback, in addition to those that aliases point to.
pub const KEPT: usize = 5;

const STAGED_AT: &str = "staged_at";
const ANSWERED: &str = "answered";

/// The description of a slot's alias.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stay {
    /// When the version was staged; [`None`] if landfall did not write the alias.
    pub staged_at: Option<Timestamp>,
    /// Whether it has answered a request since.
    pub answered: bool,
}

impl Stay {
    /// The description, which people read too.
    pub fn write(self) -> String {
        let at = self.staged_at.unwrap_or_default().0;
        format!("{STAGED_AT}={at} {ANSWERED}={}", self.answered)
    }

    /// Parses it. A description that landfall did not write gives the default.
    pub fn read(description: &str) -> Stay {
        let word = |name: &str| {
            let mut words = description.split_whitespace();
            words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        Stay {
            staged_at: word(STAGED_AT)
                .and_then(|at| at.parse().ok())
                .map(Timestamp),
            answered: word(ANSWERED) == Some("true"),
        }
    }
}

/// The description of a published version, for people.
pub fn description(revision: &RevisionId) -> String {
    format!("revision {revision}")
}

/// The published versions to delete: all but the newest `keep` and those that an alias points to. Versions
/// are increasing numbers; anything else is not a published version.
pub fn superfluous(published: &[String], named: &BTreeSet<String>, keep: usize) -> Vec<String> {
    let mut numbers: Vec<u64> = published.iter().filter_map(|v| v.parse().ok()).collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.dedup();
    let old = numbers.into_iter().skip(keep).rev();
    old.map(|number| number.to_string())
        .filter(|version| !named.contains(version))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_parsed_as_it_was_written() {
        let stay = Stay {
            staged_at: Some(Timestamp(1_795_464_000_123)),
            answered: false,
        };
        assert_eq!(stay.write(), "staged_at=1795464000123 answered=false");
        for answered in [false, true] {
            let stay = Stay { answered, ..stay };
            assert_eq!(Stay::read(&stay.write()), stay);
        }
        for foreign in ["", "mine", "staged_at=", "staged_at=soon answered=yes"] {
            assert_eq!(Stay::read(foreign), Stay::default(), "{foreign}");
        }
    }

    #[test]
    fn the_newest_versions_and_those_of_aliases_are_kept() {
        let own = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let named: BTreeSet<String> = own(&["2", "9", "$LATEST"]).into_iter().collect();
        // Numbers, not words: 10 is newer than 9.
        let published = own(&["$LATEST", "10", "9", "2", "1", "3", "11", "4"]);
        assert_eq!(superfluous(&published, &named, 2), own(&["1", "3", "4"]));
        assert_eq!(superfluous(&published, &named, 20), Vec::<String>::new());
        assert_eq!(
            superfluous(&published, &BTreeSet::new(), 0),
            own(&["1", "2", "3", "4", "9", "10", "11"])
        );
    }
}
