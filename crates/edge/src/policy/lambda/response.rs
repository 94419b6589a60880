//! Complete answers in payload format 2.0.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// Longest answer in bytes, as written: Lambda refuses longer ones.
pub const LONGEST: usize = 6_291_556;

/// An answer of the app.
#[derive(Debug, Clone, Copy)]
pub struct HttpResponse<'a> {
    /// HTTP status.
    pub status: u16,
    /// In order; a name may occur more than once.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body.
    pub body: &'a [u8],
}

/// The answer is longer than [`LONGEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// Its length as written.
    pub bytes: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    status_code: u16,
    headers: Headers<'a>,
    /// Always there: not every receiver treats a missing list as an empty one.
    cookies: Vec<String>,
    is_base64_encoded: bool,
    body: &'a str,
}

/// Headers as an object, so each name once.
pub(super) struct Headers<'a>(Vec<(&'a str, String)>);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Writes an answer as JSON.
///
/// A text body is written as text if that is shorter than Base64, which everything else requires;
/// the receiver sees no difference. Values of one name are joined by commas (RFC 9110, 5.3), except
/// cookies, which have a list of their own.
///
/// # Errors
/// It is longer than Lambda accepts.
pub fn write(answer: &HttpResponse<'_>) -> Result<Vec<u8>, TooLong> {
    let (headers, cookies) = split_cookies(answer.headers);
    let as_text = std::str::from_utf8(answer.body)
        .ok()
        .filter(|text| escaped(text) <= base64_length(text.len()));
    let encoded;
    let body = match as_text {
        Some(text) => text,
        None => {
            let bytes = base64_length(answer.body.len());
            if bytes > LONGEST {
                return Err(TooLong { bytes });
            }
            encoded = STANDARD.encode(answer.body);
            &encoded
        }
    };
    let wire = Wire {
        status_code: answer.status,
        headers,
        cookies,
        is_base64_encoded: as_text.is_none(),
        body,
    };
    // Only strings, numbers and a map with string keys: this cannot fail.
    let bytes = serde_json::to_vec(&wire).unwrap_or_default();
    if bytes.len() > LONGEST {
        return Err(TooLong { bytes: bytes.len() });
    }
    Ok(bytes)
}

/// Separates the cookies from the other headers.
pub(super) fn split_cookies<'a>(given: &[(&'a str, &[u8])]) -> (Headers<'a>, Vec<String>) {
    let mut headers: Vec<(&str, String)> = Vec::new();
    let mut cookies = Vec::new();
    for (name, value) in given {
        let value = text(value);
        if name.eq_ignore_ascii_case("set-cookie") {
            cookies.push(value);
            continue;
        }
        match headers
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some((_, before)) => {
                before.push_str(", ");
                before.push_str(&value);
            }
            None => headers.push((name, value)),
        }
    }
    (Headers(headers), cookies)
}

/// A header's value as text: UTF-8, or else Latin-1.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    }
}

/// Length of a text as a JSON string, without its quotes.
fn escaped(text: &str) -> usize {
    let extra = |b: u8| match b {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 1,
        0..=31 => 5,
        _ => 0,
    };
    text.len() + text.bytes().map(extra).sum::<usize>()
}

fn base64_length(bytes: usize) -> usize {
    bytes.div_ceil(3).saturating_mul(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn written(answer: &HttpResponse<'_>) -> Value {
        serde_json::from_slice(&write(answer).expect("it fits")).expect("JSON")
    }

    fn body_of(written: &Value) -> Vec<u8> {
        let text = written["body"].as_str().expect("a body");
        if written["isBase64Encoded"] == true {
            STANDARD.decode(text).expect("Base64")
        } else {
            text.as_bytes().to_vec()
        }
    }

    #[test]
    fn an_answer_is_written() {
        let headers: [(&str, &[u8]); 6] = [
            ("content-type", b"text/html"),
            ("set-cookie", b"a=1; Path=/"),
            ("vary", b"accept"),
            ("Set-Cookie", b"b=2, c"),
            ("Vary", b"origin"),
            ("x-old", b"caf\xe9"),
        ];
        let answer = HttpResponse {
            status: 201,
            headers: &headers,
            body: "ä\n".as_bytes(),
        };
        let expected = json!({
            "statusCode": 201,
            "headers": {"content-type": "text/html", "vary": "accept, origin", "x-old": "café"},
            "cookies": ["a=1; Path=/", "b=2, c"],
            "isBase64Encoded": false,
            "body": "ä\n",
        });
        assert_eq!(written(&answer), expected);
    }

    #[test]
    fn an_answer_that_is_too_long_reports_its_length() {
        let of = |body: &[u8]| {
            write(&HttpResponse {
                status: 200,
                headers: &[],
                body,
            })
        };
        // What the rest of the object takes.
        let rest = of(b"").expect("nothing").len();
        let most = vec![b'x'; LONGEST - rest];
        assert_eq!(of(&most).map(|bytes| bytes.len()), Ok(LONGEST));
        let more = vec![b'x'; LONGEST - rest + 1];
        assert_eq!(of(&more), Err(TooLong { bytes: LONGEST + 1 }));
        let binary = vec![0xff; LONGEST];
        assert_eq!(
            of(&binary),
            Err(TooLong {
                bytes: base64_length(LONGEST)
            })
        );
    }

    proptest! {
        #[test]
        fn every_body_is_written_faithfully(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let answer = HttpResponse { status: 200, headers: &[], body: &body };
            prop_assert_eq!(body_of(&written(&answer)), body);
        }

        #[test]
        fn text_is_written_faithfully_and_its_length_is_known(text in ".*") {
            let answer = HttpResponse { status: 200, headers: &[], body: text.as_bytes() };
            prop_assert_eq!(body_of(&written(&answer)), text.as_bytes());
            let json = serde_json::to_string(&text).expect("JSON");
            prop_assert_eq!(json.len(), escaped(&text) + 2);
        }

        #[test]
        fn every_header_is_written_faithfully(values in prop::collection::vec("[ -~]{0,20}", 1..5)) {
            let headers: Vec<(&str, &[u8])> = values.iter().map(|v| ("x", v.as_bytes())).collect();
            let cookies: Vec<(&str, &[u8])> = values.iter().map(|v| ("set-cookie", v.as_bytes())).collect();
            let answer = HttpResponse { status: 200, headers: &[headers, cookies].concat(), body: b"" };
            let written = written(&answer);
            prop_assert_eq!(&written["headers"]["x"], &json!(values.join(", ")));
            prop_assert_eq!(&written["cookies"], &json!(values));
        }
    }
}
