//! Answers in JSON.

use crate::error::{Error, ErrorKind};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ErrorMetadata;
use serde::Deserialize;
use serde_json::Value;

pub(super) fn read<T: for<'a> Deserialize<'a>>(
    operation: &'static str,
    answer: &str,
) -> Result<T, Error> {
    serde_json::from_str(answer).map_err(|error| {
        let why = format!("the answer is not what the API documents: {error}");
        Error::new(ErrorKind::Other, operation, why)
    })
}

pub(super) fn read_error(response: &HttpResponse) -> ErrorMetadata {
    let header = response.headers().get("x-amzn-errortype");
    error(header, response.body().bytes().unwrap_or_default())
}

/// The code is in a header or in the body, with a namespace before it or a URL after it
/// (<https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization>).
fn error(header: Option<&str>, body: &[u8]) -> ErrorMetadata {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let of = |names: &[&str]| names.iter().find_map(|name| body[*name].as_str());
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = header.or_else(|| of(&["__type", "code"])) {
        let code = code.split(':').next().unwrap_or_default();
        metadata = metadata.code(code.rsplit('#').next().unwrap_or_default());
    }
    if let Some(message) = of(&["message", "Message", "errorMessage"]) {
        metadata = metadata.message(message);
    }
    metadata.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_message_of_an_error_are_read_wherever_they_are() {
        let url =
            "AccessDeniedException:http://internal.amazon.com/coral/com.amazon.coral.service/";
        for (header, body, code, message) in [
            (
                None,
                r#"{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"gone"}"#,
                Some("ParameterNotFound"),
                Some("gone"),
            ),
            (
                Some(url),
                r#"{"Message":"not you"}"#,
                Some("AccessDeniedException"),
                Some("not you"),
            ),
            (
                None,
                r#"{"code":"ExpiredTokenException"}"#,
                Some("ExpiredTokenException"),
                None,
            ),
            (None, "<html>Bad gateway</html>", None, None),
            (None, "", None, None),
        ] {
            let found = error(header, body.as_bytes());
            assert_eq!((found.code(), found.message()), (code, message), "{body}");
        }
    }
}
