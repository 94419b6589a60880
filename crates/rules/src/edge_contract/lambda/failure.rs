//! What an invocation that failed says about the app: the name of its error, written by the edge and read
//! by landfall, and the names that Lambda itself gives.

use crate::release::evidence::StoppedTask;

/// The app did not come up in the init phase.
const START: &str = "Landfall.AppFailedToStart";
/// It was given up later.
const LATER: &str = "Landfall.AppFailed";
/// A probe had to be answered before the app had ever answered anything.
pub const NOT_READY: &str = "Landfall.AppNotReady";
/// What the app answers to a probe takes more than Lambda passes on: no user could get it.
pub const TOO_LONG: &str = "Landfall.AnswerTooLong";
/// Stands before the app's exit code, where it ended by itself.
const EXIT: &str = ".Exit";

/// When the app failed, as the edge tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In the init phase.
    AtStart,
    /// After it had answered.
    Later,
}

/// The type of the error that the edge tells Lambda; `exit` is the code that the app ended with.
pub fn kind(when: When, exit: Option<u8>) -> String {
    let name = match when {
        When::AtStart => START,
        When::Later => LATER,
    };
    match exit {
        Some(code) => format!("{name}{EXIT}{code}"),
        None => name.to_owned(),
    }
}

/// A failed invocation of a version, in the words of a task that stopped: what is concluded from either is
/// the same.
///
/// Besides the edge's own, these types come from Lambda
/// (<https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html>):
/// `Runtime.InvalidEntrypoint` for a program that cannot be started, `Runtime.ExitError` and
/// `Runtime.OutOfMemory` for one that ended, `Sandbox.Timedout` and `Function.Timeout`.
pub fn stopped(version: &str, kind: &str, message: &str) -> StoppedTask {
    let exit_code = kind
        .strip_prefix(START)
        .or_else(|| kind.strip_prefix(LATER))
        .and_then(|rest| rest.strip_prefix(EXIT))
        .and_then(|code| code.parse().ok());
    let was_killed = kind == "Runtime.OutOfMemory"
        || (kind == "Runtime.ExitError" && message.contains("signal: killed"));
    let container_reason = match was_killed {
        // Nothing but the memory limit kills a program on Lambda.
        true => format!("OutOfMemoryError: {message}"),
        false => message.to_owned(),
    };
    StoppedTask {
        id: version.to_owned(),
        stop_code: kind.to_owned(),
        stopped_reason: kind.to_owned(),
        exit_code,
        container_reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::Architecture;
    use crate::release::diagnosis::{Cause, Expectation, diagnose};
    use crate::release::evidence::{Evidence, Listening};

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
    fn the_exit_code_goes_through_the_name() {
        for code in [0, 3, 137, 255] {
            let name = kind(When::AtStart, Some(code));
            let exit_code = i32::from(code);
            let expected = Some(Cause::Crash { exit_code });
            assert_eq!(cause(&name, "the app ended", None), expected, "{name}");
            let later = kind(When::Later, Some(code));
            assert_eq!(cause(&later, "the app ended", None), expected, "{later}");
        }
    }

    #[test]
    fn an_app_that_never_answered_has_not_crashed() {
        let name = kind(When::AtStart, None);
        let why = "the app has not answered on 127.0.0.1:8080 within 30 s";
        assert_eq!(cause(&name, why, None), None);
        // Where it listens was found out on this machine.
        let elsewhere = Listening {
            reachable: vec![9090],
            loopback: vec![],
        };
        let found = cause(&name, why, Some(elsewhere));
        assert!(matches!(found, Some(Cause::WrongPort { .. })), "{found:?}");
    }

    #[test]
    fn lambda_s_own_words_are_understood() {
        let foreign = "Error: fork/exec /.landfall/edge: exec format error";
        let found = cause("Runtime.InvalidEntrypoint", foreign, None);
        assert!(matches!(found, Some(Cause::WrongArchitecture { .. })));
        let killed = "Runtime exited with error: signal: killed";
        let memory = Some(Cause::OutOfMemory { memory: 512 });
        assert_eq!(cause("Runtime.ExitError", killed, None), memory);
        assert_eq!(cause("Runtime.OutOfMemory", "", None), memory);
        // It says nothing about why; the release's own patience decides.
        let timeout = cause(
            "Sandbox.Timedout",
            "Task timed out after 30.00 seconds",
            None,
        );
        assert_eq!(timeout, None);
    }

    #[test]
    fn an_answer_that_lambda_does_not_pass_on_is_a_cause_of_its_own() {
        let why = "The app's answer takes 7000000 bytes, and Lambda takes 6291556 at most (GET /)";
        let reason = why.to_owned();
        let found = cause(TOO_LONG, why, None);
        assert_eq!(found, Some(Cause::AnswerTooLong { reason }));
        assert!(found.is_some_and(|cause| cause.is_certain()));
    }

    #[test]
    fn a_secret_that_could_not_be_read_is_a_cause_of_its_own() {
        let why = "KEY: User is not authorized (AccessDeniedException)";
        let found = cause(crate::edge_contract::secrets::NOT_READ, why, None);
        let reason = why.to_owned();
        assert_eq!(found, Some(Cause::SecretNotRead { reason }));
        // A role that was just made may not be known everywhere yet.
        assert!(found.is_some_and(|cause| !cause.is_certain()));
    }

    #[test]
    fn a_name_like_ours_is_no_exit_code() {
        for name in [
            "Landfall.AppFailedToStart.Exit",
            "Landfall.AppFailedToStart.Exit3x",
            "Landfall.Exit3",
        ] {
            assert_eq!(stopped("1", name, "").exit_code, None, "{name}");
        }
    }
}
