//! What Lambda takes back: an answer of payload format 2.0.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// Most bytes of an answer, as they are written: Lambda refuses what is longer.
pub const LONGEST: usize = 6_291_556;

/// An answer of the app.
#[derive(Debug, Clone, Copy)]
pub struct HttpAnswer<'a> {
    /// Its status.
    pub status: u16,
    /// Its headers in their order; a name may come more than once.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Its body.
    pub body: &'a [u8],
}

/// An answer that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// What it would take.
    pub bytes: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    status_code: u16,
    headers: Headers<'a>,
    /// There even if there are none: not every reader takes it for empty if it is missing.
    cookies: Vec<String>,
    is_base64_encoded: bool,
    body: &'a str,
}

/// Names once each, as an object has them.
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

/// Writes an answer.
///
/// A body that is text goes as text if that is shorter than Base64, which anything else needs; the
/// receiver sees no difference. Values of one name are joined by commas (RFC 9110, 5.3), but for
/// cookies, which have a place of their own.
///
/// # Errors
/// It is longer than Lambda takes.
pub fn write(answer: &HttpAnswer<'_>) -> Result<Vec<u8>, TooLong> {
    let (headers, cookies) = apart(answer.headers);
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
    // Names are strings and all else is plain data: this cannot fail.
    let bytes = serde_json::to_vec(&wire).unwrap_or_default();
    if bytes.len() > LONGEST {
        return Err(TooLong { bytes: bytes.len() });
    }
    Ok(bytes)
}

/// Headers, and the cookies that have a place of their own.
pub(super) fn apart<'a>(given: &[(&'a str, &[u8])]) -> (Headers<'a>, Vec<String>) {
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

/// A header's value as a string. Most are text; older ones may be Latin-1.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    }
}

/// Length of a text within JSON.
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

    fn written(answer: &HttpAnswer<'_>) -> Value {
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
    fn an_answer() {
        let headers: [(&str, &[u8]); 6] = [
            ("content-type", b"text/html"),
            ("set-cookie", b"a=1; Path=/"),
            ("vary", b"accept"),
            ("Set-Cookie", b"b=2, c"),
            ("Vary", b"origin"),
            ("x-old", b"caf\xe9"),
        ];
        let answer = HttpAnswer {
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
    fn what_is_too_long_says_how_long_it_is() {
        let of = |body: &[u8]| {
            write(&HttpAnswer {
                status: 200,
                headers: &[],
                body,
            })
        };
        // The rest of the object takes its share.
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
        fn every_body_survives(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let answer = HttpAnswer { status: 200, headers: &[], body: &body };
            prop_assert_eq!(body_of(&written(&answer)), body);
        }

        #[test]
        fn text_survives_and_lengths_are_known(text in ".*") {
            let answer = HttpAnswer { status: 200, headers: &[], body: text.as_bytes() };
            prop_assert_eq!(body_of(&written(&answer)), text.as_bytes());
            let json = serde_json::to_string(&text).expect("JSON");
            prop_assert_eq!(json.len(), escaped(&text) + 2);
        }

        #[test]
        fn every_header_survives(values in prop::collection::vec("[ -~]{0,20}", 1..5)) {
            let headers: Vec<(&str, &[u8])> = values.iter().map(|v| ("x", v.as_bytes())).collect();
            let cookies: Vec<(&str, &[u8])> = values.iter().map(|v| ("set-cookie", v.as_bytes())).collect();
            let answer = HttpAnswer { status: 200, headers: &[headers, cookies].concat(), body: b"" };
            let written = written(&answer);
            prop_assert_eq!(&written["headers"]["x"], &json!(values.join(", ")));
            prop_assert_eq!(&written["cookies"], &json!(values));
        }
    }
}
