//! From what is left of a failed task to one cause, and what to do about it.
//!
//! Stop codes and reasons: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>.
//! Target health reasons: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>.

use crate::manifest::Architecture;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A task that stopped, as ECS tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedTask {
    /// Task id.
    pub id: String,
    /// `TaskFailedToStart`, `EssentialContainerExited`, `ServiceSchedulerInitiated`, …
    pub stop_code: String,
    /// ECS's sentence about the task.
    pub stopped_reason: String,
    /// Exit code of the app's container, if it ever ran.
    pub exit_code: Option<i32>,
    /// ECS's sentence about the container.
    pub container_reason: String,
}

impl StoppedTask {
    /// Whether the task ended by itself. A task that the scheduler or a person stopped says nothing
    /// against its revision.
    pub fn is_failure(&self) -> bool {
        !matches!(
            self.stop_code.as_str(),
            "ServiceSchedulerInitiated"
                | "UserInitiated"
                | "SpotInterruption"
                | "TerminationNotice"
        ) || self.failed_health_checks()
    }

    fn failed_health_checks(&self) -> bool {
        self.stopped_reason.contains("failed ELB health checks")
    }
}

/// A target of a load balancer, as it tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetHealth {
    /// Address of the target.
    pub id: String,
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining`, `unavailable`.
    pub state: String,
    /// Reason code, for example `Target.FailedHealthChecks`.
    pub reason: String,
    /// The load balancer's sentence.
    pub description: String,
}

/// All that is known of a candidate that does not come up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Tasks of the candidate that stopped.
    pub stopped: Vec<StoppedTask>,
    /// Its targets.
    pub targets: Vec<TargetHealth>,
    /// The last lines it wrote, oldest first.
    pub log: Vec<String>,
    /// Ports on which the image was seen to listen when it was run on this machine; [`None`] if it
    /// was not tried or could not be.
    pub listens_on: Option<Listening>,
}

/// The TCP ports on which a container listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// Ports that can be reached from outside the container.
    pub reachable: Vec<u16>,
    /// Ports bound to a loopback address: they can be reached from within only.
    pub loopback: Vec<u16>,
}

impl Listening {
    /// Reads `/proc/PID/net/tcp` and `/proc/PID/net/tcp6`, one after the other
    /// (<https://docs.kernel.org/networking/proc_net_tcp.html>). Lines that are no socket are passed
    /// over.
    pub fn parse(proc_net_tcp: &str) -> Listening {
        const LISTEN: &str = "0A";
        let mut seen = Listening::default();
        for line in proc_net_tcp.lines() {
            let mut fields = line.split_whitespace().skip(1);
            let (Some(local), Some(_remote), Some(LISTEN)) =
                (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let Some((address, port)) = local.split_once(':') else {
                continue;
            };
            let Ok(port) = u16::from_str_radix(port, 16) else {
                continue;
            };
            // The kernel prints the address in host byte order: 127.x.y.z ends in 7F, ::1 in 01000000.
            let is_loopback = match address.len() {
                8 => address.ends_with("7F"),
                _ => address == "00000000000000000000000001000000",
            };
            let ports = if is_loopback {
                &mut seen.loopback
            } else {
                &mut seen.reachable
            };
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        seen
    }
}

/// What is asked of the candidate: the other half of a diagnosis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// Port that the load balancer connects to.
    pub port: u16,
    /// Memory limit, MiB.
    pub memory: u32,
    /// Architecture that the task runs on.
    pub architecture: Option<Architecture>,
}

/// Why a candidate does not serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "cause")]
pub enum Cause {
    /// The app's process ended by itself.
    Crash {
        /// How it ended.
        exit_code: i32,
    },
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
    /// Nothing is wrong with it: a person interrupted the release.
    Interrupted,
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

    let foreign_format = says("exec format error")
        || says("descriptor matching platform")
        || (!failures.is_empty() && evidence.log.iter().any(|l| l.contains("exec format error")));
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
    if let Some(exit_code) = failures.iter().find_map(|task| task.exit_code) {
        return Some(Cause::Crash { exit_code });
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
        )
    }

    /// The word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Cause::Crash { .. } => "crash",
            Cause::WrongPort { .. } => "wrong_port",
            Cause::LoopbackOnly { .. } => "loopback_only",
            Cause::WrongArchitecture { .. } => "wrong_architecture",
            Cause::CannotPull { .. } => "cannot_pull",
            Cause::OutOfMemory { .. } => "out_of_memory",
            Cause::CannotStart { .. } => "cannot_start",
            Cause::NotReady { .. } => "not_ready",
            Cause::ProbesLost { .. } => "probes_lost",
            Cause::OnlyErrors { .. } => "only_errors",
            Cause::Stopped => "stopped",
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
                "read its last log lines above; run the image here with the same settings: \
                 `docker run --rm IMAGE`"
                    .to_owned(),
            ),
            Cause::WrongPort {
                expected,
                listens_on,
            } => (
                format!(
                    "wrong port: the load balancer connects to {expected}, the app listens on {}",
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
            Cause::OutOfMemory { memory } => (
                format!("out of memory: the container was killed at its limit of {memory} MiB"),
                "set a larger `memory` in landfall.toml, or make the app use less".to_owned(),
            ),
            Cause::CannotStart { reason } => (
                format!("the task cannot be started: {reason}"),
                "the sentence is AWS's; in a fresh account look at the Fargate vCPU quota first"
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
            Cause::Interrupted => (
                "interrupted before users were sent to it".to_owned(),
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
mod tests {
    use super::*;

    fn expected() -> Expectation {
        Expectation {
            port: 8080,
            memory: 512,
            architecture: Some(Architecture::Arm64),
        }
    }

    fn stopped(
        stop_code: &str,
        stopped_reason: &str,
        exit_code: Option<i32>,
        reason: &str,
    ) -> Evidence {
        Evidence {
            stopped: vec![StoppedTask {
                id: "t".into(),
                stop_code: stop_code.into(),
                stopped_reason: stopped_reason.into(),
                exit_code,
                container_reason: reason.into(),
            }],
            ..Evidence::default()
        }
    }

    #[test]
    fn each_kind_of_evidence_speaks_for_one_cause() {
        let exited = "EssentialContainerExited";
        let failed = "TaskFailedToStart";
        let table = [
            (
                stopped(exited, "Essential container in task exited", Some(3), ""),
                "crash",
            ),
            (
                stopped(
                    exited,
                    "Essential container in task exited",
                    Some(137),
                    "OutOfMemoryError: Container killed due to memory usage",
                ),
                "out_of_memory",
            ),
            (
                stopped(
                    failed,
                    "CannotPullContainerError: pull image manifest has been retried 7 time(s): \
                     image Manifest does not contain descriptor matching platform 'linux/arm64'",
                    None,
                    "",
                ),
                "wrong_architecture",
            ),
            (
                stopped(
                    failed,
                    "CannotPullContainerError: ref does not exist: not found",
                    None,
                    "",
                ),
                "cannot_pull",
            ),
            (
                stopped(
                    failed,
                    "ResourceInitializationError: unable to pull secrets",
                    None,
                    "",
                ),
                "cannot_start",
            ),
        ];
        for (evidence, code) in table {
            let cause = diagnose(&evidence, &expected()).expect(code);
            assert_eq!(cause.code(), code, "{evidence:?}");
        }
    }

    #[test]
    fn a_log_line_can_tell_the_architecture() {
        let mut evidence = stopped("EssentialContainerExited", "exited", Some(255), "");
        evidence.log = vec!["exec /webapp: exec format error".into()];
        let cause = diagnose(&evidence, &expected()).expect("a cause");
        assert_eq!(
            cause,
            Cause::WrongArchitecture {
                expected: "arm64".into()
            }
        );
    }

    #[test]
    fn a_task_that_was_told_to_stop_is_no_evidence() {
        let evidence = stopped(
            "ServiceSchedulerInitiated",
            "Scaling activity",
            Some(137),
            "",
        );
        assert_eq!(diagnose(&evidence, &expected()), None);
    }

    #[test]
    fn a_port_seen_elsewhere_is_a_wrong_port_and_none_seen_is_not() {
        let with = |ports: &[u16]| Evidence {
            listens_on: Some(Listening {
                reachable: ports.to_vec(),
                loopback: vec![],
            }),
            ..Evidence::default()
        };
        let cause = diagnose(&with(&[9090]), &expected()).expect("a cause");
        assert_eq!(
            cause,
            Cause::WrongPort {
                expected: 8080,
                listens_on: vec![9090]
            }
        );
        assert!(cause.is_certain());
        assert_eq!(
            diagnose(&with(&[]), &expected()),
            None,
            "it may still be starting"
        );
        assert_eq!(diagnose(&with(&[9090, 8080]), &expected()), None);
    }

    #[test]
    fn sockets_are_read_as_the_kernel_prints_them() {
        let text = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0100007F:0051 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 3 1
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:2382 00000000000000000000000000000000:0000 0A 00000000
   1: 00000000000000000000000001000000:2383 00000000000000000000000000000000:0000 0A 00000000";
        let seen = Listening::parse(text);
        assert_eq!(
            seen,
            Listening {
                reachable: vec![80, 9090],
                loopback: vec![8080, 9091]
            }
        );
        let evidence = Evidence {
            listens_on: Some(seen),
            ..Evidence::default()
        };
        assert_eq!(
            diagnose(&evidence, &expected()),
            Some(Cause::LoopbackOnly { port: 8080 })
        );
    }

    #[test]
    fn every_cause_says_what_to_do() {
        let causes = [
            Cause::Crash { exit_code: 137 },
            Cause::Crash { exit_code: 0 },
            Cause::WrongPort {
                expected: 8080,
                listens_on: vec![9090],
            },
            Cause::LoopbackOnly { port: 8080 },
            Cause::WrongArchitecture {
                expected: "arm64".into(),
            },
            Cause::CannotPull {
                reason: "not found".into(),
            },
            Cause::OutOfMemory { memory: 512 },
            Cause::CannotStart {
                reason: "no capacity".into(),
            },
            Cause::NotReady {
                within: Duration::from_secs(300),
            },
            Cause::ProbesLost { lost: 7 },
            Cause::OnlyErrors { answered: 6 },
            Cause::Stopped,
            Cause::Interrupted,
        ];
        let text: Vec<String> = causes
            .iter()
            .map(|cause| {
                let Explanation { what, next } = cause.explain();
                format!("{}\n  {what}\n  → {next}", cause.code())
            })
            .collect();
        insta::assert_snapshot!("causes", text.join("\n"));
    }
}
