//! The loop of one release.

use super::Driver;
use super::investigation::Investigation;
use crate::failure::Failure;
use crate::lock::keepalive::Keepalive;
use crate::release::availability_probe::AvailabilityProbe;
use crate::release::counts;
use crate::release::http_probe::SlotRoute;
use crate::release::ledger::Ledger;
use crate::release::platform::{Look, Platform};
use crate::report::{now, step_words};
use rules::event::Event;
use rules::release::analysis::CanaryAnalysis;
use rules::release::ledger::{AvailabilityCounts, Entry};
use rules::release::live_status::{View, evidence};
use rules::release::retry::looks_again;
use rules::release::{ManualOverride, Observation, Outcome, Probes, Release, Step, Strategy, next};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time between two writes of the counts while no step is taken.
const WRITE_EVERY: Duration = Duration::from_secs(10);

/// One process that drives a release.
pub(super) struct Run<'r, 'd> {
    driver: &'r Driver<'d>,
    ledger: &'r mut Ledger,
    keepalive: &'r Keepalive,
    analysis: CanaryAnalysis,
    investigation: Investigation,
    probes: Probes,
    /// Runs once the old version is healthy.
    availability: Option<AvailabilityProbe>,
    /// What earlier processes counted.
    availability_before: AvailabilityCounts,
    reported: Option<Step>,
    written_at: Instant,
    /// Failed calls in a row.
    failures: u32,
}

impl<'r, 'd> Run<'r, 'd> {
    pub(super) fn new(
        driver: &'r Driver<'d>,
        ledger: &'r mut Ledger,
        keepalive: &'r Keepalive,
    ) -> Run<'r, 'd> {
        let record = &ledger.record;
        let counter = driver.platform.probe_counter();
        Run {
            driver,
            analysis: CanaryAnalysis::new(
                &record.policy,
                record.counts.clone(),
                counter,
                record.begun.started,
            ),
            investigation: Investigation::new(record.begun.started),
            probes: Probes::default(),
            availability: None,
            availability_before: record.pings.unwrap_or_default(),
            reported: None,
            written_at: Instant::now(),
            failures: 0,
            ledger,
            keepalive,
        }
    }

    pub(super) async fn complete(mut self) -> Result<Outcome, Failure> {
        let record = &self.ledger.record;
        if record.revision.settings.edge.is_none() && record.begun.strategy == Strategy::Canary {
            self.driver.report.note(
                "without an edge, versions are compared by the load balancer's metrics, one minute at a time",
            );
        }
        loop {
            let looked_at = Instant::now();
            let look = match self.driver.look().await {
                Ok(look) => look,
                Err(failure) => {
                    self.after_failure(failure).await?;
                    continue;
                }
            };
            let release = self.ledger.record.release();
            self.probe_availability(&release, &look);
            let seen = self.observe(&release, &look).await;
            if let Some(outcome) = self.take_steps(&look, &seen, looked_at).await? {
                return self.finish(outcome).await;
            }
        }
    }

    /// Takes steps until one requires another look, or the release ends. Decisions that change nothing on
    /// the platform require none: the users of a candidate that is given up move back with the next call.
    async fn take_steps(
        &mut self,
        look: &Look,
        seen: &Observation,
        looked_at: Instant,
    ) -> Result<Option<Outcome>, Failure> {
        loop {
            self.note_interrupt();
            let release = self.ledger.record.release();
            let at = now();
            let step = next(&release, seen, at);
            self.report(&release, &step, look);
            if matches!(step, Step::Wait { .. } | Step::Watch { .. }) {
                self.wait(&release, &step, look).await?;
                tokio::time::sleep_until(looked_at + LOOK_EVERY).await;
                return Ok(None);
            }
            self.ledger.record.entries.push(Entry::Step {
                at,
                seen: Box::new(seen.clone()),
                step: step.clone(),
            });
            match step {
                Step::RollBack { .. } | Step::Promote { .. } => {}
                Step::Finished { outcome } => return Ok(Some(outcome)),
                step => {
                    self.carry_out(&release, &step, look).await?;
                    return Ok(None);
                }
            }
        }
    }

    /// Writes a Ctrl-C to the record, once.
    fn note_interrupt(&mut self) {
        let record = &mut self.ledger.record;
        let is_noted = record.release().progress.order == Some(ManualOverride::Interrupt);
        if *self.driver.interrupt.borrow() && !is_noted {
            record.entries.push(Entry::Order {
                at: now(),
                by: record.by.clone(),
                order: ManualOverride::Interrupt,
            });
        }
    }

    async fn wait(&mut self, release: &Release, step: &Step, look: &Look) -> Result<(), Failure> {
        self.keepalive.at(&self.words(step)).await?;
        if self.written_at.elapsed() >= WRITE_EVERY {
            self.write().await?;
        }
        if let Step::Watch { probes, .. } = step {
            self.probe(*probes, release, look).await;
        }
        Ok(())
    }

    /// Writes the step to the ledger before it acts.
    async fn carry_out(
        &mut self,
        release: &Release,
        step: &Step,
        look: &Look,
    ) -> Result<(), Failure> {
        self.keepalive.at(&self.words(step)).await?;
        self.write().await?;
        if let Step::Probe { requests } = step {
            if release.progress.probed_at.is_none() {
                if self.ledger.record.revision.settings.edge.is_some() {
                    self.driver.await_route(release, look).await;
                }
                self.driver.warm_up(release, look).await;
            }
            self.probe(*requests, release, look).await;
            self.failures = 0;
            return Ok(());
        }
        let revision = &self.ledger.record.revision;
        match self.driver.act(step, revision, release, look).await {
            Ok(()) => {
                self.failures = 0;
                Ok(())
            }
            Err(failure) => self.after_failure(failure).await,
        }
    }

    async fn write(&mut self) -> Result<(), Failure> {
        self.ledger.record.counts = self.analysis.counts().clone();
        self.ledger.write().await?;
        self.written_at = Instant::now();
        Ok(())
    }

    async fn after_failure(&mut self, failure: Failure) -> Result<(), Failure> {
        self.failures += 1;
        if !looks_again(failure.exit, self.failures) {
            return Err(failure
                .next("`landfall resume` resumes the release, `landfall abort` rolls it back"));
        }
        let report = self.driver.report;
        report.note(format!("{}; retrying", failure.what));
        tokio::time::sleep(LOOK_EVERY * self.failures).await;
        Ok(())
    }

    fn probe_availability(&mut self, release: &Release, look: &Look) {
        let base = release.candidate.other();
        if self.availability.is_none() && look.slots().of(base).healthy > 0 {
            let route = SlotRoute {
                token: None,
                ..look.route(base)
            };
            let prober = self.driver.prober.clone();
            let before = self.availability_before;
            self.availability = Some(AvailabilityProbe::start(prober, route, before));
        }
        if let Some(probe) = &self.availability {
            self.ledger.record.pings = Some(probe.seen());
        }
    }

    async fn probe(&mut self, pairs: u32, release: &Release, look: &Look) {
        let answers = self.driver.probe(pairs, release, look).await;
        self.probes.answered += answers.new.good + answers.new.errors;
        self.probes.good += answers.new.good;
        self.probes.lost += answers.new.lost;
        self.probes.lost_by_old += answers.old.lost;
        let edges = counts::edges(&look.subjects());
        self.analysis
            .count_pairs(&edges, answers.old, answers.new, now());
    }

    async fn observe(&mut self, release: &Release, look: &Look) -> Observation {
        let driver = self.driver;
        let revision = &self.ledger.record.revision;
        let mut seen = look.observation();
        seen.probes = self.probes;
        let candidate = seen.slots.of_mut(release.candidate);
        if candidate.revision.as_ref() == Some(&release.revision) && candidate.desired > 0 {
            let known = &mut self.investigation;
            candidate.cause = driver.investigate(revision, release, look, known).await;
        } else {
            candidate.cause = driver.platform.refusal(&release.revision);
        }
        if seen.previews.reach_slots() {
            let subjects = look.subjects();
            let analysis = &mut self.analysis;
            if revision.settings.edge.is_some() {
                counts::fetch(analysis, &driver.prober, &subjects, &driver.logs).await;
            } else if let Platform::Fargate(fargate) = &driver.platform {
                counts::fetch_metrics(analysis, release, &fargate.metrics).await;
            }
            seen.comparison = analysis.compare(release, &counts::edges(&subjects), now());
        }
        seen
    }

    fn words(&self, step: &Step) -> String {
        step_words(step, self.driver.platform.target())
    }

    /// Reports a step once, and the status at every look.
    fn report(&mut self, release: &Release, step: &Step, look: &Look) {
        let report = self.driver.report;
        if self.reported.as_ref() != Some(step) {
            report.emit(Event::Step { step: step.clone() });
            self.reported = Some(step.clone());
        }
        if !look.previews().reach_slots() {
            return;
        }
        let record = &self.ledger.record;
        let view = View {
            slots: &look.slots(),
            shares: &look.shares,
            collection: self.analysis.collection(),
            since: release.started,
            now: now(),
            doing: self.words(step),
            candidate: Some(release.candidate),
            evidence: evidence(&record.policy, &self.analysis.judgement()),
            pings: record.pings,
        };
        if let Some(status) = view.status() {
            report.emit(Event::Watch(status));
        }
    }

    async fn finish(mut self, mut outcome: Outcome) -> Result<Outcome, Failure> {
        let driver = self.driver;
        let failed = self.ledger.record.release().progress.failed;
        if let Some(cause) = failed {
            let known = self.investigation.clone();
            let revision = &self.ledger.record.revision;
            let cause = driver.report_cause(revision, cause, known).await;
            outcome = outcome.because(cause);
        }
        if let Some(pings) = self.availability.as_ref().map(AvailabilityProbe::seen) {
            self.ledger.record.pings = Some(pings);
            driver.report.emit(Event::Pinged { pings });
        }
        self.ledger.record.outcome = Some(outcome.clone());
        self.ledger.record.ended_at = Some(now());
        self.keepalive.at("finishing").await?;
        self.write().await?;
        if let Err(failure) = driver.platform.prune().await {
            // What is left is free, and the next release tries again.
            driver
                .report
                .note(format!("old versions are kept: {}", failure.what));
        }
        Ok(outcome)
    }
}
