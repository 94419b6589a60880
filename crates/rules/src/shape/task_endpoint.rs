//! The port and the health check of a task, as the load balancer is configured.

use crate::app::manifest::Manifest;
use edge_contract::{HEALTH_PATH, PORT};

/// Where the load balancer connects to in a task, and how it checks health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEndpoint {
    /// Port of the task.
    pub port: u16,
    /// Path of the health check.
    pub health_path: String,
    /// Failed checks in a row after which the task gets no more requests.
    pub unhealthy_threshold: u32,
}

impl TaskEndpoint {
    /// The edge's endpoint, or without the edge that of the app.
    pub fn of(manifest: &Manifest) -> TaskEndpoint {
        if manifest.edge {
            // The edge distinguishes a random 500 from an app that is down: few checks suffice.
            return TaskEndpoint {
                port: PORT,
                health_path: HEALTH_PATH.to_owned(),
                unhealthy_threshold: 3,
            };
        }
        TaskEndpoint {
            port: manifest.port.get(),
            health_path: manifest.health.to_string(),
            // An app that fails a tenth of its requests at random fails ten checks in a row with a
            // probability of 10^-10.
            unhealthy_threshold: 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{Draft, Facts, Overrides};

    #[test]
    fn without_an_edge_the_load_balancer_connects_to_the_app() {
        let facts = Facts {
            directory_name: "app".into(),
            dockerfile: Some("FROM scratch\nEXPOSE 3000\n".into()),
            protected: vec![],
        };
        let endpoint = |text: &str| {
            let manifest = Draft::read(Some(text)).resolve(&facts, &Overrides::default());
            TaskEndpoint::of(&manifest.expect("a manifest"))
        };
        let own = endpoint("edge = false\nhealth = \"/up\"\n");
        assert_eq!((own.port, own.health_path.as_str()), (3000, "/up"));
        let edge = endpoint("health = \"/up\"\n");
        assert_eq!((edge.port, edge.health_path.as_str()), (PORT, HEALTH_PATH));
    }
}
