//! The analysis of a running canary: which counts to fetch next, which seconds are sealed, and what the
//! sealed ones show about the candidate.
//!
//! The caller fetches and passes in what it got; nothing here waits or asks. One look goes like this:
//!
//! 1. Ask the edges of the slots in [`CanaryAnalysis::slots_to_ask`] until their [`Round`]s are complete,
//!    and pass these to [`CanaryAnalysis::end_round`].
//! 2. If [`CanaryAnalysis::log_query`] returns a query, read the log and pass it to
//!    [`CanaryAnalysis::insert_log`] and [`CanaryAnalysis::insert_failures`]. Without an edge, [`CanaryAnalysis::metrics_query`] and
//!    [`CanaryAnalysis::insert_metrics`] do the same with the load balancer's counts.
//! 3. [`CanaryAnalysis::compare`] makes windows of what is sealed and judges them.

mod worse;

use crate::app::names::{Slot, Slots};
use crate::release::canary::{
    Arm, Counts, Decision, History, Judgement, Policy, SealedWindow, Stratum, Trial, seal,
};
use crate::release::failed_invocation::Failures;
use crate::release::minute_counts::{self, Minutes};
use crate::release::revision::RevisionId;
use crate::release::verdict::Answers;
use crate::release::{Comparison, Release};
use crate::time::Timestamp;
use edge_contract::bucket::{Attempts, Bucket};
use edge_contract::log_window;
use edge_contract::summary::{Collection, Summary, TaskRun};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Attempts to hear from each task of a slot in one look. Which task answers is up to the load balancer.
pub const ROUNDS: usize = 6;
/// How long some task may stay silent before the log is read instead.
pub const LOG_AFTER: Duration = Duration::from_secs(10);
/// Time between two readings of the log.
pub const LOG_EVERY: Duration = Duration::from_secs(5);
/// Lines of a second are expected to arrive in the log within this time, if later ones have arrived. A log
/// that is later than that is waited for: see [`CanaryAnalysis::insert_log`].
pub const LOG_LAG: Duration = Duration::from_secs(15);
/// How long a request may run on Lambda, where no line shows that it is under way: an edge writes its
/// line when an invocation ends. An HTTP API waits no longer
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
pub const LONGEST: Duration = Duration::from_secs(30);
/// How far before its release the history of the old version begins. The log of a busy app has millions
/// of lines, and AWS allows five calls a second to read it
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>).
pub const HISTORY: Duration = Duration::from_secs(600);
/// Time between two requests for the load balancer's counts: they come by the minute, and each call is
/// billed.
pub const METRICS_EVERY: Duration = Duration::from_secs(60);

/// Which program counts landfall's own requests to the two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeCounter {
    /// The edges that answer them.
    Edges,
    /// Landfall, as it sends them.
    Landfall,
}

/// What is known of the edges in one slot before they are asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotEdges {
    /// The slot's revision.
    pub revision: Option<RevisionId>,
    /// Tasks that take requests.
    pub healthy: u32,
    /// Whether the revision has an edge.
    pub has_edge: bool,
    /// Whether requests can be sent to this slot alone.
    pub is_reachable: bool,
}

/// Tasks of one slot that answered in one look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    wanted: usize,
    tasks: BTreeSet<TaskRun>,
}

/// The comparison of one candidate with the version before it.
#[derive(Debug, Clone)]
pub struct CanaryAnalysis {
    probes: ProbeCounter,
    collection: Collection,
    /// Invocations that no edge counted, by revision.
    failures: BTreeMap<String, Failures>,
    counts: Counts,
    trial: Trial,
    /// Tasks that answered in the latest complete round of each slot.
    alive: Slots<BTreeSet<TaskRun>>,
    /// When every task of both slots last answered.
    complete_at: Option<Timestamp>,
    /// When the log was last read; [`None`] while the edges answer.
    log_read_at: Option<Timestamp>,
    metrics_read_at: Option<Timestamp>,
    since: u64,
    /// Whether `since` is the first second that is not sealed, and no longer the begin of the history.
    is_comparing: bool,
}

impl Round {
    /// A round that hears from `healthy` tasks.
    pub fn new(healthy: u32) -> Round {
        Round {
            wanted: usize::try_from(healthy).unwrap_or(usize::MAX),
            tasks: BTreeSet::new(),
        }
    }

    /// How many tasks there are.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Whether every task has answered.
    pub fn is_complete(&self) -> bool {
        self.tasks.len() >= self.wanted
    }
}

impl CanaryAnalysis {
    /// Continues from the counts that an earlier process wrote to the ledger of the same release, which
    /// began at `started`.
    pub fn new(
        policy: &Policy,
        counts: Counts,
        probes: ProbeCounter,
        started: Timestamp,
    ) -> CanaryAnalysis {
        CanaryAnalysis {
            probes,
            collection: Collection::default(),
            failures: BTreeMap::new(),
            trial: trial(policy, &counts),
            counts,
            alive: Slots::default(),
            complete_at: None,
            log_read_at: None,
            metrics_read_at: None,
            since: (started.0 / 1_000).saturating_sub(HISTORY.as_secs()),
            is_comparing: false,
        }
    }

    /// What was counted: the judgement follows from this alone.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Everything that the edges reported.
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// What the trial concludes so far.
    pub fn judgement(&self) -> Judgement {
        self.trial.judgement()
    }

    /// The slots whose edges can be asked for their counts.
    pub fn slots_to_ask(edges: &Slots<SlotEdges>) -> Vec<Slot> {
        let answers = |slot: &Slot| {
            let of = edges.of(*slot);
            of.healthy > 0 && of.has_edge && of.is_reachable
        };
        Slot::ALL.into_iter().filter(answers).collect()
    }

    /// The first second, since the Unix epoch, whose counts are needed.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// Takes in what one task of a slot answered.
    pub fn insert(&mut self, round: &mut Round, summary: Summary) {
        round.tasks.insert(TaskRun {
            task: summary.task.clone(),
            started_at: summary.started_at,
        });
        self.collection.insert(summary);
    }

    /// Ends a look at the edges: `rounds` has one for each slot that was asked.
    pub fn end_round(&mut self, rounds: Slots<Option<Round>>, now: Timestamp) {
        let Slots { blue, green } = rounds;
        let mut asked = 0;
        let mut complete = 0;
        for (slot, round) in [(Slot::Blue, blue), (Slot::Green, green)] {
            let Some(round) = round else { continue };
            asked += 1;
            if round.is_complete() {
                complete += 1;
                *self.alive.of_mut(slot) = round.tasks;
            }
        }
        if asked > 0 && complete == asked {
            self.complete_at = Some(now);
            self.log_read_at = None;
        }
    }

    /// From when on the log has to be read now; [`None`] if it need not be. It is read while some task
    /// does not answer, every [`LOG_EVERY`].
    pub fn log_query(&self, edges: &Slots<SlotEdges>, now: Timestamp) -> Option<Timestamp> {
        let writes_counts = Slot::ALL.into_iter().any(|slot| edges.of(slot).has_edge);
        let is_due =
            |at: Option<Timestamp>, after: Duration| at.is_none_or(|at| now.since(at) >= after);
        let is_needed = is_due(self.complete_at, LOG_AFTER) && is_due(self.log_read_at, LOG_EVERY);
        (writes_counts && is_needed).then(|| {
            let since = Timestamp(self.since.saturating_mul(1_000));
            match self.is_comparing {
                // However late a line arrives, its second is not sealed before.
                true => since,
                false => log_window::ask_since(since, self.log_read_at),
            }
        })
    }

    /// Takes in what the log has: the same counts as the edges', later, and without a sign of which
    /// tasks are alive.
    ///
    /// A missing line does not mean that there was no request. CloudWatch shows lines seconds or minutes late
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-execution.html>), so a second is sealed
    /// only once both versions have a line from after it. Landfall's own requests keep lines coming.
    pub fn insert_log(&mut self, found: Collection, now: Timestamp) {
        self.log_read_at = Some(now);
        self.collection.merge(found);
    }

    /// Takes in invocations of a revision that failed without its edge: killed, crashed or timed out.
    pub fn insert_failures(&mut self, revision: &RevisionId, failures: Failures) {
        let known = self.failures.entry(revision.0.clone()).or_default();
        known.merge(failures);
    }

    /// From when on the load balancer's counts have to be read now; [`None`] if they need not be. Each
    /// call that returns a time counts as one reading.
    pub fn metrics_query(&mut self, release: &Release, now: Timestamp) -> Option<Timestamp> {
        let since = release.progress.shifted_at?;
        let is_due = self
            .metrics_read_at
            .is_none_or(|at| now.since(at) >= METRICS_EVERY);
        is_due.then(|| {
            self.metrics_read_at = Some(now);
            since
        })
    }

    /// Takes in what the load balancer counted at each slot, the only counts of an app without an edge:
    /// one window a minute, once the minute has settled.
    pub fn insert_metrics(&mut self, release: &Release, minutes: &Slots<Minutes>, now: Timestamp) {
        let Some(since) = release.progress.shifted_at else {
            return;
        };
        let last = end_of(&self.counts.windows, Stratum::Users).unwrap_or(0);
        for minute in minute_counts::windows(minutes, release.candidate, since, now) {
            let arm = |counts: minute_counts::Counts| Arm {
                total: counts.total,
                errors: counts.errors,
                ..Arm::default()
            };
            let window = SealedWindow {
                stratum: Stratum::Users,
                from_second: minute.minute * 60,
                seconds: 60,
                old: arm(minute.old),
                new: arm(minute.new),
            };
            let compares = window.old.total > 0 && window.new.total > 0;
            if compares && window.from_second >= last {
                self.push(window);
            }
        }
    }

    /// Takes in pairs of probes that landfall sent to the old and the new version of a release into
    /// `candidate`. Where the edges of both count them, these counts are used and not landfall's.
    pub fn count_pairs(
        &mut self,
        edges: &Slots<SlotEdges>,
        old: Answers,
        new: Answers,
        now: Timestamp,
    ) {
        let both_have_edges = Slot::ALL.into_iter().all(|slot| edges.of(slot).has_edge);
        if self.probes == ProbeCounter::Edges && both_have_edges {
            return;
        }
        if old.asked == 0 || new.asked == 0 {
            return;
        }
        let arm = |answers: Answers| Arm {
            total: u64::from(answers.asked),
            errors: u64::from(answers.errors + answers.lost),
            ..Arm::default()
        };
        let last = self.counts.windows.last().map_or(0, SealedWindow::end);
        self.push(SealedWindow {
            stratum: Stratum::Probes,
            from_second: (now.0 / 1_000).max(last),
            seconds: 1,
            old: arm(old),
            new: arm(new),
        });
    }

    /// Makes windows of everything that is sealed by now, and judges them.
    pub fn compare(
        &mut self,
        release: &Release,
        edges: &Slots<SlotEdges>,
        now: Timestamp,
    ) -> Comparison {
        let old = &edges.of(release.candidate.other()).revision;
        let new = &edges.of(release.candidate).revision;
        if let (Some(old), Some(new)) = (old, new)
            && old != new
        {
            if release.progress.shifted_at.is_none() {
                self.remember(&old.0);
            }
            self.seal(release, &old.0, &new.0, now);
        }
        self.comparison()
    }

    /// Until the candidate has users, the old version's requests are its history.
    fn remember(&mut self, old: &str) {
        let mut past = Attempts::default();
        for second in self.collection.seconds(old) {
            past.add(&self.collection.second(old, second).first);
        }
        let history = History {
            n: past
                .total
                .saturating_sub(past.gone)
                .saturating_sub(past.open),
            errors: past.errors,
            cold: past.cold,
            latency: (past.total > 0).then_some(past.latency),
        };
        if history != self.counts.history {
            self.counts.history = history;
            self.trial = trial(self.trial.policy(), &self.counts);
        }
    }

    fn seal(&mut self, release: &Release, old: &str, new: &str, now: Timestamp) {
        // Users count from the first whole second after the shift, probes from the first one.
        let begins = |stratum: Stratum| match stratum {
            Stratum::Users => release.progress.shifted_at.map(|at| at.0 / 1_000 + 1),
            Stratum::Probes => release.progress.probed_at.map(|at| at.0 / 1_000),
        };
        let mut fresh = Vec::new();
        let mut earliest: Option<u64> = None;
        for stratum in Stratum::ALL {
            if stratum == Stratum::Probes && self.probes == ProbeCounter::Landfall {
                continue;
            }
            let Some(from) = end_of(&self.counts.windows, stratum).or_else(|| begins(stratum))
            else {
                continue;
            };
            earliest = Some(earliest.map_or(from, |other| other.min(from)));
            let until = self.sealed_until(release.candidate, old, new, from, now);
            let pick = |bucket: Bucket| match stratum {
                Stratum::Users => bucket.first,
                Stratum::Probes => bucket.probes,
            };
            let of = |revision: &str, second| {
                let mut attempts = pick(self.collection.second(revision, second));
                let failures = self.failures.get(revision);
                if let (Stratum::Users, Some(failures)) = (stratum, failures) {
                    let failed = failures.in_second(second);
                    attempts.total += failed;
                    attempts.errors += failed;
                }
                attempts
            };
            let seconds: BTreeMap<u64, (Attempts, Attempts)> = (from..until)
                .map(|second| (second, (of(old, second), of(new, second))))
                .collect();
            fresh.extend(seal(stratum, &seconds, from, until));
        }
        fresh.sort_by_key(|window| (window.end(), window.stratum));
        for window in fresh {
            self.push(window);
        }
        if let Some(earliest) = earliest {
            // One second more than needed: it costs little.
            self.since = earliest.saturating_sub(1);
            self.is_comparing = true;
        }
    }

    /// The first second in which the counts of either version may still change.
    fn sealed_until(
        &self,
        candidate: Slot,
        old: &str,
        new: &str,
        from: u64,
        now: Timestamp,
    ) -> u64 {
        let of = |revision: &str, slot: Slot| match self.log_read_at {
            // The log does not show which tasks are alive: what they wrote last stands once it is read
            // beyond.
            Some(at) => {
                let failed = self.failures.get(revision).and_then(Failures::latest);
                let Some(latest) = self.collection.latest(revision).max(failed) else {
                    return from;
                };
                let read_to = latest.0.min(at.0.saturating_sub(millis(LOG_LAG)));
                let unseen = match self.probes {
                    // An edge reports its open requests.
                    ProbeCounter::Edges => Duration::ZERO,
                    ProbeCounter::Landfall => LONGEST,
                };
                let arrived = read_to.saturating_sub(millis(unseen));
                if self.collection.latest(revision).is_none() {
                    return from.max(arrived / 1_000);
                }
                let alive = BTreeSet::new();
                self.collection
                    .sealed_until(revision, from, &alive, Timestamp(arrived))
            }
            None => {
                let alive = self.alive.of(slot);
                self.collection.sealed_until(revision, from, alive, now)
            }
        };
        of(old, candidate.other()).min(of(new, candidate))
    }

    fn push(&mut self, window: SealedWindow) {
        self.trial.window(&window);
        self.counts.windows.push(window);
    }

    fn comparison(&self) -> Comparison {
        let judgement = self.trial.judgement();
        let worse = match judgement.decision {
            Decision::RollBack { monitor } => {
                Some(worse::cause(&judgement, monitor, &self.counts.windows))
            }
            _ => None,
        };
        Comparison {
            ln_m: judgement.ln_m,
            worse,
            proven_by_users: judgement.proven_by_users,
            proven_by_probes: judgement.proven_by_probes,
            new_users: judgement.totals.users.n_new,
            new_probes: judgement.totals.probes.n_new,
            old_users: self.counts.history.n + judgement.totals.users.n_old,
        }
    }
}

/// The trial after everything that was counted.
fn trial(policy: &Policy, counts: &Counts) -> Trial {
    let mut trial = Trial::new(policy, &counts.history);
    for window in &counts.windows {
        trial.window(window);
    }
    trial
}

/// The second after the last window of a stratum.
fn end_of(windows: &[SealedWindow], stratum: Stratum) -> Option<u64> {
    let own = windows.iter().rev().find(|w| w.stratum == stratum);
    own.map(SealedWindow::end)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "analysis_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "analysis_log_tests.rs"]
mod log_tests;
