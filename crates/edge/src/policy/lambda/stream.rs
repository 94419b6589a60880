//! Streamed answers
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>).
//!
//! Lambda takes a prelude, [`SEPARATOR`], and the bytes of the body. The status cannot change once
//! the prelude has been sent, so everything that may change it happens before: retries, error
//! pages, the refusal of answers known to be too long. Later errors are reported in trailers.

use super::event::Caller;
use super::response::{self, Headers};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edge_contract::invocation_error;
use serde::Serialize;

/// The header that announces a streamed answer.
pub const MODE: (&str, &str) = ("lambda-runtime-function-response-mode", "streaming");
/// Content type of a prelude with a body after it.
pub const CONTENT_TYPE: &str = "application/vnd.awslambda.http-integration-response";
/// Trailer with the type of an error.
pub const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// Trailer with the error, in Base64.
pub const ERROR_BODY: &str = "lambda-runtime-function-error-body";
/// Separates prelude and body. JSON contains none of these bytes, so the first eight zeros are it.
pub const SEPARATOR: [u8; 8] = [0; 8];
/// Longest body of a streamed answer in bytes: 200 MB. Lambda accepts no more.
pub const LONGEST: u64 = 200 << 20;

/// Whether an answer is streamed: if the setting is on, and the caller is a function URL. An HTTP
/// API never accepts a stream.
pub fn is_streamed(setting: bool, caller: Caller) -> bool {
    setting && caller == Caller::FunctionUrl
}

/// The head of a streamed answer.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// HTTP status.
    pub status: u16,
    /// In order; a name may occur more than once.
    pub headers: &'a [(&'a str, &'a [u8])],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    status_code: u16,
    headers: Headers<'a>,
    cookies: Vec<String>,
}

/// Writes the prelude and the separator. Headers are written as by [`response::write`].
pub fn prelude(head: &Head<'_>) -> Vec<u8> {
    let (headers, cookies) = response::split_cookies(head.headers);
    let wire = Wire {
        status_code: head.status,
        headers,
        cookies,
    };
    // Only strings, numbers and a map with string keys: this cannot fail.
    let mut bytes = serde_json::to_vec(&wire).unwrap_or_default();
    bytes.extend_from_slice(&SEPARATOR);
    bytes
}

/// Why a streamed answer ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncation {
    /// The app broke off, or sent nothing for too long.
    BrokeOff,
    /// The invocation's time is over.
    OutOfTime,
    /// It is longer than Lambda accepts.
    TooLong,
}

impl Truncation {
    /// The error type.
    pub fn kind(self) -> &'static str {
        match self {
            Truncation::BrokeOff => "Landfall.AnswerBrokeOff",
            Truncation::OutOfTime => "Landfall.AnswerOutOfTime",
            Truncation::TooLong => "Landfall.AnswerTooLong",
        }
    }

    /// What happened, after `sent` bytes of the body.
    pub fn message(self, sent: u64) -> String {
        let why = match self {
            Truncation::BrokeOff => "the app broke off within its answer".to_owned(),
            Truncation::OutOfTime => {
                "the app's answer had not ended when the invocation's time was over".to_owned()
            }
            Truncation::TooLong => format!(
                "the app's answer takes more than {LONGEST} bytes, and Lambda takes no more of a stream"
            ),
        };
        format!("{why}; it was truncated after {sent} bytes")
    }

    /// The trailers that report it to Lambda: names and values.
    pub fn trailers(self, sent: u64) -> [(&'static str, String); 2] {
        let error = invocation_error::to_json(self.kind(), &self.message(sent), &[]);
        [
            (ERROR_TYPE, self.kind().to_owned()),
            (ERROR_BODY, STANDARD.encode(error)),
        ]
    }
}

/// Why an answer of this length is refused before it begins; [`None`] if it is not, or if its
/// length is unknown.
pub fn refusal(length: Option<u64>) -> Option<String> {
    let length = length.filter(|length| *length > LONGEST)?;
    Some(format!(
        "The app's answer takes {length} bytes, and Lambda takes {LONGEST} at most of a stream"
    ))
}

/// Counts the bytes of a body up to [`LONGEST`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SizeLimit(u64);

impl SizeLimit {
    /// Adds a piece.
    ///
    /// # Errors
    /// [`Truncation::TooLong`] if the limit would be exceeded. The piece is not counted then.
    pub fn add(&mut self, bytes: usize) -> Result<(), Truncation> {
        let sum = self.0.saturating_add(bytes as u64);
        if sum > LONGEST {
            return Err(Truncation::TooLong);
        }
        self.0 = sum;
        Ok(())
    }

    /// Bytes so far.
    pub fn sent(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// Splits a stream as a receiver does: at the first eight zeros.
    fn read(stream: &[u8]) -> (Value, &[u8]) {
        let mut windows = stream.windows(SEPARATOR.len());
        let at = windows.position(|window| window == SEPARATOR);
        let (prelude, rest) = stream.split_at(at.expect("a separator"));
        let prelude = serde_json::from_slice(prelude).expect("JSON");
        (prelude, &rest[SEPARATOR.len()..])
    }

    #[test]
    fn only_function_urls_get_streams_and_only_if_set() {
        assert!(is_streamed(true, Caller::FunctionUrl));
        assert!(!is_streamed(true, Caller::HttpApi));
        assert!(!is_streamed(false, Caller::FunctionUrl));
        assert!(!is_streamed(false, Caller::default()));
    }

    #[test]
    fn a_prelude_is_written() {
        let head = Head {
            status: 201,
            headers: &[
                ("content-type", b"text/event-stream"),
                ("set-cookie", b"a=1; Path=/"),
                ("vary", b"accept"),
                ("Set-Cookie", b"b=2, c"),
                ("Vary", b"origin"),
                ("x-old", b"caf\xe9"),
            ],
        };
        let (prelude, rest) = (prelude(&head), b"");
        let expected = json!({
            "statusCode": 201,
            "headers": {"content-type": "text/event-stream", "vary": "accept, origin", "x-old": "café"},
            "cookies": ["a=1; Path=/", "b=2, c"],
        });
        assert_eq!(read(&prelude), (expected, &rest[..]));
    }

    #[test]
    fn the_longest_stream_is_accepted() {
        let mut size = SizeLimit::default();
        let half = usize::try_from(LONGEST / 2).expect("a length");
        assert_eq!(size.add(half), Ok(()));
        assert_eq!(size.add(half), Ok(()));
        assert_eq!(size.add(0), Ok(()));
        assert_eq!(size.add(1), Err(Truncation::TooLong));
        assert_eq!(size.add(usize::MAX), Err(Truncation::TooLong));
        assert_eq!(size.sent(), 209_715_200);
    }

    #[test]
    fn a_length_known_to_be_too_long_is_refused() {
        assert_eq!(refusal(None), None);
        assert_eq!(refusal(Some(LONGEST)), None);
        let why = "The app's answer takes 209715201 bytes, and Lambda takes 209715200 at most of a stream";
        assert_eq!(refusal(Some(LONGEST + 1)).as_deref(), Some(why));
    }

    #[test]
    fn trailers_report_the_error() {
        for (cut, kind, expected) in [
            (Truncation::BrokeOff, "Landfall.AnswerBrokeOff", "broke off"),
            (
                Truncation::OutOfTime,
                "Landfall.AnswerOutOfTime",
                "time was over",
            ),
            (
                Truncation::TooLong,
                "Landfall.AnswerTooLong",
                "more than 209715200",
            ),
        ] {
            let [(type_name, type_value), (body_name, body_value)] = cut.trailers(17);
            assert_eq!((type_name, body_name), (ERROR_TYPE, ERROR_BODY));
            assert_eq!(type_value, kind);
            let body = STANDARD.decode(body_value).expect("Base64");
            let error = invocation_error::InvocationError::parse(&body);
            assert_eq!(error.error_type, kind);
            let why = error.error_message;
            assert!(
                why.contains(expected) && why.ends_with("after 17 bytes"),
                "{why}"
            );
        }
    }

    proptest! {
        /// Whatever the headers and the beginning of the body are, the receiver finds where the
        /// body begins.
        #[test]
        fn prelude_and_body_can_be_separated(
            status in 100..1000_u16,
            names in prop::collection::vec("[a-z-]{1,8}", 0..4),
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 4),
            cookies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..3),
            zeros in 0..20_usize,
            body in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let headers: Vec<(&str, &[u8])> = names.iter().map(String::as_str)
                .zip(values.iter().map(Vec::as_slice))
                .chain(cookies.iter().map(|cookie| ("set-cookie", cookie.as_slice())))
                .collect();
            let body = [vec![0; zeros], body].concat();
            let mut stream = prelude(&Head { status, headers: &headers });
            stream.extend_from_slice(&body);
            let (prelude, rest) = read(&stream);
            prop_assert_eq!(rest, &body[..]);
            // The prelude has the head of a complete answer.
            let whole = response::HttpResponse { status, headers: &headers, body: b"" };
            let whole: Value = serde_json::from_slice(&response::write(&whole).expect("it fits")).expect("JSON");
            for name in ["statusCode", "headers", "cookies"] {
                prop_assert_eq!(&prelude[name], &whole[name]);
            }
        }

        #[test]
        fn nothing_is_accepted_beyond_the_limit(
            pieces in prop::collection::vec(0..(LONGEST as usize), 0..6),
        ) {
            let mut size = SizeLimit::default();
            for piece in pieces {
                let before = size.sent();
                match size.add(piece) {
                    Ok(()) => prop_assert_eq!(size.sent(), before + piece as u64),
                    Err(_) => prop_assert!(size.sent() == before && before + piece as u64 > LONGEST),
                }
                prop_assert!(size.sent() <= LONGEST);
            }
        }
    }
}
