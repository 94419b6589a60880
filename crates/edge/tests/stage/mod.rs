//! The setup of most tests: the real edge in front of the test app.
#![allow(dead_code, reason = "every test file uses its own part of the stage")]

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
#[allow(
    unused_imports,
    reason = "every test file uses its own part of the stage"
)]
pub(crate) use testkit::process::{TIMEOUT, signal, until};
#[allow(
    unused_imports,
    reason = "every test file uses its own part of the stage"
)]
pub(crate) use testkit::raw_http::{Answer, Client, header};

/// The secret of every stage.
pub(crate) const SECRET: &str = "0123456789abcdef0123";

const EDGE: &str = env!("CARGO_BIN_EXE_landfall-edge");
const TESTAPP: &str = env!("CARGO_BIN_EXE_landfall-edge-testapp");

/// The settings of a stage.
pub(crate) struct Setup {
    app: Vec<String>,
    environment: Vec<(String, String)>,
}

/// The edge with its app.
pub(crate) struct Stage {
    edge: Child,
    pub(crate) address: SocketAddr,
    pub(crate) private: SocketAddr,
    pub(crate) app: u16,
    out: Collected,
    err: Collected,
}

/// Output that is collected until its end.
#[derive(Clone)]
struct Collected {
    text: Arc<Mutex<String>>,
    is_complete: Arc<AtomicBool>,
}

/// The default settings.
pub(crate) fn setup() -> Setup {
    // A short drain and no summary lines, unless a test needs them.
    let environment = [
        ("LEAD_MS", "0"),
        ("DRAIN_MS", "2000"),
        ("STOP_MS", "2000"),
        ("SECRET", SECRET),
        ("SUMMARY_MS", "0"),
    ];
    let own = |(name, value): (&str, &str)| (format!("LANDFALL_EDGE_{name}"), value.to_owned());
    Setup {
        app: Vec::new(),
        environment: environment.into_iter().map(own).collect(),
    }
}

impl Setup {
    /// Sets `LANDFALL_EDGE_<name>`.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Setup {
        self.environment
            .push((format!("LANDFALL_EDGE_{name}"), value.to_owned()));
        self
    }

    /// Sets a variable of the app.
    pub(crate) fn app_variable(mut self, name: &str, value: &str) -> Setup {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds arguments of the app.
    pub(crate) fn app(mut self, arguments: &[&str]) -> Setup {
        self.app.extend(arguments.iter().map(|a| (*a).to_owned()));
        self
    }

    /// Starts everything and waits until the app has answered.
    pub(crate) fn ready(self) -> Stage {
        let stage = self.start();
        stage.until("the app is ready", || stage.health() == Some(200));
        stage
    }

    /// Starts everything.
    pub(crate) fn start(self) -> Stage {
        let [listen, private, app] = free_ports();
        let mut command = Command::new(EDGE);
        command
            .arg("--")
            .arg(TESTAPP)
            .args(["--port", &app.to_string()])
            .args(&self.app);
        command.env("LANDFALL_EDGE_APP", app.to_string());
        command.env("LANDFALL_EDGE_LISTEN", format!("127.0.0.1:{listen}"));
        command.env(
            "LANDFALL_EDGE_PRIVATE_LISTEN",
            format!("127.0.0.1:{private}"),
        );
        command.envs(self.environment);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut edge = command.spawn().expect("the edge starts");
        let out = collect(edge.stdout.take().expect("stdout"));
        let err = collect(edge.stderr.take().expect("stderr"));
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        Stage {
            edge,
            address: at(listen),
            private: at(private),
            app,
            out,
            err,
        }
    }
}

fn free_ports<const N: usize>() -> [u16; N] {
    let taken: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"))
        .collect();
    std::array::from_fn(|at| taken[at].local_addr().expect("address").port())
}

fn collect(mut from: impl Read + Send + 'static) -> Collected {
    let collected = Collected {
        text: Arc::default(),
        is_complete: Arc::default(),
    };
    let Collected { text, is_complete } = collected.clone();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            text.lock()
                .expect("text")
                .push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        is_complete.store(true, Ordering::SeqCst);
    });
    collected
}

impl Collected {
    fn text(&self) -> String {
        self.text.lock().expect("text").clone()
    }
}

impl Stage {
    /// A connection of a user.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// `GET path` over a new connection.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.connect().get(path)
    }

    /// `POST path` with a body.
    pub(crate) fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        self.connect().send(&format!(
            "POST {path} HTTP/1.1\r\nhost: app\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    /// `GET path` at the private port.
    pub(crate) fn private(&self, path: &str) -> Answer {
        Client::connect(self.private).get(path)
    }

    /// `GET path` at the app itself.
    pub(crate) fn app(&self, path: &str) -> Answer {
        Client::connect(SocketAddr::from(([127, 0, 0, 1], self.app))).get(path)
    }

    /// How many requests with this key the app has seen.
    pub(crate) fn hits(&self, key: &str) -> u32 {
        self.app(&format!("/hits/{key}"))
            .body
            .parse()
            .expect("a number")
    }

    /// The status of the health endpoint; [`None`] while nothing listens.
    pub(crate) fn health(&self) -> Option<u16> {
        let mut client = Client::try_connect(self.private)?;
        client.write("GET /.landfall/health HTTP/1.1\r\nhost: x\r\n\r\n");
        client.answer().map(|answer| answer.status)
    }

    /// The summary so far.
    pub(crate) fn summary(&self) -> edge_contract::summary::Summary {
        let answer = self.private("/.landfall/summary");
        edge_contract::summary::Summary::parse(&answer.body).expect("a summary")
    }

    /// The sum of all seconds.
    pub(crate) fn totals(&self) -> edge_contract::bucket::Bucket {
        let mut sum = edge_contract::bucket::Bucket::default();
        self.summary()
            .buckets
            .values()
            .for_each(|bucket| sum.add(bucket));
        sum
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.edge.id(), name);
    }

    pub(crate) fn edge_pid(&self) -> u32 {
        self.edge.id()
    }

    /// The app's process id, as it reports it.
    pub(crate) fn app_pid(&self) -> u32 {
        self.app("/pid").body.parse().expect("a number")
    }

    pub(crate) fn out(&self) -> String {
        self.out.text()
    }

    pub(crate) fn err(&self) -> String {
        self.err.text()
    }

    /// Waits until a condition holds.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        until(what, || is_so().then_some(()), || self.err());
    }

    /// Waits for the exit; returns the exit code.
    pub(crate) fn exit_code(&mut self) -> i32 {
        let edge = &mut self.edge;
        let (out, err) = (self.out.clone(), self.err.clone());
        let status = until(
            "the edge ends",
            || edge.try_wait().expect("status"),
            || err.text(),
        );
        // The last output may still be in a pipe.
        let is_complete = || {
            [&out, &err]
                .iter()
                .all(|c| c.is_complete.load(Ordering::SeqCst))
        };
        until(
            "its output is complete",
            || is_complete().then_some(()),
            || err.text(),
        );
        status.code().expect("an exit code")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if matches!(self.edge.try_wait(), Ok(None)) {
            // A clean shutdown first, so that the app does not outlive the test.
            self.signal("INT");
            self.signal("INT");
            let end = Instant::now() + Duration::from_secs(10);
            while matches!(self.edge.try_wait(), Ok(None)) && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = self.edge.kill();
            let _ = self.edge.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- stdout\n{}\n--- stderr\n{}", self.out(), self.err());
        }
    }
}
