//! Answers that leave as they come from the app
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>).
//!
//! Lambda takes a prelude, [`SEPARATOR`] and the body's bytes as they are. A status cannot be taken back
//! once the prelude has left, so everything that may change it happens before: tries, error pages, the
//! refusal of what is known to be too long. What goes wrong later is told in trailers.

use super::answer::{self, Headers};
use super::event::Caller;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rules::edge_contract::invocation_error;
use serde::Serialize;

/// Says that an answer is streamed.
pub const MODE: (&str, &str) = ("lambda-runtime-function-response-mode", "streaming");
/// What a prelude with a body behind it is called.
pub const CONTENT_TYPE: &str = "application/vnd.awslambda.http-integration-response";
/// The trailer that names an error.
pub const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// The trailer that tells it, in Base64.
pub const ERROR_BODY: &str = "lambda-runtime-function-error-body";
/// Stands between prelude and body. JSON has none of these bytes, so the first ones are it.
pub const SEPARATOR: [u8; 8] = [0; 8];
/// Most bytes of a streamed answer's body: 200 MB. Lambda takes no more.
pub const LONGEST: u64 = 200 << 20;

/// Whether an answer leaves as it comes: where the setting says that function URLs take streams, and the
/// caller is one. A stream is no answer to an HTTP API, whatever the setting says.
pub fn is_streamed(setting: bool, caller: Caller) -> bool {
    setting && caller == Caller::FunctionUrl
}

/// What stands before the body of a streamed answer.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// Its status.
    pub status: u16,
    /// Its headers in their order; a name may come more than once.
    pub headers: &'a [(&'a str, &'a [u8])],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    status_code: u16,
    headers: Headers<'a>,
    cookies: Vec<String>,
}

/// Writes a head and the separator behind it. Headers are those of [`answer::write`].
pub fn prelude(head: &Head<'_>) -> Vec<u8> {
    let (headers, cookies) = answer::apart(head.headers);
    let wire = Wire {
        status_code: head.status,
        headers,
        cookies,
    };
    // Names are strings and all else is plain data: this cannot fail.
    let mut bytes = serde_json::to_vec(&wire).unwrap_or_default();
    bytes.extend_from_slice(&SEPARATOR);
    bytes
}

/// Why a streamed answer ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The app broke off, or was silent for too long.
    BrokeOff,
    /// The invocation has no more time.
    OutOfTime,
    /// There is more than Lambda takes.
    TooLong,
}

impl Cut {
    /// What the error is called.
    pub fn kind(self) -> &'static str {
        match self {
            Cut::BrokeOff => "Landfall.AnswerBrokeOff",
            Cut::OutOfTime => "Landfall.AnswerOutOfTime",
            Cut::TooLong => "Landfall.AnswerTooLong",
        }
    }

    /// What happened, after so many bytes of the body.
    pub fn why(self, sent: u64) -> String {
        let why = match self {
            Cut::BrokeOff => "the app broke off within its answer".to_owned(),
            Cut::OutOfTime => {
                "the app's answer had not ended when the invocation's time was over".to_owned()
            }
            Cut::TooLong => format!(
                "the app's answer takes more than {LONGEST} bytes, and Lambda takes no more of a stream"
            ),
        };
        format!("{why}; it was cut after {sent} bytes")
    }

    /// The trailers that tell it to Lambda: names and values.
    pub fn trailers(self, sent: u64) -> [(&'static str, String); 2] {
        let error = invocation_error::to_json(self.kind(), &self.why(sent), &[]);
        [
            (ERROR_TYPE, self.kind().to_owned()),
            (ERROR_BODY, STANDARD.encode(error)),
        ]
    }
}

/// Why an answer of so many bytes is refused before any of it has left; [`None`]: it is not. A length that
/// is not known yet is no reason.
pub fn refusal(length: Option<u64>) -> Option<String> {
    let length = length.filter(|length| *length > LONGEST)?;
    Some(format!(
        "The app's answer takes {length} bytes, and Lambda takes {LONGEST} at most of a stream"
    ))
}

/// What of a body has been let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally(u64);

impl Tally {
    /// Lets a piece through.
    ///
    /// # Errors
    /// [`Cut::TooLong`]: with it, it would be too much. It is not counted then.
    pub fn pass(&mut self, bytes: usize) -> Result<(), Cut> {
        let sum = self.0.saturating_add(bytes as u64);
        if sum > LONGEST {
            return Err(Cut::TooLong);
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

    /// As a receiver reads it: the prelude ends where the first eight zeros begin.
    fn read(stream: &[u8]) -> (Value, &[u8]) {
        let mut windows = stream.windows(SEPARATOR.len());
        let at = windows.position(|window| window == SEPARATOR);
        let (prelude, rest) = stream.split_at(at.expect("a separator"));
        let prelude = serde_json::from_slice(prelude).expect("JSON");
        (prelude, &rest[SEPARATOR.len()..])
    }

    #[test]
    fn function_urls_get_streams_if_they_take_them() {
        assert!(is_streamed(true, Caller::FunctionUrl));
        assert!(!is_streamed(true, Caller::HttpApi));
        assert!(!is_streamed(false, Caller::FunctionUrl));
        assert!(!is_streamed(false, Caller::default()));
    }

    #[test]
    fn a_prelude() {
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
    fn the_longest_stream() {
        let mut tally = Tally::default();
        let half = usize::try_from(LONGEST / 2).expect("a length");
        assert_eq!(tally.pass(half), Ok(()));
        assert_eq!(tally.pass(half), Ok(()));
        assert_eq!(tally.pass(0), Ok(()));
        assert_eq!(tally.pass(1), Err(Cut::TooLong));
        assert_eq!(tally.pass(usize::MAX), Err(Cut::TooLong));
        assert_eq!(tally.sent(), 209_715_200);
    }

    #[test]
    fn what_is_known_to_be_too_long_is_refused() {
        assert_eq!(refusal(None), None);
        assert_eq!(refusal(Some(LONGEST)), None);
        let why = "The app's answer takes 209715201 bytes, and Lambda takes 209715200 at most of a stream";
        assert_eq!(refusal(Some(LONGEST + 1)).as_deref(), Some(why));
    }

    #[test]
    fn trailers_tell_what_happened() {
        for (cut, kind, says) in [
            (Cut::BrokeOff, "Landfall.AnswerBrokeOff", "broke off"),
            (Cut::OutOfTime, "Landfall.AnswerOutOfTime", "time was over"),
            (
                Cut::TooLong,
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
                why.contains(says) && why.ends_with("after 17 bytes"),
                "{why}"
            );
        }
    }

    proptest! {
        /// Whatever stands in the headers and at the body's beginning, the one ends where the other begins.
        #[test]
        fn prelude_and_body_stay_apart(
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
            // The head is that of an answer as a whole.
            let whole = answer::HttpAnswer { status, headers: &headers, body: b"" };
            let whole: Value = serde_json::from_slice(&answer::write(&whole).expect("it fits")).expect("JSON");
            for name in ["statusCode", "headers", "cookies"] {
                prop_assert_eq!(&prelude[name], &whole[name]);
            }
        }

        #[test]
        fn nothing_is_let_through_beyond_the_limit(
            pieces in prop::collection::vec(0..(LONGEST as usize), 0..6),
        ) {
            let mut tally = Tally::default();
            for piece in pieces {
                let before = tally.sent();
                match tally.pass(piece) {
                    Ok(()) => prop_assert_eq!(tally.sent(), before + piece as u64),
                    Err(_) => prop_assert!(tally.sent() == before && before + piece as u64 > LONGEST),
                }
                prop_assert!(tally.sent() <= LONGEST);
            }
        }
    }
}
