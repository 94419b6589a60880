//! Responses of AWS's API, and errors in the form of each protocol.

use crate::request::Call;
use crate::xml::escaped;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

/// A response.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A response with a body of this content type.
    #[must_use]
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        Answer {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers,
            body: body.into(),
        }
    }

    /// A response in JSON.
    #[must_use]
    pub fn of_json(status: u16, value: &Value) -> Answer {
        Answer::new(status, "application/json", value.to_string())
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Changes the body if it is JSON.
    pub fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        if let Ok(mut value) = serde_json::from_slice(&self.body) {
            change(&mut value);
            self.body = value.to_string().into();
        }
    }

    /// The error `code`, as the protocol of `call` has it.
    #[must_use]
    pub fn error(call: &Call, status: u16, code: &str, message: &str) -> Answer {
        let id = "f7a1e000-0000-4000-8000-000000000000";
        let (code_text, text) = (escaped(code), escaped(message));
        let mut answer = match protocol(call) {
            Protocol::Json => {
                let body = json!({"__type": code, "message": message});
                Answer::new(status, "application/x-amz-json-1.1", body.to_string())
            }
            Protocol::RestJson => {
                let body = json!({"Type": "User", "message": message});
                Answer::new(status, "application/json", body.to_string())
            }
            Protocol::Cbor => Answer::new(status, "application/cbor", cbor(code, message)),
            Protocol::Ec2 => Answer::new(
                status,
                "text/xml;charset=UTF-8",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>\
                     <Code>{code_text}</Code><Message>{text}</Message></Error></Errors>\
                     <RequestID>{id}</RequestID></Response>"
                ),
            ),
            Protocol::Xml => Answer::new(
                status,
                "text/xml",
                format!(
                    "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"{}\"><Error>\
                     <Type>Sender</Type><Code>{code_text}</Code><Message>{text}</Message></Error>\
                     <RequestId>{id}</RequestId></ErrorResponse>",
                    namespace(&call.service)
                ),
            ),
            Protocol::S3 => Answer::new(
                status,
                "application/xml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code_text}</Code>\
                     <Message>{text}</Message><Resource>{}</Resource>\
                     <RequestId>{id}</RequestId></Error>",
                    escaped(&call.path)
                ),
            ),
        };
        if call.method == "HEAD" {
            answer.body = Bytes::new();
        }
        let kind = HeaderValue::from_str(code);
        answer.headers.insert(
            "x-amzn-errortype",
            kind.unwrap_or(HeaderValue::from_static("Error")),
        );
        answer
            .headers
            .insert("x-amzn-requestid", HeaderValue::from_static(id));
        answer
    }
}

enum Protocol {
    Json,
    RestJson,
    Cbor,
    Ec2,
    Xml,
    S3,
}

fn protocol(call: &Call) -> Protocol {
    if call.header("smithy-protocol") == Some("rpc-v2-cbor") {
        return Protocol::Cbor;
    }
    if call.header("x-amz-target").is_some() {
        return Protocol::Json;
    }
    match call.service.as_str() {
        "ec2" => Protocol::Ec2,
        "s3" => Protocol::S3,
        "lambda" | "apigateway" | "account" | "freetier" => Protocol::RestJson,
        "iam"
        | "sts"
        | "elasticloadbalancing"
        | "sns"
        | "cloudwatch"
        | "cloudfront"
        | "route53" => Protocol::Xml,
        _ => Protocol::Json,
    }
}

fn namespace(service: &str) -> &'static str {
    match service {
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        "sts" => "https://sts.amazonaws.com/doc/2011-06-15/",
        "elasticloadbalancing" => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        "sns" => "http://sns.amazonaws.com/doc/2010-03-31/",
        "cloudwatch" => "http://monitoring.amazonaws.com/doc/2010-08-01/",
        "route53" => "https://route53.amazonaws.com/doc/2013-04-01/",
        _ => "http://cloudfront.amazonaws.com/doc/2020-05-31/",
    }
}

/// A map of two texts in CBOR (RFC 8949).
fn cbor(code: &str, message: &str) -> Vec<u8> {
    let mut out = vec![0xa2];
    for text in ["__type", code, "message", message] {
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        out.push(0x79);
        out.extend(length.to_be_bytes());
        out.extend(text.as_bytes().iter().take(usize::from(length)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(service: &str, header: Option<(&'static str, &'static str)>) -> Call {
        let mut headers = HeaderMap::new();
        let scope = format!("X Credential=K/D/us-east-1/{service}/aws4_request, Y");
        headers.insert("authorization", scope.parse().expect("a value"));
        if let Some((name, value)) = header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Call::of_head("POST", "/", &headers)
    }

    #[test]
    fn errors_have_the_form_of_their_protocol() {
        let target = Some(("x-amz-target", "A.B"));
        let error = Answer::error(&call("ecs", target), 400, "C", "m");
        assert_eq!(error.json(), json!({"__type": "C", "message": "m"}));
        let error = Answer::error(&call("lambda", None), 409, "C", "m");
        assert_eq!(error.headers["x-amzn-errortype"], "C");
        assert_eq!(error.json()["message"], "m");
        let error = Answer::error(&call("iam", None), 403, "C", "a < b").text();
        assert!(
            error.contains("<Code>C</Code><Message>a &lt; b</Message>"),
            "{error}"
        );
        let error = Answer::error(&call("ec2", None), 400, "C", "m").text();
        assert!(
            error.contains("<Response><Errors><Error><Code>C</Code>"),
            "{error}"
        );
        let error = Answer::error(&call("s3", None), 404, "NoSuchKey", "m").text();
        assert!(error.contains("<Error><Code>NoSuchKey</Code>"), "{error}");
        let cbor = Some(("smithy-protocol", "rpc-v2-cbor"));
        let error = Answer::error(&call("monitoring", cbor), 400, "C", "m");
        assert_eq!(&error.body[..4], b"\xa2\x79\x00\x06");
        assert!(error.body.ends_with(b"\x79\x00\x01m"));
    }
}
