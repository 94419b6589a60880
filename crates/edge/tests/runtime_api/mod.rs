//! A Runtime API for tests, written from
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html> and
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>.
#![allow(dead_code, reason = "every test file uses its own part of the API")]

mod stream;

use crate::stage::until;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
pub(crate) use stream::Stream;

/// The time of an invocation unless a test sets another.
const USUAL_MS: u64 = 20_000;

pub(crate) struct RuntimeApi {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<VecDeque<Invocation>>,
    came: Condvar,
    replies: Mutex<HashMap<String, Reply>>,
    start_error: Mutex<Option<Value>>,
    polls: AtomicU32,
    next_id: AtomicU32,
    extensions: AtomicU32,
    /// Whether it closes the connection after each reply.
    hangs_up: AtomicBool,
    /// Streamed answers, as far as they have arrived.
    streams: Mutex<HashMap<String, Stream>>,
    /// How the API treats them.
    manner: stream::Manner,
}

struct Invocation {
    id: String,
    event: Vec<u8>,
    milliseconds: u64,
}

/// The runtime's reply to an invocation.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Response(Value),
    Error(Value),
}

impl Reply {
    /// The answer for the user.
    pub(crate) fn answer(self) -> Value {
        match self {
            Reply::Response(value) => value,
            Reply::Error(value) => panic!("an error: {value}"),
        }
    }

    pub(crate) fn error(self) -> Value {
        match self {
            Reply::Response(value) => panic!("a response: {value}"),
            Reply::Error(value) => value,
        }
    }
}

/// A request in the form of an HTTP API.
pub(crate) fn event(method: &str, path: &str, query: &str, headers: Value, body: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "headers": headers, "body": body, "isBase64Encoded": false,
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
            "domainName": "id.execute-api.eu-central-1.amazonaws.com", "requestId": "JKJaXmPLvHcESHA=",
        },
    })
}

impl RuntimeApi {
    pub(crate) fn start() -> RuntimeApi {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("address");
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&own);
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().expect("stream"));
                    while serve(&shared, &mut reader, &stream).is_some() {}
                });
            }
        });
        RuntimeApi { address, shared }
    }

    /// Closes the connection after each reply from now on.
    pub(crate) fn hang_up(&self) {
        self.shared.hangs_up.store(true, Ordering::SeqCst);
    }

    /// How often the runtime has asked for an invocation.
    pub(crate) fn polls(&self) -> u32 {
        self.shared.polls.load(Ordering::SeqCst)
    }

    pub(crate) fn extensions(&self) -> u32 {
        self.shared.extensions.load(Ordering::SeqCst)
    }

    pub(crate) fn start_error(&self) -> Option<Value> {
        self.shared.start_error.lock().expect("error").clone()
    }

    /// Invokes the function and waits for its reply.
    pub(crate) fn invoke(&self, event: &[u8]) -> Reply {
        let id = self.begin(event, USUAL_MS);
        self.reply(&id)
    }

    /// Begins an invocation with a time limit; returns its id.
    pub(crate) fn begin(&self, event: &[u8], milliseconds: u64) -> String {
        let number = self.shared.next_id.fetch_add(1, Ordering::SeqCst);
        let id = format!("8476a536-e9f4-11e8-9739-{number:012}");
        let invocation = Invocation {
            id: id.clone(),
            event: event.to_vec(),
            milliseconds,
        };
        let mut waiting = self.shared.waiting.lock().expect("queue");
        waiting.push_back(invocation);
        self.shared.came.notify_all();
        id
    }

    pub(crate) fn reply(&self, id: &str) -> Reply {
        let look = || {
            self.shared
                .replies
                .lock()
                .expect("replies")
                .get(id)
                .cloned()
        };
        until("the runtime replies", look, String::new)
    }

    /// The answer to a request.
    pub(crate) fn http(&self, event: &Value) -> Value {
        self.invoke(event.to_string().as_bytes()).answer()
    }

    /// The answer to `GET path`.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.http(&event("GET", path, "", json!({}), ""))
    }
}

fn serve(shared: &Shared, reader: &mut BufReader<TcpStream>, mut out: &TcpStream) -> Option<()> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let header = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    if let Some((id, kind)) = stream::streamed_invocation(&head) {
        assert_eq!(kind, "response", "{head}");
        return stream::take(shared, &id, &head, reader, out);
    }
    let length = header("content-length").map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut line = head.split(' ');
    let (method, path) = (line.next()?, line.next()?);
    let json = || serde_json::from_slice(&body).unwrap_or(Value::Null);
    let mut respond = |status: &str, headers: &str, body: &[u8]| {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
        out.write_all(&[head.as_bytes(), body].concat()).ok()
    };
    let accepted = br#"{"status":"OK"}"#;
    match (
        method,
        path.split('/').skip(1).collect::<Vec<_>>().as_slice(),
    ) {
        ("GET", ["2018-06-01", "runtime", "invocation", "next"]) => {
            shared.polls.fetch_add(1, Ordering::SeqCst);
            let mut waiting = shared.waiting.lock().expect("queue");
            let invocation = loop {
                match waiting.pop_front() {
                    Some(invocation) => break invocation,
                    None => waiting = shared.came.wait(waiting).expect("queue"),
                }
            };
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("now");
            let deadline = now.as_millis() + u128::from(invocation.milliseconds);
            let headers = format!(
                "lambda-runtime-aws-request-id: {}\r\nlambda-runtime-deadline-ms: {deadline}\r\n\
                 lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\n\
                 lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:1:function:f\r\n",
                invocation.id
            );
            respond("200 OK", &headers, &invocation.event)
        }
        ("POST", ["2018-06-01", "runtime", "init", "error"]) => {
            *shared.start_error.lock().expect("error") = Some(json());
            respond("202 Accepted", "", accepted)
        }
        ("POST", ["2018-06-01", "runtime", "invocation", id, kind]) => {
            let reply = match *kind {
                "response" => Reply::Response(json()),
                _ => Reply::Error(json()),
            };
            let mut replies = shared.replies.lock().expect("replies");
            let is_first = replies.insert((*id).to_owned(), reply).is_none();
            drop(replies);
            assert!(is_first, "two replies to {id}");
            respond("202 Accepted", "", accepted)?;
            (!shared.hangs_up.load(Ordering::SeqCst)).then_some(())
        }
        ("POST", ["2020-01-01", "extension", "register"]) => {
            assert_eq!(json(), json!({"events": []}));
            shared.extensions.fetch_add(1, Ordering::SeqCst);
            respond("200 OK", "lambda-extension-identifier: 17\r\n", b"{}")
        }
        // There are no events.
        ("GET", ["2020-01-01", "extension", "event", "next"]) => {
            assert_eq!(header("lambda-extension-identifier"), Some("17"));
            loop {
                std::thread::park();
            }
        }
        _ => respond("404 Not Found", "", b"{}"),
    }
}
