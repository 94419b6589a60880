//! Streamed answers, implemented from
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>.

use super::{RuntimeApi, Shared};
use crate::stage::{header, until};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

/// A streamed answer, as far as it has arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stream {
    /// The head of the request that carries it.
    pub(crate) head: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) trailers: String,
    pub(crate) is_whole: bool,
    /// Whether the runtime has closed the connection after it.
    pub(crate) is_closed: bool,
}

impl Stream {
    /// The prelude, once it is complete.
    pub(crate) fn prelude(&self) -> Option<Value> {
        let at = self.separator()?;
        Some(serde_json::from_slice(&self.bytes[..at]).expect("JSON before the separator"))
    }

    /// The body so far.
    pub(crate) fn body(&self) -> &[u8] {
        match self.separator() {
            Some(at) => &self.bytes[at + 8..],
            None => &[],
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.body()).into_owned()
    }

    pub(crate) fn status(&self) -> u64 {
        let prelude = self.prelude().expect("a prelude");
        prelude["statusCode"].as_u64().expect("a status")
    }

    /// The error in the trailers.
    pub(crate) fn error(&self) -> Option<(String, Value)> {
        // `header` skips the first line: a head has a request line there.
        let trailers = format!("\n{}", self.trailers);
        let kind = header(&trailers, "lambda-runtime-function-error-type")?;
        let body = header(&trailers, "lambda-runtime-function-error-body")?;
        let body = serde_json::from_slice(&unbase64(body)).expect("JSON in Base64");
        Some((kind.to_owned(), body))
    }

    fn separator(&self) -> Option<usize> {
        self.bytes.windows(8).position(|eight| eight == [0; 8])
    }
}

/// Base64 of RFC 4648 with padding at the end, for tests.
fn unbase64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.bytes().take_while(|letter| *letter != b'=') {
        let value = LETTERS.iter().position(|known| *known == letter);
        bits = bits << 6 | u32::try_from(value.expect("Base64")).expect("six bits");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).expect("eight bits"));
        }
    }
    bytes
}

/// How the API treats streams.
#[derive(Debug, Default)]
pub(super) struct Manner {
    /// Whether it reads nothing of them.
    is_holding: AtomicBool,
    /// Whether it refuses them as too long when their body begins.
    refuses: AtomicBool,
}

impl RuntimeApi {
    /// Sets whether streams are read.
    pub(crate) fn hold(&self, is_holding: bool) {
        let manner = &self.shared.manner;
        manner.is_holding.store(is_holding, Ordering::SeqCst);
    }

    /// Sets whether streams are refused when their body has begun.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.shared.manner.refuses.store(refuses, Ordering::SeqCst);
    }

    /// A stream, as far as it has arrived.
    pub(crate) fn so_far(&self, id: &str) -> Option<Stream> {
        self.shared
            .streams
            .lock()
            .expect("streams")
            .get(id)
            .cloned()
    }

    /// Waits for the end of a stream.
    pub(crate) fn whole(&self, id: &str) -> Stream {
        let look = || {
            let streams = self.shared.streams.lock().expect("streams");
            streams.get(id).filter(|stream| stream.is_whole).cloned()
        };
        until("the stream ends", look, || {
            format!("{:?}", self.head_of(id))
        })
    }

    /// Waits until a stream's body is as long as `text`, and compares it.
    pub(crate) fn until_body(&self, id: &str, text: &str) {
        let look = || self.so_far(id).filter(|s| s.body().len() >= text.len());
        let stream = until("more of the stream", look, || {
            format!("{:?}", self.head_of(id))
        });
        assert_eq!(stream.text(), text);
        assert!(!stream.is_whole, "it is over already");
    }

    /// The streamed answer to an event.
    pub(crate) fn streamed(&self, event: &Value) -> Stream {
        let id = self.begin(event.to_string().as_bytes(), super::USUAL_MS);
        self.whole(&id)
    }

    fn head_of(&self, id: &str) -> Option<String> {
        self.so_far(id).map(|stream| stream.head)
    }
}

/// The invocation and the endpoint, if the request is a streamed one.
pub(super) fn streamed_invocation(head: &str) -> Option<(String, String)> {
    let mode = header(head, "lambda-runtime-function-response-mode")?;
    assert_eq!(mode, "streaming");
    let path = head.split(' ').nth(1)?;
    let mut parts = path.split('/').skip(4);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

/// Reads a stream, chunk by chunk.
pub(super) fn take(
    shared: &Shared,
    id: &str,
    head: &str,
    reader: &mut BufReader<TcpStream>,
    mut out: &TcpStream,
) -> Option<()> {
    let note = |change: &dyn Fn(&mut Stream)| {
        let mut streams = shared.streams.lock().expect("streams");
        change(streams.entry(id.to_owned()).or_default());
    };
    let is_first = shared.streams.lock().expect("streams").get(id).is_none();
    let is_only = !shared.replies.lock().expect("replies").contains_key(id);
    assert!(is_first && is_only, "two replies to {id}");
    note(&|stream| stream.head = head.to_owned());
    if shared.manner.refuses.load(Ordering::SeqCst) {
        let refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n";
        out.write_all(refusal).ok()?;
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).ok()?;
        note(&|stream| stream.is_closed = true);
        return None;
    }
    loop {
        let is_holding = || shared.manner.is_holding.load(Ordering::SeqCst);
        until(
            "reading goes on",
            || (!is_holding()).then_some(()),
            String::new,
        );
        let mut size = String::new();
        reader.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
        if size == 0 {
            break;
        }
        let mut chunk = vec![0; size];
        reader.read_exact(&mut chunk).ok()?;
        reader.read_line(&mut String::new()).ok()?;
        note(&|stream| stream.bytes.extend_from_slice(&chunk));
    }
    let mut trailers = String::new();
    loop {
        let before = trailers.len();
        reader.read_line(&mut trailers).ok()?;
        if trailers[before..].trim().is_empty() {
            break;
        }
    }
    note(&|stream| {
        stream.trailers = trailers.clone();
        stream.is_whole = true;
    });
    let accepted = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}";
    out.write_all(accepted).ok()?;
    // The documentation allows no further request on this connection.
    assert_eq!(
        reader.read(&mut [0]).ok()?,
        0,
        "the connection is used again"
    );
    note(&|stream| stream.is_closed = true);
    None
}
