//! What an engine says of itself, and of an image.

use super::{Engine, LocalImage};
use rules::operate::doctor::app::Image;
use rules::operate::doctor::machine;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) engine: machine::Engine,
    /// Where it keeps images.
    pub(crate) root: String,
    /// Whether it runs on this very kernel: only then its directories and processes are this machine's.
    pub(crate) is_here: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Docker {
    #[serde(default)]
    server_version: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    docker_root_dir: String,
    #[serde(default)]
    kernel_version: String,
    #[serde(default)]
    operating_system: String,
}

#[derive(Deserialize)]
struct Podman {
    host: PodmanHost,
    store: PodmanStore,
    version: PodmanVersion,
}

#[derive(Deserialize)]
struct PodmanHost {
    arch: String,
    kernel: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodmanStore {
    graph_root: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PodmanVersion {
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    #[serde(default)]
    config: Option<InspectedConfig>,
    /// Only where the engine keeps images as registries do.
    #[serde(default)]
    descriptor: Option<Descriptor>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct InspectedConfig {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    volumes: Option<BTreeMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
}

impl Engine {
    /// Asks the engine about itself.
    ///
    /// # Errors
    /// It does not answer, or in a way that cannot be read.
    pub(crate) async fn about(&self) -> Result<About, String> {
        let format = if self.is_podman { "json" } else { "{{json .}}" };
        let answer = self.output(&["info", "--format", format]).await;
        let text = answer.map_err(|failure| failure.what)??;
        let name = self.program.file_name();
        let name = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        About::read(&text, &name, self.is_podman).map_err(|error| error.to_string())
    }

    /// An image as the engine describes it; what it leaves out stays empty.
    pub(crate) async fn describe(&self, image: &LocalImage) -> Image {
        let text = self.output(&["image", "inspect", &image.id]).await;
        let text = text.unwrap_or_else(|failure| Err(failure.what));
        let inspected = text
            .ok()
            .and_then(|text| serde_json::from_str::<Vec<Inspected>>(&text).ok())
            .and_then(|all| all.into_iter().next());
        let (config, descriptor) =
            inspected.map_or((None, None), |one| (one.config, one.descriptor));
        let config = config.unwrap_or_default();
        Image {
            name: image.name().to_owned(),
            architecture: image.architecture.clone(),
            size: image.size,
            index: descriptor.is_some_and(|descriptor| is_index(&descriptor.media_type)),
            user: config.user.unwrap_or_default(),
            volumes: config.volumes.unwrap_or_default().into_keys().collect(),
            exposed: image.exposed.clone(),
            command: image.command.clone(),
        }
    }
}

impl About {
    fn read(text: &str, name: &str, is_podman: bool) -> Result<About, serde_json::Error> {
        let docker = if is_podman {
            let podman: Podman = serde_json::from_str(text)?;
            Docker {
                server_version: podman.version.version,
                architecture: podman.host.arch,
                docker_root_dir: podman.store.graph_root,
                kernel_version: podman.host.kernel,
                operating_system: String::new(),
            }
        } else {
            serde_json::from_str(text)?
        };
        let uname = rustix::system::uname();
        let is_here = uname.release().to_string_lossy() == docker.kernel_version;
        let emulates = if docker.operating_system.contains("Docker Desktop") {
            Some(true)
        } else {
            is_here.then(|| runs_foreign_programs(&docker.architecture))
        };
        Ok(About {
            engine: machine::Engine {
                name: name.to_owned(),
                version: docker.server_version,
                processor: docker.architecture,
                emulates,
            },
            root: docker.docker_root_dir,
            is_here,
        })
    }
}

/// Whether this kernel starts programs of the other processor by an emulator
/// (<https://docs.kernel.org/admin-guide/binfmt-misc.html>).
fn runs_foreign_programs(own: &str) -> bool {
    let other = match own {
        "x86_64" | "amd64" => "qemu-aarch64",
        _ => "qemu-x86_64",
    };
    Path::new("/proc/sys/fs/binfmt_misc").join(other).exists()
}

fn is_index(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.oci.image.index.v1+json"
            | "application/vnd.docker.distribution.manifest.list.v2+json"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_are_understood() {
        let docker = r#"{"ServerVersion":"29.1.0","Architecture":"aarch64","KernelVersion":"0",
            "DockerRootDir":"/var/lib/docker","OperatingSystem":"Docker Desktop","Swarm":{}}"#;
        let about = About::read(docker, "docker", false).expect("an answer");
        assert_eq!(
            about,
            About {
                engine: machine::Engine {
                    name: "docker".into(),
                    version: "29.1.0".into(),
                    processor: "aarch64".into(),
                    emulates: Some(true),
                },
                root: "/var/lib/docker".into(),
                is_here: false,
            }
        );
        let podman = r#"{"host":{"arch":"amd64","kernel":"0","os":"linux"},
            "store":{"graphRoot":"/home/ann/.local/share/containers/storage"},
            "version":{"Version":"5.6.0","APIVersion":"5.6.0"}}"#;
        let about = About::read(podman, "podman", true).expect("an answer");
        assert_eq!(about.engine.version, "5.6.0");
        assert_eq!(about.engine.emulates, None);
        assert!(about.root.ends_with("storage"));
    }

    #[test]
    fn a_list_of_images_is_told_by_its_type() {
        let text = r#"{"Config":{"User":"65532","Volumes":{"/data":{}}},
            "Descriptor":{"mediaType":"application/vnd.oci.image.index.v1+json","size":856}}"#;
        let one: Inspected = serde_json::from_str(text).expect("an answer");
        assert!(one.descriptor.is_some_and(|it| is_index(&it.media_type)));
        assert!(!is_index("application/vnd.oci.image.manifest.v1+json"));
    }
}
