//! The ledger: every release with its steps, what each was decided on, its evidence and its outcome.
//!
//! A record is written *before* each step is carried out. So a driver that was killed leaves a record
//! that is never behind what it did, and the next one folds the record into a [`Release`], looks, and
//! asks [`next`] again. For the same reason everybody can check afterwards that each step followed from
//! what was seen: [`Record::replay`].

use crate::release::canary::{Counts, Policy};
use crate::release::revision::{Revision, RevisionId};
use crate::release::{ManualOverride, Observation, Outcome, Progress, Release, Step, next};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the format that this code writes and reads.
pub const VERSION: u32 = 1;
/// Under this key lies the lock of an environment's releases.
pub const LEASE_KEY: &str = "ledger/lease.json";
/// Under this prefix lie the records.
pub const RELEASES_PREFIX: &str = "ledger/releases/";

/// One release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of the format.
    pub v: u32,
    /// Counts the releases of an environment from 1.
    pub number: u64,
    /// Who began it: `user@host`.
    pub by: String,
    /// Random, another one for each write: tells one's own write from anybody else's.
    pub nonce: String,
    /// What is released, in full.
    pub revision: Revision,
    /// What served before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RevisionId>,
    /// The release as it began.
    pub begun: Release,
    /// What happened.
    pub entries: Vec<Entry>,
    /// By which rules the versions are compared.
    #[serde(default)]
    pub policy: Policy,
    /// What was counted of both versions: what the evidence follows from.
    #[serde(default)]
    pub counts: Counts,
    /// Landfall's own requests to the public address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pings: Option<AvailabilityCounts>,
    /// How it ended, or what it waits for; [`None`] while it is under way, or if it was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// When the outcome was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// One thing that happened in a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Entry {
    /// A step was decided on.
    Step {
        /// When.
        at: Timestamp,
        /// What was seen.
        seen: Box<Observation>,
        /// What followed from it.
        step: Step,
    },
    /// A person said something.
    Order {
        /// When.
        at: Timestamp,
        /// Who: `user@host`.
        by: String,
        /// What.
        order: ManualOverride,
    },
}

/// What landfall's own requests to the public address saw during a release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailabilityCounts {
    /// Requests.
    pub requests: u64,
    /// Those that got no answer of the app: refused, reset, timed out, or 502 to 504 of what is in
    /// front of it.
    pub failed: u64,
    /// Those that the app answered with an error of its own.
    pub errors: u64,
    /// Longest time between two answers of the app, milliseconds.
    pub longest_gap_ms: u64,
}

/// A step that does not follow from what stands beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// Which entry, from 0.
    pub entry: usize,
    /// What stands in the ledger.
    pub written: Step,
    /// What follows.
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

    /// The key that a release lies under. Keys sort as numbers do.
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

    /// Reads a record.
    ///
    /// # Errors
    /// The text is not a record, or one of a version that is not known here.
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

    /// The release as it stands after everything that was written.
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

    /// Whether a driver is at work on it, or was when it was killed.
    pub fn is_under_way(&self) -> bool {
        self.outcome.is_none()
    }

    /// Whether it waits for a person.
    pub fn is_held(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Held { .. }))
    }

    /// Whether the revision served in the end.
    pub fn is_good(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Serving { .. }))
    }

    /// Whether each step follows from what was seen before it.
    ///
    /// # Errors
    /// The first that does not.
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

/// The revision to go back to from `current`: that of the latest release that came to serve and is another
/// one. `records` are sorted by number.
pub fn previous_good<'a>(records: &'a [Record], current: &RevisionId) -> Option<&'a Record> {
    let good = |record: &&Record| record.is_good() && record.begun.revision != *current;
    records.iter().rev().find(good)
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
