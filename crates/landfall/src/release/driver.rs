//! The release loop: observe, ask `rules`, write the step into the ledger, act, tell. What it knows beyond
//! what it observes stands in the ledger, so that another process can go on with it.

mod gather;

use self::gather::Gathered;
use crate::failure::Failure;
use crate::image::engine::{Engine, LocalImage};
use crate::lock::keepalive::Keepalive;
use crate::release::availability_probe::AvailabilityProbe;
use crate::release::canary_analysis::{CanaryAnalysis, Counted};
use crate::release::http_probe::{Prober, SlotRoute};
use crate::release::ledger::Ledger;
use crate::release::live_status;
use crate::release::platform::{Look, Platform};
use crate::report::{Report, now, step_words};
use aws::Logs;
use futures_util::future::join_all;
use infra::Interrupt;
use rules::app::manifest::Manifest;
use rules::app::names::Slot;
use rules::event::Event;
use rules::exit::Exit;
use rules::release::ledger::{Entry, Record};
use rules::release::revision::Revision;
use rules::release::verdict::Answers;
use rules::release::{ManualOverride, Observation, Outcome, Probes, Release, Step, Strategy, next};
use std::time::Duration;
use tokio::time::Instant;

/// How long the loop waits before it looks again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the counts are written while nothing else is.
const WRITE_EVERY: Duration = Duration::from_secs(10);
/// Calls in a row that may fail before a release stops where it is. A call is tried several times itself.
const FAILURES: u32 = 5;
/// Requests that each task of a candidate gets before anything is counted.
const WARM_UP: u32 = 5;
/// How long they may take.
const WARM_UP_WITHIN: Duration = Duration::from_secs(10);

/// Everything the loop acts on.
pub(crate) struct Driver<'a> {
    /// The public address.
    pub(crate) url: &'a str,
    pub(crate) platform: Platform,
    pub(crate) logs: Logs,
    pub(crate) prober: Prober,
    /// The image on this machine, to have a look at it when it does not come up.
    pub(crate) local: Option<Local<'a>>,
    pub(crate) report: &'a Report,
    pub(crate) interrupt: Interrupt,
}

/// An image on this machine.
pub(crate) struct Local<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) image: &'a LocalImage,
    pub(crate) manifest: &'a Manifest,
}

/// How a release ended.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
}

impl Driver<'_> {
    /// Brings the release in the ledger to its end, or to where a person has to decide.
    pub(crate) async fn run(
        &self,
        ledger: &mut Ledger,
        keeper: &Keepalive,
    ) -> Result<Ended, Failure> {
        let record = &ledger.record;
        let mut comparing = CanaryAnalysis::new(
            &record.policy,
            record.counts.clone(),
            self.platform.counted(),
        );
        let mut gathered = Gathered::default();
        let mut probes = Probes::default();
        let pings_before = record.pings.unwrap_or_default();
        let mut pinging: Option<AvailabilityProbe> = None;
        let mut told: Option<Step> = None;
        let mut written_at = Instant::now();
        let mut failures = 0;
        if record.revision.settings.edge.is_none() && record.begun.strategy == Strategy::Canary {
            self.report.note(
                "there is no edge to count requests: versions are compared by what the load balancer counts, a minute at a time",
            );
        }
        loop {
            let looked_at = Instant::now();
            let release = ledger.record.release();
            let look = match self.look().await {
                Ok(look) => look,
                Err(failure) => {
                    self.bear(&mut failures, failure).await?;
                    continue;
                }
            };
            let base = release.candidate.other();
            if pinging.is_none() && look.slots().of(base).healthy > 0 {
                let door = SlotRoute {
                    token: None,
                    ..look.door(base)
                };
                pinging = Some(AvailabilityProbe::start(
                    self.prober.clone(),
                    door,
                    pings_before,
                ));
            }
            let seen = self
                .observe(
                    &ledger.record.revision,
                    &release,
                    &look,
                    probes,
                    &mut gathered,
                    &mut comparing,
                )
                .await;
            ledger.record.pings = pinging
                .as_ref()
                .map(AvailabilityProbe::seen)
                .or(ledger.record.pings);
            // Decisions that change nothing outside need no new look: a candidate that is given up has lost
            // its users a call later.
            loop {
                let release = ledger.record.release();
                if *self.interrupt.borrow()
                    && release.progress.order != Some(ManualOverride::Interrupt)
                {
                    ledger.record.entries.push(Entry::Order {
                        at: now(),
                        by: ledger.record.by.clone(),
                        order: ManualOverride::Interrupt,
                    });
                    continue;
                }
                let at = now();
                let step = next(&release, &seen, at);
                self.tell(&mut told, &step, &ledger.record, &look, &comparing);
                if matches!(step, Step::Wait { .. } | Step::Watch { .. }) {
                    keeper.at(&step_words(&step)).await?;
                    if written_at.elapsed() >= WRITE_EVERY {
                        ledger.record.counts = comparing.counts().clone();
                        ledger.write().await?;
                        written_at = Instant::now();
                    }
                    if let Step::Watch { probes: wanted, .. } = step {
                        self.ask_both(wanted, &release, &look, &mut probes, &mut comparing)
                            .await;
                    }
                    tokio::time::sleep_until(looked_at + LOOK_EVERY).await;
                    break;
                }
                ledger.record.entries.push(Entry::Step {
                    at,
                    seen: Box::new(seen.clone()),
                    step: step.clone(),
                });
                if matches!(step, Step::RollBack { .. } | Step::Promote { .. }) {
                    continue;
                }
                ledger.record.counts = comparing.counts().clone();
                if let Step::Finished { outcome } = step {
                    return self
                        .finish(outcome, ledger, keeper, gathered, pinging)
                        .await;
                }
                keeper.at(&step_words(&step)).await?;
                ledger.write().await?;
                written_at = Instant::now();
                let acted = match step {
                    Step::Probe { requests } => {
                        if release.progress.probed_at.is_none() {
                            self.warm_up(&release, &look).await;
                        }
                        self.ask_both(requests, &release, &look, &mut probes, &mut comparing)
                            .await;
                        Ok(())
                    }
                    step => {
                        self.act(step, &ledger.record.revision, &release, &look)
                            .await
                    }
                };
                match acted {
                    Ok(()) => failures = 0,
                    Err(failure) => self.bear(&mut failures, failure).await?,
                }
                break;
            }
        }
    }

    /// A call that failed is tried again with a fresh look, a few times: every step can be repeated.
    async fn bear(&self, failures: &mut u32, failure: Failure) -> Result<(), Failure> {
        *failures += 1;
        if failure.exit != Exit::Infrastructure || *failures >= FAILURES {
            return Err(failure.next(
                "`landfall resume` goes on with the release, `landfall abort` takes it back",
            ));
        }
        self.report.note(format!("{}; looking again", failure.what));
        tokio::time::sleep(LOOK_EVERY * *failures).await;
        Ok(())
    }

    async fn act(
        &self,
        step: Step,
        revision: &Revision,
        release: &Release,
        look: &Look,
    ) -> Result<(), Failure> {
        let platform = &self.platform;
        match step {
            Step::Stage { slot } => platform.stage(slot, revision, release.count, look).await?,
            Step::EnablePreview => platform.open(look).await?,
            Step::DisablePreview => platform.close(look).await?,
            Step::Shift { slot, share } => platform.shift(slot, share, look).await?,
            Step::Scale { slot, count } => platform.scale(slot, count).await?,
            Step::Retire { slot } => platform.scale(slot, 0).await?,
            Step::Probe { .. }
            | Step::Watch { .. }
            | Step::Wait { .. }
            | Step::Promote { .. }
            | Step::RollBack { .. }
            | Step::Finished { .. } => {}
        }
        Ok(())
    }

    /// The first requests of a process are slow, and say nothing about the later ones. These bear no mark
    /// of a probe, and come before users do: nobody counts them.
    async fn warm_up(&self, release: &Release, look: &Look) {
        let count = WARM_UP * release.count.max(1);
        let one = || self.platform.warm_up(&self.prober, release.candidate, look);
        let all = (0..count).map(|_| one());
        // A version that does not answer is found out by the probes.
        let _ = tokio::time::timeout(WARM_UP_WITHIN, join_all(all)).await;
    }

    /// Asks the candidate and the old version, each as often, side by side.
    async fn ask_both(
        &self,
        pairs: u32,
        release: &Release,
        look: &Look,
        probes: &mut Probes,
        comparing: &mut CanaryAnalysis,
    ) {
        let (new_slot, old_slot) = (release.candidate, release.candidate.other());
        let has_old = look.slots().of(old_slot).healthy > 0;
        let ask = |slot: Slot| self.platform.ask(&self.prober, slot, look);
        let (mut by_new, mut by_old) = (Answers::default(), Answers::default());
        let mut left = usize::try_from(pairs).unwrap_or(0);
        while left > 0 {
            let at_once = left.min(self.platform.pairs());
            left -= at_once;
            let pair = async || {
                let old = async {
                    match has_old {
                        true => Some(ask(old_slot).await),
                        false => None,
                    }
                };
                tokio::join!(ask(new_slot), old)
            };
            for (new, old) in join_all((0..at_once).map(|_| pair())).await {
                by_new.count(new);
                if let Some(old) = old {
                    by_old.count(old);
                }
            }
        }
        probes.answered += by_new.good + by_new.errors;
        probes.good += by_new.good;
        probes.lost += by_new.lost;
        probes.lost_by_old += by_old.lost;
        // Where not both have an edge that can be asked, nobody else counts them.
        let has_edge = |slot: Slot| look.door(slot).secret.is_some();
        let by_edges = self.platform.counted() == Counted::ByEdges;
        if !(by_edges && has_edge(new_slot) && has_edge(old_slot)) {
            comparing.count_pairs(by_old, by_new);
        }
    }

    /// One look at both slots and at who is sent where.
    pub(crate) async fn look(&self) -> Result<Look, Failure> {
        self.platform.look().await
    }

    async fn observe(
        &self,
        revision: &Revision,
        release: &Release,
        look: &Look,
        probes: Probes,
        gathered: &mut Gathered,
        comparing: &mut CanaryAnalysis,
    ) -> Observation {
        let mut seen = look.observation();
        seen.probes = probes;
        let candidate = seen.slots.of_mut(release.candidate);
        if candidate.revision.as_ref() == Some(&release.revision) && candidate.desired > 0 {
            candidate.cause = self.gather(revision, release, look, gathered).await;
        } else {
            candidate.cause = self.platform.refusal(&release.revision);
        }
        if seen.previews.reach_slots() {
            let subjects = look.subjects();
            if revision.settings.edge.is_some() {
                comparing.look(&self.prober, &subjects, &self.logs).await;
            } else if let Platform::Fargate(fargate) = &self.platform {
                comparing.look_at_metrics(release, &fargate.metrics).await;
            }
            seen.comparison = comparing.compare(release, &subjects);
        }
        seen
    }

    /// Tells a step once, and every look what is to be seen.
    fn tell(
        &self,
        told: &mut Option<Step>,
        step: &Step,
        record: &Record,
        look: &Look,
        comparing: &CanaryAnalysis,
    ) {
        if told.as_ref() != Some(step) {
            self.report.emit(Event::Step { step: step.clone() });
            *told = Some(step.clone());
        }
        let (release, doing) = (record.release(), step_words(step));
        let (policy, pings) = (&record.policy, record.pings);
        let watch = live_status::release(&release, policy, look, comparing, doing, pings, now());
        if let (Some(watch), true) = (watch, look.previews().reach_slots()) {
            self.report.emit(Event::Watch(watch));
        }
    }

    async fn finish(
        &self,
        outcome: Outcome,
        ledger: &mut Ledger,
        keeper: &Keepalive,
        gathered: Gathered,
        pinging: Option<AvailabilityProbe>,
    ) -> Result<Ended, Failure> {
        let release = ledger.record.release();
        if let Some(cause) = &release.progress.failed {
            self.autopsy(&ledger.record.revision, cause.clone(), gathered)
                .await;
        }
        if let Some(pings) = pinging.as_ref().map(AvailabilityProbe::seen) {
            ledger.record.pings = Some(pings);
            self.report.emit(Event::Pinged { pings });
        }
        ledger.record.outcome = Some(outcome.clone());
        ledger.record.ended_at = Some(now());
        keeper.at("ending").await?;
        ledger.write().await?;
        if let Err(failure) = self.platform.prune().await {
            // What is left is free, and the next release tries again.
            self.report
                .note(format!("old versions stay: {}", failure.what));
        }
        Ok(Ended { outcome })
    }
}
