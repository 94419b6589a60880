//! A Runtime API that records when it is called and answered.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Timeout of everything.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Time limit of an invocation.
const LIMIT_MS: u128 = 30_000;

/// `GET /` in the form of a function URL.
const EVENT: &str = r#"{"version":"2.0","routeKey":"$default","rawPath":"/","rawQueryString":"","headers":{"host":"id.lambda-url.eu-central-1.on.aws","accept":"*/*","user-agent":"bench","x-amzn-trace-id":"Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700","x-forwarded-for":"203.0.113.7","x-forwarded-port":"443","x-forwarded-proto":"https"},"requestContext":{"accountId":"anonymous","apiId":"id","domainName":"id.lambda-url.eu-central-1.on.aws","domainPrefix":"id","http":{"method":"GET","path":"/","protocol":"HTTP/1.1","sourceIp":"203.0.113.7","userAgent":"bench"},"requestId":"8476a536-e9f4-11e8-9739-2dfe598c3fcd","routeKey":"$default","stage":"$default","time":"12/Mar/2020:19:03:58 +0000","timeEpoch":1583348638390},"isBase64Encoded":false}"#;

/// The API, for one runtime.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    events: Sender<()>,
    notes: Receiver<Note>,
}

/// What happened at the API, and when.
#[derive(Debug)]
enum Note {
    /// The runtime asked for an invocation.
    Asked(Instant),
    /// It got one.
    Handed(Instant),
    /// Its answer arrived completely, with this status.
    Answered(Instant, u64),
}

struct Shared {
    events: Mutex<Receiver<()>>,
    notes: Sender<Note>,
}

impl Api {
    pub(crate) fn start() -> Result<Api, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (events, waiting) = channel();
        let (noted, notes) = channel();
        let shared = Arc::new(Shared {
            events: Mutex::new(waiting),
            notes: noted,
        });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    // An error here means that the runtime broke the connection off.
                    let _ = converse(&shared, &stream);
                });
            }
        });
        Ok(Api {
            address,
            events,
            notes,
        })
    }

    /// Waits until the runtime asks for its next invocation; returns when it did.
    pub(crate) fn asked(&self) -> Result<Instant, String> {
        loop {
            if let Note::Asked(at) = self.note()? {
                return Ok(at);
            }
        }
    }

    /// Invokes the function; returns when it got the event, and when its answer had arrived.
    pub(crate) fn invoke(&self) -> Result<(Instant, Instant), String> {
        self.events.send(()).map_err(|error| error.to_string())?;
        let mut handed = None;
        loop {
            match (self.note()?, handed) {
                (Note::Handed(at), _) => handed = Some(at),
                (Note::Answered(at, 200), Some(handed)) => return Ok((handed, at)),
                (Note::Answered(_, status), _) => {
                    return Err(format!("an invocation was answered with {status}"));
                }
                (Note::Asked(_), _) => {}
            }
        }
    }

    fn note(&self) -> Result<Note, String> {
        self.notes
            .recv_timeout(TIMEOUT)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => "the runtime is silent".to_owned(),
                RecvTimeoutError::Disconnected => "the API is gone".to_owned(),
            })
    }
}

fn converse(shared: &Shared, stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse().ok())?
        });
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        let mut line = head.split(' ').skip(1);
        let path = line.next().unwrap_or_default();
        let note = |note| {
            // The receiver may be gone.
            let _ = shared.notes.send(note);
        };
        if path.ends_with("/runtime/invocation/next") {
            note(Note::Asked(Instant::now()));
            let event = shared
                .events
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            if event.is_err() {
                return Ok(());
            }
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let deadline = now.unwrap_or_default().as_millis() + LIMIT_MS;
            let headers = format!(
                "lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
                 lambda-runtime-deadline-ms: {deadline}\r\ncontent-type: application/json\r\n\
                 lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\n\
                 lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:1:function:f\r\n"
            );
            note(Note::Handed(Instant::now()));
            respond(stream, "200 OK", &headers, EVENT)?;
        } else if path.ends_with("/response") {
            let at = Instant::now();
            let answer: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            let status = answer.get("statusCode").and_then(serde_json::Value::as_u64);
            note(Note::Answered(at, status.unwrap_or(0)));
            respond(stream, "202 Accepted", "", r#"{"status":"OK"}"#)?;
        } else if path.ends_with("/extension/register") {
            let id = "lambda-extension-identifier: 17\r\n";
            let function = r#"{"functionName":"f","functionVersion":"1","handler":"h"}"#;
            respond(stream, "200 OK", id, function)?;
        } else if path.ends_with("/extension/event/next") {
            loop {
                thread::park();
            }
        } else {
            note(Note::Answered(Instant::now(), 0));
            respond(stream, "202 Accepted", "", "{}")?;
        }
    }
}

fn respond(mut stream: &TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes())
}
