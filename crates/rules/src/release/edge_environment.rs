//! The environment of the edge in a task or function, and how long a task may take to stop.

use crate::app::manifest::{Container, Target};
use crate::edge_contract::PORT;
use crate::edge_contract::env_vars::PREFIX;
use crate::release::revision::{RevisionId, Settings};
use std::collections::BTreeMap;

/// CloudFront and the load balancer: both are trusted to report a user's address and protocol.
const TRUSTED_HOPS: u32 = 2;
/// Seconds for which the edge accepts new connections after SIGTERM. ECS deregisters a task from the
/// load balancer before it sends the signal; this covers the load balancer's slowest node.
const LEAD_SECONDS: u32 = 5;
/// Seconds the app gets to exit after its SIGTERM.
const STOP_SECONDS: u32 = 4;
/// Seconds the edge needs on top of the other phases.
const MARGIN_SECONDS: u32 = 1;

/// Seconds between SIGTERM and SIGKILL that a drain with the edge needs.
pub fn stop_timeout(drain_seconds: u32) -> u32 {
    LEAD_SECONDS + drain_seconds + STOP_SECONDS + MARGIN_SECONDS
}

/// The variables of the edge for a task or function that runs `revision` with `settings`; empty
/// without the edge.
pub fn environment(settings: &Settings, revision: &RevisionId) -> BTreeMap<String, String> {
    let Some(ride) = &settings.edge else {
        return BTreeMap::new();
    };
    let millis = |seconds: u32| (u64::from(seconds) * 1000).to_string();
    let everywhere = [
        ("APP", settings.port.to_string()),
        ("REVISION", revision.to_string()),
        ("READY_PATH", ride.ready_path.clone()),
    ];
    // On Lambda the platform decides the rest (`policy/lambda/environment.rs` of the edge).
    let in_tasks = [
        ("LISTEN", format!("0.0.0.0:{PORT}")),
        ("TRUSTED_HOPS", TRUSTED_HOPS.to_string()),
        ("FORWARDED_PROTO", "https".to_owned()),
        ("LEAD_MS", millis(LEAD_SECONDS)),
        ("DRAIN_MS", millis(ride.drain_seconds)),
        ("STOP_MS", millis(STOP_SECONDS)),
    ];
    // Set only where it differs from the default: older edges do not know the variable.
    let allows = |container: &Container| !container.no_new_privileges;
    let unlocked = settings.container.as_ref().is_some_and(allows);
    let unlocked = unlocked.then(|| ("NO_NEW_PRIVILEGES", "off".to_owned()));
    let in_tasks = in_tasks
        .into_iter()
        .filter(|_| settings.target == Target::Fargate);
    everywhere
        .into_iter()
        .chain(in_tasks)
        .chain(unlocked)
        .map(|(name, value)| (format!("{PREFIX}{name}"), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{Draft, Facts, Manifest, Overrides};
    use crate::edge_contract::env_vars::VARIABLES;

    fn manifest(text: &str) -> Manifest {
        let facts = Facts {
            directory_name: "app".into(),
            dockerfile: Some("FROM scratch\nEXPOSE 3000\n".into()),
            protected: vec![],
        };
        Draft::read(Some(text))
            .resolve(&facts, &Overrides::default())
            .expect("a manifest")
    }

    /// `crates/edge/tests/contract.rs` has the edge parse the values.
    #[test]
    fn every_variable_is_in_the_table() {
        for text in ["", "container = { no_new_privileges = false }\n"] {
            let settings = Settings::of(&manifest(text));
            let variables = environment(&settings, &RevisionId("e790b3b3dbaf".into()));
            for name in variables.keys() {
                let short = name.strip_prefix(PREFIX).expect("the prefix");
                assert!(VARIABLES.iter().any(|known| known.name == short), "{name}");
            }
        }
    }

    #[test]
    fn fargate_allows_the_stop_timeout() {
        for text in ["drain_seconds = 0\n", "drain_seconds = 110\n"] {
            assert!(stop_timeout(manifest(text).drain_seconds) <= 120, "{text}");
        }
    }

    #[test]
    fn without_an_edge_there_are_no_variables() {
        let settings = Settings::of(&manifest("edge = false\n"));
        assert!(environment(&settings, &RevisionId("a".into())).is_empty());
    }
}
