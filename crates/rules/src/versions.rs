//! Published versions of a function, and what its aliases say of them.

use crate::revision::RevisionId;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// The alias that users reach. The other two are named after the slots.
pub const LIVE: &str = "live";

const STAGED_AT: &str = "staged_at=";

/// The description of a slot's alias: when a version was placed there.
pub fn placed_at(at: Timestamp) -> String {
    format!("{STAGED_AT}{}", at.0)
}

/// Reads it; [`None`] if somebody else wrote it.
pub fn read_placed_at(description: &str) -> Option<Timestamp> {
    let millis = description.trim().strip_prefix(STAGED_AT)?;
    millis.parse().ok().map(Timestamp)
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
        let at = Timestamp(1_795_464_000_123);
        assert_eq!(placed_at(at), "staged_at=1795464000123");
        assert_eq!(read_placed_at(&placed_at(at)), Some(at));
        for foreign in ["", "mine", "staged_at=", "staged_at=soon"] {
            assert_eq!(read_placed_at(foreign), None, "{foreign}");
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
