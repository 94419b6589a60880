//! Docker or Podman on this machine: building, looking into and pushing images.

mod about;
mod container;
mod trial;

pub(crate) use container::{Container, protection, variables};

use crate::failure::Failure;
use crate::report::Report;
use rules::app::manifest::{Architecture, LAMBDA_IMAGE, Manifest, Target};
use rules::event::Event;
use rules::exit::Exit;
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

/// Lines of a failed build that are shown.
const TAIL: usize = 30;

/// The container engine.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    program: PathBuf,
    /// In its own words.
    version: String,
    is_podman: bool,
    has_buildx: bool,
}

/// An image on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalImage {
    /// Content address of its configuration: equal ids, equal images.
    pub(crate) id: String,
    /// `amd64`, `arm64`, …
    pub(crate) architecture: String,
    /// Ports that it says it exposes, its base images' included.
    pub(crate) exposed: Vec<u16>,
    /// What it runs: its entry point followed by its command.
    pub(crate) command: Vec<String>,
    /// Who runs it; empty if the image does not say, which is root.
    pub(crate) user: String,
    /// Names it bears on this machine.
    tags: Vec<String>,
    /// Bytes of its files.
    size: u64,
}

impl LocalImage {
    /// A name by which the engine knows it; builders do not take an id for a base.
    pub(crate) fn name(&self) -> &str {
        self.tags.first().unwrap_or(&self.id)
    }

    /// The same image, known by this name before all others it bears. An equal image of another app may
    /// bear one as well, and that name may be another image's a moment later.
    fn known_by(mut self, name: &str) -> LocalImage {
        if let Some(at) = self.tags.iter().position(|tag| tag == name) {
            self.tags.swap(0, at);
        }
        self
    }

    #[cfg(test)]
    pub(crate) fn for_test(tag: &str, command: &[&str]) -> LocalImage {
        LocalImage {
            id: "sha256:0".to_owned(),
            architecture: "amd64".to_owned(),
            exposed: Vec::new(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            user: String::new(),
            tags: vec![tag.to_owned()],
            size: 0,
        }
    }
}

fn too_large(size: u64) -> Failure {
    const GIB: u64 = 1024 * 1024 * 1024;
    Failure::new(Exit::BadInput, "the image is too large for Lambda")
        .why(format!(
            "it holds {:.1} GiB, and Lambda takes {} GiB at most",
            size as f64 / GIB as f64,
            LAMBDA_IMAGE / GIB
        ))
        .next(
            "set `target = \"fargate\"` in landfall.toml, or make it smaller; nothing was created",
        )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    architecture: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    config: Option<InspectedConfig>,
    #[serde(default)]
    size: u64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct InspectedConfig {
    exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
}

impl Engine {
    /// Finds an engine that answers: the one that `LANDFALL_ENGINE` names, else Docker, else Podman.
    pub(crate) async fn find() -> Result<Engine, Failure> {
        let chosen = std::env::var_os("LANDFALL_ENGINE").map(PathBuf::from);
        let candidates = match chosen {
            Some(chosen) => vec![chosen],
            None => vec![PathBuf::from("docker"), PathBuf::from("podman")],
        };
        let mut failure = Failure::new(Exit::MissingTool, "neither Docker nor Podman answers");
        for program in candidates {
            let is_podman = program.file_name().is_some_and(|name| name == "podman");
            let answer = Command::new(&program)
                .args(["version", "--format", "{{.Server.Version}}"])
                .stdin(Stdio::null())
                .output()
                .await;
            match answer {
                Ok(output) if output.status.success() => {
                    let has_buildx = !is_podman
                        && Command::new(&program)
                            .args(["buildx", "version"])
                            .stdin(Stdio::null())
                            .output()
                            .await
                            .is_ok_and(|output| output.status.success());
                    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                    return Ok(Engine {
                        program,
                        version,
                        is_podman,
                        has_buildx,
                    });
                }
                Ok(output) => {
                    let text = String::from_utf8_lossy(&output.stderr);
                    failure = failure.why(format!("{}: {}", program.display(), text.trim()));
                }
                Err(error) => failure = failure.why(format!("{}: {error}", program.display())),
            }
        }
        Err(failure.next(
            "install Docker (https://docs.docker.com/engine/install) and start it, or name an engine \
             with LANDFALL_ENGINE",
        ))
    }

    /// What is started.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Which version of it answers.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Builds an image for the architecture it will run on, without attestations, which would turn the
    /// image into an index. `tag` keeps it, and with it the cache that makes the next build the same
    /// image.
    pub(crate) async fn build(
        &self,
        directory: &Path,
        dockerfile: &str,
        tag: &str,
        architecture: Architecture,
        report: &Report,
    ) -> Result<LocalImage, Failure> {
        let scratch = tempfile::tempdir().map_err(Failure::io("no temporary directory"))?;
        let id_file = scratch.path().join("id");
        let mut args: Vec<OsString> = if self.has_buildx {
            [
                "buildx",
                "build",
                "--load",
                "--provenance=false",
                "--sbom=false",
                "--progress=plain",
            ]
            .map(OsString::from)
            .to_vec()
        } else {
            vec!["build".into()]
        };
        args.extend(["--platform".into(), platform(architecture).into()]);
        args.extend(["--iidfile".into(), id_file.clone().into_os_string()]);
        args.extend(["--tag".into(), tag.into()]);
        args.extend(["--file".into(), directory.join(dockerfile).into()]);
        args.push(directory.into());
        let mut child = Command::new(&self.program)
            .args(&args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::io("the build cannot be started"))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (out, err) = tokio::join!(follow(out, report), follow(err, report));
        let status = child
            .wait()
            .await
            .map_err(Failure::io("the build was lost"))?;
        if !status.success() {
            // BuildKit tells its story on standard error, the older builder on standard output.
            let mut failure = Failure::new(Exit::Image, "the image could not be built");
            failure.why.extend(out);
            failure.why.extend(err);
            return Err(failure.next(format!(
                "nothing was created; `{} build --file {dockerfile} {}` shows the same",
                self.program.display(),
                directory.display()
            )));
        }
        let id =
            std::fs::read_to_string(&id_file).map_err(Failure::io("the build left no image id"))?;
        let built = self.inspect(id.trim()).await?;
        built.map(|image| image.known_by(tag)).ok_or_else(|| {
            Failure::new(Exit::Image, "the image that was built is not there")
                .why(format!("the engine does not know {}", id.trim()))
        })
    }

    /// An image that is already built; pulled if it is not on this machine.
    pub(crate) async fn take(
        &self,
        reference: &str,
        architecture: Architecture,
    ) -> Result<LocalImage, Failure> {
        if let Some(image) = self.inspect(reference).await? {
            return Ok(image.known_by(reference));
        }
        let pulled = self
            .output(&[
                "pull",
                "--quiet",
                "--platform",
                platform(architecture),
                reference,
            ])
            .await?;
        if let Err(why) = pulled {
            return Err(Failure::new(Exit::BadInput, format!("there is no image {reference}"))
                .why(why)
                .next("name an image that is on this machine or that can be pulled; nothing was created"));
        }
        self.inspect(reference).await?.ok_or_else(|| {
            Failure::new(
                Exit::Image,
                format!("{reference} was pulled, but is not there"),
            )
        })
    }

    /// Refuses an image that cannot run where it is to run: known now, not after minutes of deploying.
    pub(crate) fn check(&self, image: &LocalImage, manifest: &Manifest) -> Result<(), Failure> {
        if manifest.target == Target::Lambda && image.size > LAMBDA_IMAGE {
            return Err(too_large(image.size));
        }
        let wanted = platform(manifest.architecture).trim_start_matches("linux/");
        if image.architecture == wanted {
            return Ok(());
        }
        Err(Failure::new(
            Exit::BadInput,
            "wrong architecture: the image cannot run where it is to run",
        )
        .why(format!(
            "the image is for {}, `architecture` is {}",
            image.architecture, manifest.architecture
        ))
        .next(format!(
            "build it for {wanted}, or set `architecture` in landfall.toml; nothing was created"
        )))
    }

    async fn inspect(&self, reference: &str) -> Result<Option<LocalImage>, Failure> {
        let Ok(text) = self.output(&["image", "inspect", reference]).await? else {
            return Ok(None);
        };
        let unreadable = |why: String| {
            Failure::new(
                Exit::MissingTool,
                "the engine's answer about an image cannot be read",
            )
            .why(why)
        };
        let all: Vec<Inspected> =
            serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        let image = all
            .into_iter()
            .next()
            .ok_or_else(|| unreadable("it is empty".to_owned()))?;
        let config = image.config.unwrap_or_default();
        let exposed = config.exposed_ports.unwrap_or_default();
        let mut command = config.entrypoint.unwrap_or_default();
        command.extend(config.cmd.unwrap_or_default());
        Ok(Some(LocalImage {
            id: image.id,
            architecture: image.architecture,
            tags: image.repo_tags.unwrap_or_default(),
            size: image.size,
            user: config.user.unwrap_or_default(),
            command,
            exposed: exposed
                .keys()
                .filter_map(|port| port.strip_suffix("/tcp").unwrap_or(port).parse().ok())
                .collect(),
        }))
    }

    /// Pushes an image as `repository:tag`. The password goes into a credential store that exists only
    /// for this push, never into arguments or the user's own store.
    pub(crate) async fn push(
        &self,
        image: &LocalImage,
        repository: &str,
        tag: &str,
        login: &aws::Login,
    ) -> Result<(), Failure> {
        let reference = format!("{repository}:{tag}");
        let scratch = tempfile::tempdir().map_err(Failure::io("no temporary directory"))?;
        let host = repository.split('/').next().unwrap_or_default();
        let auth = serde_json::json!({ "auth": login.basic });
        let config = serde_json::json!({ "auths": { host: auth, &login.host: auth } });
        let store = scratch.path().join("config.json");
        // The directory itself is readable by its owner only.
        std::fs::write(&store, config.to_string()).map_err(Failure::io("no credential store"))?;
        // The user's own configuration says where the engine is; asked for before it is replaced.
        let engine_host = match self.is_podman {
            true => None,
            false => self
                .output(&[
                    "context",
                    "inspect",
                    "--format",
                    "{{.Endpoints.docker.Host}}",
                ])
                .await?
                .ok()
                .map(|host| host.trim().to_owned())
                .filter(|host| !host.is_empty()),
        };
        let failed = |why: String| {
            Failure::new(Exit::Image, "the image could not be pushed")
                .why(why)
                .next("run the same command again: it goes on from what is there")
        };
        self.output(&["tag", &image.id, &reference])
            .await?
            .map_err(failed)?;
        let mut command = Command::new(&self.program);
        command.arg("push").stdin(Stdio::null());
        if self.is_podman {
            command.env("REGISTRY_AUTH_FILE", &store);
            if host.starts_with("127.0.0.1:") || host.starts_with("localhost:") {
                command.arg("--tls-verify=false");
            }
        } else {
            command.arg("--quiet").env("DOCKER_CONFIG", scratch.path());
            if let Some(engine_host) = engine_host {
                command.env("DOCKER_HOST", engine_host);
            }
        }
        let pushed = command
            .arg(&reference)
            .output()
            .await
            .map_err(Failure::io("push"))?;
        // The tag served the push; the user's list of images stays as it was. But an image goes with its
        // last name.
        if image.tags.iter().any(|tag| *tag != reference) {
            let _ = self
                .output(&["image", "rm", "--no-prune", &reference])
                .await?;
        }
        if pushed.status.success() {
            Ok(())
        } else {
            Err(failed(
                String::from_utf8_lossy(&pushed.stderr).trim().to_owned(),
            ))
        }
    }

    /// Runs the engine: its standard output, or what it complained of.
    async fn output(&self, args: &[&str]) -> Result<Result<String, String>, Failure> {
        let output = Command::new(&self.program)
            .args(args)
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(Failure::io(format!(
                "{} cannot be run",
                self.program.display()
            )))?;
        Ok(if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        })
    }
}

/// The platform as engines spell it.
fn platform(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "linux/amd64",
        Architecture::Arm64 => "linux/arm64",
    }
}

/// Passes a stream's lines on and keeps the last of them.
async fn follow(stream: Option<impl AsyncRead + Unpin>, report: &Report) -> VecDeque<String> {
    let mut tail = VecDeque::new();
    let Some(stream) = stream else { return tail };
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        report.emit(Event::Output {
            tool: "build".to_owned(),
            line: line.clone(),
        });
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_the_name_that_it_was_given_here() {
        let mut image = LocalImage::for_test("landfall/other:prod", &["/app"]);
        image.tags.push("landfall/own:prod".to_owned());
        assert_eq!(
            image.clone().known_by("landfall/own:prod").name(),
            "landfall/own:prod"
        );
        // A name that it does not bear leads nowhere.
        assert_eq!(image.known_by("nobody:1").name(), "landfall/other:prod");
    }
}
