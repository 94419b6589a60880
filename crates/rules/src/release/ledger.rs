//! The ledger: every release with its steps, the observation that each was decided on, and its outcome.
//!
//! A record is written *before* each step is carried out, so that the record of a killed driver is never
//! behind what it did. The next driver folds the record into a [`Release`], observes, and calls [`next`].
//! It also allows anyone to check afterwards that each step followed from what was observed:
//! [`Record::replay`].

use crate::release::canary::{Counts, Policy};
use crate::release::revision::{Revision, RevisionId};
use crate::release::{ManualOverride, Observation, Outcome, Progress, Release, Step, next};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the format that this code writes and reads.
pub const VERSION: u32 = 1;
/// Key of the lock of an environment's releases.
pub const LEASE_KEY: &str = "ledger/lease.json";
/// Prefix of the keys of records.
pub const RELEASES_PREFIX: &str = "ledger/releases/";

/// One release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of the format.
    pub v: u32,
    /// Number of the release in its environment, from 1.
    pub number: u64,
    /// `user@host` that began it.
    pub by: String,
    /// Random and different for each write: distinguishes this process's writes from others'.
    pub nonce: String,
    /// What is released.
    pub revision: Revision,
    /// What served before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RevisionId>,
    /// The release as it began.
    pub begun: Release,
    /// Its steps and the orders of people.
    pub entries: Vec<Entry>,
    /// The rules of the comparison.
    #[serde(default)]
    pub policy: Policy,
    /// Requests of both versions: the evidence follows from them.
    #[serde(default)]
    pub counts: Counts,
    /// Landfall's own requests to the public address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pings: Option<AvailabilityCounts>,
    /// How it ended, or why it is held; [`None`] while it is under way, or if it was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// When the outcome was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// An event in a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Entry {
    /// A step was taken.
    Step {
        /// When.
        at: Timestamp,
        /// What was observed.
        seen: Box<Observation>,
        /// The step that followed from it.
        step: Step,
    },
    /// A person overrode the release.
    Order {
        /// When.
        at: Timestamp,
        /// `user@host` of the person.
        by: String,
        /// The override.
        order: ManualOverride,
    },
}

/// Landfall's own requests to the public address during a release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailabilityCounts {
    /// All requests.
    pub requests: u64,
    /// Those without an answer of the app: refused, reset, timed out, or 502 to 504 of the load balancer or
    /// CDN.
    pub failed: u64,
    /// Those that the app answered with an error.
    pub errors: u64,
    /// Longest time between two answers of the app, milliseconds.
    pub longest_gap_ms: u64,
}

/// A step that does not follow from its observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// Which entry, from 0.
    pub entry: usize,
    /// The step in the ledger.
    pub written: Step,
    /// The step that follows.
    pub follows: Step,
}

impl Record {
    /// A record of a release that is about to begin.
    pub fn begin(
        number: u64,
        by: String,
        revision: Revision,
        from: Option<RevisionId>,
        begun: Release,
    ) -> Record {
        Record {
            v: VERSION,
            number,
            by,
            nonce: String::new(),
            revision,
            from,
            begun,
            entries: Vec::new(),
            policy: Policy::default(),
            counts: Counts::default(),
            pings: None,
            outcome: None,
            ended_at: None,
        }
    }

    /// The key of a release. Keys sort like numbers.
    pub fn key(number: u64) -> String {
        format!("{RELEASES_PREFIX}{number:06}.json")
    }

    /// The number in a key.
    pub fn number_of(key: &str) -> Option<u64> {
        key.strip_prefix(RELEASES_PREFIX)?
            .strip_suffix(".json")?
            .parse()
            .ok()
    }

    /// Parses a record.
    ///
    /// # Errors
    /// The text is not a record, or has an unknown version.
    pub fn parse(text: &str) -> Result<Record, String> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let version: Version = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if version.v != VERSION {
            return Err(format!(
                "it has version {}, and this landfall reads version {VERSION}",
                version.v
            ));
        }
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// The release after all its entries.
    pub fn release(&self) -> Release {
        let mut release = Release {
            progress: Progress::default(),
            ..self.begun.clone()
        };
        for entry in &self.entries {
            entry.apply(&mut release);
        }
        release
    }

    /// Whether it has no outcome: a driver works on it, or was killed.
    pub fn is_under_way(&self) -> bool {
        self.outcome.is_none()
    }

    /// Whether it waits for a person.
    pub fn is_held(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Held { .. }))
    }

    /// Whether the revision serves.
    pub fn is_good(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Serving { .. }))
    }

    /// Checks that each step follows from what was observed.
    ///
    /// # Errors
    /// The first step that does not.
    pub fn replay(&self) -> Result<(), Box<Mismatch>> {
        let mut release = Release {
            progress: Progress::default(),
            ..self.begun.clone()
        };
        for (number, entry) in self.entries.iter().enumerate() {
            if let Entry::Step { at, seen, step } = entry {
                let follows = next(&release, seen, *at);
                if follows != *step {
                    return Err(Box::new(Mismatch {
                        entry: number,
                        written: step.clone(),
                        follows,
                    }));
                }
            }
            entry.apply(&mut release);
        }
        Ok(())
    }
}

impl Entry {
    fn apply(&self, release: &mut Release) {
        match self {
            Entry::Step { at, step, .. } => release.apply(step, *at),
            Entry::Order { order, .. } => release.progress.order = Some(*order),
        }
    }
}

/// The release to roll back to from `current`: the latest successful one of another revision. `records` are
/// sorted by number.
pub fn previous_good<'a>(records: &'a [Record], current: &RevisionId) -> Option<&'a Record> {
    let good = |record: &&Record| record.is_good() && record.begun.revision != *current;
    records.iter().rev().find(good)
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
