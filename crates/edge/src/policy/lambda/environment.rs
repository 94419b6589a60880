//! What the contract's variables mean on Lambda, where that differs.

use crate::policy::settings::{BadEnvironment, Settings};
use rules::edge_contract::env_vars::PREFIX;
use std::time::Duration;

/// Requests in flight get this long at most after SIGTERM; Lambda sends none while there are any.
const IN_FLIGHT: Duration = Duration::from_millis(1_500);
/// Lambda kills what is left 500 ms after SIGTERM; the app has to be gone before.
const STOP: Duration = Duration::from_millis(200);

/// Variables and what they are on Lambda. All others mean what they always do.
pub const DIFFERENT: [(&str, &str); 22] = [
    ("LISTEN", "not used: users come in through invocations"),
    (
        "PRIVATE_LISTEN",
        "not used; `/.landfall/` answers to the secret",
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
        "from the app's first answer on; until then as long as the invocation may take",
    ),
    (
        "DEADLINE_MS",
        "or what the invocation has left without a tenth of it (50 to 500 ms), if that is less; of the whole answer, or until it begins if it is streamed",
    ),
    ("REPLAY_BYTES", "not used: every body is kept"),
    ("LIMIT", "not used: there is one request at a time"),
    ("QUEUE_MS", "not used: nobody waits in line"),
    ("MAX_CONNECTIONS", "not used"),
    ("MAX_HEADER_BYTES", "not used: AWS has a limit of its own"),
    ("HEADER_MS", "not used"),
    ("BODY_MS", "not used"),
    ("SEND_MS", "not used"),
    ("IDLE_MS", "not used"),
    (
        "STREAM",
        "`on` only with function URLs whose invoke mode is `RESPONSE_STREAM`, and always with those",
    ),
    (
        "TRUSTED_HOPS",
        "1 at least: AWS itself writes `X-Forwarded-*`",
    ),
    ("LEAD_MS", "0"),
    ("DRAIN_MS", "1500 at most"),
    ("STOP_MS", "200 at most"),
    (
        "SUMMARY_MS",
        "0: never; else a line when an invocation ends, a second after the last one at the earliest, and at the end",
    ),
];

impl Settings {
    /// Reads the variables as [`Settings::read`] does, with what they mean on Lambda. The app may have the
    /// port on which the edge would listen elsewhere.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn read_on_lambda<N, V>(
        environment: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Settings, BadEnvironment>
    where
        N: AsRef<str>,
        V: Into<String>,
    {
        Ok(Settings::read_where(environment, false)?.on_lambda())
    }

    /// The same settings as they are on Lambda.
    #[must_use]
    fn on_lambda(mut self) -> Settings {
        // No port: whoever looks for the app may find it on one of these.
        self.listen.set_port(0);
        self.private_listen = None;
        self.threads = self.threads.or(Some(1));
        self.trusted_hops = self.trusted_hops.max(1);
        self.limit = None;
        self.drain.lead = Duration::ZERO;
        self.drain.last_call = Duration::ZERO;
        self.drain.in_flight = self.drain.in_flight.min(IN_FLIGHT);
        self.drain.stop = self.drain.stop.min(STOP);
        self
    }
}

/// The table of what differs in Markdown, as it stands in the documentation.
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
    use rules::edge_contract::env_vars::VARIABLES;

    #[test]
    fn all_names_are_known() {
        for (name, _) in DIFFERENT {
            assert!(
                VARIABLES.iter().any(|variable| variable.name == name),
                "{name}"
            );
        }
    }

    #[test]
    fn the_app_may_have_the_port_that_the_edge_has_elsewhere() {
        let pairs = [("LANDFALL_EDGE_APP", "8080")];
        assert!(Settings::read(pairs).is_err());
        let settings = Settings::read_on_lambda(pairs).expect("settings");
        assert_eq!((settings.app.port(), settings.listen.port()), (8080, 0));
        let wrong = Settings::read_on_lambda([("LANDFALL_EDGE_APP", "none")]);
        assert!(wrong.is_err());
    }

    #[test]
    fn what_was_asked_for_stays_where_it_can() {
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
            plain.drain.lead + plain.drain.last_call + plain.drain.in_flight + plain.drain.stop;
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
