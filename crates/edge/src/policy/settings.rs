//! The environment contract: `LANDFALL_EDGE_*` variables turned into [`Settings`], every value
//! checked, all problems told at once.

use super::budget::BudgetPolicy;
use super::drain::{DrainPolicy, LAST_CALL};
use super::health::HealthPolicy;
use super::path_rules::PathRules;
pub use crate::policy::env_parser::Problem;
use crate::policy::env_parser::{Reader, named};
use rules::edge_contract::env_vars::PREFIX;
use rules::edge_contract::exec;
use rules::edge_contract::secret::Secret;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A day in milliseconds: no time in the contract is longer.
const DAY: u64 = 86_400_000;

/// Everything that can be set about the edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where the app listens.
    pub app: SocketAddr,
    /// What the app speaks.
    pub app_protocol: AppProtocol,
    /// How long a connection to the app is kept for the next request.
    pub app_idle: Duration,
    /// Where users come in.
    pub listen: SocketAddr,
    /// Where private endpoints answer to everyone.
    pub private_listen: Option<SocketAddr>,
    /// What opens private endpoints elsewhere.
    pub secret: Option<Secret>,
    /// Names what runs.
    pub revision: String,
    /// Names this task; [`None`]: the host name.
    pub task: Option<String>,
    /// Threads that move requests; [`None`]: as the machine offers.
    pub threads: Option<usize>,
    /// What the edge asks the app.
    pub ready_path: String,
    /// From the app's start to its first answer.
    pub start: Duration,
    /// Restarts in a row.
    pub restarts: u32,
    /// Trying again.
    pub retry: RetrySettings,
    /// From a request's start to its answer's head.
    pub deadline: Option<Duration>,
    /// Most requests that the app works on at once.
    pub limit: Option<u32>,
    /// How long a request waits for its turn.
    pub queue: Duration,
    /// What clients may ask of the edge.
    pub clients: ClientSettings,
    /// Whether function URLs take answers as they come; elsewhere everyone does.
    pub stream: bool,
    /// Proxies in front whose headers are true.
    pub trusted_hops: usize,
    /// How users come in, if the deployer knows.
    pub forwarded_proto: Option<&'static str>,
    /// Rules switched off below paths.
    pub rules: PathRules,
    /// Directory of error pages.
    pub error_pages: Option<String>,
    /// Phases of the end.
    pub drain: DrainPolicy,
    /// Patience with the app.
    pub health: HealthPolicy,
    /// Time between summary lines.
    pub summary: Option<Duration>,
    /// Which requests are logged.
    pub access_log: AccessLog,
    /// How the app's output leaves the container.
    pub output: Output,
    /// Whether no program that the app starts gets more rights than it has.
    pub no_new_privileges: bool,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// What to become instead of serving.
    pub exec: Option<Vec<String>>,
}

/// What goes wrong on purpose, for a developer to see what the edge makes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// Share of tries that fail before they reach the app, 0 to 1.
    pub fail_share: f64,
    /// From each start of the app until it is killed.
    pub kill_every: Option<Duration>,
}

/// Settings of retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// Largest number of tries.
    pub tries: u32,
    /// The budget.
    pub budget: BudgetPolicy,
    /// Longest body that is kept.
    pub replay_bytes: usize,
    /// How long a request waits for connections.
    pub connect_wait: Duration,
    /// How long one try may take.
    pub one_try: Option<Duration>,
}

/// Limits on clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSettings {
    /// Connections at once.
    pub connections: usize,
    /// Longest head.
    pub header_bytes: usize,
    /// Longest body.
    pub body_bytes: Option<u64>,
    /// Time for a head.
    pub header: Duration,
    /// Silence in a request's body.
    pub body: Duration,
    /// Time in which nothing of an answer is taken.
    pub send: Duration,
    /// Connection without a request.
    pub idle: Duration,
    /// Silence in an answer or a WebSocket.
    pub stream_idle: Option<Duration>,
}

/// What the app speaks.
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
    /// Past the edge.
    Inherit,
}

/// Which requests are logged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AccessLog {
    /// None.
    Off,
    /// Those whose user saw an error.
    Errors,
    /// A share of all, 1.0 being all of them; errors always.
    Share(f64),
}

/// Everything that is wrong with the environment: at least one problem.
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
    /// Reads the variables that begin with [`PREFIX`]; others are the app's and are passed over.
    pub fn read<N, V>(
        environment: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Settings, BadEnvironment>
    where
        N: AsRef<str>,
        V: Into<String>,
    {
        Settings::read_where(environment, true)
    }

    /// The same; `listens` says whether the edge will listen at all: only then its ports may be in the way
    /// of the app's.
    pub(super) fn read_where<N, V>(
        environment: impl IntoIterator<Item = (N, V)>,
        listens: bool,
    ) -> Result<Settings, BadEnvironment>
    where
        N: AsRef<str>,
        V: Into<String>,
    {
        let mut reader = Reader::default();
        for (name, value) in environment {
            let Some(short) = name.as_ref().strip_prefix(PREFIX) else {
                continue;
            };
            match named(short) {
                Some(variable) => drop(reader.given.insert(variable.name, value.into())),
                None => reader.refuse_unknown(short),
            }
        }
        let settings = reader.settings(listens);
        match settings {
            Some(settings) if reader.problems.is_empty() => Ok(settings),
            _ => Err(BadEnvironment(reader.problems)),
        }
    }
}

impl Reader {
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
            app_protocol: self
                .parsed("APP_PROTOCOL", "`http1` or `h2c`", |text| match text {
                    "http1" => Some(AppProtocol::Http1),
                    "h2c" => Some(AppProtocol::H2c),
                    _ => None,
                })
                .unwrap_or(AppProtocol::Http1),
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
            ready_path: self
                .parsed("READY_PATH", "a path like `/healthz`", |text| {
                    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
                    (text.starts_with('/') && plain).then(|| text.to_owned())
                })
                .unwrap_or_default(),
            start: self.time("START_MS", 1..=DAY),
            restarts: self.count("RESTARTS", 0..=1_000_000),
            retry: RetrySettings {
                tries: self.count("TRIES", 1..=10),
                budget: BudgetPolicy {
                    percent: self.count("RETRY_PERCENT", 0..=100),
                    burst: self.count("RETRY_BURST", 0..=100_000),
                    // Enough for an app that is asked once in a while, nothing beside real traffic.
                    floor_per_second: 1,
                },
                replay_bytes: self.size("REPLAY_BYTES", 0..=16 << 20),
                connect_wait: self.time("CONNECT_WAIT_MS", 0..=DAY),
                one_try: self.limit("TRY_MS", 0..=DAY),
            },
            deadline: self.limit("DEADLINE_MS", 0..=DAY),
            limit: Some(self.count("LIMIT", 0..=100_000)).filter(|limit| *limit > 0),
            queue: self.time("QUEUE_MS", 0..=DAY),
            clients: ClientSettings {
                connections: self.size("MAX_CONNECTIONS", 1..=1_000_000),
                header_bytes: self.size("MAX_HEADER_BYTES", 8_192..=1 << 20),
                body_bytes: Some(self.number("MAX_BODY_BYTES", 0..=1 << 50)).filter(|max| *max > 0),
                header: self.time("HEADER_MS", 1..=DAY),
                body: self.time("BODY_MS", 1..=DAY),
                send: self.time("SEND_MS", 1..=DAY),
                idle: self.time("IDLE_MS", 1..=DAY),
                stream_idle: self.limit("STREAM_IDLE_MS", 0..=DAY),
            },
            stream: self
                .parsed("STREAM", "`on` or `off`", |text| match text {
                    "on" => Some(true),
                    "off" => Some(false),
                    _ => None,
                })
                .unwrap_or(false),
            trusted_hops: self.size("TRUSTED_HOPS", 0..=16),
            forwarded_proto: self.optional(
                "FORWARDED_PROTO",
                "`http` or `https`",
                |text| match text {
                    "http" => Some("http"),
                    "https" => Some("https"),
                    _ => None,
                },
            ),
            rules: self.rules(),
            error_pages: self.optional("ERROR_PAGES", "an absolute path", |text| {
                text.starts_with('/').then(|| text.to_owned())
            }),
            drain: DrainPolicy {
                lead: self.time("LEAD_MS", 0..=DAY),
                last_call: LAST_CALL,
                in_flight: self.time("DRAIN_MS", 0..=DAY),
                stop: self.time("STOP_MS", 0..=DAY),
            },
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
            faults: Faults {
                fail_share: self
                    .parsed("FAIL_SHARE", "a share from `0` to `1`", |text| {
                        text.parse()
                            .ok()
                            .filter(|share| (0.0..=1.0).contains(share))
                    })
                    .unwrap_or(0.0),
                kill_every: self.limit("KILL_EVERY_MS", 0..=DAY),
            },
            exec: self.optional("EXEC", "a JSON list of words like `[\"env\"]`", exec::read),
            no_new_privileges: self
                .parsed("NO_NEW_PRIVILEGES", "`on` or `off`", |text| match text {
                    "on" => Some(true),
                    "off" => Some(false),
                    _ => None,
                })
                .unwrap_or(true),
            output: self
                .parsed("OUTPUT", "`pipe` or `inherit`", |text| match text {
                    "pipe" => Some(Output::Pipe),
                    "inherit" => Some(Output::Inherit),
                    _ => None,
                })
                .unwrap_or(Output::Pipe),
        };
        if listens {
            self.check_ports(app, listen, private_listen);
        }
        (app.is_some() && listen.is_some()).then_some(settings)
    }

    /// No two of the three may want the same port: whoever comes second fails to start, and says
    /// so less clearly.
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
        let mut complain = |name: &str, other: &str, address: SocketAddr| {
            let why = format!(
                "port {} is that of {PREFIX}{other} as well; choose another one",
                address.port()
            );
            self.problems.push(Problem {
                name: format!("{PREFIX}{name}"),
                why,
            });
        };
        if let (Some(app), Some(listen)) = (app, listen)
            && overlap(app, listen)
        {
            complain("LISTEN", "APP", listen);
        }
        if let (Some(app), Some(private)) = (app, private)
            && overlap(app, private)
        {
            complain("PRIVATE_LISTEN", "APP", private);
        }
        if let (Some(listen), Some(private)) = (listen, private)
            && overlap(listen, private)
        {
            complain("PRIVATE_LISTEN", "LISTEN", private);
        }
    }

    fn rules(&mut self) -> PathRules {
        match PathRules::parse(&self.text("RULES")) {
            Ok(rules) => rules,
            Err(why) => {
                let why = format!(
                    "{why}; write rules like `/pay=-retry,-shed;/events=-deadline`, with the switches {}",
                    super::path_rules::Switches::NAMES.join(", ")
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

/// Stands in for an address that was refused; never leaves this file.
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
        share => {
            let share = share
                .parse()
                .ok()
                .filter(|share| (0.0..=1.0).contains(share));
            share.map(AccessLog::Share)
        }
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
