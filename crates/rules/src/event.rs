//! Everything a command reports, as data. Commands emit events; the report of the command line is
//! the only place that turns them into text, and `--json` is one event a line.

use crate::app::manifest::Target;
use crate::app::names::Slot;
use crate::check::{Check, Summary};
use crate::exit::Exit;
use crate::leave::eject::files::Edit;
use crate::leave::eject::settings::Difference;
use crate::operate::expiry;
use crate::operate::secrets::Row;
use crate::operate::sweep::{Found, Leftover};
use crate::operate::ttl::ObservedExpiry;
use crate::operate::version::Version;
use crate::release::diagnosis::Cause;
use crate::release::evidence::Evidence;
use crate::release::ledger::{AvailabilityCounts, Entry, Record};
use crate::release::live_status::LiveStatus;
use crate::release::revision::{Digest, RevisionId};
use crate::release::verdict::Verdict;
use crate::release::{Outcome, Purpose, Step, Strategy};
use crate::shape::contract::Root;
use crate::shape::cost::budget::Refusal;
use crate::shape::cost::{Bill, Spent};
use crate::shape::data_loss;
use crate::shape::plan::Change;
use crate::shape::review::Finding;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the events' format: raised when a field changes its meaning or disappears. New events
/// and new fields do not raise it.
pub const VERSION: u32 = 1;

/// One line of `--json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// [`VERSION`].
    pub v: u32,
    /// When it happened, milliseconds since the Unix epoch.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// A part of a command that is worth its own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Emulators of a rehearsal are started or found.
    Rehearsal,
    /// Tools, credentials and locks are looked at.
    Preflight,
    /// The image is built.
    Build,
    /// Both roots are initialized and planned.
    Plan,
    /// The foundation root is applied.
    Foundation,
    /// The Fargate root is applied.
    Fargate,
    /// The Lambda root is applied.
    Lambda,
    /// The CI root is applied.
    Ci,
    /// The domain's root is applied, and its address asked.
    Domain,
    /// The image is pushed.
    Push,
    /// Traffic moves to the new revision.
    Release,
    /// What runs and what the public address answers is looked at.
    Verdict,
    /// Tasks, task definitions and images are removed.
    Objects,
    /// Both roots are destroyed.
    Destroy,
    /// Logs and state are removed.
    State,
    /// The account is searched for leftovers.
    Sweep,
}

impl Phase {
    /// The phase as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Rehearsal => "rehearsal",
            Phase::Preflight => "preflight",
            Phase::Build => "build image",
            Phase::Plan => "plan",
            Phase::Foundation => "apply foundation",
            Phase::Fargate => "apply fargate",
            Phase::Lambda => "apply lambda",
            Phase::Ci => "apply ci",
            Phase::Domain => "apply domain",
            Phase::Push => "push image",
            Phase::Release => "release",
            Phase::Verdict => "verdict",
            Phase::Objects => "remove release objects",
            Phase::Destroy => "destroy",
            Phase::State => "remove logs and state",
            Phase::Sweep => "sweep",
        }
    }
}

/// How long a phase took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// Which.
    pub phase: Phase,
    /// Seconds.
    pub seconds: f64,
}

/// One slot in a status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlotStatus {
    /// Which.
    pub slot: Slot,
    /// Whether users are sent to it.
    pub live: bool,
    /// Percent of users that are sent to it.
    pub share: u32,
    /// What it holds.
    pub revision: Option<RevisionId>,
    /// Image of that revision.
    pub image: Option<String>,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks running.
    pub running: u32,
    /// Targets that the load balancer finds healthy.
    pub healthy: u32,
    /// On Lambda, the version's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What is wrong, if anything.
    pub cause: Option<Cause>,
}

/// An environment as it was just observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// App.
    pub name: String,
    /// Environment.
    pub environment: String,
    /// AWS account.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// Public address.
    pub url: String,
    /// Whether the public address answered below 500 just now.
    pub answers: bool,
    /// Both slots.
    pub slots: Vec<SlotStatus>,
    /// When it ends; [`None`] if that could not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<ObservedExpiry>,
}

/// A release of the past, or one that is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// Counts from 1.
    pub number: u64,
    /// What was released.
    pub revision: RevisionId,
    /// Its image.
    pub digest: Digest,
    /// What served before.
    pub from: Option<RevisionId>,
    /// What for.
    pub purpose: Purpose,
    /// How traffic was to move.
    pub strategy: Strategy,
    /// Who: `user@host`.
    pub by: String,
    /// When it began.
    pub started: Timestamp,
    /// When its outcome was known.
    pub ended_at: Option<Timestamp>,
    /// Steps that were taken.
    pub steps: usize,
    /// How it ended, or what it waits for; [`None`] while it is under way, or if it was killed.
    pub outcome: Option<Outcome>,
    /// Landfall's own requests to the public address.
    pub pings: Option<AvailabilityCounts>,
}

impl From<&Record> for Past {
    fn from(record: &Record) -> Past {
        let begun = &record.begun;
        Past {
            number: record.number,
            revision: begun.revision.clone(),
            digest: record.revision.image.digest.clone(),
            from: record.from.clone(),
            purpose: begun.purpose,
            strategy: begun.strategy,
            by: record.by.clone(),
            started: begun.started,
            ended_at: record.ended_at,
            steps: record.entries.len(),
            outcome: record.outcome.clone(),
            pings: record.pings,
        }
    }
}

/// Something that a command reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// A phase ended well.
    PhaseFinished {
        /// Which, and how long it took.
        #[serde(flatten)]
        time: PhaseTime,
    },
    /// Where landfall is about to act.
    Place {
        /// App.
        name: String,
        /// Environment.
        environment: String,
        /// AWS account.
        account: String,
        /// AWS region.
        region: String,
        /// Whether it is a rehearsal.
        rehearsal: bool,
    },
    /// Something worth knowing that changes nothing.
    Note {
        /// A sentence.
        text: String,
    },
    /// Something that may hurt later.
    Warning {
        /// A sentence.
        text: String,
    },
    /// What Terraform would do in a root.
    Planned {
        /// Which root.
        root: Root,
        /// Every resource it touches.
        changes: Vec<Change>,
        /// The same in one line.
        summary: String,
    },
    /// What it will cost.
    Priced {
        /// Every charge, and the sum.
        bill: Box<Bill>,
    },
    /// What AWS reports as spent this month; the end of `cost`.
    Spent(Spent),
    /// What the review of the plans and of what is to run found.
    Reviewed {
        /// Every finding, the gravest first, those that were allowed among them.
        findings: Vec<Finding>,
    },
    /// What `up` would make of it all; the result of `plan`.
    Proposed {
        /// What it would run on.
        target: Target,
        /// Why that.
        because: String,
        /// What would be destroyed, and whether that may be.
        loss: data_loss::Verdict,
        /// Why it would be refused, if it would.
        refusal: Option<Refusal>,
        /// All of it in one sentence.
        conclusion: String,
    },
    /// When the environment ends, after an `up`.
    Lifetime {
        /// It.
        lifetime: ObservedExpiry,
    },
    /// Which environments `reap` found, and when they end.
    Lifetimes {
        /// Every one that was looked for.
        environments: Vec<expiry::ListedEnvironment>,
        /// What could not be looked at, or is left alone, each with its reason.
        unseen: Vec<String>,
        /// When.
        seen_at: Timestamp,
    },
    /// The end of `reap`.
    Reaped {
        /// Environments that were taken down.
        removed: Vec<String>,
        /// Those that could not be, or not wholly, each with its reason.
        failed: Vec<String>,
    },
    /// What `down` is about to remove.
    Doomed {
        /// Everything found.
        things: Vec<Found>,
    },
    /// Terraform works on a resource.
    Resource {
        /// Which root.
        root: Root,
        /// Address in the configuration.
        address: String,
        /// `create`, `update`, `delete`, …
        action: String,
        /// How far it is.
        progress: Progress,
        /// Seconds since it began.
        seconds: f64,
    },
    /// A line of a tool's own output, worth keeping while it works.
    Output {
        /// Which tool.
        tool: String,
        /// The line.
        line: String,
    },
    /// The release takes a step.
    Step {
        /// Which.
        #[serde(flatten)]
        step: Step,
    },
    /// The candidate or the service is unwell, with all evidence.
    Autopsy {
        /// The cause.
        cause: Cause,
        /// What it is concluded from.
        evidence: Evidence,
    },
    /// What was observed in the end.
    Judged {
        /// The verdict.
        #[serde(flatten)]
        verdict: Verdict,
    },
    /// The public address; the result of `up` and `url`.
    Url {
        /// It.
        url: String,
    },
    /// A file was written; the result of `init`.
    Written {
        /// Its path.
        file: String,
        /// A short description of its content.
        what: String,
    },
    /// Secrets, without their values; the result of `secrets`.
    Secrets {
        /// Each of them, by name.
        secrets: Vec<Row>,
    },
    /// A text that was asked for: completions, a schema, a policy.
    Document {
        /// All of it.
        text: String,
    },
    /// Which landfall this is; the result of `version`.
    Version(Version),
    /// CI can deploy; the result of `ci github` and `ci gitlab`.
    CiReady {
        /// The file with the jobs, within the repository.
        file: String,
        /// ARN of each role, by the word that ends its name; empty if none was made.
        role_arns: BTreeMap<String, String>,
    },
    /// An environment was written as plain Terraform; the result of `eject`.
    Ejected {
        /// Where.
        directory: String,
        /// Its roots, in the order in which they are made.
        roots: Vec<Root>,
    },
    /// What an ejected environment has otherwise than landfall would.
    Compared {
        /// Settings.
        differences: Vec<Difference>,
        /// Files that were edited by hand.
        edits: Vec<Edit>,
        /// Whether a person accepted the differences, so that they are no obstacle.
        accepted: bool,
    },
    /// An ejected environment is landfall's again; the result of `adopt`.
    Adopted {
        /// Whether the next `up` would leave the shape as it is.
        unchanged: bool,
    },
    /// Where the time went; the end of `up` and `down`.
    Times {
        /// Each phase.
        phases: Vec<PhaseTime>,
        /// Seconds on the clock; phases overlap.
        total: f64,
    },
    /// The result of `status`.
    Status(Status),
    /// A line of the app's log; the result of `logs`.
    Log {
        /// When it was written.
        time: Timestamp,
        /// Which task wrote it.
        task: String,
        /// The line.
        message: String,
    },
    /// A line that the command of `exec` printed.
    Printed {
        /// It.
        line: String,
    },
    /// The command of `exec` ended.
    CommandEnded {
        /// Its exit code, if it ran.
        code: Option<i32>,
    },
    /// Something that is left after `down`.
    Left {
        /// It.
        #[serde(flatten)]
        leftover: Leftover,
    },
    /// The end of a sweep.
    Swept {
        /// How many things are left.
        left: usize,
        /// How many of them cost money.
        billable: usize,
        /// Service listings that could not be looked at, each with its reason.
        unseen: Vec<String>,
    },
    /// What an app that runs on this machine did so far.
    Traffic {
        /// The numbers.
        #[serde(flatten)]
        totals: edge_contract::totals::Totals,
    },
    /// What landfall's own requests to the public address saw during a release.
    Pinged {
        /// The numbers.
        #[serde(flatten)]
        pings: AvailabilityCounts,
    },
    /// What a release would do if all goes well; the result of a dry run.
    Foreseen {
        /// Step by step.
        steps: Vec<Step>,
    },
    /// The way to a staged version that has no traffic.
    Private {
        /// Public address.
        url: String,
        /// Name of the header.
        header: String,
        /// Its value: requests with it reach the version until the release ends.
        token: String,
    },
    /// A release of the past; the result of `history`.
    Past(Box<Past>),
    /// What happened in a release of the past.
    Entry {
        /// It.
        entry: Box<Entry>,
        /// When the release began.
        since: Timestamp,
    },
    /// JSON that was asked for, as it is.
    Data {
        /// It.
        data: serde_json::Value,
    },
    /// The state of what serves, about once a second while it is watched.
    Watch(LiveStatus),
    /// Something was looked at; a result of `doctor`.
    Checked {
        /// What, and what it came to.
        #[serde(flatten)]
        check: Check,
    },
    /// What all checks came to; the end of `doctor`.
    Examined {
        /// How many came to what.
        summary: Summary,
        /// The checks that a person should act on.
        problems: Vec<Check>,
    },
    /// Nothing had to be done.
    Unchanged {
        /// The revision that serves.
        revision: RevisionId,
    },
    /// The command failed; always the last event but [`Event::Ended`].
    Failed {
        /// What failed.
        what: String,
        /// Why: the evidence.
        why: Vec<String>,
        /// What to do next.
        next: Vec<String>,
    },
    /// The command ended.
    Ended {
        /// How.
        exit: Exit,
        /// The process exit code.
        code: u8,
    },
}

/// How far Terraform is with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// It began.
    Started,
    /// It goes on.
    Waiting,
    /// It is done.
    Finished,
    /// It failed.
    Errored,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Outcome;
    use crate::release::canary::Stratum;
    use crate::release::live_status::{self, Arm, Count, Role, Sample};

    #[test]
    fn a_line_has_its_version_and_type_and_round_trips() {
        let events = [
            Event::PhaseFinished {
                time: PhaseTime {
                    phase: Phase::Push,
                    seconds: 1.5,
                },
            },
            Event::Step {
                step: Step::Finished {
                    outcome: Outcome::RolledBack {
                        slot: Slot::Blue,
                        cause: Cause::Crash { exit_code: 3 },
                    },
                },
            },
            Event::Step {
                step: Step::Probe { requests: 6 },
            },
            Event::Left {
                leftover: Leftover {
                    kind: crate::operate::sweep::Kind::Role,
                    id: "r".into(),
                    billable: false,
                    remove: "aws".into(),
                },
            },
            Event::Watch(LiveStatus {
                elapsed: 42.5,
                doing: "10% on the new version".into(),
                arms: vec![Arm {
                    slot: Slot::Blue,
                    revision: RevisionId("0123456789ab".into()),
                    role: Role::Old,
                    share: 90,
                    tasks: 2,
                    healthy: 2,
                    requests: 412,
                    errors: 40,
                    user_errors: 1,
                    p50_ms: Some(12.5),
                    p99_ms: None,
                }],
                evidence: Some(live_status::Evidence {
                    roll_back: 0.3,
                    roll_back_at: 4.6,
                    promote: 1.2,
                    promote_at: 3.0,
                    stratum: Stratum::Users,
                    new_requests: 45,
                }),
                pings: Some(AvailabilityCounts {
                    requests: 210,
                    failed: 0,
                    errors: 21,
                    longest_gap_ms: 320,
                }),
                seconds: vec![Sample {
                    arms: vec![Count {
                        requests: 10,
                        errors: 1,
                    }],
                }],
            }),
            Event::Ended {
                exit: Exit::Done,
                code: 0,
            },
        ];
        let mut lines = Vec::new();
        for event in events {
            let line = Line {
                v: VERSION,
                at: Timestamp(7),
                event,
            };
            let text = serde_json::to_string(&line).expect("an event is JSON");
            assert_eq!(serde_json::from_str::<Line>(&text).expect("and back"), line);
            lines.push(text);
        }
        insta::assert_snapshot!("lines", lines.join("\n"));
    }
}
