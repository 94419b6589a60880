//! A failed invocation of a Lambda version as evidence for the diagnosis.

use crate::release::evidence::StoppedTask;
use crate::time::Timestamp;
use edge_contract::invocation_error;
use std::collections::{BTreeMap, BTreeSet};

/// A failed invocation in the form of a stopped task: the diagnosis treats both alike.
///
/// Besides the error types of the edge, these come from Lambda
/// (<https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html>):
/// `Runtime.InvalidEntrypoint` for a program that cannot be started, `Runtime.ExitError` and
/// `Runtime.OutOfMemory` for one that ended, `Sandbox.Timedout` and `Function.Timeout`.
pub fn stopped(version: &str, kind: &str, message: &str) -> StoppedTask {
    let was_killed = kind == "Runtime.OutOfMemory"
        || (kind == "Runtime.ExitError" && message.contains("signal: killed"));
    let container_reason = match was_killed {
        // On Lambda only the memory limit kills a program.
        true => format!("OutOfMemoryError: {message}"),
        false => message.to_owned(),
    };
    StoppedTask {
        id: version.to_owned(),
        stop_code: kind.to_owned(),
        stopped_reason: kind.to_owned(),
        exit_code: invocation_error::exit_code(kind),
        container_reason,
    }
}

/// Whether another invocation may succeed: a permission takes effect late, or the platform was slow.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html>
pub fn may_pass(kind: &str) -> bool {
    kind == invocation_error::SECRET_NOT_READ || kind == "Sandbox.Timedout"
}

/// Invocations that ended without their edge: out of memory, crashed, or stopped by Lambda. Their users got
/// an error, and the edge has no count of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures {
    /// Request IDs by the second in which the invocations began, since the Unix epoch.
    began: BTreeMap<u64, BTreeSet<String>>,
    /// When the last line of these was written.
    latest: Option<Timestamp>,
}

impl Failures {
    /// Takes in one line of a function's log, which was written at `written`. Ignores lines other than reports
    /// of failed invocations. Taking in a line twice is harmless.
    ///
    /// `REPORT RequestId: 0a1b Duration: 3000.00 ms … Status: error Error Type: Runtime.ExitError`, with tabs
    /// between the fields: <https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html>.
    /// Errors that the edge itself returned are in its own counts.
    pub fn insert(&mut self, line: &str, written: Timestamp) {
        let Some(fields) = line.strip_prefix("REPORT ") else {
            return;
        };
        let field = |name: &str| {
            let mut fields = fields.split('\t').map(str::trim);
            fields.find_map(|field| field.strip_prefix(name)?.strip_prefix(": "))
        };
        let failed = matches!(field("Status"), Some("error" | "timeout" | "failure"));
        let is_counted = field("Error Type").is_some_and(invocation_error::is_of_edge);
        let (true, false, Some(id)) = (failed, is_counted, field("RequestId")) else {
            return;
        };
        let took = field("Duration").and_then(|text| text.strip_suffix(" ms"));
        let took = took.and_then(|text| text.parse().ok()).unwrap_or(0.0_f64);
        let began = written.0.saturating_sub(took.max(0.0) as u64) / 1_000;
        self.began.entry(began).or_default().insert(id.to_owned());
        self.latest = self.latest.max(Some(written));
    }

    /// Adds others.
    pub fn merge(&mut self, others: Failures) {
        for (second, ids) in others.began {
            self.began.entry(second).or_default().extend(ids);
        }
        self.latest = self.latest.max(others.latest);
    }

    /// Number of those that began in a second.
    pub fn in_second(&self, second: u64) -> u64 {
        let ids = self.began.get(&second).map_or(0, BTreeSet::len);
        u64::try_from(ids).unwrap_or(u64::MAX)
    }

    /// When the last line was written.
    pub fn latest(&self) -> Option<Timestamp> {
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_invocations_without_an_answer_are_failures_of_their_second() {
        let killed = "REPORT RequestId: 7f3a\tDuration: 1500.20 ms\tBilled Duration: 1501 ms\t\
             Memory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory\n";
        let timeout = "REPORT RequestId: 91bc\tDuration: 30000.00 ms\tBilled Duration: 30000 ms\t\
             Memory Size: 128 MB\tMax Memory Used: 20 MB\tStatus: timeout";
        let good =
            "REPORT RequestId: 0001\tDuration: 3.00 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB";
        let of_edge = "REPORT RequestId: 0002\tDuration: 3.00 ms\tStatus: error\t\
             Error Type: Landfall.AppFailed.Exit3";
        let mut failures = Failures::default();
        for line in [killed, timeout, good, of_edge, "Status: error", killed] {
            failures.insert(line, Timestamp(100_900));
        }
        let counts = [99, 70, 100].map(|second| failures.in_second(second));
        assert_eq!(counts, [1, 1, 0], "{failures:?}");
        assert_eq!(failures.latest(), Some(Timestamp(100_900)));
    }
    use crate::app::manifest::Architecture;
    use crate::release::diagnosis::{Cause, Expectation, diagnose};
    use crate::release::evidence::{Evidence, Listening};
    use edge_contract::invocation_error::{SECRET_NOT_READ, TOO_LONG, When, app_failed};

    fn cause(kind: &str, message: &str, listens_on: Option<Listening>) -> Option<Cause> {
        let evidence = Evidence {
            stopped: vec![stopped("3", kind, message)],
            listens_on,
            ..Evidence::default()
        };
        let expectation = Expectation {
            port: 8080,
            memory: 512,
            architecture: Some(Architecture::Arm64),
            edge: true,
            settings: None,
        };
        diagnose(&evidence, &expectation)
    }

    #[test]
    fn the_exit_code_is_read_from_the_error_type() {
        for code in [0, 3, 137, 255] {
            let name = app_failed(When::AtStart, Some(code));
            let exit_code = i32::from(code);
            let expected = Some(Cause::Crash { exit_code });
            assert_eq!(cause(&name, "the app ended", None), expected, "{name}");
            let later = app_failed(When::Later, Some(code));
            assert_eq!(cause(&later, "the app ended", None), expected, "{later}");
        }
    }

    #[test]
    fn an_app_that_never_answered_has_not_crashed() {
        let name = app_failed(When::AtStart, None);
        let why = "the app has not answered on 127.0.0.1:8080 within 30 s";
        assert_eq!(cause(&name, why, None), None);
        // A trial run on this machine has found the port.
        let elsewhere = Listening {
            reachable: vec![9090],
            loopback: vec![],
        };
        let found = cause(&name, why, Some(elsewhere));
        assert!(matches!(found, Some(Cause::WrongPort { .. })), "{found:?}");
    }

    #[test]
    fn error_types_of_lambda_are_understood() {
        let foreign = "Error: fork/exec /.landfall/edge: exec format error";
        let found = cause("Runtime.InvalidEntrypoint", foreign, None);
        assert!(matches!(found, Some(Cause::WrongArchitecture { .. })));
        let killed = "Runtime exited with error: signal: killed";
        let memory = Some(Cause::OutOfMemory { memory: 512 });
        assert_eq!(cause("Runtime.ExitError", killed, None), memory);
        assert_eq!(cause("Runtime.OutOfMemory", "", None), memory);
        // It gives no reason; the release's own time limit decides.
        let timeout = cause(
            "Sandbox.Timedout",
            "Task timed out after 30.00 seconds",
            None,
        );
        assert_eq!(timeout, None);
    }

    #[test]
    fn an_answer_too_long_for_lambda_is_a_cause_of_its_own() {
        let why = "The app's answer takes 7000000 bytes, and Lambda takes 6291556 at most (GET /)";
        let reason = why.to_owned();
        let found = cause(TOO_LONG, why, None);
        assert_eq!(found, Some(Cause::AnswerTooLong { reason }));
        assert!(found.is_some_and(|cause| cause.is_certain()));
    }

    #[test]
    fn a_secret_that_could_not_be_read_is_a_cause_of_its_own() {
        let why = "KEY: User is not authorized (AccessDeniedException)";
        let found = cause(SECRET_NOT_READ, why, None);
        let reason = why.to_owned();
        assert_eq!(found, Some(Cause::SecretNotRead { reason }));
        // A new role may not have reached all of AWS yet.
        assert!(found.is_some_and(|cause| !cause.is_certain()));
    }
}
