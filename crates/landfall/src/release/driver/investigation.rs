//! Collects evidence about a candidate that does not become healthy, and reports it in the end.

use super::Driver;
use crate::release::platform::Look;
use crate::report::now;
use edge_contract::summary::Summary;
use rules::event::Event;
use rules::release::Release;
use rules::release::autopsy::{LOG_LINES, conclude, inspects_image, log_begins, tasks_to_read};
use rules::release::diagnosis::{Cause, Expectation, diagnose};
use rules::release::evidence::{Evidence, Listening};
use rules::release::revision::Revision;
use rules::time::Timestamp;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long the first line of a failed version is waited for: lines can be read some time after they were written.
const ARRIVE_WITHIN: Duration = Duration::from_secs(10);
/// How long reading the lines of a log may take.
const READ_WITHIN: Duration = Duration::from_secs(15);

/// What is known from earlier looks.
#[derive(Clone)]
pub(super) struct Investigation {
    /// Outer: whether the image was inspected.
    listens_on: Option<Option<Listening>>,
    evidence: Evidence,
    /// Tasks of the candidate, to read their logs once they are gone.
    tasks: Vec<String>,
    /// When the first of them can have written a line.
    since: Timestamp,
}

impl Investigation {
    /// For a release that began at `started`.
    pub(super) fn new(started: Timestamp) -> Investigation {
        Investigation {
            listens_on: None,
            evidence: Evidence::default(),
            tasks: Vec::new(),
            since: started,
        }
    }
}

impl Driver<'_> {
    /// The cause that the evidence against the candidate shows, if any. Logs are read once a task has
    /// stopped, and the image is inspected once, if it runs without becoming healthy.
    pub(super) async fn investigate(
        &self,
        revision: &Revision,
        release: &Release,
        look: &Look,
        known: &mut Investigation,
    ) -> Option<Cause> {
        let slot = look.of(release.candidate);
        known.since = log_begins(release, &slot.seen);
        for task in &slot.tasks {
            if !known.tasks.contains(task) {
                known.tasks.push(task.clone());
            }
        }
        let evidence = &slot.evidence;
        if known.listens_on.is_none()
            && let Some(local) = &self.local
            && inspects_image(&slot.seen, evidence, !slot.running.is_empty(), now())
        {
            let ports = local.engine.listening_ports(local.image, local.manifest);
            known.listens_on = Some(ports.await);
        }
        let log = match evidence.stopped.first() {
            // An edge's own report has the lines already.
            Some(task) if evidence.log.is_empty() => {
                self.last_lines(std::slice::from_ref(&task.id), known.since)
                    .await
            }
            _ => evidence.log.clone(),
        };
        known.evidence = Evidence {
            log,
            listens_on: known.listens_on.clone().flatten(),
            ..evidence.clone()
        };
        diagnose(
            &known.evidence,
            &Expectation::from_settings(&revision.settings),
        )
    }

    /// The last lines that these tasks wrote since `since`, as far as they can be read in [`READ_WITHIN`]:
    /// the log of a busy app is long, and the outcome of the release must not wait for it.
    async fn last_lines(&self, tasks: &[String], since: Timestamp) -> Vec<String> {
        tokio::time::timeout(READ_WITHIN, self.read_lines(tasks, since))
            .await
            .unwrap_or_default()
    }

    async fn read_lines(&self, tasks: &[String], since: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        for task in tasks {
            // A log that cannot be read must not hide the rest of the evidence.
            let stream = self.platform.log_stream(task);
            let found = self.logs.since(since, stream).await;
            let own = found
                .unwrap_or_default()
                .into_iter()
                .filter(|line| self.platform.wrote(task, line))
                .map(|line| line.message);
            lines.extend(own.filter(|line| Summary::parse(line).is_err()));
        }
        lines.split_off(lines.len().saturating_sub(LOG_LINES))
    }

    /// Reports and returns why the candidate was given up, with its last log lines: they may have arrived only
    /// after its tasks stopped.
    pub(super) async fn report_cause(
        &self,
        revision: &Revision,
        cause: Cause,
        known: Investigation,
    ) -> Cause {
        let known_since = known.since;
        let mut evidence = known.evidence;
        let tasks = tasks_to_read(&evidence, &known.tasks);
        let begun = Instant::now();
        loop {
            let log = self.last_lines(&tasks, known_since).await;
            if !log.is_empty() {
                evidence.log = log;
            }
            let is_complete = !evidence.log.is_empty() || tasks.is_empty();
            if is_complete || begun.elapsed() > ARRIVE_WITHIN {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
        let cause = conclude(
            cause,
            &evidence,
            &Expectation::from_settings(&revision.settings),
        );
        self.report.emit(Event::Autopsy {
            cause: cause.clone(),
            evidence,
        });
        cause
    }
}
