//! Why a version does not serve.

use super::denial::Denial;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Why a version does not serve, or was rolled back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "cause")]
#[expect(missing_docs, reason = "fields: what the variant's text names")]
pub enum Cause {
    /// The app's process ended, with this exit code.
    Crash { exit_code: i32 },
    /// The app's process ended because a protection of its container denied it something.
    Denied(Denial),
    /// The app listens on other ports than the one that the load balancer connects to.
    WrongPort { expected: u16, listens_on: Vec<u16> },
    /// The app listens on the right port, but on a loopback address.
    LoopbackOnly { port: u16 },
    /// The image's programs are for another CPU architecture than the expected one.
    WrongArchitecture { expected: String },
    /// The image could not be pulled: ECS's or Lambda's sentence.
    CannotPull { reason: String },
    /// A secret could not be fetched, so the app did not start: the sentence of ECS, or of the secrets
    /// loader on Lambda.
    SecretNotRead { reason: String },
    /// The container was killed at its memory limit, in MiB.
    OutOfMemory { memory: u32 },
    /// The task could not be started, for a reason of the platform: ECS's sentence.
    CannotStart { reason: String },
    /// An answer is longer than Lambda allows: the edge's sentence.
    AnswerTooLong { reason: String },
    /// It runs, but did not become healthy in time; whole seconds in JSON.
    NotReady {
        #[serde(with = "seconds")]
        within: Duration,
    },
    /// It became healthy, then probes got no answer.
    ProbesLost { lost: u32 },
    /// It became healthy, but every answer to a probe was an error.
    OnlyErrors { answered: u32 },
    /// Its tasks stop, and AWS gives no reason.
    Stopped,
    /// It is worse than the old version in the same seconds.
    Worse(Worse),
    /// The evidence was inconclusive at the maximum time.
    Unproven,
    /// Someone else moved the traffic, or changed what runs in its slot, during the release.
    Displaced,
    /// A person rolled it back.
    Aborted,
    /// A person interrupted the release.
    Interrupted,
}

/// In what a candidate is worse, by how much, and with which evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worse {
    /// The strongest evidence: `errors`, or slowness at a quantile of the old version.
    pub monitor: String,
    /// Among which requests: `users` or `probes`.
    pub among: String,
    /// Errors of the old version.
    pub old: Rate,
    /// Errors of the candidate.
    pub new: Rate,
    /// The quantile of both versions' latencies, if slowness is the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// Natural logarithm of the evidence; a release rolls back at ln(1/alpha).
    pub ln_m: f64,
}

/// A quantile of both versions' latencies, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "of the old version and of the candidate")]
pub struct Slow {
    pub old_ms: u64,
    pub new_ms: u64,
}

/// Requests, and those of them that failed or were slow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "see the struct")]
pub struct Rate {
    pub requests: u64,
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

/// Words by which ECS reports a pull that another attempt may complete.
const MAY_PASS: [&str; 5] = [
    "timeout",
    "timed out",
    "throttl",
    "toomanyrequests",
    "connection reset",
];

impl Cause {
    /// Whether a second failure would add nothing: the cause is certain at once.
    pub fn is_certain(&self) -> bool {
        match self {
            // A registry may throttle, or not answer, once.
            Cause::CannotPull { reason } => {
                let reason = reason.to_lowercase();
                !MAY_PASS.iter().any(|words| reason.contains(words))
            }
            Cause::WrongPort { .. }
            | Cause::LoopbackOnly { .. }
            | Cause::WrongArchitecture { .. }
            | Cause::AnswerTooLong { .. } => true,
            _ => false,
        }
    }

    /// A word for scripts, the same in every version.
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
}
