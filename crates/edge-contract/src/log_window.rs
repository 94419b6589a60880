//! Summaries in the log, where lines arrive late, twice, out of order, or not at all.

use super::summary::{Collection, Summary, Unreadable};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How far each query reaches back before the one before it: lines become visible some seconds
/// after they were written, and not in order. Reading a line twice is harmless.
pub const OVERLAP: Duration = Duration::from_secs(60);

/// Summary lines that could not be used. Lines of the app are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Invalid ones.
    pub broken: u64,
    /// Those of a version that this landfall does not read.
    pub unknown_version: u64,
}

impl Skipped {
    /// All of them.
    pub fn total(self) -> u64 {
        self.broken.saturating_add(self.unknown_version)
    }
}

/// Collects the summaries among `lines`. Other lines and invalid summaries do not affect the rest.
pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> (Collection, Skipped) {
    let mut collection = Collection::default();
    let mut skipped = Skipped::default();
    for line in lines {
        match Summary::parse(line) {
            Ok(summary) => collection.insert(summary),
            Err(Unreadable::Foreign) => {}
            Err(Unreadable::Broken(_)) => skipped.broken += 1,
            Err(Unreadable::Version(_)) => skipped.unknown_version += 1,
        }
    }
    (collection, skipped)
}

/// The start of the next query: `since`, or [`OVERLAP`] before the last query, which was at
/// `asked`.
pub fn ask_since(since: Timestamp, asked: Option<Timestamp>) -> Timestamp {
    let overlap = u64::try_from(OVERLAP.as_millis()).unwrap_or(u64::MAX);
    let again = asked.map(|asked| Timestamp(asked.0.saturating_sub(overlap)));
    again.map_or(since, |again| again.max(since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{Attempts, Bucket};
    use crate::summary::{Kind, VERSION};
    use std::collections::BTreeMap;

    fn line(taken_at: u64, second: u64, total: u64) -> String {
        let first = Attempts {
            total,
            ..Attempts::default()
        };
        let bucket = Bucket {
            first,
            ..Bucket::default()
        };
        Summary {
            landfall: Kind::Summary,
            v: VERSION,
            task: "0a1b".to_owned(),
            revision: "3f2e".to_owned(),
            started_at: Timestamp(1_000),
            taken_at: Timestamp(taken_at),
            deadline_ms: 30_000,
            restarts: 0,
            buckets: BTreeMap::from([(second, bucket)]),
        }
        .to_line()
    }

    #[test]
    fn other_lines_are_ignored_and_invalid_summaries_are_counted() {
        let good = line(9_000, 5, 3);
        let later = line(12_000, 5, 4);
        let version = good.replace("\"v\":1", "\"v\":2");
        let broken = good.replace("\"task\"", "\"tusk\"");
        let cut = &good[..good.len() - 4];
        let lines = [
            later.as_str(),
            "GET / 200",
            r#"{"level":"info","landfall":"started","v":1}"#,
            &version,
            &broken,
            &good,
            cut,
            &later,
        ];
        let (collection, skipped) = read(lines);
        assert_eq!(collection.second("3f2e", 5).first.total, 4);
        let expected = Skipped {
            broken: 1,
            unknown_version: 1,
        };
        // The truncated line is not JSON, so it cannot be distinguished from one of the app.
        assert_eq!((skipped, skipped.total()), (expected, 2));
    }

    #[test]
    fn queries_overlap_but_never_reach_back_before_the_start() {
        let since = Timestamp(100_000);
        assert_eq!(ask_since(since, None), since);
        assert_eq!(ask_since(since, Some(Timestamp(130_000))), since);
        let later = ask_since(since, Some(Timestamp(500_000)));
        assert_eq!(later, Timestamp(440_000));
    }
}
