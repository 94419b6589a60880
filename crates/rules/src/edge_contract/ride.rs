//! How the edge rides in a container: where it lies in the image, what it is told, where the load
//! balancer finds it.

use crate::app::manifest::{Container, Manifest, Target};
use crate::release::revision::{RevisionId, Settings};
use std::collections::BTreeMap;

/// Where the edge lies in the image. The directory's name begins with a dot so that no app has it.
pub const PATH: &str = "/.landfall/edge";
/// Port on which the edge takes requests in a task. The app keeps its own, and a change of that one
/// changes nothing outside the container.
pub const PORT: u16 = 8181;
/// Path that tells the load balancer whether the app is up.
pub const HEALTH: &str = "/.landfall/health";
/// Variable of the secret that opens the counts of a task's edge.
pub const SECRET: &str = "LANDFALL_EDGE_SECRET";
/// Variable that names the revision in every summary.
pub const REVISION: &str = "LANDFALL_EDGE_REVISION";
/// Path of the counts.
pub const SUMMARY: &str = "/.landfall/summary";
/// Header that bears the secret.
pub const SECRET_HEADER: &str = "x-landfall-secret";
/// Header that, beside the secret, marks a request as a probe of landfall's.
pub const PROBE_HEADER: &str = "x-landfall-probe";
/// CloudFront and the load balancer: what they say of a user's address and protocol is true.
const TRUSTED_HOPS: u32 = 2;
/// How long users still come in after SIGTERM. ECS takes a task out of the load balancer before it
/// sends the signal; this is for its slowest node.
const LEAD_SECONDS: u32 = 5;
/// How long the app itself may take to end.
const STOP_SECONDS: u32 = 4;
/// What the edge needs for itself between these three.
const MARGIN_SECONDS: u32 = 1;

/// Where the load balancer connects to, and what it asks for health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontOfTask {
    /// Port of the task.
    pub port: u16,
    /// Path of the health check.
    pub health_path: String,
    /// Failed checks in a row after which a target gets no more requests.
    pub unhealthy_threshold: u32,
}

impl FrontOfTask {
    /// The edge's, or where there is none the app's own.
    pub fn of(manifest: &Manifest) -> FrontOfTask {
        if manifest.edge {
            // The edge tells a random 500 from an app that is down, so that a few checks suffice.
            return FrontOfTask {
                port: PORT,
                health_path: HEALTH.to_owned(),
                unhealthy_threshold: 3,
            };
        }
        FrontOfTask {
            port: manifest.port.get(),
            health_path: manifest.health.to_string(),
            // An app that fails a tenth of its requests at random fails ten checks in a row once in
            // 10^10 times.
            unhealthy_threshold: 10,
        }
    }
}

/// Seconds between SIGTERM and SIGKILL that the edge needs for its drain.
pub fn stop_timeout(drain_seconds: u32) -> u32 {
    LEAD_SECONDS + drain_seconds + STOP_SECONDS + MARGIN_SECONDS
}

/// What the edge is told in a task that runs `revision` with `settings`.
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
    // On Lambda the rest is a matter of the platform (`edge::lambda::environment`).
    let in_tasks = [
        ("LISTEN", format!("0.0.0.0:{PORT}")),
        ("TRUSTED_HOPS", TRUSTED_HOPS.to_string()),
        ("FORWARDED_PROTO", "https".to_owned()),
        ("LEAD_MS", millis(LEAD_SECONDS)),
        ("DRAIN_MS", millis(ride.drain_seconds)),
        ("STOP_MS", millis(STOP_SECONDS)),
    ];
    // Said only where it is not what edges do by themselves: older ones do not know the word.
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
        .map(|(name, value)| {
            (
                format!("{}{name}", crate::edge_contract::env_vars::PREFIX),
                value,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{Draft, Facts, Overrides};
    use crate::edge_contract::settings::Settings as EdgeSettings;

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

    #[test]
    fn the_edge_understands_what_it_is_told() {
        for text in [
            "",
            "drain_seconds = 0\n",
            "drain_seconds = 110\nhealth = \"/up\"\n",
            "container = { no_new_privileges = false }\n",
        ] {
            let manifest = manifest(text);
            let told = environment(&Settings::of(&manifest), &RevisionId("e790b3b3dbaf".into()));
            EdgeSettings::read(told).unwrap_or_else(|problem| panic!("{text}: {problem}"));
            assert!(
                stop_timeout(manifest.drain_seconds) <= 120,
                "Fargate's limit"
            );
        }
    }

    #[test]
    fn without_an_edge_the_app_is_asked_itself() {
        let manifest = manifest("edge = false\nhealth = \"/up\"\n");
        let front = FrontOfTask::of(&manifest);
        assert_eq!((front.port, front.health_path.as_str()), (3000, "/up"));
        let told = environment(&Settings::of(&manifest), &RevisionId("a".into()));
        assert!(told.is_empty());
    }
}
