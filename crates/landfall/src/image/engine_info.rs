//! What the container engine reports info itself, for `landfall doctor`.

use crate::image::engine::Engine;
use rules::operate::doctor::machine;
use serde::Deserialize;
use std::path::Path;

/// What `info` prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EngineInfo {
    pub(crate) engine: machine::Engine,
    /// The directory of its images.
    pub(crate) root: String,
    /// Whether it runs on the same kernel. Otherwise its directories and processes are not those of
    /// this machine.
    pub(crate) is_local: bool,
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

impl Engine {
    /// Runs `info`.
    ///
    /// # Errors
    /// The engine does not answer, or its answer cannot be read.
    pub(crate) async fn info(&self) -> Result<EngineInfo, String> {
        let format = if self.is_podman { "json" } else { "{{json .}}" };
        let answer = self.output(&["info", "--format", format]).await;
        let text = answer.map_err(|failure| failure.what)??;
        let name = self.program.file_name();
        let name = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        EngineInfo::read(&text, &name, self.is_podman).map_err(|error| error.to_string())
    }
}

impl EngineInfo {
    fn read(text: &str, name: &str, is_podman: bool) -> Result<EngineInfo, serde_json::Error> {
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
        let is_local = uname.release().to_string_lossy() == docker.kernel_version;
        let emulates = if docker.operating_system.contains("Docker Desktop") {
            Some(true)
        } else {
            is_local.then(|| runs_foreign_programs(&docker.architecture))
        };
        Ok(EngineInfo {
            engine: machine::Engine {
                name: name.to_owned(),
                version: docker.server_version,
                processor: docker.architecture,
                emulates,
            },
            root: docker.docker_root_dir,
            is_local,
        })
    }
}

/// Whether this kernel runs programs for the other processor in an emulator
/// (<https://docs.kernel.org/admin-guide/binfmt-misc.html>).
fn runs_foreign_programs(own: &str) -> bool {
    let other = match own {
        "x86_64" | "amd64" => "qemu-aarch64",
        _ => "qemu-x86_64",
    };
    Path::new("/proc/sys/fs/binfmt_misc").join(other).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_docker_and_podman_are_read() {
        let docker = r#"{"ServerVersion":"29.1.0","Architecture":"aarch64","KernelVersion":"0",
            "DockerRootDir":"/var/lib/docker","OperatingSystem":"Docker Desktop","Swarm":{}}"#;
        let info = EngineInfo::read(docker, "docker", false).expect("an answer");
        assert_eq!(
            info,
            EngineInfo {
                engine: machine::Engine {
                    name: "docker".into(),
                    version: "29.1.0".into(),
                    processor: "aarch64".into(),
                    emulates: Some(true),
                },
                root: "/var/lib/docker".into(),
                is_local: false,
            }
        );
        let podman = r#"{"host":{"arch":"amd64","kernel":"0","os":"linux"},
            "store":{"graphRoot":"/home/ann/.local/share/containers/storage"},
            "version":{"Version":"5.6.0","APIVersion":"5.6.0"}}"#;
        let info = EngineInfo::read(podman, "podman", true).expect("an answer");
        assert_eq!(info.engine.version, "5.6.0");
        assert_eq!(info.engine.emulates, None);
        assert!(info.root.ends_with("storage"));
    }
}
