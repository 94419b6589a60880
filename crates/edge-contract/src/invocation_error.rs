//! What a failed invocation, or a failed start, reports: error type, message and lines. Written by
//! the programs in the image, read by landfall.

use serde::Deserialize;

/// Error type: the app did not start within the init phase.
const FAILED_TO_START: &str = "Landfall.AppFailedToStart";
/// Error type: the app was given up later.
const FAILED: &str = "Landfall.AppFailed";
/// Precedes the app's exit code in an error type, if the app exited by itself.
const EXIT: &str = ".Exit";
/// Error type: a probe arrived before the app had answered anything.
pub const NOT_READY: &str = "Landfall.AppNotReady";
/// Error type: the app's answer to a probe is longer than Lambda accepts, so no user could get it.
pub const TOO_LONG: &str = "Landfall.AnswerTooLong";
/// Error type: the start failed because a secret could not be read.
pub const SECRET_NOT_READ: &str = "Landfall.SecretNotRead";

/// When the app failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In the init phase.
    AtStart,
    /// After it had answered.
    Later,
}

/// The error type of an app that failed; `exit` is the code with which it exited.
pub fn app_failed(when: When, exit: Option<u8>) -> String {
    let name = match when {
        When::AtStart => FAILED_TO_START,
        When::Later => FAILED,
    };
    match exit {
        Some(code) => format!("{name}{EXIT}{code}"),
        None => name.to_owned(),
    }
}

/// Whether an error type is one that the edge reports.
pub fn is_of_edge(error_type: &str) -> bool {
    error_type.starts_with("Landfall.")
}

/// The exit code in an error type that [`app_failed`] wrote.
pub fn exit_code(error_type: &str) -> Option<i32> {
    error_type
        .strip_prefix(FAILED_TO_START)
        .or_else(|| error_type.strip_prefix(FAILED))
        .and_then(|rest| rest.strip_prefix(EXIT))
        .and_then(|code| code.parse().ok())
}

/// An error as Lambda returns it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InvocationError {
    /// The runtime's name for the kind of error.
    pub error_type: String,
    /// What happened.
    pub error_message: String,
    /// Lines about it: the edge puts the app's last lines here.
    pub stack_trace: Vec<String>,
}

impl InvocationError {
    /// Parses an error, whether the edge, another runtime or Lambda wrote it. Text that is not JSON
    /// becomes the message.
    pub fn parse(bytes: &[u8]) -> InvocationError {
        serde_json::from_slice(bytes).unwrap_or_else(|_| InvocationError {
            error_message: String::from_utf8_lossy(bytes).into_owned(),
            ..InvocationError::default()
        })
    }
}

/// An error as the Runtime API takes it, as JSON. Lambda shows it; API Gateway answers 500.
pub fn to_json(error_type: &str, message: &str, lines: &[String]) -> Vec<u8> {
    let wire = serde_json::json!({
        "errorType": error_type,
        "errorMessage": message,
        "stackTrace": lines,
    });
    wire.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_exit_code_survives_in_the_error_type() {
        for when in [When::AtStart, When::Later] {
            for code in [0, 3, 137, 255] {
                let name = app_failed(when, Some(code));
                assert_eq!(exit_code(&name), Some(i32::from(code)), "{name}");
            }
            assert_eq!(exit_code(&app_failed(when, None)), None);
        }
    }

    #[test]
    fn similar_error_types_have_no_exit_code() {
        for name in [
            "Landfall.AppFailedToStart.Exit",
            "Landfall.AppFailedToStart.Exit3x",
            "Landfall.Exit3",
        ] {
            assert_eq!(exit_code(name), None, "{name}");
        }
    }

    #[test]
    fn an_error_is_parsed_as_it_was_written() {
        let written = to_json("Kind", "it \"failed\"\n", &["a".to_owned()]);
        let wire: Value = serde_json::from_slice(&written).expect("JSON");
        assert_eq!(
            wire,
            json!({"errorType": "Kind", "errorMessage": "it \"failed\"\n", "stackTrace": ["a"]})
        );
        let error = InvocationError::parse(&written);
        assert_eq!(error.error_type, "Kind");
        assert_eq!(error.error_message, "it \"failed\"\n");
        assert_eq!(error.stack_trace, ["a"]);
    }

    #[test]
    fn errors_of_others_are_parsed() {
        assert_eq!(InvocationError::parse(b"<oops>").error_message, "<oops>");
        assert_eq!(InvocationError::parse(b"{}"), InvocationError::default());
    }
}
