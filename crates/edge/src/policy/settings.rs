//! The `LANDFALL_EDGE_*` variables as [`Settings`]. Every value is checked, and all problems are
//! reported at once.

use super::budget::BudgetPolicy;
use super::drain::{CLOSING_TIME, DrainPolicy};
pub use super::env_parser::Problem;
use super::env_parser::{EnvParser, named};
use super::health::HealthPolicy;
use super::path_rules::{PathRules, Switches};
use edge_contract::env_vars::PREFIX;
use edge_contract::exec;
use edge_contract::secret::Secret;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A day in milliseconds: the longest time that a variable can have.
const DAY: u64 = 86_400_000;

/// The settings of the edge. [`edge_contract::env_vars::VARIABLES`] describes each
/// variable; [`None`] represents its value 0 or "nothing".
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Settings {
    pub app: SocketAddr,
    pub app_protocol: AppProtocol,
    pub app_idle: Duration,
    pub listen: SocketAddr,
    pub private_listen: Option<SocketAddr>,
    pub secret: Option<Secret>,
    pub revision: String,
    /// [`None`]: the host name.
    pub task: Option<String>,
    /// [`None`]: one for each processor.
    pub threads: Option<usize>,
    pub ready_path: String,
    pub start: Duration,
    pub restarts: u32,
    pub retry: RetrySettings,
    pub deadline: Option<Duration>,
    pub limit: Option<u32>,
    pub queue: Duration,
    pub clients: ClientSettings,
    pub stream: bool,
    pub trusted_hops: usize,
    pub forwarded_proto: Option<&'static str>,
    pub rules: PathRules,
    pub error_pages: Option<String>,
    pub drain: DrainPolicy,
    pub health: HealthPolicy,
    pub summary: Option<Duration>,
    pub access_log: AccessLog,
    pub output: Output,
    pub no_new_privileges: bool,
    pub released: bool,
    pub faults: Faults,
    pub exec: Option<Vec<String>>,
}

/// Faults that a developer injects to watch the edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// Share of attempts that fail before they reach the app, 0 to 1.
    pub fail_share: f64,
    /// From each start of the app until it is killed.
    pub kill_every: Option<Duration>,
}

/// Settings of retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RetrySettings {
    pub tries: u32,
    pub budget: BudgetPolicy,
    pub replay_bytes: usize,
    pub connect_wait: Duration,
    pub one_try: Option<Duration>,
}

/// Limits for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ClientSettings {
    pub connections: usize,
    pub header_bytes: usize,
    pub body_bytes: Option<u64>,
    pub header: Duration,
    pub body: Duration,
    pub send: Duration,
    pub idle: Duration,
    pub stream_idle: Option<Duration>,
}

/// The protocol between edge and app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppProtocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS, by prior knowledge.
    H2c,
}

/// How the app's output leaves the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Through the edge, byte for byte.
    Pipe,
    /// Directly.
    Inherit,
}

/// Which requests are logged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AccessLog {
    /// None.
    Off,
    /// Those whose user saw an error.
    Errors,
    /// A share of all, 0 to 1, and those of [`AccessLog::Errors`].
    Share(f64),
}

/// The problems of an environment, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEnvironment(pub Vec<Problem>);

impl std::fmt::Display for BadEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the environment of the edge is wrong:")?;
        for Problem { name, why } in &self.0 {
            write!(f, "\n  {name}: {why}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BadEnvironment {}

impl Settings {
    /// Parses the variables that begin with [`PREFIX`]; the others are ignored.
    ///
    /// # Errors
    /// All problems.
    pub fn read<N, V>(
        environment: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Settings, BadEnvironment>
    where
        N: AsRef<str>,
        V: Into<String>,
    {
        Settings::read_where(environment, true)
    }

    /// The same; `listens` is whether the edge listens at all: only then its ports may conflict
    /// with the app's.
    pub(super) fn read_where<N, V>(
        environment: impl IntoIterator<Item = (N, V)>,
        listens: bool,
    ) -> Result<Settings, BadEnvironment>
    where
        N: AsRef<str>,
        V: Into<String>,
    {
        let mut parser = EnvParser::default();
        for (name, value) in environment {
            let Some(short) = name.as_ref().strip_prefix(PREFIX) else {
                continue;
            };
            match named(short) {
                Some(variable) => drop(parser.given.insert(variable.name, value.into())),
                None => parser.refuse_unknown(short),
            }
        }
        let settings = parser.settings(listens);
        match settings {
            Some(settings) if parser.problems.is_empty() => Ok(settings),
            _ => Err(BadEnvironment(parser.problems)),
        }
    }
}

impl EnvParser {
    /// [`None`] only if there is a problem; the reverse does not hold.
    fn settings(&mut self, listens: bool) -> Option<Settings> {
        let app = self.parsed(
            "APP",
            "a port, or an address and a port like `127.0.0.1:3000`",
            |text| address(text, Ipv4Addr::LOCALHOST),
        );
        let listen = self.parsed(
            "LISTEN",
            "an address and a port like `0.0.0.0:8080`",
            |text| address(text, Ipv4Addr::UNSPECIFIED),
        );
        let private_listen = self.optional(
            "PRIVATE_LISTEN",
            "an address and a port like `0.0.0.0:9901`",
            |text| address(text, Ipv4Addr::UNSPECIFIED),
        );
        let settings = Settings {
            app: app.unwrap_or(UNSET),
            app_protocol: self.app_protocol(),
            app_idle: self.time("APP_IDLE_MS", 0..=DAY),
            listen: listen.unwrap_or(UNSET),
            private_listen,
            secret: self.optional(
                "SECRET",
                "16 to 256 printable letters without spaces",
                Secret::parse,
            ),
            revision: self.word("REVISION").unwrap_or_default(),
            task: self.word("TASK"),
            threads: usize::try_from(self.number("THREADS", 0..=64))
                .ok()
                .filter(|n| *n > 0),
            ready_path: self.ready_path(),
            start: self.time("START_MS", 1..=DAY),
            restarts: self.count("RESTARTS", 0..=1_000_000),
            retry: self.retry(),
            deadline: self.limit("DEADLINE_MS", 0..=DAY),
            limit: Some(self.count("LIMIT", 0..=100_000)).filter(|limit| *limit > 0),
            queue: self.time("QUEUE_MS", 0..=DAY),
            clients: self.clients(),
            stream: self.on_or_off("STREAM"),
            trusted_hops: self.size("TRUSTED_HOPS", 0..=16),
            forwarded_proto: self.forwarded_proto(),
            rules: self.rules(),
            error_pages: self.optional("ERROR_PAGES", "an absolute path", |text| {
                text.starts_with('/').then(|| text.to_owned())
            }),
            drain: self.drain(),
            health: HealthPolicy {
                down: self.time("DOWN_MS", 0..=DAY),
                stuck: self.time("STUCK_MS", 1..=DAY),
            },
            summary: self.limit("SUMMARY_MS", 0..=DAY),
            access_log: self
                .parsed(
                    "ACCESS_LOG",
                    "`off`, `errors`, `all` or a share like `0.01`",
                    access_log,
                )
                .unwrap_or(AccessLog::Off),
            faults: self.faults(),
            exec: self.optional("EXEC", "a JSON list of words like `[\"env\"]`", exec::read),
            no_new_privileges: self.on_or_off("NO_NEW_PRIVILEGES"),
            released: self.on_or_off("RELEASED"),
            output: self.output(),
        };
        if listens {
            self.check_ports(app, listen, private_listen);
        }
        (app.is_some() && listen.is_some()).then_some(settings)
    }

    fn on_or_off(&mut self, name: &'static str) -> bool {
        let parsed = self.parsed(name, "`on` or `off`", |text| match text {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        });
        parsed.unwrap_or_default()
    }

    fn app_protocol(&mut self) -> AppProtocol {
        let parsed = self.parsed("APP_PROTOCOL", "`http1` or `h2c`", |text| match text {
            "http1" => Some(AppProtocol::Http1),
            "h2c" => Some(AppProtocol::H2c),
            _ => None,
        });
        parsed.unwrap_or(AppProtocol::Http1)
    }

    fn ready_path(&mut self) -> String {
        let parsed = self.parsed("READY_PATH", "a path like `/healthz`", |text| {
            let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
            (text.starts_with('/') && plain).then(|| text.to_owned())
        });
        parsed.unwrap_or_default()
    }

    fn retry(&mut self) -> RetrySettings {
        RetrySettings {
            tries: self.count("TRIES", 1..=10),
            budget: BudgetPolicy {
                percent: self.count("RETRY_PERCENT", 0..=100),
                burst: self.count("RETRY_BURST", 0..=100_000),
                // Enough for an app with little traffic, negligible for one with much.
                floor_per_second: 1,
            },
            replay_bytes: self.size("REPLAY_BYTES", 0..=16 << 20),
            connect_wait: self.time("CONNECT_WAIT_MS", 0..=DAY),
            one_try: self.limit("TRY_MS", 0..=DAY),
        }
    }

    fn clients(&mut self) -> ClientSettings {
        ClientSettings {
            connections: self.size("MAX_CONNECTIONS", 1..=1_000_000),
            header_bytes: self.size("MAX_HEADER_BYTES", 8_192..=1 << 20),
            body_bytes: Some(self.number("MAX_BODY_BYTES", 0..=1 << 50)).filter(|max| *max > 0),
            header: self.time("HEADER_MS", 1..=DAY),
            body: self.time("BODY_MS", 1..=DAY),
            send: self.time("SEND_MS", 1..=DAY),
            idle: self.time("IDLE_MS", 1..=DAY),
            stream_idle: self.limit("STREAM_IDLE_MS", 0..=DAY),
        }
    }

    fn forwarded_proto(&mut self) -> Option<&'static str> {
        self.optional("FORWARDED_PROTO", "`http` or `https`", |text| match text {
            "http" => Some("http"),
            "https" => Some("https"),
            _ => None,
        })
    }

    fn drain(&mut self) -> DrainPolicy {
        DrainPolicy {
            lead: self.time("LEAD_MS", 0..=DAY),
            closing: CLOSING_TIME,
            in_flight: self.time("DRAIN_MS", 0..=DAY),
            stop: self.time("STOP_MS", 0..=DAY),
        }
    }

    fn faults(&mut self) -> Faults {
        Faults {
            fail_share: self
                .parsed("FAIL_SHARE", "a share from `0` to `1`", share)
                .unwrap_or(0.0),
            kill_every: self.limit("KILL_EVERY_MS", 0..=DAY),
        }
    }

    fn output(&mut self) -> Output {
        let parsed = self.parsed("OUTPUT", "`pipe` or `inherit`", |text| match text {
            "pipe" => Some(Output::Pipe),
            "inherit" => Some(Output::Inherit),
            _ => None,
        });
        parsed.unwrap_or(Output::Pipe)
    }

    /// No two of the three may use the same port: the second one would fail to start, with a
    /// less specific message.
    fn check_ports(
        &mut self,
        app: Option<SocketAddr>,
        listen: Option<SocketAddr>,
        private: Option<SocketAddr>,
    ) {
        let overlap = |a: SocketAddr, b: SocketAddr| {
            a.port() == b.port()
                && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
        };
        for (name, address, other_name, other) in [
            ("LISTEN", listen, "APP", app),
            ("PRIVATE_LISTEN", private, "APP", app),
            ("PRIVATE_LISTEN", private, "LISTEN", listen),
        ] {
            if let (Some(address), Some(other)) = (address, other)
                && overlap(address, other)
            {
                let port = address.port();
                self.problems.push(Problem {
                    name: format!("{PREFIX}{name}"),
                    why: format!(
                        "port {port} is that of {PREFIX}{other_name} as well; choose another one"
                    ),
                });
            }
        }
    }

    fn rules(&mut self) -> PathRules {
        match PathRules::parse(&self.text("RULES")) {
            Ok(rules) => rules,
            Err(why) => {
                let why = format!(
                    "{why}; write rules like `/pay=-retry,-shed;/events=-deadline`, with the switches {}",
                    Switches::NAMES.join(", ")
                );
                self.problems.push(Problem {
                    name: format!("{PREFIX}RULES"),
                    why,
                });
                PathRules::default()
            }
        }
    }
}

/// Replaces an address that was refused; never leaves this file.
const UNSET: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

fn address(text: &str, default: Ipv4Addr) -> Option<SocketAddr> {
    let port = text
        .parse()
        .ok()
        .map(|port: u16| SocketAddr::new(default.into(), port));
    port.or_else(|| text.parse().ok())
        .filter(|address| address.port() > 0)
}

fn access_log(text: &str) -> Option<AccessLog> {
    match text {
        "off" => Some(AccessLog::Off),
        "errors" => Some(AccessLog::Errors),
        "all" => Some(AccessLog::Share(1.0)),
        text => share(text).map(AccessLog::Share),
    }
}

fn share(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
