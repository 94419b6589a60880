//! From what is left of a failed task to one cause, and what to do about it.

mod denial;

pub use denial::{Denial, Protection};

use crate::app::manifest::Architecture;
use crate::edge_contract::invocation_error::{SECRET_NOT_READ, TOO_LONG};
use crate::release::evidence::{Evidence, Listening, StoppedTask};
use crate::release::revision::Settings;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is asked of the candidate: the other half of a diagnosis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// Port that the app is to listen on.
    pub port: u16,
    /// Memory limit, MiB.
    pub memory: u32,
    /// Architecture that the task runs on.
    pub architecture: Option<Architecture>,
    /// Whether an edge stands in front of the app, in the same container: it reaches loopback
    /// addresses, too.
    pub edge: bool,
    /// All of what the candidate runs with, and with it what it may not do; [`None`] where that is not
    /// known, and nothing is concluded from it.
    pub settings: Option<Settings>,
}

impl Expectation {
    /// What is asked of a revision.
    pub fn of(settings: &Settings) -> Expectation {
        Expectation {
            port: settings.port,
            memory: settings.memory,
            architecture: Some(settings.architecture),
            edge: settings.edge.is_some(),
            settings: Some(settings.clone()),
        }
    }
}

/// Why a candidate does not serve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "cause")]
pub enum Cause {
    /// The app's process ended by itself.
    Crash {
        /// How it ended.
        exit_code: i32,
    },
    /// The app's process ended because its container keeps it from something.
    Denied(Denial),
    /// The app listens elsewhere.
    WrongPort {
        /// What the load balancer connects to.
        expected: u16,
        /// Where it was seen to listen.
        listens_on: Vec<u16>,
    },
    /// The app listens on the right port, but on a loopback address.
    LoopbackOnly {
        /// The port.
        port: u16,
    },
    /// The image's programs are for another CPU.
    WrongArchitecture {
        /// What the task runs on.
        expected: String,
    },
    /// The image could not be pulled.
    CannotPull {
        /// ECS's sentence.
        reason: String,
    },
    /// A secret could not be fetched for it, so that nothing of the app has run.
    SecretNotRead {
        /// The sentence of ECS, or of the program that fetches them on Lambda.
        reason: String,
    },
    /// The container was killed at its memory limit.
    OutOfMemory {
        /// The limit, MiB.
        memory: u32,
    },
    /// The task could not be started for a reason of the platform.
    CannotStart {
        /// ECS's sentence.
        reason: String,
    },
    /// What it answers takes more than Lambda passes on.
    AnswerTooLong {
        /// The edge's sentence.
        reason: String,
    },
    /// It runs, but did not become healthy in time.
    NotReady {
        /// How long it had.
        #[serde(with = "seconds")]
        within: Duration,
    },
    /// It became healthy, then lost requests that landfall sent.
    ProbesLost {
        /// How many.
        lost: u32,
    },
    /// It became healthy, but every answer to landfall's requests was an error.
    OnlyErrors {
        /// How many answers.
        answered: u32,
    },
    /// Its tasks stop, and nothing says why.
    Stopped,
    /// Compared with the old version in the same seconds, it is worse.
    Worse(Worse),
    /// The time for its proof was over.
    Unproven,
    /// Somebody moved the traffic, or changed what runs in its slot, during the release.
    Displaced,
    /// Nothing is wrong with it: a person gave it up.
    Aborted,
    /// Nothing is wrong with it: a person interrupted the release.
    Interrupted,
}

/// In what, by how much and how surely a candidate is worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worse {
    /// What most speaks against it: `errors`, or slowness at a quantile of the old version.
    pub monitor: String,
    /// Where: `users` or `probes`.
    pub among: String,
    /// Errors of the old version.
    pub old: Rate,
    /// Errors of the candidate.
    pub new: Rate,
    /// The quantile of both versions' latencies, milliseconds, if slowness is what speaks against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// Natural logarithm of the evidence; a release rolls back at ln(1/alpha).
    pub ln_m: f64,
}

/// A quantile of two versions' latencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slow {
    /// Of the old version, milliseconds.
    pub old_ms: u64,
    /// Of the candidate, milliseconds.
    pub new_ms: u64,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests.
    pub requests: u64,
    /// Those of them that failed, or were slow.
    pub bad: u64,
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = 100.0 * self.bad as f64 / self.requests.max(1) as f64;
        write!(f, "{percent:.1}% ({} of {})", self.bad, self.requests)
    }
}

mod seconds {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;
    pub(super) fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(d.as_secs())
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_secs)
    }
}

/// The one cause that the evidence speaks for; [`None`] while it speaks for none.
///
/// The order is from causes that explain the others to causes that are explained: a container that was
/// killed for its memory has also "crashed".
pub fn diagnose(evidence: &Evidence, expected: &Expectation) -> Option<Cause> {
    let failures: Vec<&StoppedTask> = evidence.stopped.iter().filter(|t| t.is_failure()).collect();
    let says = |needle: &str| {
        failures.iter().any(|task| {
            task.stopped_reason.contains(needle) || task.container_reason.contains(needle)
        })
    };
    let sentence = |task: &StoppedTask| {
        if task.container_reason.is_empty() {
            task.stopped_reason.clone()
        } else {
            task.container_reason.clone()
        }
    };

    // Kernels say it in small letters, the edge's standard library in capitals.
    let is_foreign = |line: &String| line.to_lowercase().contains("exec format error");
    let foreign_format = says("exec format error")
        || says("descriptor matching platform")
        || (!failures.is_empty() && evidence.log.iter().any(is_foreign));
    if foreign_format {
        let expected = expected.architecture.unwrap_or_default().to_string();
        return Some(Cause::WrongArchitecture { expected });
    }
    let is_pull_error = |task: &&&StoppedTask| {
        let of = |text: &str| {
            text.contains("CannotPull")
                || text.contains("pull image")
                || text.contains("image pull")
                || text.contains("manifest unknown")
        };
        of(&task.stopped_reason) || of(&task.container_reason)
    };
    if let Some(task) = failures.iter().find(is_pull_error) {
        return Some(Cause::CannotPull {
            reason: sentence(task),
        });
    }
    // ECS says it of both stores with these words: "unable to retrieve secrets from ssm", "unable to retrieve
    // secret from asm". It says "unable to pull secrets or registry auth" of the registry as well.
    let lacks_secret = |task: &&&StoppedTask| {
        task.stop_code == SECRET_NOT_READ
            || task.stopped_reason.contains("unable to retrieve secret")
    };
    if let Some(task) = failures.iter().find(lacks_secret) {
        return Some(Cause::SecretNotRead {
            reason: sentence(task),
        });
    }
    if says("OutOfMemory") || says("OOMKilled") {
        return Some(Cause::OutOfMemory {
            memory: expected.memory,
        });
    }
    if let Some(Listening {
        reachable,
        loopback,
    }) = &evidence.listens_on
        && !reachable.contains(&expected.port)
        && !(expected.edge && loopback.contains(&expected.port))
    {
        if loopback.contains(&expected.port) {
            return Some(Cause::LoopbackOnly {
                port: expected.port,
            });
        }
        // No port at all says nothing: it may still be starting.
        if !reachable.is_empty() {
            return Some(Cause::WrongPort {
                expected: expected.port,
                listens_on: reachable.clone(),
            });
        }
    }
    if let Some(task) = failures.iter().find(|task| task.stop_code == TOO_LONG) {
        return Some(Cause::AnswerTooLong {
            reason: sentence(task),
        });
    }
    if let Some(exit_code) = failures.iter().find_map(|task| task.exit_code) {
        // Whoever ends as if all were well was not kept from anything.
        let settings = expected.settings.as_ref().filter(|_| exit_code != 0);
        let denial = settings.and_then(|settings| denial::find(&evidence.log, settings));
        return Some(denial.map_or(Cause::Crash { exit_code }, Cause::Denied));
    }
    let failed_to_start = failures
        .iter()
        .find(|task| task.stop_code == "TaskFailedToStart");
    if let Some(task) = failed_to_start {
        return Some(Cause::CannotStart {
            reason: sentence(task),
        });
    }
    None
}

/// Why an app that runs on without ever answering may do so: one of its parts was kept from something, and the
/// rest went on. A weaker sign than an end; [`None`] if no line tells of such.
pub fn denied(evidence: &Evidence, expected: &Expectation) -> Option<Cause> {
    let settings = expected.settings.as_ref()?;
    denial::find(&evidence.log, settings).map(Cause::Denied)
}

/// What a person gets to read: what, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The failure in one sentence.
    pub what: String,
    /// What to do about it.
    pub next: String,
}

impl Cause {
    /// Whether waiting for a second failure could change nothing.
    pub fn is_certain(&self) -> bool {
        matches!(
            self,
            Cause::WrongPort { .. }
                | Cause::LoopbackOnly { .. }
                | Cause::WrongArchitecture { .. }
                | Cause::CannotPull { .. }
                | Cause::AnswerTooLong { .. }
        )
    }

    /// The word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Cause::Crash { .. } => "crash",
            Cause::Denied(denial) => denial.code(),
            Cause::WrongPort { .. } => "wrong_port",
            Cause::LoopbackOnly { .. } => "loopback_only",
            Cause::WrongArchitecture { .. } => "wrong_architecture",
            Cause::CannotPull { .. } => "cannot_pull",
            Cause::SecretNotRead { .. } => "secret_not_read",
            Cause::OutOfMemory { .. } => "out_of_memory",
            Cause::CannotStart { .. } => "cannot_start",
            Cause::AnswerTooLong { .. } => "answer_too_long",
            Cause::NotReady { .. } => "not_ready",
            Cause::ProbesLost { .. } => "probes_lost",
            Cause::OnlyErrors { .. } => "only_errors",
            Cause::Stopped => "stopped",
            Cause::Worse(_) => "worse",
            Cause::Unproven => "unproven",
            Cause::Displaced => "displaced",
            Cause::Aborted => "aborted",
            Cause::Interrupted => "interrupted",
        }
    }

    /// The cause in words, with what to do about it.
    pub fn explain(&self) -> Explanation {
        let (what, next) = match self {
            Cause::Crash { exit_code } => (
                format!(
                    "the app crashes: its process ended with {}",
                    exit(*exit_code)
                ),
                "read its last log lines above; `landfall run` runs it here under the same \
                 protection"
                    .to_owned(),
            ),
            Cause::Denied(denial) => (denial.what(), denial.next()),
            Cause::WrongPort {
                expected,
                listens_on,
            } => (
                format!(
                    "wrong port: the app is expected on {expected}, but listens on {}",
                    listens_on
                        .iter()
                        .map(u16::to_string)
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
                match listens_on.first() {
                    Some(port) => {
                        format!("set `port = {port}` in landfall.toml, or `EXPOSE {port}`")
                    }
                    None => "set `port` in landfall.toml".to_owned(),
                },
            ),
            Cause::LoopbackOnly { port } => (
                format!(
                    "the app listens on 127.0.0.1:{port}, where nothing outside its container reaches it"
                ),
                "make it listen on 0.0.0.0 (often a setting named HOST or BIND)".to_owned(),
            ),
            Cause::WrongArchitecture { expected } => (
                format!("wrong architecture: the image holds no program for {expected}"),
                format!(
                    "build it for {expected}, or set `architecture` in landfall.toml to what it is \
                     built for"
                ),
            ),
            Cause::CannotPull { reason } => (
                format!("the image cannot be pulled: {reason}"),
                "check that the image is in the registry and that the tasks' way out is open \
                 (public address, port 443)"
                    .to_owned(),
            ),
            Cause::SecretNotRead { reason } => (
                format!("a secret could not be read: {reason}"),
                "`landfall secrets list` shows what is set and `landfall secrets set NAME` sets it; what may read \
                 it is a role that `landfall up` makes"
                    .to_owned(),
            ),
            Cause::OutOfMemory { memory } => (
                format!("out of memory: the container was killed at its limit of {memory} MiB"),
                "set a larger `memory` in landfall.toml, or make the app use less".to_owned(),
            ),
            Cause::CannotStart { reason } => (
                format!("the task cannot be started: {reason}"),
                "the sentence is AWS's; in a fresh account look at the Fargate vCPU quota first"
                    .to_owned(),
            ),
            Cause::AnswerTooLong { reason } => (
                format!("users on Lambda cannot get what it answers: {reason}"),
                "answer in parts or compressed; set `health` to another path if only this one is so long; \
                 or `target = \"fargate\"`, which has no such limit"
                    .to_owned(),
            ),
            Cause::NotReady { within } => (
                format!("not ready: no healthy answer within {} s", within.as_secs()),
                "check that the app listens on 0.0.0.0 (not 127.0.0.1) and answers its `health` \
                 path below 500; if it only starts slowly, give it longer with `--ready-timeout`"
                    .to_owned(),
            ),
            Cause::ProbesLost { lost } => (
                format!("{lost} requests to the new version got no answer"),
                "read its last log lines above".to_owned(),
            ),
            Cause::OnlyErrors { answered } => (
                format!("each of {answered} answers of the new version was an error (5xx)"),
                "read its last log lines above".to_owned(),
            ),
            Cause::Stopped => (
                "its tasks stop, and AWS does not say why".to_owned(),
                "read its last log lines above".to_owned(),
            ),
            Cause::Worse(worse) => (
                format!(
                    "it is worse than the old version: among {}, {}; evidence ln M = {:.1}",
                    worse.among,
                    match worse.slow {
                        None => format!("{} failed against {}", worse.new, worse.old),
                        Some(Slow { old_ms, new_ms }) => format!(
                            "its {} is {new_ms} ms against {old_ms} ms",
                            worse.monitor
                        ),
                    },
                    worse.ln_m
                ),
                "read its last log lines above; `landfall history` keeps the evidence".to_owned(),
            ),
            Cause::Unproven => (
                "the time was over before it could be shown not to be worse".to_owned(),
                "give it more time with --maximum, or decide yourself with --strategy manual"
                    .to_owned(),
            ),
            Cause::Displaced => (
                "somebody else moved the traffic, or changed what runs in its slot, during the release"
                    .to_owned(),
                "`landfall status` shows what runs; then `landfall up` again".to_owned(),
            ),
            Cause::Aborted => (
                "it was given up by a person".to_owned(),
                "`landfall up` releases again".to_owned(),
            ),
            Cause::Interrupted => (
                "interrupted before it had proven itself".to_owned(),
                "`landfall up` starts over".to_owned(),
            ),
        };
        Explanation { what, next }
    }
}

/// Exit codes above 128 are signals: <https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html>.
fn exit(code: i32) -> String {
    match code {
        137 => "exit code 137 (killed, SIGKILL)".to_owned(),
        139 => "exit code 139 (segmentation fault, SIGSEGV)".to_owned(),
        134 => "exit code 134 (aborted, SIGABRT)".to_owned(),
        143 => "exit code 143 (SIGTERM)".to_owned(),
        0 => {
            "exit code 0 (it ended as if its work were done; a server must keep running)".to_owned()
        }
        code => format!("exit code {code}"),
    }
}

#[cfg(test)]
#[path = "diagnosis_tests.rs"]
mod tests;
