//! Errors of invocations, with the types and texts of AWS.

use serde_json::json;
use std::time::Duration;

/// The error if the command ended without a reply.
pub(crate) fn exited(id: &str, how: &str) -> Vec<u8> {
    let message = format!("RequestId: {id} Error: Runtime exited with error: {how}");
    error("Runtime.ExitError", &message)
}

/// The error if the function's timeout expired.
pub(crate) fn timed_out(id: &str, timeout: Duration) -> Vec<u8> {
    let seconds = timeout.as_secs_f64();
    let message = format!("RequestId: {id} Error: Task timed out after {seconds:.2} seconds");
    error("Sandbox.Timedout", &message)
}

/// An error of any type.
pub(crate) fn error(error_type: &str, message: &str) -> Vec<u8> {
    let wire = json!({"errorType": error_type, "errorMessage": message});
    wire.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_texts_of_aws() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        assert_eq!(
            text(exited("id", "exit status 3")),
            r#"{"errorMessage":"RequestId: id Error: Runtime exited with error: exit status 3","errorType":"Runtime.ExitError"}"#
        );
        assert_eq!(
            text(timed_out("id", Duration::from_secs(3))),
            r#"{"errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds","errorType":"Sandbox.Timedout"}"#
        );
    }
}
