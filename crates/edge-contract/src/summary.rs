//! The counts of one task: one format, live at `/.landfall/summary` and as lines in the log.
//!
//! ```json
//! {"landfall":"summary","v":1,"task":"0a1b","revision":"3f2e","started_at":1700000000000,
//!  "taken_at":1700000012345,"deadline_ms":30000,"restarts":0,
//!  "buckets":{"1700000010":{"first":{"total":10,"errors":1,"latency":[108,10]},
//!                           "users":{"total":10},"retries":1}}}
//! ```
//!
//! A summary contains each second *completely*, never a difference: a missing line does no harm if
//! a later one contains the second again, and reading a line twice does none either. Numbers that
//! are 0 are omitted. A reader refuses versions that it does not know.

use super::bucket::Bucket;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The version of the format that this code writes and reads.
pub const VERSION: u32 = 1;
/// How many seconds an edge keeps.
pub const REMEMBERED: u64 = 600;

/// The summary of one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Always `summary`: distinguishes its line from those of the app.
    pub landfall: Kind,
    /// Version of the format.
    pub v: u32,
    /// Name of the task, unique within the app.
    pub task: String,
    /// The revision that runs in it.
    pub revision: String,
    /// When the edge started. Two starts of a task are two runs.
    pub started_at: Timestamp,
    /// When this was written. Of two reports about the same second, the later one counts.
    pub taken_at: Timestamp,
    /// How long a request may be open; after that, a second is sealed.
    pub deadline_ms: u64,
    /// Restarts of the app since `started_at`.
    #[serde(default)]
    pub restarts: u32,
    /// By the second in which requests began, since the Unix epoch.
    pub buckets: BTreeMap<u64, Bucket>,
}

/// The kind of line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A summary.
    Summary,
}

/// Why a text is not a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It is something else, such as a line of the app.
    Foreign,
    /// It is a summary of an unknown version.
    Version(u64),
    /// It is a summary, but an invalid one.
    Broken(String),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unreadable::Foreign => f.write_str("this is not a summary of the edge"),
            Unreadable::Version(found) => write!(
                f,
                "this summary has version {found}, and this landfall reads version {VERSION}"
            ),
            Unreadable::Broken(why) => write!(f, "this summary of the edge is broken: {why}"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl Summary {
    /// The summary as one line of JSON.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Parses a summary, or a line of a log that may be one.
    ///
    /// # Errors
    /// It is not a summary that this version can read.
    pub fn parse(text: &str) -> Result<Summary, Unreadable> {
        #[derive(Deserialize)]
        struct Mark {
            landfall: String,
            v: u64,
        }
        // Most lines of a log are the app's: they are recognised without parsing.
        if !text.trim_start().starts_with('{') || !text.contains("\"landfall\"") {
            return Err(Unreadable::Foreign);
        }
        let Ok(mark) = serde_json::from_str::<Mark>(text) else {
            return Err(Unreadable::Foreign);
        };
        if mark.landfall != "summary" {
            return Err(Unreadable::Foreign);
        }
        if mark.v != u64::from(VERSION) {
            return Err(Unreadable::Version(mark.v));
        }
        serde_json::from_str(text).map_err(|error| Unreadable::Broken(error.to_string()))
    }
}

/// Identifies one run of an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskRun {
    /// [`Summary::task`].
    pub task: String,
    /// [`Summary::started_at`].
    pub started_at: Timestamp,
}

/// The latest counts of each second of each task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collection {
    runs: BTreeMap<TaskRun, Run>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Run {
    revision: String,
    restarts: u32,
    deadline_ms: u64,
    /// When its latest report was written.
    reported_at: Timestamp,
    seconds: BTreeMap<u64, (Timestamp, Bucket)>,
}

impl Collection {
    /// Adds a summary. Neither order nor repetition matters.
    pub fn insert(&mut self, summary: Summary) {
        let name = TaskRun {
            task: summary.task,
            started_at: summary.started_at,
        };
        let run = self.runs.entry(name).or_default();
        run.revision = summary.revision;
        run.restarts = run.restarts.max(summary.restarts);
        run.deadline_ms = run.deadline_ms.max(summary.deadline_ms);
        run.reported_at = run.reported_at.max(summary.taken_at);
        for (second, bucket) in summary.buckets {
            run.keep_later(second, summary.taken_at, bucket);
        }
    }

    /// Adds everything in another collection.
    pub fn merge(&mut self, other: Collection) {
        for (name, theirs) in other.runs {
            let run = self.runs.entry(name).or_default();
            run.revision = theirs.revision;
            run.restarts = run.restarts.max(theirs.restarts);
            run.deadline_ms = run.deadline_ms.max(theirs.deadline_ms);
            run.reported_at = run.reported_at.max(theirs.reported_at);
            for (second, (taken_at, bucket)) in theirs.seconds {
                run.keep_later(second, taken_at, bucket);
            }
        }
    }

    /// The runs that have reported.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskRun> {
        self.runs.keys()
    }

    /// The runs of a revision that have reported.
    pub fn tasks_of(&self, revision: &str) -> impl Iterator<Item = &TaskRun> {
        let own = self
            .runs
            .iter()
            .filter(move |(_, run)| run.revision == revision);
        own.map(|(name, _)| name)
    }

    /// When the latest report of a run was written.
    pub fn reported_at(&self, run: &TaskRun) -> Option<Timestamp> {
        self.runs.get(run).map(|run| run.reported_at)
    }

    /// When the latest report on a revision was written.
    pub fn latest(&self, revision: &str) -> Option<Timestamp> {
        self.of(revision).map(|run| run.reported_at).max()
    }

    /// Restarts of the app, over all tasks of a revision.
    pub fn restarts(&self, revision: &str) -> u64 {
        self.of(revision).map(|run| u64::from(run.restarts)).sum()
    }

    /// One second of a revision, over all its tasks.
    pub fn second(&self, revision: &str, second: u64) -> Bucket {
        let mut sum = Bucket::default();
        for (_, bucket) in self.of(revision).filter_map(|run| run.seconds.get(&second)) {
            sum.add(bucket);
        }
        sum
    }

    /// The seconds in which a revision had requests.
    pub fn seconds(&self, revision: &str) -> BTreeSet<u64> {
        self.of(revision)
            .flat_map(|run| run.seconds.keys().copied())
            .collect()
    }

    /// The first second, from `from` on, whose counts may still change: all before it are sealed. A
    /// task that is `alive` seals a second by a report from after the second's end, if nothing in
    /// it is open or its deadline has passed; a report without the second means that it had no
    /// requests. A task that is gone reports no more: what it left open counts as ended after its
    /// deadline, at `now`. If no task has reported on the revision, nothing is sealed.
    pub fn sealed_until(
        &self,
        revision: &str,
        from: u64,
        alive: &BTreeSet<TaskRun>,
        now: Timestamp,
    ) -> u64 {
        let runs: Vec<(bool, &Run)> = self
            .runs
            .iter()
            .filter(|(_, run)| run.revision == revision)
            .map(|(name, run)| (alive.contains(name), run))
            .collect();
        let Some(last) = runs
            .iter()
            .map(|(is_alive, run)| if *is_alive { run.reported_at } else { now })
            .min()
        else {
            return from;
        };
        let is_sealed = |second: u64| {
            let end = Timestamp(second.saturating_add(1).saturating_mul(1_000));
            runs.iter().all(|(is_alive, run)| {
                let known_at = if *is_alive { run.reported_at } else { now };
                let overdue = end.plus(Duration::from_millis(run.deadline_ms));
                known_at >= end
                    && run.seconds.get(&second).is_none_or(|(taken_at, bucket)| {
                        (*taken_at >= end || !is_alive) && bucket.is_settled()
                            || known_at >= overdue
                    })
            })
        };
        (from..last.0 / 1_000)
            .find(|second| !is_sealed(*second))
            .unwrap_or((last.0 / 1_000).max(from))
    }

    fn of(&self, revision: &str) -> impl Iterator<Item = &Run> {
        self.runs
            .values()
            .filter(move |run| run.revision == revision)
    }
}

impl Run {
    fn keep_later(&mut self, second: u64, taken_at: Timestamp, bucket: Bucket) {
        match self.seconds.get_mut(&second) {
            // Within one millisecond the report with more requests is the later one, as counts only
            // grow; if they are equal, the one with fewer open requests.
            Some((known_at, known))
                if (*known_at, progress(known)) >= (taken_at, progress(&bucket)) => {}
            Some(known) => *known = (taken_at, bucket),
            None => {
                self.seconds.insert(second, (taken_at, bucket));
            }
        }
    }
}

/// Grows with every event of a second's requests.
fn progress(bucket: &Bucket) -> u64 {
    let Bucket {
        first,
        probes,
        users,
        retries,
        denied,
    } = bucket;
    let ended = |total: u64, open: u64| total.saturating_mul(2).saturating_sub(open);
    [
        ended(first.total, first.open),
        ended(probes.total, probes.open),
        ended(users.total, users.open),
        *retries,
        *denied,
    ]
    .into_iter()
    .fold(0, u64::saturating_add)
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
