//! The release loop: observe, ask `rules`, act, tell. Everything it knows beyond what it observes is
//! its token, when it switched, and what its own probes got.

use crate::engine::{Engine, LocalImage};
use crate::failure::Failure;
use crate::probe::Prober;
use crate::random::token;
use crate::report::{Report, now};
use aws::{LoadBalancer, Logs, Roles, Services, SlotFacts};
use infra::Interrupt;
use rules::contract::FargateOutputs;
use rules::diagnosis::{Cause, Expectation, diagnose};
use rules::event::Event;
use rules::evidence::{Evidence, Listening, TargetHealth};
use rules::manifest::Manifest;
use rules::names::{CANDIDATE_CLOSED, Names, Slot, Slots};
use rules::release::{Candidate, Observation, Outcome, Probes, Release, SlotSeen, Step, next};
use rules::revision::{Digest, Image, Revision};
use rules::time::Timestamp;
use rules::verdict::Answers;
use std::time::Duration;

/// How long the loop waits before it looks again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a task may run without being healthy before its image is run here for a look.
const CURIOUS_AFTER: Duration = Duration::from_secs(8);
/// Log lines that an autopsy shows.
const LOG_LINES: usize = 30;

/// Everything the loop acts on.
pub(crate) struct Driver<'a> {
    pub(crate) names: &'a Names,
    pub(crate) manifest: &'a Manifest,
    pub(crate) outputs: &'a FargateOutputs,
    pub(crate) services: Services,
    pub(crate) load_balancer: LoadBalancer,
    pub(crate) logs: Logs,
    pub(crate) roles: Roles,
    pub(crate) prober: Prober,
    pub(crate) engine: &'a Engine,
    pub(crate) image: &'a LocalImage,
    pub(crate) revision: &'a Revision,
    pub(crate) report: &'a Report,
    pub(crate) interrupt: Interrupt,
}

/// What the loop remembers between two looks.
struct Memory {
    /// Whoever knows it reaches the candidate, until the release ends.
    token: String,
    shifted_at: Option<Timestamp>,
    probes: Probes,
    /// Outer: whether it was tried.
    listens_on: Option<Option<Listening>>,
    evidence: Evidence,
    /// Tasks of the candidate, for their logs once they are gone.
    tasks: Vec<String>,
    staged_at: Option<Timestamp>,
}

/// How a release ended.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    /// Whether anything was changed.
    pub(crate) acted: bool,
}

impl Driver<'_> {
    /// Brings the release to its end.
    pub(crate) async fn run(&self, mut release: Release) -> Result<Ended, Failure> {
        let mut memory = Memory {
            token: token()?,
            shifted_at: None,
            probes: Probes::default(),
            listens_on: None,
            evidence: Evidence::default(),
            tasks: Vec::new(),
            staged_at: None,
        };
        let mut acted = false;
        let mut told: Option<Step> = None;
        loop {
            let seen = self.observe(&release, &mut memory).await?;
            let is_live = seen.slots.of(seen.live).revision.as_ref() == Some(&release.revision);
            if *self.interrupt.borrow() && release.failed.is_none() && !is_live {
                // Users are still on the old revision: taking the candidate back is the short way out.
                release.failed = Some(Cause::Interrupted);
            }
            let step = next(&release, &seen, now());
            if told.as_ref() != Some(&step) {
                self.report.emit(Event::Step { step: step.clone() });
                told = Some(step.clone());
            }
            acted |= !matches!(step, Step::Finished { .. } | Step::Wait { .. });
            match step {
                Step::Stage { slot } => self.stage(slot, release.count, &mut memory).await?,
                Step::OpenCandidate { slot } => {
                    self.load_balancer
                        .lead_candidate(&memory.token, slot)
                        .await?;
                }
                Step::Probe { requests } => self.probe(requests, &mut memory).await,
                Step::Shift { slot } => {
                    self.load_balancer.shift(slot).await?;
                    memory.shifted_at = Some(now());
                }
                Step::Scale { slot, count } => {
                    self.services
                        .scale(self.outputs.services.of(slot), count)
                        .await?;
                }
                Step::Retire { slot } => {
                    self.services
                        .scale(self.outputs.services.of(slot), 0)
                        .await?;
                }
                Step::CloseCandidate => {
                    let closed = format!("{CANDIDATE_CLOSED}-{}", token()?);
                    self.load_balancer
                        .lead_candidate(&closed, seen.live.other())
                        .await?;
                }
                Step::Wait { .. } => tokio::time::sleep(LOOK_EVERY).await,
                Step::RollBack { cause } => release.failed = Some(cause),
                Step::Finished { outcome } => {
                    if let Some(cause) = release.failed {
                        self.autopsy(cause, memory).await;
                    }
                    return Ok(Ended { outcome, acted });
                }
            }
        }
    }

    async fn stage(&self, slot: Slot, count: u32, memory: &mut Memory) -> Result<(), Failure> {
        let family = self.names.family();
        let found = self.services.find(&family, &self.revision.id()).await?;
        let task_definition = match found {
            Some(arn) => arn,
            None => {
                self.services
                    .register(&family, self.revision, &self.roles)
                    .await?
            }
        };
        self.services
            .set(self.outputs.services.of(slot), &task_definition, count)
            .await?;
        memory.staged_at = Some(now());
        Ok(())
    }

    async fn probe(&self, requests: u32, memory: &mut Memory) {
        let mut answers = Answers::default();
        for _ in 0..requests {
            answers.count(self.prober.ask(Some(&memory.token)).await);
        }
        memory.probes.answered += answers.good + answers.errors;
        memory.probes.good += answers.good;
        memory.probes.lost += answers.lost;
    }

    async fn observe(
        &self,
        release: &Release,
        memory: &mut Memory,
    ) -> Result<Observation, Failure> {
        let live = self.load_balancer.live().await?;
        let rule = self.load_balancer.candidate().await?;
        let candidate = if rule.token.starts_with(CANDIDATE_CLOSED) {
            Candidate::Closed
        } else if rule.token == memory.token {
            rule.slot.map_or(Candidate::Stale, Candidate::Open)
        } else {
            Candidate::Stale
        };
        let (blue, green) = tokio::try_join!(self.slot(Slot::Blue), self.slot(Slot::Green),)?;
        let facts = Slots { blue, green };
        let idle = live.other();
        let mut slots: Slots<SlotSeen> = Slots::default();
        for slot in Slot::ALL {
            *slots.of_mut(slot) = seen(&facts.of(slot).0, &facts.of(slot).1);
        }
        let is_candidate = facts.of(idle).0.deployed.revision.as_ref() == Some(&release.revision)
            && facts.of(idle).0.desired > 0;
        if is_candidate {
            let (slot, targets) = facts.of(idle);
            for task in &slot.tasks {
                if !memory.tasks.contains(&task.id) {
                    memory.tasks.push(task.id.clone());
                }
            }
            let evidence = self.gather(slot, targets.clone(), memory).await;
            slots.of_mut(idle).cause = diagnose(&evidence, &self.expectation());
            memory.evidence = evidence;
        }
        Ok(Observation {
            live,
            candidate,
            slots,
            probes: memory.probes,
            shifted_at: memory.shifted_at,
        })
    }

    async fn slot(&self, slot: Slot) -> Result<(SlotFacts, Vec<TargetHealth>), aws::Error> {
        tokio::try_join!(
            self.services.slot(self.outputs.services.of(slot)),
            self.load_balancer.targets(slot),
        )
    }

    fn expectation(&self) -> Expectation {
        let settings = &self.revision.settings;
        Expectation {
            port: settings.port,
            memory: settings.memory,
            architecture: Some(settings.architecture),
            edge: settings.edge.is_some(),
        }
    }

    /// What is known against the candidate. Cheap while all is well: logs are read once a task has
    /// stopped, and the image is run here once, when it has been running without being healthy.
    async fn gather(
        &self,
        slot: &SlotFacts,
        targets: Vec<TargetHealth>,
        memory: &mut Memory,
    ) -> Evidence {
        let is_healthy = targets.iter().any(|target| target.state == "healthy");
        let is_running = slot.tasks.iter().any(|task| task.running);
        let since = memory.staged_at.or(slot.staged_at).unwrap_or(Timestamp(0));
        let is_overdue = now().since(since) > CURIOUS_AFTER;
        if is_running && !is_healthy && is_overdue && memory.listens_on.is_none() {
            memory.listens_on = Some(self.engine.look(self.image, self.manifest).await);
        }
        let log = match slot.stopped.first() {
            Some(task) => self.last_lines(std::slice::from_ref(&task.id)).await,
            None => Vec::new(),
        };
        Evidence {
            stopped: slot.stopped.clone(),
            targets,
            log,
            listens_on: memory.listens_on.clone().flatten(),
        }
    }

    async fn last_lines(&self, tasks: &[String]) -> Vec<String> {
        let mut lines = Vec::new();
        for task in tasks {
            // A log that cannot be read must not hide the rest of the evidence.
            let of_task = self
                .logs
                .since(Timestamp(0), Some(task))
                .await
                .unwrap_or_default();
            lines.extend(of_task.into_iter().map(|line| line.message));
        }
        lines.split_off(lines.len().saturating_sub(LOG_LINES))
    }

    /// Tells why the candidate was given up, with its last lines: they may have arrived only now that
    /// its tasks are gone.
    async fn autopsy(&self, cause: Cause, memory: Memory) {
        let mut evidence = memory.evidence;
        let stopped = evidence.stopped.iter().map(|task| task.id.clone());
        let mut tasks: Vec<String> = stopped.chain(memory.tasks).collect();
        tasks.dedup();
        // The newest few: one crash reads like the other.
        let tasks = tasks.split_off(tasks.len().saturating_sub(3));
        evidence.log = self.last_lines(&tasks).await;
        let cause = match (diagnose(&evidence, &self.expectation()), &cause) {
            // The last lines may explain what was only a timeout before.
            (Some(better), Cause::NotReady { .. } | Cause::Stopped) => better,
            _ => cause,
        };
        self.report.emit(Event::Autopsy { cause, evidence });
    }

    /// Digests of the tasks that run in `slot`.
    pub(crate) async fn running(&self, slot: Slot) -> Result<Vec<Digest>, Failure> {
        let facts = self.services.slot(self.outputs.services.of(slot)).await?;
        Ok(running(&facts))
    }
}

/// Digests of a slot's running tasks. Where ECS does not resolve one, the reference that the task was
/// started with names it: references are digests.
pub(crate) fn running(facts: &SlotFacts) -> Vec<Digest> {
    let started_with = facts
        .deployed
        .image
        .as_deref()
        .and_then(Image::parse)
        .map(|image| image.digest);
    facts
        .tasks
        .iter()
        .filter(|task| task.running)
        .filter_map(|task| task.digest.clone().or_else(|| started_with.clone()))
        .collect()
}

/// A slot as the release rules see it.
pub(crate) fn seen(facts: &SlotFacts, targets: &[TargetHealth]) -> SlotSeen {
    let count = |state: &str| {
        u32::try_from(
            targets
                .iter()
                .filter(|target| target.state == state)
                .count(),
        )
        .unwrap_or(u32::MAX)
    };
    SlotSeen {
        revision: facts.deployed.revision.clone(),
        desired: facts.desired,
        tasks: u32::try_from(facts.tasks.len()).unwrap_or(u32::MAX),
        healthy: count("healthy"),
        draining: count("draining"),
        stopped: u32::try_from(
            facts
                .stopped
                .iter()
                .filter(|task| task.is_failure())
                .count(),
        )
        .unwrap_or(u32::MAX),
        cause: None,
        staged_at: facts.staged_at,
    }
}
