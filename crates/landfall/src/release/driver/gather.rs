//! What is known against a candidate that does not come up, and what is told of it in the end.

use super::Driver;
use crate::release::platform::Look;
use crate::report::now;
use rules::event::Event;
use rules::release::Release;
use rules::release::diagnosis::{Cause, Expectation, denied, diagnose};
use rules::release::evidence::{Evidence, Listening};
use rules::release::revision::Revision;
use rules::time::Timestamp;
use std::time::Duration;

/// How long a task may run without being healthy before its image is run here for a look.
const CURIOUS_AFTER: Duration = Duration::from_secs(8);
/// Log lines that an autopsy shows.
const LOG_LINES: usize = 30;

/// What was gathered between two looks.
#[derive(Default)]
pub(super) struct Gathered {
    /// Outer: whether it was tried.
    listens_on: Option<Option<Listening>>,
    evidence: Evidence,
    /// Tasks of the candidate, for their logs once they are gone.
    tasks: Vec<String>,
}

impl Driver<'_> {
    /// What is known against the candidate. Cheap while all is well: logs are read once a task has
    /// stopped, and the image is run here once, when it has been running without being healthy.
    pub(super) async fn gather(
        &self,
        revision: &Revision,
        release: &Release,
        look: &Look,
        gathered: &mut Gathered,
    ) -> Option<Cause> {
        let slot = look.of(release.candidate);
        for task in &slot.tasks {
            if !gathered.tasks.contains(task) {
                gathered.tasks.push(task.clone());
            }
        }
        let evidence = &slot.evidence;
        let targets = &evidence.targets;
        let is_healthy = targets.iter().any(|target| target.state == "healthy");
        let is_running = !slot.running.is_empty();
        let since = slot.seen.staged_at.unwrap_or(Timestamp(0));
        let is_overdue = now().since(since) > CURIOUS_AFTER;
        if is_running
            && !is_healthy
            && is_overdue
            && gathered.listens_on.is_none()
            && let Some(local) = &self.local
        {
            gathered.listens_on = Some(local.engine.look(local.image, local.manifest).await);
        }
        let log = match evidence.stopped.first() {
            // What an edge told itself needs no log.
            Some(task) if evidence.log.is_empty() => {
                self.last_lines(std::slice::from_ref(&task.id)).await
            }
            _ => evidence.log.clone(),
        };
        gathered.evidence = Evidence {
            log,
            listens_on: gathered.listens_on.clone().flatten(),
            ..evidence.clone()
        };
        diagnose(&gathered.evidence, &Expectation::of(&revision.settings))
    }

    async fn last_lines(&self, tasks: &[String]) -> Vec<String> {
        let mut lines = Vec::new();
        for task in tasks {
            // A log that cannot be read must not hide the rest of the evidence.
            let stream = self.platform.stream(task);
            let lines_seen = self.logs.since(Timestamp(0), stream).await;
            let of_task = lines_seen.unwrap_or_default().into_iter();
            let own = of_task
                .filter(|line| self.platform.wrote(task, line))
                .map(|line| line.message);
            lines.extend(own.filter(|line| !is_summary(line)));
        }
        lines.split_off(lines.len().saturating_sub(LOG_LINES))
    }

    /// Tells why the candidate was given up, with its last lines: they may have arrived only now that
    /// its tasks are gone.
    pub(super) async fn autopsy(&self, revision: &Revision, cause: Cause, gathered: Gathered) {
        let mut evidence = gathered.evidence;
        let stopped = evidence.stopped.iter().map(|task| task.id.clone());
        let mut tasks: Vec<String> = stopped.chain(gathered.tasks).collect();
        tasks.dedup();
        // The newest few: one crash reads like the other.
        let tasks = tasks.split_off(tasks.len().saturating_sub(3));
        let log = self.last_lines(&tasks).await;
        if !log.is_empty() {
            evidence.log = log;
        }
        let expected = Expectation::of(&revision.settings);
        let cause = match (diagnose(&evidence, &expected), &cause) {
            // The last lines may explain what was only a timeout, or a crash, before.
            (Some(better), Cause::NotReady { .. } | Cause::Stopped) => better,
            (Some(better @ Cause::Denied(_)), Cause::Crash { .. }) => better,
            (None, Cause::NotReady { .. }) => denied(&evidence, &expected).unwrap_or(cause),
            _ => cause,
        };
        self.report.emit(Event::Autopsy { cause, evidence });
    }
}

/// Counts of the edge are evidence of another kind.
fn is_summary(line: &str) -> bool {
    rules::edge_contract::summary::Summary::parse(line).is_ok()
}
