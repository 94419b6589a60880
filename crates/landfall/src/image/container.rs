//! Containers of the app on this machine.

use crate::failure::Failure;
use crate::image::engine::Engine;
use crate::image::listening;
use crate::image::local_image::LocalImage;
use rules::app::manifest::{Manifest, TMP, Target};
use rules::exit::Exit;
use rules::release::evidence::Listening;
use rules::release::hardening::{Hardening, LOW_PORTS, Tmpfs};
use rules::release::revision::Settings;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// Lines of a container's log that are read.
const TAIL: usize = 30;

/// A container that landfall started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(super) id: String,
}

/// User and group of a function. AWS chooses them: "Lambda defines a default Linux user with least-privileged
/// permissions", whatever the image's `USER` is
/// (<https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>).
const LAMBDA_USER: u32 = 993;
const LAMBDA_GROUP: u32 = 990;
/// Capacity of a function's `/tmp` in MiB, as the HCL leaves it.
const LAMBDA_TMP: u32 = 512;

/// Arguments of `docker run` that restrict the app as its deployment does.
pub(crate) fn hardening_arguments(image: &LocalImage, manifest: &Manifest) -> Vec<String> {
    if manifest.target == Target::Lambda {
        return lambda_arguments();
    }
    let settings = Settings::for_image(manifest, &image.user);
    Hardening::from_settings(&settings).map_or_else(Vec::new, |hardening| hardening.arguments())
}

/// A function's restrictions: a user that owns nothing in the image, only `/tmp` to write to, and no `/dev/shm`
/// (<https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#images-reqs>).
fn lambda_arguments() -> Vec<String> {
    let function = Hardening {
        user: Some(format!("{LAMBDA_USER}:{LAMBDA_GROUP}")),
        read_only: true,
        tmpfs: vec![Tmpfs {
            path: TMP.to_owned(),
            size: LAMBDA_TMP,
            owner: (Some(LAMBDA_USER), Some(LAMBDA_GROUP)),
        }],
        drop: vec!["ALL"],
        add: Vec::new(),
        no_new_privileges: true,
        lowest_port: LOW_PORTS,
    };
    let mut arguments = function.arguments();
    arguments.push("--ipc=none".to_owned());
    arguments
}

/// The app's environment variables on this machine. Landfall never fetches the value of a secret to
/// here; a developer who wants the app to have one sets it in landfall's own environment.
pub(crate) fn local_env(manifest: &Manifest) -> BTreeMap<String, String> {
    let mut env = manifest.env.clone();
    for name in &manifest.secrets {
        if let Ok(value) = std::env::var(name.as_str()) {
            env.insert(name.to_string(), value);
        }
    }
    env
}

impl Engine {
    /// Starts an image in the background. `ports` are pairs of a port on 127.0.0.1 (0: any free
    /// one) and the port in the container; `arguments` are further arguments of `run`. An older
    /// container with the same name is removed.
    ///
    /// # Errors
    /// The engine does not start it.
    pub(crate) async fn start(
        &self,
        image: &LocalImage,
        name: &str,
        env: &BTreeMap<String, String>,
        ports: &[(u16, u16)],
        arguments: &[String],
    ) -> Result<Container, Failure> {
        let _ = self.output(&["rm", "--force", name]).await?;
        let mut run = Command::new(&self.program);
        run.args(["run", "--detach", "--name", name])
            .args(arguments)
            .stdin(Stdio::null());
        for (outside, inside) in ports {
            let outside = match outside {
                0 => String::new(),
                port => port.to_string(),
            };
            run.args(["--publish", &format!("127.0.0.1:{outside}:{inside}")]);
        }
        pass_env(&mut run, env);
        let output = run.arg(&image.id).output().await;
        let output = output.map_err(Failure::io("the image cannot be run"))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            // The engine may have created the container and only failed to start it.
            let _ = self.output(&["rm", "--force", name]).await?;
            return Err(Failure::new(Exit::Image, "the image cannot be run")
                .why(why)
                .next("fix what the engine reports, or name another port with --port"));
        }
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Container { id })
    }

    /// The port on 127.0.0.1 that is forwarded to a port of the container.
    ///
    /// # Errors
    /// The container has ended.
    pub(crate) async fn published_port(
        &self,
        container: &Container,
        inside: u16,
    ) -> Result<u16, Failure> {
        let answer = self
            .output(&["port", &container.id, &inside.to_string()])
            .await?;
        let text = answer.unwrap_or_default();
        let port = text
            .lines()
            .find_map(|line| line.rsplit(':').next()?.parse().ok());
        match port {
            Some(port) => Ok(port),
            None => {
                let mut failure =
                    Failure::new(Exit::NothingServing, "the app ended right after its start");
                failure.why = self.last_lines(container).await?;
                Err(failure.next("fix what it reports, then run it again"))
            }
        }
    }

    /// Whether a container is running.
    ///
    /// # Errors
    /// The engine cannot be started.
    pub(crate) async fn is_running(&self, container: &Container) -> Result<bool, Failure> {
        let answer = self
            .output(&["inspect", "--format", "{{.State.Running}}", &container.id])
            .await?;
        Ok(answer.is_ok_and(|text| text.trim() == "true"))
    }

    /// The exit code of a container that has ended; [`None`] if the engine does not report it.
    pub(crate) async fn exit_code(&self, container: &Container) -> Option<i32> {
        let format = "{{.State.ExitCode}}";
        let answer = self
            .output(&["inspect", "--format", format, &container.id])
            .await;
        answer.ok()?.ok()?.trim().parse().ok()
    }

    /// The last lines that a container wrote, on both streams.
    ///
    /// # Errors
    /// The engine cannot be started.
    pub(crate) async fn last_lines(&self, container: &Container) -> Result<Vec<String>, Failure> {
        let mut logs = Command::new(&self.program);
        let output = logs
            .args(["logs", "--tail", &TAIL.to_string(), &container.id])
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(Failure::io("the container's log cannot be read"))?;
        let text = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_owned)
            .collect())
    }

    /// Stops a container gracefully and removes it.
    ///
    /// # Errors
    /// The engine does not remove it.
    pub(crate) async fn stop(&self, container: &Container) -> Result<(), Failure> {
        let _ = self
            .output(&["stop", "--time", "40", &container.id])
            .await?;
        self.remove(container, &[]).await
    }

    /// Kills a container and removes it. `arguments` are further arguments of `rm`.
    ///
    /// # Errors
    /// The engine does not remove it.
    pub(super) async fn remove(
        &self,
        container: &Container,
        arguments: &[&str],
    ) -> Result<(), Failure> {
        let rm = [&["rm", "--force"], arguments, &[&container.id]].concat();
        self.output(&rm).await?.map(drop).map_err(|why| {
            Failure::new(Exit::MissingTool, "the container cannot be removed").why(why)
        })
    }

    /// The ports on which the processes of a container listen. [`None`] if they cannot be seen,
    /// because the engine runs on another kernel, or the container has ended.
    pub(super) async fn listening(&self, container: &str) -> Option<Listening> {
        let pid = self
            .output(&["inspect", "--format", "{{.State.Pid}}", container])
            .await
            .ok()?
            .ok()?;
        let process = Path::new("/proc").join(pid.trim());
        // In the engine's virtual machine the same number is another process.
        let is_ours = std::fs::read_to_string(process.join("cgroup"))
            .ok()?
            .contains(container);
        let read = |name: &str| {
            std::fs::read_to_string(process.join("net").join(name)).unwrap_or_default()
        };
        is_ours.then(|| listening::parse(&format!("{}\n{}", read("tcp"), read("tcp6"))))
    }
}

/// Passes variables to `run`. Their values are not arguments, which every process of this machine
/// can read.
pub(super) fn pass_env(run: &mut Command, env: &BTreeMap<String, String>) {
    for (name, value) in env {
        run.args(["--env", name]).env(name, value);
    }
}
