//! From the evidence of a failed version to one [`Cause`], and what to do about it.

mod cause;
mod denial;
mod explanation;

pub use cause::{Cause, Rate, Slow, Worse};
pub use denial::{Denial, Protection};
pub use explanation::Explanation;

use crate::app::manifest::Architecture;
use crate::release::evidence::{Evidence, Listening, StoppedTask};
use crate::release::revision::Settings;
use edge_contract::invocation_error::{SECRET_NOT_READ, TOO_LONG};
use serde::{Deserialize, Serialize};

/// What is expected of a version: the other half of a diagnosis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// Port that the app should listen on.
    pub port: u16,
    /// Memory limit, MiB.
    pub memory: u32,
    /// CPU architecture that it runs on.
    pub architecture: Option<Architecture>,
    /// Whether an edge runs in the same container: it reaches loopback addresses too.
    pub edge: bool,
    /// All settings, and with them the protections; [`None`] where they are not known, and nothing is
    /// concluded from them.
    pub settings: Option<Settings>,
}

impl Expectation {
    /// What is expected of a revision with these settings.
    pub fn from_settings(settings: &Settings) -> Expectation {
        Expectation {
            port: settings.port,
            memory: settings.memory,
            architecture: Some(settings.architecture),
            edge: settings.edge.is_some(),
            settings: Some(settings.clone()),
        }
    }
}

/// The tasks that failed.
struct Failures<'e>(Vec<&'e StoppedTask>);

impl<'e> Failures<'e> {
    fn in_evidence(evidence: &'e Evidence) -> Failures<'e> {
        let failed = evidence.stopped.iter().filter(|task| task.is_failure());
        Failures(failed.collect())
    }

    fn any(&self, words: &[&str]) -> bool {
        self.0.iter().any(|task| mentions(task, words))
    }

    /// AWS's sentence about the first task of which `is` holds.
    fn reason(&self, is: impl Fn(&StoppedTask) -> bool) -> Option<String> {
        let task = self.0.iter().find(|task| is(task))?;
        let reason = match task.container_reason.is_empty() {
            true => &task.stopped_reason,
            false => &task.container_reason,
        };
        Some(reason.clone())
    }
}

/// Whether AWS's sentences about a task have one of these words.
fn mentions(task: &StoppedTask, words: &[&str]) -> bool {
    words
        .iter()
        .any(|word| task.stopped_reason.contains(word) || task.container_reason.contains(word))
}

/// The one cause that the evidence shows; [`None`] while it shows none.
///
/// Causes that explain others come first: a container that was killed at its memory limit has "crashed"
/// too.
pub fn diagnose(evidence: &Evidence, expected: &Expectation) -> Option<Cause> {
    let failures = Failures::in_evidence(evidence);
    if is_foreign(&failures, evidence) {
        let expected = expected.architecture.unwrap_or_default().to_string();
        return Some(Cause::WrongArchitecture { expected });
    }
    let of_pull = ["CannotPull", "pull image", "image pull", "manifest unknown"];
    if let Some(reason) = failures.reason(|task| mentions(task, &of_pull)) {
        return Some(Cause::CannotPull { reason });
    }
    // ECS uses these words for both stores: "unable to retrieve secrets from ssm", "unable to retrieve secret
    // from asm". "unable to pull secrets or registry auth" may be about the registry.
    let lacks_secret = |task: &StoppedTask| {
        task.stop_code == SECRET_NOT_READ
            || task.stopped_reason.contains("unable to retrieve secret")
    };
    if let Some(reason) = failures.reason(lacks_secret) {
        return Some(Cause::SecretNotRead { reason });
    }
    if failures.any(&["OutOfMemory", "OOMKilled"]) {
        let memory = expected.memory;
        return Some(Cause::OutOfMemory { memory });
    }
    if let Some(cause) = wrong_port(evidence, expected) {
        return Some(cause);
    }
    if let Some(reason) = failures.reason(|task| task.stop_code == TOO_LONG) {
        return Some(Cause::AnswerTooLong { reason });
    }
    if let Some(exit_code) = failures.0.iter().find_map(|task| task.exit_code) {
        // A process that ends with 0 was not denied anything.
        let settings = expected.settings.as_ref().filter(|_| exit_code != 0);
        let denial = settings.and_then(|settings| denial::find(&evidence.log, settings));
        return Some(denial.map_or(Cause::Crash { exit_code }, Cause::Denied));
    }
    let reason = failures.reason(|task| task.stop_code == "TaskFailedToStart");
    let reason = reason.or_else(|| not_placed(evidence))?;
    Some(Cause::CannotStart { reason })
}

/// Why the scheduler starts no task: no capacity, a quota, a missing role.
fn not_placed(evidence: &Evidence) -> Option<String> {
    let is_refusal = |event: &&String| event.contains("unable to");
    evidence.events.iter().find(is_refusal).cloned()
}

/// Whether the image's programs are for another CPU architecture.
fn is_foreign(failures: &Failures<'_>, evidence: &Evidence) -> bool {
    // Kernels write it in lower case, the edge's standard library in upper case.
    let is_format_error = |line: &String| line.to_lowercase().contains("exec format error");
    failures.any(&["exec format error", "descriptor matching platform"])
        || (!failures.0.is_empty() && evidence.log.iter().any(is_format_error))
}

fn wrong_port(evidence: &Evidence, expected: &Expectation) -> Option<Cause> {
    let Listening {
        reachable,
        loopback,
    } = evidence.listens_on.as_ref()?;
    let port = expected.port;
    let is_on_loopback = loopback.contains(&port);
    if reachable.contains(&port) || (expected.edge && is_on_loopback) {
        return None;
    }
    if is_on_loopback {
        return Some(Cause::LoopbackOnly { port });
    }
    // Without any port it may still be starting.
    (!reachable.is_empty()).then(|| Cause::WrongPort {
        expected: port,
        listens_on: reachable.clone(),
    })
}

/// Why an app that runs without ever answering may do so: a protection denied one of its parts something,
/// and the rest runs on. Weaker evidence than a process that ended; [`None`] if no line shows it.
pub fn denied(evidence: &Evidence, expected: &Expectation) -> Option<Cause> {
    let settings = expected.settings.as_ref()?;
    denial::find(&evidence.log, settings).map(Cause::Denied)
}

#[cfg(test)]
#[path = "diagnosis_tests.rs"]
mod tests;
