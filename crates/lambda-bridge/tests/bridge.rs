//! The bridge in front of the real edge and the test app, as in a rehearsal. Build both first:
//! `cargo build --package landfall-edge`.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use testkit::process::{self, TIMEOUT, signal, until};
use testkit::raw_http::Client;

const BRIDGE: &str = env!("CARGO_BIN_EXE_landfall-bridge");
static EDGE: LazyLock<String> = LazyLock::new(|| sibling("landfall-edge"));
static TESTAPP: LazyLock<String> = LazyLock::new(|| sibling("landfall-edge-testapp"));
const STREAM: &str = "2026/11/23/[7]0123456789abcdef0123456789abcdef";

fn sibling(name: &str) -> String {
    let path = process::sibling(BRIDGE, "landfall-edge", name);
    path.to_str().expect("a path of text").to_owned()
}

/// The bridge and the command that it runs.
struct Bridge {
    process: Child,
    address: SocketAddr,
}

impl Bridge {
    /// Runs the edge and the app.
    fn with_app(arguments: &[&str], environment: &[(&str, &str)]) -> Bridge {
        let app = free_port().to_string();
        let mut words = vec![EDGE.as_str(), "--", &TESTAPP, "--port", &app];
        words.extend(arguments);
        let own = [
            ("LANDFALL_EDGE_APP", app.as_str()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "7"),
        ];
        Bridge::start(&words, &[own.as_slice(), environment].concat())
    }

    fn start(words: &[&str], environment: &[(&str, &str)]) -> Bridge {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let process = Command::new(BRIDGE)
            .args(words)
            .env_remove("AWS_ENDPOINT_URL")
            .env("LANDFALL_BRIDGE_LISTEN", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "shop-prod")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/landfall/shop-prod")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", STREAM)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .expect("the bridge starts");
        let connected = || TcpStream::connect(address).ok().map(drop);
        until("the bridge listens", connected, String::new);
        Bridge { process, address }
    }

    /// The reply to a caller of the function.
    fn invoke(&self, event: &Value) -> Value {
        invoke(self.address, event)
    }

    /// The answer to `GET path` of an HTTP API.
    fn get(&self, path: &str) -> Value {
        self.invoke(&event(path))
    }

    fn app_pid(&self) -> u32 {
        let answer = self.get("/pid");
        let body = answer["body"].as_str().unwrap_or_default();
        body.parse().unwrap_or_else(|_| panic!("{answer}"))
    }

    /// The process id of the command.
    fn child(&self) -> u32 {
        let pid = self.process.id();
        let first = || {
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.expect("children");
            let first = children.split_whitespace().next()?;
            Some(first.parse().expect("a number"))
        };
        // It listens before it starts the command.
        until("it has a child", first, String::new)
    }

    fn is_over(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if !self.is_over() {
            signal(self.process.id(), "TERM");
            let _ = self.process.wait();
        }
    }
}

fn invoke(address: SocketAddr, event: &Value) -> Value {
    let body = event.to_string();
    let answer = Client::connect(address).send(&format!(
        "POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(answer.status, 200);
    serde_json::from_str(&answer.body).expect("JSON")
}

/// A request in the form of fakecloud.
fn event(path: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"host": "shop.example"}, "body": null, "isBase64Encoded": false,
        "pathParameters": null, "queryStringParameters": null,
        "requestContext": {
            "http": {"method": "GET", "path": path, "sourceIp": "127.0.0.1"},
            "domainName": "localhost", "requestId": "r", "stage": "$default",
        },
    })
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("address").port()
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim();
    !state.is_empty() && !state.starts_with('Z')
}

/// An emulator that records calls and returns fixed answers.
struct Emulator {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

#[derive(Debug, Clone)]
struct Asked {
    /// Method and path.
    line: String,
    target: String,
    authorization: String,
    body: Value,
}

impl Emulator {
    /// Answers each request with the first of `answers` whose text the request line begins with,
    /// otherwise with an empty object.
    fn start(answers: &[(&str, u16, Value)]) -> Emulator {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&asked);
        let answers: Vec<(String, u16, Value)> = answers
            .iter()
            .map(|(line, status, body)| ((*line).to_owned(), *status, body.clone()))
            .collect();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(one) = read(&stream) else { continue };
                let fits = answers.iter().find(|(line, ..)| one.line.starts_with(line));
                let (status, body) = fits.map_or((200, json!({})), |(_, status, body)| {
                    (*status, body.clone())
                });
                shared.lock().expect("list").push(one);
                let body = body.to_string();
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = (&stream).write_all((head + &body).as_bytes());
            }
        });
        Emulator { url, asked }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("list").clone()
    }

    /// All lines that it received.
    fn lines(&self) -> Vec<String> {
        let asked = self.asked();
        let puts = asked
            .iter()
            .filter(|one| one.target == "Logs_20140328.PutLogEvents");
        let events = puts.flat_map(|one| one.body["logEvents"].as_array().cloned());
        let texts = events
            .flatten()
            .map(|event| event["message"].as_str().expect("text").to_owned());
        texts.collect()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    let mut reader = BufReader::new(stream);
    let mut head = VecDeque::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => head.push_back(line.to_owned()),
        }
    }
    let line = head.pop_front()?;
    let header = |name: &str| {
        let value = head.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        });
        value.unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        line,
        target: header("x-amz-target"),
        authorization: header("authorization"),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

#[test]
fn an_event_reaches_the_app_through_bridge_and_edge() {
    let bridge = Bridge::with_app(&[], &[]);
    let answer = bridge.get("/echo");
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let body = answer["body"].as_str().expect("a body");
    assert!(body.starts_with("GET /echo HTTP/1.1\r\n"), "{body}");
    assert!(body.contains("x-forwarded-for: 127.0.0.1"), "{body}");
    let probe = bridge.invoke(&json!({"landfall": "probe", "path": "/fail/503/1/key"}));
    assert_eq!(
        (&probe["status"], &probe["error"]),
        (&json!(503), &json!(true))
    );
    let environment = bridge.get("/env");
    let environment = environment["body"].as_str().expect("a body");
    assert!(
        environment.contains("AWS_LAMBDA_FUNCTION_VERSION=7"),
        "{environment}"
    );
    let nonsense = bridge.invoke(&json!({"version": "1.0"}));
    assert!(
        nonsense["errorMessage"]
            .as_str()
            .is_some_and(|text| text.contains("2.0"))
    );
    let elsewhere = Client::connect(bridge.address).get("/");
    assert_eq!(elsewhere.status, 404);
}

#[test]
fn events_are_served_one_at_a_time() {
    let bridge = Bridge::with_app(&[], &[]);
    let address = bridge.address;
    assert_eq!(bridge.get("/")["body"], "hello");
    let slow = std::thread::spawn(move || invoke(address, &event("/hold/key")));
    // The app reports when it has the first request; the second one has to wait.
    let app = bridge.process.id();
    let port = port_of_app(app);
    let hits = || Client::connect(port).get("/hits/key").body;
    until(
        "the app holds it",
        || (hits() == "1").then_some(()),
        String::new,
    );
    let behind = std::thread::spawn(move || invoke(address, &event("/")));
    let _ = Client::connect(port).get("/release/key");
    assert_eq!(slow.join().expect("the first")["statusCode"], 200);
    assert_eq!(behind.join().expect("the second")["body"], "hello");
}

/// The app's address, from the edge's environment.
fn port_of_app(bridge: u32) -> SocketAddr {
    let environment = std::fs::read(format!("/proc/{bridge}/environ")).expect("environment");
    let text = String::from_utf8_lossy(&environment).into_owned();
    let port = text
        .split('\0')
        .find_map(|one| one.strip_prefix("LANDFALL_EDGE_APP="))
        .expect("a port");
    SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")))
}

#[test]
fn a_failed_start_is_reported_each_time() {
    let bridge = Bridge::with_app(&["--print", "no database\n", "--exit", "3"], &[]);
    for _ in 0..2 {
        let answer = bridge.get("/");
        assert_eq!(
            answer["errorType"], "Landfall.AppFailedToStart.Exit3",
            "{answer}"
        );
        let trace = answer["stackTrace"].to_string();
        assert!(trace.contains("no database"), "{answer}");
    }
}

#[test]
fn a_missing_command_is_reported() {
    let bridge = Bridge::start(&["/nowhere/edge"], &[("AWS_LAMBDA_FUNCTION_VERSION", "7")]);
    let answer = bridge.get("/");
    assert_eq!(answer["errorType"], "Runtime.InvalidEntrypoint", "{answer}");
}

#[test]
fn a_runtime_that_dies_is_reported_once_and_replaced() {
    let bridge = Bridge::with_app(&[], &[]);
    let (app, edge, address) = (bridge.app_pid(), bridge.child(), bridge.address);
    let hanging = std::thread::spawn(move || invoke(address, &event("/hold/key")));
    let port = port_of_app(bridge.process.id());
    let hits = || Client::connect(port).get("/hits/key").body;
    until(
        "the app holds it",
        || (hits() == "1").then_some(()),
        String::new,
    );
    signal(edge, "KILL");
    signal(app, "KILL");
    let answer = hanging.join().expect("an answer");
    assert_eq!(answer["errorType"], "Runtime.ExitError", "{answer}");
    let message = answer["errorMessage"].as_str().expect("words");
    assert!(message.ends_with("signal: killed"), "{message}");

    let second = bridge.app_pid();
    assert_ne!(second, app);
    // Its end between two events is not reported.
    let edge = bridge.child();
    signal(edge, "KILL");
    signal(second, "KILL");
    until(
        "both are gone",
        || (!is_alive(edge)).then_some(()),
        String::new,
    );
    assert_ne!(bridge.app_pid(), second);
}

#[test]
fn a_silent_runtime_is_stopped_by_the_timeout_of_the_function() {
    let bridge = Bridge::start(
        &["sleep", "1000"],
        &[
            ("AWS_LAMBDA_FUNCTION_VERSION", "7"),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", "1"),
        ],
    );
    let child = bridge.child();
    let answer = bridge.get("/");
    assert_eq!(answer["errorType"], "Sandbox.Timedout", "{answer}");
    let message = answer["errorMessage"].as_str().expect("words");
    assert!(
        message.ends_with("Task timed out after 1.00 seconds"),
        "{message}"
    );
    assert!(!is_alive(child));
}

#[test]
fn lines_are_sent_to_the_log_group() {
    let emulator = Emulator::start(&[]);
    let bridge = Bridge::with_app(
        &["--print", "first line\n"],
        &[
            ("AWS_ENDPOINT_URL", emulator.url.as_str()),
            ("LANDFALL_EDGE_REVISION", "e790b3b3dbaf"),
            ("AWS_ACCESS_KEY_ID", "FSIA"),
        ],
    );
    assert_eq!(bridge.get("/")["body"], "hello");
    let summary = || {
        let lines = emulator.lines();
        lines
            .into_iter()
            .find(|line| line.contains(r#""landfall":"summary""#))
    };
    let summary = until("a summary", summary, String::new);
    let summary = edge_contract::summary::Summary::parse(&summary).expect("a summary");
    assert_eq!(summary.task, "0123456789abcdef0123456789abcdef");
    assert_eq!(summary.revision, "e790b3b3dbaf");
    let lines = emulator.lines();
    for line in ["first line", "to stderr: first line"] {
        assert_eq!(
            lines.iter().filter(|one| *one == line).count(),
            1,
            "{lines:?}"
        );
    }
    let asked = emulator.asked();
    assert_eq!(asked[0].target, "Logs_20140328.CreateLogStream");
    for one in &asked {
        assert_eq!(one.line, "POST / HTTP/1.1");
        assert_eq!(one.body["logGroupName"], "/landfall/shop-prod");
        assert_eq!(one.body["logStreamName"], STREAM);
        assert!(
            one.authorization
                .contains("Credential=FSIA/20260101/us-east-1/logs/")
        );
    }
}

#[test]
fn lines_written_during_the_shutdown_are_sent_too() {
    let emulator = Emulator::start(&[]);
    let endpoint = [("AWS_ENDPOINT_URL", emulator.url.as_str())];
    let mut bridge = Bridge::with_app(&[], &endpoint);
    let app = bridge.app_pid();
    signal(bridge.process.id(), "TERM");
    until(
        "the bridge exits",
        || bridge.is_over().then_some(()),
        String::new,
    );
    assert!(!is_alive(app));
    let lines = emulator.lines();
    let seen = lines
        .iter()
        .filter_map(|line| edge_contract::summary::Summary::parse(line).ok());
    let total: u64 = seen
        .flat_map(|summary| summary.buckets.into_values())
        .map(|bucket| bucket.first.total)
        .max()
        .unwrap_or(0);
    assert_eq!(total, 1, "{lines:?}");
}

#[test]
fn the_latest_version_routes_events_to_the_alias() {
    let alias = json!({"Name": "live", "FunctionVersion": "4"});
    let answer = json!({"statusCode": 418, "body": "from the alias"});
    let emulator = Emulator::start(&[
        (
            "GET /2015-03-31/functions/shop-prod/aliases/live ",
            200,
            alias,
        ),
        (
            "POST /2015-03-31/functions/shop-prod/invocations?Qualifier=live ",
            200,
            answer.clone(),
        ),
    ]);
    let environment = [
        ("AWS_ENDPOINT_URL", emulator.url.as_str()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ];
    let bridge = Bridge::start(&["/nowhere/edge"], &environment);
    assert_eq!(bridge.get("/path"), answer);
    let asked = emulator.asked();
    let invoked = asked
        .iter()
        .find(|one| one.line.starts_with("POST"))
        .expect("an event");
    assert_eq!(invoked.body, event("/path"));
    assert!(invoked.authorization.contains("/us-east-1/lambda/"));
}

#[test]
fn without_an_alias_the_latest_version_answers() {
    let missing = json!({"__type": "ResourceNotFoundException"});
    let at_latest = json!({"Name": "live", "FunctionVersion": "$LATEST"});
    for (status, alias) in [(404, missing), (200, at_latest)] {
        let emulator = Emulator::start(&[("GET /2015-03-31/functions/", status, alias)]);
        let environment = [
            ("AWS_ENDPOINT_URL", emulator.url.as_str()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ];
        let bridge = Bridge::with_app(&[], &environment);
        assert_eq!(bridge.get("/")["body"], "hello");
    }
}

#[test]
fn a_relay_forwards_bytes() {
    let emulator = Emulator::start(&[]);
    let from = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let to = emulator.url.trim_start_matches("http://");
    let mut relay = Command::new(BRIDGE)
        .args(["--relay", &from.to_string(), to])
        .spawn()
        .expect("the relay starts");
    let connect = || Client::try_connect(from);
    let mut client = until("the relay listens", connect, String::new);
    let answer = client.send("GET /through HTTP/1.1\r\nhost: x\r\n\r\n");
    signal(relay.id(), "TERM");
    let status = relay.wait().expect("it ends");
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    assert!(status.success());
    assert_eq!(emulator.asked()[0].line, "GET /through HTTP/1.1");
}
