//! A revision: an image by digest together with its settings. It never changes.

use crate::app::manifest::{
    Architecture, Container, DEFAULT_REQUEST_SECONDS, DEFAULT_START_SECONDS, Manifest, Reference,
    SecretName, Target, default_request_seconds, default_start_seconds,
};
use crate::release::edge_environment::{self, EdgeTask};
use crate::release::secrets_loader;
use edge_contract::PORT;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Content address of an image manifest: `sha256:` and 64 hexadecimal digits
/// (<https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests>).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Parses `sha256:…`; [`None`] for anything else.
    pub fn parse(text: &str) -> Option<Digest> {
        let hex = text.strip_prefix("sha256:")?;
        let is_hex = hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (hex.len() == 64 && is_hex).then(|| Digest(text.to_owned()))
    }

    /// The whole digest.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve hexadecimal digits, for people.
    pub fn short(&self) -> &str {
        &self.0["sha256:".len()..][..12]
    }
}

impl TryFrom<String> for Digest {
    type Error = String;
    fn try_from(text: String) -> Result<Digest, String> {
        Digest::parse(&text).ok_or_else(|| format!("not a digest: {text}"))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An image that can be pulled and cannot change: repository and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Registry host and repository.
    pub repository_url: String,
    /// Digest of the image manifest.
    pub digest: Digest,
}

impl std::fmt::Display for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.repository_url, self.digest)
    }
}

impl Image {
    /// Parses `repository@sha256:…`; [`None`] for a reference by tag.
    pub fn parse(reference: &str) -> Option<Image> {
        let (repository_url, digest) = reference.split_once('@')?;
        Some(Image {
            repository_url: repository_url.to_owned(),
            digest: Digest::parse(digest)?,
        })
    }
}

/// How the image is run. Two revisions with the same digest and settings are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Fargate or Lambda.
    #[serde(default, skip_serializing_if = "is_fargate")]
    pub target: Target,
    /// Port the container listens on.
    pub port: u16,
    /// CPU units; 1024 are one vCPU.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory: u32,
    /// CPU architecture.
    pub architecture: Architecture,
    /// Environment variables of the app.
    pub env: BTreeMap<String, String>,
    /// Seconds between SIGTERM and SIGKILL.
    pub stop_timeout: u32,
    /// Settings of the edge in front of the app, if there is one.
    pub edge: Option<EdgeSettings>,
    /// The container's restrictions; [`None`] for a revision from before there were any, which keeps Docker's
    /// defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// References to the app's secrets, never their values. A secret that was set again has another version, so
    /// that it is another revision and is released.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<SecretName, Reference>,
}

/// Revisions from before there were two targets keep their ids.
fn is_fargate(target: &Target) -> bool {
    *target == Target::Fargate
}

/// Settings of the edge that differ between revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeSettings {
    /// Path that it requests to check that the app answers.
    pub ready_path: String,
    /// Seconds for requests in flight to finish.
    pub drain_seconds: u32,
    /// Seconds until the app's first answer. Revisions from before this setting keep their ids.
    #[serde(
        default = "default_start_seconds",
        skip_serializing_if = "is_default_start"
    )]
    pub start_seconds: u32,
    /// Seconds until a response begins. Revisions from before this setting keep their ids.
    #[serde(
        default = "default_request_seconds",
        skip_serializing_if = "is_default_request"
    )]
    pub request_seconds: u32,
}

fn is_default_start(seconds: &u32) -> bool {
    *seconds == DEFAULT_START_SECONDS
}

fn is_default_request(seconds: &u32) -> bool {
    *seconds == DEFAULT_REQUEST_SECONDS
}

impl Settings {
    /// The settings of a manifest, for an image that sets no user.
    pub fn from_manifest(manifest: &Manifest) -> Settings {
        Settings::for_image(manifest, "")
    }

    /// The settings of a manifest, without its secrets. `image_user` is the user in the image's configuration;
    /// empty if it sets none.
    pub fn for_image(manifest: &Manifest, image_user: &str) -> Settings {
        let container = &manifest.container;
        Settings {
            target: manifest.target,
            port: manifest.port.get(),
            cpu: manifest.cpu.units(),
            memory: manifest.memory.mib(),
            architecture: manifest.architecture,
            env: manifest.env.clone(),
            stop_timeout: if manifest.edge {
                edge_environment::stop_timeout(manifest.drain_seconds)
            } else {
                // Fargate's default. The app of a drained slot gets no requests.
                30
            },
            edge: manifest.edge.then(|| EdgeSettings {
                ready_path: manifest.health.to_string(),
                drain_seconds: manifest.drain_seconds,
                start_seconds: manifest.start_seconds,
                request_seconds: manifest.request_seconds,
            }),
            container: Some(match manifest.target {
                Target::Fargate => container.of_image(image_user),
                Target::Lambda => container.on_lambda(),
            }),
            secrets: BTreeMap::new(),
        }
    }

    /// The variables of the edge for `revision` with these settings; empty without an edge.
    pub fn edge_variables(&self, revision: &RevisionId) -> BTreeMap<String, String> {
        let Some(edge) = &self.edge else {
            return BTreeMap::new();
        };
        // A revision without container settings has the default of the edge.
        let allows = |container: &Container| !container.no_new_privileges;
        edge_environment::variables(&EdgeTask {
            target: self.target,
            port: self.port,
            ready_path: &edge.ready_path,
            drain_seconds: edge.drain_seconds,
            start_seconds: edge.start_seconds,
            request_seconds: edge.request_seconds,
            no_new_privileges: !self.container.as_ref().is_some_and(allows),
            revision: &revision.0,
        })
    }
}

/// An image and how it is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The image.
    pub image: Image,
    /// How it is run.
    pub settings: Settings,
}

/// The id of a revision: twelve hexadecimal digits of a hash over image digest and settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevisionId(pub String);

impl std::fmt::Display for RevisionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Revision {
    /// Port of the task that the load balancer connects to.
    pub fn front_port(&self) -> u16 {
        match self.settings.edge {
            Some(_) => PORT,
            None => self.settings.port,
        }
    }

    /// Environment of the container: the app's variables, those of the edge, and on Lambda the references of the
    /// secrets to fetch. On Fargate the task definition has these.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut all = self.settings.env.clone();
        all.extend(self.settings.edge_variables(&self.id()));
        let references = &self.settings.secrets;
        if self.settings.target == Target::Lambda && !references.is_empty() {
            all.insert(
                secrets_loader::VARIABLE.to_owned(),
                secrets_loader::write(references),
            );
        }
        all
    }

    /// The same digest and settings have the same id on every machine.
    ///
    /// The first hashed line is the layout of a task. It changes when a newer landfall runs the same revision
    /// differently, so that the next `up` releases it. A revision from before layout 3 runs unchanged and keeps
    /// its id.
    pub fn id(&self) -> RevisionId {
        let mut hash = Sha256::new();
        hash.update(match self.settings.container {
            None => b"layout 2\n",
            Some(_) => b"layout 3\n",
        });
        hash.update(self.image.digest.as_str());
        hash.update(b"\n");
        // Struct fields and a BTreeMap: the order is fixed.
        hash.update(serde_json::to_vec(&self.settings).unwrap_or_default());
        let hex: String = hash
            .finalize()
            .iter()
            .take(6)
            .map(|b| format!("{b:02x}"))
            .collect();
        RevisionId(hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::SecretsStore;
    use crate::time::Timestamp;

    fn revision() -> Revision {
        Revision {
            image: Image {
                repository_url: "registry/uptime-prod".into(),
                digest: Digest::parse(&format!("sha256:{}", "ab".repeat(32))).expect("digest"),
            },
            settings: Settings {
                target: Target::Fargate,
                port: 8080,
                cpu: 256,
                memory: 512,
                architecture: Architecture::X86_64,
                env: BTreeMap::new(),
                stop_timeout: 30,
                edge: None,
                container: None,
                secrets: BTreeMap::new(),
            },
        }
    }

    fn with_secret(version: &str, changed: Option<u64>) -> Settings {
        let reference = Reference {
            store: SecretsStore::ParameterStore,
            id: "/landfall/uptime-prod/KEY".into(),
            version: version.into(),
            changed: changed.map(Timestamp),
        };
        let name = SecretName::parse("KEY").expect("a name");
        Settings {
            secrets: BTreeMap::from([(name, reference)]),
            ..revision().settings
        }
    }

    #[test]
    fn the_same_image_in_another_repository_is_the_same_revision() {
        let mut moved = revision();
        moved.image.repository_url = "elsewhere/uptime-prod".into();
        assert_eq!(moved.id(), revision().id());
    }

    #[test]
    fn every_setting_changes_the_id() {
        let original = revision().id();
        let changes: [fn(&mut Settings); 9] = [
            |s| s.target = Target::Lambda,
            |s| s.port = 81,
            |s| s.cpu = 512,
            |s| s.memory = 1024,
            |s| s.architecture = Architecture::Arm64,
            |s| s.stop_timeout = 31,
            |s| {
                s.edge = Some(EdgeSettings {
                    ready_path: "/".into(),
                    drain_seconds: 20,
                    start_seconds: DEFAULT_START_SECONDS,
                    request_seconds: DEFAULT_REQUEST_SECONDS,
                });
            },
            |s| s.container = Some(Container::default()),
            |s| {
                s.env.insert("A".into(), "b".into());
            },
        ];
        for change in changes {
            let mut changed = revision();
            change(&mut changed.settings);
            assert_ne!(changed.id(), original, "{:?}", changed.settings);
        }
    }

    #[test]
    fn a_secret_that_was_set_again_makes_another_revision() {
        let id = |settings| {
            let revision = Revision {
                settings,
                ..revision()
            };
            revision.id()
        };
        let first = id(with_secret("1", Some(1)));
        assert_ne!(first, revision().id());
        assert_eq!(first, id(with_secret("1", Some(1))));
        assert_ne!(first, id(with_secret("2", Some(1))));
        // Unset and set again: the numbers start at 1.
        assert_ne!(first, id(with_secret("1", Some(2))));
    }

    #[test]
    fn only_a_function_has_a_variable_with_its_secrets() {
        let variable = |target| {
            let revision = Revision {
                settings: Settings {
                    target,
                    ..with_secret("3", None)
                },
                ..revision()
            };
            revision.environment().remove(secrets_loader::VARIABLE)
        };
        assert_eq!(variable(Target::Fargate), None);
        let word = "KEY=parameter-store:/landfall/uptime-prod/KEY#3";
        assert_eq!(variable(Target::Lambda).as_deref(), Some(word));
    }

    #[test]
    fn a_revision_from_before_containers_had_settings_keeps_its_id() {
        // As it is in a ledger.
        let text = r#"{"port":8080,"cpu":256,"memory":512,"architecture":"x86_64","env":{},"stop_timeout":30,"edge":null}"#;
        let recorded = Revision {
            settings: serde_json::from_str(text).expect("settings"),
            ..revision()
        };
        assert_eq!(recorded, revision());
        assert_eq!(recorded.id().to_string(), "734316b3cf1f");
    }

    #[test]
    fn only_valid_digests_are_accepted() {
        for bad in [
            "latest",
            "sha256:ab",
            "sha512:00",
            &format!("sha256:{}", "G".repeat(64)),
        ] {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
        assert_eq!(Image::parse("registry/app:latest"), None);
        let text = revision().image.to_string();
        assert_eq!(Image::parse(&text).map(|i| i.to_string()), Some(text));
    }
}
