//! The comparison of the two versions: reads the counts of their edges, makes windows of what is sealed,
//! and keeps the trial of the candidate going.

use crate::release::http_probe::{Prober, SlotRoute};
use crate::report::now;
use aws::{Logs, Metrics};
use futures_util::future::join_all;
use rules::app::names::{Slot, Slots};
use rules::edge_contract::bucket::{Attempts, Bucket};
use rules::edge_contract::histogram::Histogram;
use rules::edge_contract::log_window;
use rules::edge_contract::summary::{Collection, TaskRun};
use rules::release::canary::{
    Arm, Counts, Decision, History, Judgement, Policy, SealedWindow, Signal, Stratum, Trial, seal,
};
use rules::release::diagnosis::{Cause, Rate, Slow, Worse};
use rules::release::minute_counts;
use rules::release::revision::RevisionId;
use rules::release::verdict::Answers;
use rules::release::{Comparison, Release};
use rules::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Rounds of asking until each task of a slot has told its counts: which one answers is up to the load
/// balancer.
const ROUNDS: usize = 6;
/// How long the edges may stay out of reach until the log is read instead.
const LOG_AFTER: Duration = Duration::from_secs(10);
/// How often the log is read then.
const LOG_EVERY: Duration = Duration::from_secs(5);
/// How far behind the log is taken to be: lines of a second arrive until then.
const LOG_LAG: Duration = Duration::from_secs(15);
/// How often the load balancer's counts are asked for: they come by the minute, and each call is billed.
const METRICS_EVERY: Duration = Duration::from_secs(60);

/// Who counts landfall's own requests to the two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// The edges that answer them.
    ByEdges,
    /// Landfall, as it sends them.
    ByLandfall,
}

/// The trial of one candidate.
pub(crate) struct CanaryAnalysis {
    probes: Counted,
    collection: Collection,
    counts: Counts,
    trial: Trial,
    /// Tasks that reported in the latest complete round.
    alive: Slots<BTreeSet<TaskRun>>,
    /// When every task of both slots was last heard.
    heard_at: Option<Timestamp>,
    log_read_at: Option<Timestamp>,
    asked_since: u64,
    metrics_read_at: Option<Timestamp>,
}

/// One slot, to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) door: SlotRoute,
    pub(crate) revision: Option<RevisionId>,
    /// Tasks that take requests.
    pub(crate) healthy: u32,
}

impl CanaryAnalysis {
    /// Goes on from what an earlier driver of the same release has counted.
    pub(crate) fn new(policy: &Policy, counts: Counts, probes: Counted) -> CanaryAnalysis {
        let mut trial = Trial::new(policy, &counts.history);
        for window in &counts.windows {
            trial.window(window);
        }
        CanaryAnalysis {
            probes,
            collection: Collection::default(),
            counts,
            trial,
            alive: Slots::default(),
            heard_at: None,
            log_read_at: None,
            asked_since: 0,
            metrics_read_at: None,
        }
    }

    /// What was counted: what the judgement follows from.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Everything that the edges told.
    pub(crate) fn collection(&self) -> &Collection {
        &self.collection
    }

    /// What the trial says.
    pub(crate) fn judgement(&self) -> Judgement {
        self.trial.judgement()
    }

    /// Asks the edges of both slots for their counts, or if they don't answer the log.
    pub(crate) async fn look(&mut self, prober: &Prober, subjects: &Slots<Subject>, logs: &Logs) {
        let can_tell = |subject: &Subject| {
            subject.healthy > 0 && subject.door.token.is_some() && subject.door.secret.is_some()
        };
        let asked: Vec<Slot> = Slot::ALL
            .into_iter()
            .filter(|slot| can_tell(subjects.of(*slot)))
            .collect();
        let has_edge = Slot::ALL
            .into_iter()
            .any(|slot| subjects.of(slot).door.secret.is_some());
        let mut all_heard = !asked.is_empty();
        for slot in asked {
            let heard = self.hear(prober, subjects.of(slot)).await;
            match heard {
                Some(tasks) => *self.alive.of_mut(slot) = tasks,
                None => all_heard = false,
            }
        }
        if all_heard {
            self.heard_at = Some(now());
            self.log_read_at = None;
        } else if has_edge && self.is_deaf() {
            self.read_log(logs).await;
        }
    }

    /// Asks the load balancer what it counted at each slot: the only counts of an app without an edge.
    /// One window a minute, and the latest minutes are not settled yet.
    pub(crate) async fn look_at_metrics(&mut self, release: &Release, metrics: &Metrics) {
        let Some(since) = release.progress.shifted_at else {
            return;
        };
        let is_due = self
            .metrics_read_at
            .is_none_or(|at| now().since(at) >= METRICS_EVERY);
        if !is_due {
            return;
        }
        self.metrics_read_at = Some(now());
        // What cannot be read now may be a minute later; the release waits or holds meanwhile.
        let Ok(minutes) = metrics.minutes(since, now()).await else {
            return;
        };
        let last = ended(&self.counts.windows, Stratum::Users).unwrap_or(0);
        for minute in minute_counts::windows(&minutes, release.candidate, since, now()) {
            let arm = |counts: minute_counts::Counts| Arm {
                total: counts.total,
                errors: counts.errors,
                latency: None,
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
                self.trial.window(&window);
                self.counts.windows.push(window);
            }
        }
    }

    /// One round: every task of a slot, or [`None`].
    async fn hear(&mut self, prober: &Prober, subject: &Subject) -> Option<BTreeSet<TaskRun>> {
        let wanted = usize::try_from(subject.healthy).unwrap_or(usize::MAX);
        let mut tasks = BTreeSet::new();
        for _ in 0..ROUNDS {
            let since = self.asked_since;
            let all = (0..wanted).map(|_| prober.counts(&subject.door, since));
            for summary in join_all(all).await.into_iter().flatten() {
                tasks.insert(TaskRun {
                    task: summary.task.clone(),
                    started_at: summary.started_at,
                });
                self.collection.insert(summary);
            }
            if tasks.len() >= wanted {
                return Some(tasks);
            }
        }
        None
    }

    fn is_deaf(&self) -> bool {
        let is_due =
            |at: Option<Timestamp>, after: Duration| at.is_none_or(|at| now().since(at) >= after);
        is_due(self.heard_at, LOG_AFTER) && is_due(self.log_read_at, LOG_EVERY)
    }

    /// The same counts from the log group: later, and without knowing who is alive.
    async fn read_log(&mut self, logs: &Logs) {
        let since = Timestamp(self.asked_since.saturating_mul(1_000));
        let since = log_window::ask_since(since, self.log_read_at);
        // What cannot be read now may be at the next look; the release waits or holds meanwhile.
        if let Ok((found, _)) = logs.summaries(since).await {
            self.log_read_at = Some(now());
            self.collection.merge(found);
        }
    }

    /// Makes windows of everything that is sealed by now, and says what follows.
    pub(crate) fn compare(&mut self, release: &Release, subjects: &Slots<Subject>) -> Comparison {
        let (new_slot, old_slot) = (release.candidate, release.candidate.other());
        let (old, new) = (
            &subjects.of(old_slot).revision,
            &subjects.of(new_slot).revision,
        );
        if let (Some(old), Some(new)) = (old, new)
            && old != new
        {
            if release.progress.shifted_at.is_none() {
                self.remember(&old.0);
            }
            self.seal(release, &old.0, &new.0);
        }
        self.comparison()
    }

    /// The old version's past, as long as the candidate has no users.
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
            latency: (past.total > 0).then_some(past.latency),
        };
        if history != self.counts.history {
            self.counts.history = history;
            let mut trial = Trial::new(self.trial.policy(), &self.counts.history);
            for window in &self.counts.windows {
                trial.window(window);
            }
            self.trial = trial;
        }
    }

    fn seal(&mut self, release: &Release, old: &str, new: &str) {
        // Users from the first whole second after the switch on; probes from the first on.
        let begins = |stratum: Stratum| match stratum {
            Stratum::Users => release.progress.shifted_at.map(|at| at.0 / 1_000 + 1),
            Stratum::Probes => release.progress.probed_at.map(|at| at.0 / 1_000),
        };
        let mut fresh = Vec::new();
        let mut earliest = None;
        for stratum in Stratum::ALL {
            if stratum == Stratum::Probes && self.probes == Counted::ByLandfall {
                continue;
            }
            let Some(from) = ended(&self.counts.windows, stratum).or_else(|| begins(stratum))
            else {
                continue;
            };
            earliest = Some(earliest.map_or(from, |other: u64| other.min(from)));
            let until = self.sealed_until(release, old, new, from);
            let pick = |bucket: Bucket| match stratum {
                Stratum::Users => bucket.first,
                Stratum::Probes => bucket.probes,
            };
            let seconds: BTreeMap<u64, (Attempts, Attempts)> = (from..until)
                .map(|second| {
                    let of = |revision: &str| pick(self.collection.second(revision, second));
                    (second, (of(old), of(new)))
                })
                .collect();
            fresh.extend(seal(stratum, &seconds, from, until));
        }
        fresh.sort_by_key(|window| (window.end(), window.stratum));
        for window in fresh {
            self.trial.window(&window);
            self.counts.windows.push(window);
        }
        if let Some(earliest) = earliest {
            // One second more than needed: it costs little.
            self.asked_since = earliest.saturating_sub(1);
        }
    }

    fn sealed_until(&self, release: &Release, old: &str, new: &str, from: u64) -> u64 {
        let nobody = BTreeSet::new();
        let of = |revision: &str, slot: Slot| match self.log_read_at {
            // Of nobody in the log is it known that they live: what they said last stands after a while.
            Some(at) => {
                let known = Timestamp(at.0.saturating_sub(millis(LOG_LAG)));
                self.collection.sealed_until(revision, from, &nobody, known)
            }
            None => self
                .collection
                .sealed_until(revision, from, self.alive.of(slot), now()),
        };
        of(old, release.candidate.other()).min(of(new, release.candidate))
    }

    /// Takes in probes that no edge has counted: each pair was sent by landfall itself.
    pub(crate) fn count_pairs(&mut self, old: Answers, new: Answers) {
        let arm = |answers: Answers| Arm {
            total: u64::from(answers.asked),
            errors: u64::from(answers.errors + answers.lost),
            latency: None,
        };
        if old.asked == 0 || new.asked == 0 {
            return;
        }
        let last = self.counts.windows.last().map_or(0, SealedWindow::end);
        let window = SealedWindow {
            stratum: Stratum::Probes,
            from_second: (now().0 / 1_000).max(last),
            seconds: 1,
            old: arm(old),
            new: arm(new),
        };
        self.trial.window(&window);
        self.counts.windows.push(window);
    }

    fn comparison(&self) -> Comparison {
        let said = self.trial.judgement();
        let worse = match said.decision {
            Decision::RollBack { monitor } => Some(self.worse(&said, monitor)),
            _ => None,
        };
        Comparison {
            ln_m: said.ln_m,
            worse,
            proven_by_users: said.proven_by_users,
            proven_by_probes: said.proven_by_probes,
            new_users: said.totals.users.n_new,
            new_probes: said.totals.probes.n_new,
        }
    }

    /// In what the candidate is worse, in figures that a person can check.
    fn worse(&self, said: &Judgement, monitor: Signal) -> Cause {
        let excess = |stratum: Stratum| {
            let of = said.totals.of(stratum);
            let rate = |bad: u64, n: u64| bad as f64 / n.max(1) as f64;
            rate(of.errors_new, of.n_new) - rate(of.errors_old, of.n_old)
        };
        let stratum = if said.totals.users.n_new > 0
            && (monitor.quantile().is_some() || excess(Stratum::Users) >= excess(Stratum::Probes))
        {
            Stratum::Users
        } else {
            Stratum::Probes
        };
        let of = said.totals.of(stratum);
        let slow = monitor.quantile().map(|q| {
            let all = |arm: fn(&SealedWindow) -> &Arm| {
                let mut sum = Histogram::default();
                let own = self.counts.windows.iter().filter(|w| w.stratum == stratum);
                for latency in own.filter_map(|window| arm(window).latency.as_ref()) {
                    sum.merge(latency);
                }
                let at = sum.quantile(q).unwrap_or_default();
                u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
            };
            Slow {
                old_ms: all(|window| &window.old),
                new_ms: all(|window| &window.new),
            }
        });
        let rate = |requests: u64, bad: u64| Rate { requests, bad };
        Cause::Worse(Worse {
            monitor: name(&monitor),
            among: name(&stratum),
            old: rate(of.n_old, of.errors_old),
            new: rate(of.n_new, of.errors_new),
            slow,
            ln_m: said.ln_m,
        })
    }
}

/// Where the next window of a stratum begins.
fn ended(windows: &[SealedWindow], stratum: Stratum) -> Option<u64> {
    let own = windows.iter().rev().find(|w| w.stratum == stratum);
    own.map(SealedWindow::end)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The word that a value has in JSON.
fn name(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}
