//! Published versions of a function, and what its aliases say of them.

use crate::release::revision::RevisionId;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// The alias that users reach. The other two are named after the slots.
pub const LIVE: &str = "live";

/// Published versions that are kept for a way back, beside those that aliases lead to.
pub const KEPT: usize = 5;

const STAGED_AT: &str = "staged_at";
const ANSWERED: &str = "answered";

/// What the description of a slot's alias says beyond the version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stay {
    /// When the version was placed there; [`None`] if somebody else wrote the alias.
    pub staged_at: Option<Timestamp>,
    /// Whether it has answered a request since.
    pub answered: bool,
}

impl Stay {
    /// The description. People read it, too.
    pub fn write(self) -> String {
        let at = self.staged_at.unwrap_or_default().0;
        format!("{STAGED_AT}={at} {ANSWERED}={}", self.answered)
    }

    /// Reads it. What somebody else wrote says nothing.
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

/// Which published versions can go: all but the newest `keep` and those that an alias names. Versions
/// are numbers that only grow; what is no number is not a published version.
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
    fn a_description_tells_when() {
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
    fn the_newest_and_the_named_stay() {
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
