//! The environment of the edge in a task or function, and how long a task may take to stop.

use crate::app::manifest::{DEFAULT_REQUEST_SECONDS, DEFAULT_START_SECONDS, Target};
use edge_contract::PORT;
use edge_contract::env_vars::PREFIX;
use std::collections::BTreeMap;

/// CloudFront and the load balancer: both are trusted to report a user's address and protocol.
const TRUSTED_HOPS: u32 = 2;
/// Seconds for which the edge accepts new connections after SIGTERM. ECS deregisters a task from
/// the load balancer before it sends the signal; this covers the load balancer's slowest node.
const LEAD_SECONDS: u32 = 5;
/// Seconds the app gets to exit after its SIGTERM.
const STOP_SECONDS: u32 = 4;
/// Seconds the edge needs on top of the other phases.
const MARGIN_SECONDS: u32 = 1;

/// Seconds between SIGTERM and SIGKILL that a drain with the edge needs.
pub fn stop_timeout(drain_seconds: u32) -> u32 {
    LEAD_SECONDS + drain_seconds + STOP_SECONDS + MARGIN_SECONDS
}

/// A task or function that runs an app behind the edge.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct EdgeTask<'a> {
    pub target: Target,
    /// The app's own port.
    pub port: u16,
    /// Path that the edge requests to see whether the app answers.
    pub ready_path: &'a str,
    pub drain_seconds: u32,
    pub start_seconds: u32,
    pub request_seconds: u32,
    pub no_new_privileges: bool,
    /// Id of the revision.
    pub revision: &'a str,
}

/// The variables of the edge.
pub fn variables(task: &EdgeTask<'_>) -> BTreeMap<String, String> {
    let millis = |seconds: u32| (u64::from(seconds) * 1000).to_string();
    let everywhere = [
        ("APP", task.port.to_string()),
        ("REVISION", task.revision.to_owned()),
        ("READY_PATH", task.ready_path.to_owned()),
    ];
    // On Lambda the platform decides the rest (`policy/lambda/environment.rs` of the edge).
    let in_tasks = [
        ("LISTEN", format!("0.0.0.0:{PORT}")),
        ("TRUSTED_HOPS", TRUSTED_HOPS.to_string()),
        ("FORWARDED_PROTO", "https".to_owned()),
        ("LEAD_MS", millis(LEAD_SECONDS)),
        ("DRAIN_MS", millis(task.drain_seconds)),
        ("STOP_MS", millis(STOP_SECONDS)),
    ];
    // Set only where it differs from the default: older edges do not know the variable.
    let privileges = (!task.no_new_privileges).then(|| ("NO_NEW_PRIVILEGES", "off".to_owned()));
    // As above.
    let unless = |usual: u32, name, seconds| (seconds != usual).then(|| (name, millis(seconds)));
    let start = unless(DEFAULT_START_SECONDS, "START_MS", task.start_seconds);
    let request = unless(DEFAULT_REQUEST_SECONDS, "DEADLINE_MS", task.request_seconds);
    let in_tasks = in_tasks
        .into_iter()
        .chain(start)
        .chain(request)
        .filter(|_| task.target == Target::Fargate);
    everywhere
        .into_iter()
        .chain(in_tasks)
        .chain(privileges)
        .map(|(name, value)| (format!("{PREFIX}{name}"), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge_contract::env_vars::VARIABLES;

    /// `crates/edge/tests/contract.rs` has the edge parse the values.
    #[test]
    fn every_variable_is_in_the_table() {
        for target in [Target::Fargate, Target::Lambda] {
            let variables = variables(&EdgeTask {
                target,
                port: 3000,
                ready_path: "/",
                drain_seconds: 15,
                start_seconds: 600,
                request_seconds: 90,
                no_new_privileges: false,
                revision: "e790b3b3dbaf",
            });
            assert!(variables.contains_key("LANDFALL_EDGE_NO_NEW_PRIVILEGES"));
            let of = |name: &str| {
                variables
                    .get(&format!("{PREFIX}{name}"))
                    .map(String::as_str)
            };
            let expected = match target {
                Target::Fargate => (Some("600000"), Some("90000")),
                // Lambda's own limits apply there.
                Target::Lambda => (None, None),
            };
            assert_eq!((of("START_MS"), of("DEADLINE_MS")), expected);
            for name in variables.keys() {
                let short = name.strip_prefix(PREFIX).expect("the prefix");
                assert!(VARIABLES.iter().any(|known| known.name == short), "{name}");
            }
        }
    }

    #[test]
    fn fargate_allows_the_stop_timeout() {
        // The largest value that the manifest accepts.
        assert!(stop_timeout(110) <= 120);
    }
}
