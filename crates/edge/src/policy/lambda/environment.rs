//! What the variables mean on Lambda, where that differs.

use crate::policy::settings::{BadEnvironment, Settings};
use edge_contract::env_vars::PREFIX;
use std::time::Duration;

/// Most time for requests in flight after SIGTERM; Lambda sends it only when there are none.
const IN_FLIGHT: Duration = Duration::from_millis(1_500);
/// Lambda kills what is left 500 ms after SIGTERM, so the app must have exited before.
const STOP: Duration = Duration::from_millis(200);

/// Variables, and what they mean on Lambda. The others mean the same as elsewhere.
pub const DIFFERENT: [(&str, &str); 22] = [
    ("LISTEN", "not used: requests arrive as invocations"),
    (
        "PRIVATE_LISTEN",
        "not used; `/.landfall/` requires the secret",
    ),
    (
        "TASK",
        "if it is not set: the last part of the log stream's name",
    ),
    ("THREADS", "if it is not set: 1"),
    (
        "START_MS",
        "counted in the init phase and within invocations",
    ),
    (
        "CONNECT_WAIT_MS",
        "applies after the app's first answer; until then requests wait as long as the invocation allows",
    ),
    (
        "DEADLINE_MS",
        "or the invocation's remaining time less a tenth (50 to 500 ms), if that is shorter; for the whole answer, or until it begins if it is streamed",
    ),
    ("REPLAY_BYTES", "not used: every body is kept"),
    ("LIMIT", "not used: there is one request at a time"),
    ("QUEUE_MS", "not used: there is no queue"),
    ("MAX_CONNECTIONS", "not used"),
    ("MAX_HEADER_BYTES", "not used: AWS has its own limit"),
    ("HEADER_MS", "not used"),
    ("BODY_MS", "not used"),
    ("SEND_MS", "not used"),
    ("IDLE_MS", "not used"),
    (
        "STREAM",
        "`on` if and only if the function URL's invoke mode is `RESPONSE_STREAM`",
    ),
    (
        "TRUSTED_HOPS",
        "at least 1: AWS itself sets `X-Forwarded-*`",
    ),
    ("LEAD_MS", "0"),
    ("DRAIN_MS", "at most 1500"),
    ("STOP_MS", "at most 200"),
    (
        "SUMMARY_MS",
        "0: none; otherwise a line at the end of an invocation, at most one per second, and one at the end",
    ),
];

impl Settings {
    /// Parses the variables like [`Settings::read`], with their meaning on Lambda. The app may use
    /// the port on which the edge listens elsewhere.
    ///
    /// # Errors
    /// All problems.
    pub fn read_on_lambda<N, V>(
        environment: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Settings, BadEnvironment>
    where
        N: AsRef<str>,
        V: Into<String>,
    {
        Ok(Settings::read_where(environment, false)?.on_lambda())
    }

    /// Adapts settings to Lambda.
    #[must_use]
    fn on_lambda(mut self) -> Settings {
        // Port 0 matches no listener: hints about the app's port must not leave out a real one.
        self.listen.set_port(0);
        self.private_listen = None;
        self.threads = self.threads.or(Some(1));
        self.trusted_hops = self.trusted_hops.max(1);
        self.limit = None;
        self.drain.lead = Duration::ZERO;
        self.drain.closing = Duration::ZERO;
        self.drain.in_flight = self.drain.in_flight.min(IN_FLIGHT);
        self.drain.stop = self.drain.stop.min(STOP);
        self
    }
}

/// The table of differences as Markdown; `tests/contract.rs` compares it with the README.
pub fn table() -> String {
    let mut out = String::from("| variable | on Lambda |\n|---|---|\n");
    for (name, meaning) in DIFFERENT {
        out.push_str(&format!("| `{PREFIX}{name}` | {meaning} |\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge_contract::env_vars::VARIABLES;

    #[test]
    fn every_name_is_a_variable() {
        for (name, _) in DIFFERENT {
            assert!(
                VARIABLES.iter().any(|variable| variable.name == name),
                "{name}"
            );
        }
    }

    #[test]
    fn the_app_may_use_the_default_port_of_the_edge() {
        let pairs = [("LANDFALL_EDGE_APP", "8080")];
        assert!(Settings::read(pairs).is_err());
        let settings = Settings::read_on_lambda(pairs).expect("settings");
        assert_eq!((settings.app.port(), settings.listen.port()), (8080, 0));
        let wrong = Settings::read_on_lambda([("LANDFALL_EDGE_APP", "none")]);
        assert!(wrong.is_err());
    }

    #[test]
    fn explicit_values_are_kept_where_possible() {
        let read = |pairs: &[(&str, &str)]| {
            let app = ("LANDFALL_EDGE_APP", "3000");
            let pairs = pairs.iter().copied().chain([app]);
            Settings::read_on_lambda(pairs).expect("settings")
        };
        let plain = read(&[]);
        assert_eq!(
            (plain.threads, plain.trusted_hops, plain.limit),
            (Some(1), 1, None)
        );
        let most =
            plain.drain.lead + plain.drain.closing + plain.drain.in_flight + plain.drain.stop;
        assert!(most < Duration::from_secs(2), "{most:?}");
        let own = read(&[
            ("LANDFALL_EDGE_THREADS", "2"),
            ("LANDFALL_EDGE_TRUSTED_HOPS", "2"),
            ("LANDFALL_EDGE_STOP_MS", "50"),
        ]);
        assert_eq!((own.threads, own.trusted_hops), (Some(2), 2));
        assert_eq!(own.drain.stop, Duration::from_millis(50));
    }
}
