//! The table of all `LANDFALL_EDGE_*` variables: names, defaults, meanings.

/// Prefix of all names. The app never sees variables with this prefix.
pub const PREFIX: &str = "LANDFALL_EDGE_";

/// One variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Name without [`PREFIX`].
    pub name: &'static str,
    /// The value if it is not set; empty if there is none.
    pub default: &'static str,
    /// One line for the documentation.
    pub meaning: &'static str,
}

const fn variable(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        default,
        meaning,
    }
}

/// Every variable, in the order of the documentation.
pub const VARIABLES: [Variable; 47] = [
    variable(
        "APP",
        "",
        "required: the app's port on 127.0.0.1, or its `address:port`",
    ),
    variable(
        "APP_PROTOCOL",
        "http1",
        "the app's protocol: `http1` or `h2c`",
    ),
    variable(
        "LISTEN",
        "0.0.0.0:8080",
        "where the edge accepts users: `address:port`, or a port on all addresses",
    ),
    variable(
        "PRIVATE_LISTEN",
        "",
        "where health, summary and metrics need no secret; empty: nowhere",
    ),
    variable(
        "SECRET",
        "",
        "value of the header `x-landfall-secret` that gives access to summary and metrics; at least 16 characters",
    ),
    variable("REVISION", "unknown", "the revision's name in summaries"),
    variable(
        "TASK",
        "",
        "the task's name in summaries; empty: the host name",
    ),
    variable(
        "THREADS",
        "0",
        "threads for requests; 0: one for each processor, at most 4",
    ),
    variable(
        "READY_PATH",
        "/",
        "path that the edge requests to see whether the app answers; any status is an answer",
    ),
    variable(
        "START_MS",
        "120000",
        "longest time from the app's start to its first answer",
    ),
    variable(
        "RESTARTS",
        "10",
        "restarts of the app in a row; after that the edge exits with the app's exit code",
    ),
    variable(
        "TRIES",
        "5",
        "attempts of a repeatable request; 1: no retries",
    ),
    variable("RETRY_PERCENT", "20", "retries per hundred requests"),
    variable("RETRY_BURST", "100", "retries that are possible at once"),
    variable(
        "REPLAY_BYTES",
        "65536",
        "longest request body that is kept for a retry",
    ),
    variable(
        "CONNECT_WAIT_MS",
        "3000",
        "how long a request waits for an app that accepts no connections",
    ),
    variable(
        "TRY_MS",
        "0",
        "longest time until the answer of one attempt begins; 0: only the request's limit applies",
    ),
    variable(
        "DEADLINE_MS",
        "30000",
        "longest time until a request's answer begins, over all attempts; 0: no limit",
    ),
    variable(
        "LIMIT",
        "1024",
        "most concurrent requests at the app; the edge finds the right number below it; 0: no limit",
    ),
    variable(
        "QUEUE_MS",
        "1000",
        "how long a request waits for its turn before it is rejected",
    ),
    variable(
        "MAX_CONNECTIONS",
        "4096",
        "connections of users; more wait to be accepted",
    ),
    variable(
        "MAX_HEADER_BYTES",
        "32768",
        "longest head of a request, at least 8192",
    ),
    variable(
        "MAX_BODY_BYTES",
        "0",
        "longest body of a request; 0: no limit",
    ),
    variable(
        "HEADER_MS",
        "8000",
        "longest time for a request's head to arrive",
    ),
    variable("BODY_MS", "30000", "longest pause within a request's body"),
    variable(
        "SEND_MS",
        "60000",
        "how long a client may read nothing of its answer",
    ),
    variable(
        "IDLE_MS",
        "75000",
        "how long a connection stays open without a request; longer than the load balancer's timeout",
    ),
    variable(
        "STREAM_IDLE_MS",
        "3600000",
        "longest pause within an answer or a WebSocket; 0: no limit",
    ),
    variable(
        "STREAM",
        "off",
        "`on`: on AWS Lambda, answers to function URLs are streamed; elsewhere answers always are",
    ),
    variable(
        "TRUSTED_HOPS",
        "0",
        "trusted proxies in front, which set `X-Forwarded-*`: 1 behind a load balancer",
    ),
    variable(
        "FORWARDED_PROTO",
        "",
        "`https` or `http` if users use that protocol, whatever proxies report",
    ),
    variable(
        "RULES",
        "",
        "mechanisms switched off below paths: `/pay=-retry,-shed;/events=-deadline`",
    ),
    variable(
        "ERROR_PAGES",
        "",
        "directory in the image with error pages: `503.html`, `error.json`, …",
    ),
    variable(
        "LEAD_MS",
        "5000",
        "after SIGTERM: how long new connections are accepted, until the load balancer knows",
    ),
    variable(
        "DRAIN_MS",
        "15000",
        "then: how long requests in flight and WebSockets may take to end",
    ),
    variable(
        "STOP_MS",
        "5000",
        "then: how long the app may take to exit before it is killed",
    ),
    variable(
        "DOWN_MS",
        "5000",
        "an app that accepts no connections for longer is unhealthy",
    ),
    variable(
        "STUCK_MS",
        "15000",
        "an app that answers nothing for longer is unhealthy",
    ),
    variable(
        "SUMMARY_MS",
        "10000",
        "interval of summary lines on stdout, if there was traffic; 0: none",
    ),
    variable(
        "ACCESS_LOG",
        "off",
        "`off`, `errors`, `all`, or the share of requests that is logged: `0.01`",
    ),
    variable(
        "OUTPUT",
        "pipe",
        "`pipe`: the app's output passes through the edge, which keeps its last lines; `inherit`: it does not",
    ),
    variable(
        "NO_NEW_PRIVILEGES",
        "on",
        "`on`: no program in the container gains privileges, by setuid or otherwise; `off`: the image decides",
    ),
    variable(
        "RELEASED",
        "on",
        "`off`: a function of AWS Lambda before its first release. It answers every request with a 503, and does not start the app",
    ),
    variable(
        "APP_IDLE_MS",
        "4000",
        "how long a connection to the app is kept for another request; shorter than the app keeps it",
    ),
    variable(
        "FAIL_SHARE",
        "0",
        "for development: the share of attempts that fail before they reach the app, such as `0.3`",
    ),
    variable(
        "KILL_EVERY_MS",
        "0",
        "for development: the app is killed this long after each start; 0: never",
    ),
    variable(
        "EXEC",
        "",
        "a JSON list of words: the edge executes this command, and neither listens nor starts the app",
    ),
];

/// The table as Markdown; a test of the edge compares it with `crates/edge/README.md`.
pub fn table() -> String {
    let mut out = String::from("| variable | default | meaning |\n|---|---|---|\n");
    for Variable {
        name,
        default,
        meaning,
    } in VARIABLES
    {
        let default = if default.is_empty() {
            String::new()
        } else {
            format!("`{default}`")
        };
        out.push_str(&format!("| `{PREFIX}{name}` | {default} | {meaning} |\n"));
    }
    out
}
