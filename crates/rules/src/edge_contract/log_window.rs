//! Summaries read from the log, where lines come late, twice, out of order, or not at all.

use super::summary::{Collection, Summary, Unreadable};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How far each question reaches back behind the one before: lines are shown some seconds after they
/// were written, and not in the order in which they were. A line that is read twice does no harm.
pub const OVERLAP: Duration = Duration::from_secs(60);

/// Summary lines that could not be used. Not in here: lines of the app, which nobody misses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Say that they are summaries, and are broken.
    pub broken: u64,
    /// Of a version that this landfall does not read.
    pub unknown_version: u64,
}

impl Skipped {
    /// All of them.
    pub fn total(self) -> u64 {
        self.broken.saturating_add(self.unknown_version)
    }
}

/// Takes in those of `lines` that are summaries. A line that is not one, or a broken one, keeps none
/// of the others out.
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

/// From when on the log is to be asked: from `since`, or, after it was asked at `asked`, from
/// [`OVERLAP`] before that.
pub fn ask_since(since: Timestamp, asked: Option<Timestamp>) -> Timestamp {
    let overlap = u64::try_from(OVERLAP.as_millis()).unwrap_or(u64::MAX);
    let again = asked.map(|asked| Timestamp(asked.0.saturating_sub(overlap)));
    again.map_or(since, |again| again.max(since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge_contract::bucket::{Attempts, Bucket};
    use crate::edge_contract::summary::{Kind, VERSION};
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
    fn what_is_no_summary_is_passed_over_and_what_is_broken_is_counted() {
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
        // The line that was cut off is no JSON, so that nothing tells it from one of the app.
        assert_eq!((skipped, skipped.total()), (expected, 2));
    }

    #[test]
    fn asking_again_overlaps_but_never_reaches_behind_the_beginning() {
        let since = Timestamp(100_000);
        assert_eq!(ask_since(since, None), since);
        assert_eq!(ask_since(since, Some(Timestamp(130_000))), since);
        let later = ask_since(since, Some(Timestamp(500_000)));
        assert_eq!(later, Timestamp(440_000));
    }
}
