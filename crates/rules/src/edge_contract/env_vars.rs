//! The names of the contract: every `LANDFALL_EDGE_*` variable, its default and its meaning, once.

/// What all names begin with. The app never sees variables that begin so.
pub const PREFIX: &str = "LANDFALL_EDGE_";

/// One variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Name without [`PREFIX`].
    pub name: &'static str,
    /// What holds when it is not set; read like a value. Empty: nothing.
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
pub const VARIABLES: [Variable; 46] = [
    variable(
        "APP",
        "",
        "required: where the app listens, a port on 127.0.0.1 or `address:port`",
    ),
    variable(
        "APP_PROTOCOL",
        "http1",
        "what the app speaks: `http1` or `h2c`",
    ),
    variable(
        "LISTEN",
        "0.0.0.0:8080",
        "where users come in: `address:port`, or a port on all addresses",
    ),
    variable(
        "PRIVATE_LISTEN",
        "",
        "where health, summary and metrics answer without the secret; empty: nowhere",
    ),
    variable(
        "SECRET",
        "",
        "value of the header `x-landfall-secret` that opens summary and metrics; 16 letters or more",
    ),
    variable("REVISION", "unknown", "names what runs, in summaries"),
    variable(
        "TASK",
        "",
        "names this task among the others, in summaries; empty: the host name",
    ),
    variable(
        "THREADS",
        "0",
        "threads that move requests; 0: one for each processor, 4 at most",
    ),
    variable(
        "READY_PATH",
        "/",
        "path that the edge asks to see that the app answers; any status will do",
    ),
    variable(
        "START_MS",
        "120000",
        "how long the app may take from its start to its first answer",
    ),
    variable(
        "RESTARTS",
        "10",
        "restarts of the app in a row; after that the edge ends with the app's exit code",
    ),
    variable(
        "TRIES",
        "5",
        "how often a repeatable request is tried at most; 1: once",
    ),
    variable("RETRY_PERCENT", "20", "retries for every hundred requests"),
    variable("RETRY_BURST", "100", "retries that may come at once"),
    variable(
        "REPLAY_BYTES",
        "65536",
        "longest request body that is kept for a retry",
    ),
    variable(
        "CONNECT_WAIT_MS",
        "3000",
        "how long a request waits for an app that takes no connections",
    ),
    variable(
        "TRY_MS",
        "0",
        "how long one try may take until the answer begins; 0: as long as the request",
    ),
    variable(
        "DEADLINE_MS",
        "30000",
        "how long a request may take, with all tries, until the answer begins; 0: no limit",
    ),
    variable(
        "LIMIT",
        "1024",
        "most requests that the app works on at once; the edge finds the right number below; 0: no limit",
    ),
    variable(
        "QUEUE_MS",
        "1000",
        "how long a request waits for its turn before it is turned away",
    ),
    variable(
        "MAX_CONNECTIONS",
        "4096",
        "connections of users; more wait at the door",
    ),
    variable(
        "MAX_HEADER_BYTES",
        "32768",
        "longest head of a request, 8192 at least",
    ),
    variable(
        "MAX_BODY_BYTES",
        "0",
        "longest body of a request; 0: no limit",
    ),
    variable(
        "HEADER_MS",
        "8000",
        "how long a client may take to send a request's head",
    ),
    variable(
        "BODY_MS",
        "30000",
        "longest silence within a request's body",
    ),
    variable(
        "SEND_MS",
        "60000",
        "how long a client may take nothing of its answer",
    ),
    variable(
        "IDLE_MS",
        "75000",
        "how long a connection stays open without a request; longer than the load balancer's",
    ),
    variable(
        "STREAM_IDLE_MS",
        "3600000",
        "longest silence within an answer or a WebSocket; 0: no limit",
    ),
    variable(
        "STREAM",
        "off",
        "`on`: on AWS Lambda, answers to requests of function URLs leave as they come; elsewhere they always do",
    ),
    variable(
        "TRUSTED_HOPS",
        "0",
        "proxies in front whose `X-Forwarded-*` is true: 1 behind a load balancer",
    ),
    variable(
        "FORWARDED_PROTO",
        "",
        "`https` or `http` if that is how users come in, whatever proxies say",
    ),
    variable(
        "RULES",
        "",
        "rules switched off below paths: `/pay=-retry,-shed;/events=-deadline`",
    ),
    variable(
        "ERROR_PAGES",
        "",
        "directory in the image with pages of its own: `503.html`, `error.json`, …",
    ),
    variable(
        "LEAD_MS",
        "5000",
        "after SIGTERM: how long users still come in, until the load balancer knows",
    ),
    variable(
        "DRAIN_MS",
        "15000",
        "then: how long requests in flight and WebSockets may take to end",
    ),
    variable(
        "STOP_MS",
        "5000",
        "then: how long the app may take to end before it is killed",
    ),
    variable(
        "DOWN_MS",
        "5000",
        "an app that takes no connections for longer is unhealthy",
    ),
    variable(
        "STUCK_MS",
        "15000",
        "an app that answers nothing for longer is unhealthy",
    ),
    variable(
        "SUMMARY_MS",
        "10000",
        "a summary line on stdout that often when there was traffic; 0: never",
    ),
    variable(
        "ACCESS_LOG",
        "off",
        "`off`, `errors`, `all`, or the share of requests that is logged: `0.01`",
    ),
    variable(
        "OUTPUT",
        "pipe",
        "`pipe`: the app's output passes through the edge, which knows its last lines; `inherit`: it does not",
    ),
    variable(
        "NO_NEW_PRIVILEGES",
        "on",
        "`on`: no program in the container gets more rights than the edge has, by setuid or otherwise; `off`: as the image has it",
    ),
    variable(
        "APP_IDLE_MS",
        "4000",
        "how long a connection to the app is kept for the next request; shorter than the app keeps it",
    ),
    variable(
        "FAIL_SHARE",
        "0",
        "for development: the share of tries that fail before they reach the app, such as `0.3`",
    ),
    variable(
        "KILL_EVERY_MS",
        "0",
        "for development: the app is killed that long after each of its starts; 0: never",
    ),
    variable(
        "EXEC",
        "",
        "a JSON list of words: the edge becomes this command, and neither serves nor starts the app",
    ),
];

/// The table of all variables in Markdown, as it stands in the documentation.
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
