//! A cause as text: what is wrong and what to do about it, in the terms of the target.

use super::cause::{Cause, Slow, Worse};
use crate::app::manifest::Target;
use serde::{Deserialize, Serialize};

/// What a person reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The failure in one sentence.
    pub what: String,
    /// What to do about it.
    pub next: String,
}

const READ_LOG: &str = "read its last log lines above";

impl Cause {
    /// The cause as text, with what to do about it.
    pub fn explain(&self, target: Target) -> Explanation {
        Explanation {
            what: self.what(target),
            next: self.next(target),
        }
    }

    fn what(&self, target: Target) -> String {
        match self {
            Cause::Crash { exit_code } => {
                format!(
                    "the app crashes: its process ended with {}",
                    exit(*exit_code)
                )
            }
            Cause::Denied(denial) => denial.what(),
            Cause::WrongPort {
                expected,
                listens_on,
            } => {
                let ports: Vec<String> = listens_on.iter().map(u16::to_string).collect();
                format!(
                    "wrong port: the app is expected on {expected}, but listens on {}",
                    ports.join(", ")
                )
            }
            Cause::LoopbackOnly { port } => format!(
                "the app listens on 127.0.0.1:{port}, which cannot be reached from outside its container"
            ),
            Cause::WrongArchitecture { expected } => {
                format!("wrong architecture: the image has no program for {expected}")
            }
            Cause::CannotPull { reason } => format!("the image cannot be pulled: {reason}"),
            Cause::SecretNotRead { reason } => format!("a secret could not be read: {reason}"),
            Cause::OutOfMemory { memory } => match target {
                Target::Fargate => {
                    format!("out of memory: the container was killed at its limit of {memory} MiB")
                }
                Target::Lambda => {
                    format!("out of memory: the function was killed at its limit of {memory} MiB")
                }
            },
            Cause::CannotStart { reason } => match target {
                Target::Fargate => format!("the task cannot be started: {reason}"),
                Target::Lambda => format!("the version cannot be started: {reason}"),
            },
            Cause::AnswerTooLong { reason } => {
                format!("Lambda does not pass its answer on to users: {reason}")
            }
            Cause::NotReady { within } => {
                format!("not ready: no healthy answer within {} s", within.as_secs())
            }
            Cause::ProbesLost { lost } => {
                format!("{lost} requests to the new version got no answer")
            }
            Cause::OnlyErrors { answered } => {
                format!("each of {answered} answers of the new version was an error (5xx)")
            }
            Cause::Stopped => match target {
                Target::Fargate => "its tasks stop, and AWS gives no reason".to_owned(),
                Target::Lambda => "its invocations fail, and AWS gives no reason".to_owned(),
            },
            Cause::Worse(worse) => worse.what(),
            Cause::Unproven => {
                "the evidence was inconclusive when the maximum time was over".to_owned()
            }
            Cause::Displaced => match target {
                Target::Fargate => {
                    "someone else changed the traffic or what runs in its slot during the release"
                }
                Target::Lambda => {
                    "someone else changed the alias or the version that it points to during the release"
                }
            }
            .to_owned(),
            Cause::Aborted => "it was rolled back by hand".to_owned(),
            Cause::Interrupted => "interrupted before the new version was promoted".to_owned(),
        }
    }

    fn next(&self, target: Target) -> String {
        match self {
            Cause::Crash { .. } => {
                "read its last log lines above; `landfall run` runs it here with the same protection"
                    .to_owned()
            }
            Cause::Denied(denial) => denial.next(),
            Cause::WrongPort { listens_on, .. } => match listens_on.first() {
                Some(port) => format!("set `port = {port}` in landfall.toml, or `EXPOSE {port}`"),
                None => "set `port` in landfall.toml".to_owned(),
            },
            Cause::LoopbackOnly { .. } => {
                "make it listen on 0.0.0.0 (often a setting named HOST or BIND)".to_owned()
            }
            Cause::WrongArchitecture { expected } => format!(
                "build it for {expected}, or set `architecture` in landfall.toml to what it is built for"
            ),
            Cause::CannotPull { .. } => match target {
                Target::Fargate => {
                    "check that the image is in the registry and that tasks can reach it (public address, port 443)"
                }
                Target::Lambda => "check that the image is in the registry, and has a format that Lambda runs",
            }
            .to_owned(),
            Cause::SecretNotRead { .. } => {
                "`landfall secrets list` shows what is set and `landfall secrets set NAME` sets it; `landfall up` \
                 creates the role that may read it"
                    .to_owned()
            }
            Cause::OutOfMemory { .. } => {
                "set a larger `memory` in landfall.toml, or make the app use less".to_owned()
            }
            Cause::CannotStart { .. } => match target {
                Target::Fargate => {
                    "the reason is AWS's; in a new account, check the Fargate vCPU quota first"
                }
                Target::Lambda => "the reason is AWS's",
            }
            .to_owned(),
            Cause::AnswerTooLong { .. } => {
                "answer in parts or compressed; set `health` to another path if only this one is so long; \
                 or set `target = \"fargate\"`, which has no such limit"
                    .to_owned()
            }
            Cause::NotReady { .. } => {
                "check that the app listens on 0.0.0.0 (not 127.0.0.1) and answers its `health` path below 500; \
                 if it only starts slowly, give it more time with `--ready-timeout`"
                    .to_owned()
            }
            Cause::ProbesLost { .. } | Cause::OnlyErrors { .. } | Cause::Stopped => {
                READ_LOG.to_owned()
            }
            Cause::Worse(_) => format!("{READ_LOG}; `landfall history` keeps the evidence"),
            Cause::Unproven => {
                "give it more time with --maximum, or decide yourself with --strategy manual"
                    .to_owned()
            }
            Cause::Displaced => {
                "`landfall status` shows what runs; then `landfall up` again".to_owned()
            }
            Cause::Aborted => "`landfall up` releases again".to_owned(),
            Cause::Interrupted => "`landfall up` starts again".to_owned(),
        }
    }
}

impl Worse {
    fn what(&self) -> String {
        let difference = match self.slow {
            None => format!("{} failed, compared with {}", self.new, self.old),
            Some(Slow { old_ms, new_ms }) => format!(
                "its {} is {new_ms} ms, compared with {old_ms} ms",
                self.monitor
            ),
        };
        format!(
            "it is worse than the old version: among {}, {difference}; evidence ln M = {:.1}",
            self.among, self.ln_m
        )
    }
}

/// Exit codes above 128 are signals: <https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html>.
fn exit(code: i32) -> String {
    match code {
        137 => "exit code 137 (killed, SIGKILL)".to_owned(),
        139 => "exit code 139 (segmentation fault, SIGSEGV)".to_owned(),
        134 => "exit code 134 (aborted, SIGABRT)".to_owned(),
        143 => "exit code 143 (SIGTERM)".to_owned(),
        0 => "exit code 0 (it finished, but a server must keep running)".to_owned(),
        code => format!("exit code {code}"),
    }
}
