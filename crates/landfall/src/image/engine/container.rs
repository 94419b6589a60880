//! Running an image on this machine: for development, and for a look at where it listens.

use super::{Engine, LocalImage, TAIL};
use crate::failure::Failure;
use rules::app::manifest::{Manifest, Target};
use rules::exit::Exit;
use rules::release::evidence::Listening;
use rules::release::hardening::Hardening;
use rules::release::revision::Settings;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long an image may take to listen when it is run here for a look.
const LOOK: Duration = Duration::from_secs(6);

/// A container that landfall started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(super) id: String,
}

/// What keeps the app of an image from what it may not do, wherever it is deployed, for `docker run`.
pub(crate) fn protection(image: &LocalImage, manifest: &Manifest) -> Vec<String> {
    let here = Manifest {
        target: Target::Fargate,
        ..manifest.clone()
    };
    let settings = Settings::of_image(&here, &image.user);
    Hardening::of(&settings).map_or_else(Vec::new, |hardening| hardening.arguments())
}

/// The app's variables on this machine. A secret's value is never fetched to here: whoever wants the app to have
/// one gives it in landfall's own environment.
pub(crate) fn variables(manifest: &Manifest) -> BTreeMap<String, String> {
    let mut all = manifest.env.clone();
    for name in &manifest.secrets {
        if let Ok(value) = std::env::var(name.as_str()) {
            all.insert(name.to_string(), value);
        }
    }
    all
}

impl Engine {
    /// Starts an image in the background under a name, with ports published on 127.0.0.1: pairs of the
    /// port there (0: any) and the one inside, and with what the container may not do
    /// ([`Hardening::arguments`]). What bears the name from before is removed.
    pub(crate) async fn start(
        &self,
        image: &LocalImage,
        name: &str,
        env: &BTreeMap<String, String>,
        ports: &[(u16, u16)],
        protection: &[String],
    ) -> Result<Container, Failure> {
        let _ = self.output(&["rm", "--force", name]).await?;
        let mut run = Command::new(&self.program);
        run.args(["run", "--detach", "--name", name])
            .args(protection)
            .stdin(Stdio::null());
        for (outside, inside) in ports {
            let outside = match outside {
                0 => String::new(),
                port => port.to_string(),
            };
            run.args(["--publish", &format!("127.0.0.1:{outside}:{inside}")]);
        }
        for (name, value) in env {
            // Only the name is an argument, which every process of this machine could read.
            run.args(["--env", name]).env(name, value);
        }
        let output = run.arg(&image.id).output().await;
        let output = output.map_err(Failure::io("the image cannot be run"))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            // It may have been made all the same, and only not been started.
            let _ = self.output(&["rm", "--force", name]).await?;
            return Err(Failure::new(Exit::Image, "the image cannot be run")
                .why(why)
                .next("mend what the engine complains of, or name another port with --port"));
        }
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Container { id })
    }

    /// The port on 127.0.0.1 under which a port of the container can be reached.
    pub(crate) async fn published(
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
                let mut failure = Failure::new(Exit::NothingServing, "the app ended at once");
                failure.why = self.last_lines(container).await?;
                Err(failure.next("mend what it complains of, then run it again"))
            }
        }
    }

    /// Whether a container still runs.
    pub(crate) async fn is_running(&self, container: &Container) -> Result<bool, Failure> {
        let answer = self
            .output(&["inspect", "--format", "{{.State.Running}}", &container.id])
            .await?;
        Ok(answer.is_ok_and(|text| text.trim() == "true"))
    }

    /// The exit code of a container that has ended.
    pub(crate) async fn exit_code(&self, container: &Container) -> Option<i32> {
        let asked = ["inspect", "--format", "{{.State.ExitCode}}", &container.id];
        let answer = self.output(&asked).await.ok()?.ok()?;
        answer.trim().parse().ok()
    }

    /// The last lines that a container wrote, on both streams.
    pub(crate) async fn last_lines(&self, container: &Container) -> Result<Vec<String>, Failure> {
        let mut logs = Command::new(&self.program);
        let output = logs
            .args(["logs", "--tail", &TAIL.to_string(), &container.id])
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(Failure::io("the container's lines cannot be read"))?;
        let text = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_owned)
            .collect())
    }

    /// Stops a container in order and removes it.
    pub(crate) async fn stop(&self, container: &Container) -> Result<(), Failure> {
        let _ = self
            .output(&["stop", "--time", "40", &container.id])
            .await?;
        let removed = self.output(&["rm", "--force", &container.id]).await?;
        removed.map(drop).map_err(|why| {
            Failure::new(Exit::MissingTool, "the container cannot be removed").why(why)
        })
    }

    /// Runs an image here for a few seconds and looks on which ports it listens. [`None`] where that
    /// cannot be seen: the engine's processes are those of another machine, or it does not start.
    pub(crate) async fn look(&self, image: &LocalImage, manifest: &Manifest) -> Option<Listening> {
        let mut run = Command::new(&self.program);
        run.args(["run", "--detach"])
            .args(protection(image, manifest))
            .stdin(Stdio::null());
        for (name, value) in &variables(manifest) {
            // Only the name is an argument, which every process of this machine could read.
            run.args(["--env", name]).env(name, value);
        }
        let output = run.arg(&image.id).output().await.ok()?;
        let container = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if container.is_empty() {
            return None;
        }
        let mut seen = None;
        let end = tokio::time::Instant::now() + LOOK;
        while tokio::time::Instant::now() < end {
            seen = self.listening(&container).await;
            match &seen {
                // It listens: that is the answer, unless more is to come. Nothing yet: look again.
                Some(listening) if *listening != Listening::default() => break,
                _ => tokio::time::sleep(Duration::from_millis(250)).await,
            }
        }
        let _ = self.output(&["rm", "--force", &container]).await;
        seen
    }

    pub(super) async fn listening(&self, container: &str) -> Option<Listening> {
        let pid = self
            .output(&["inspect", "--format", "{{.State.Pid}}", container])
            .await
            .ok()?
            .ok()?;
        let process = Path::new("/proc").join(pid.trim());
        // The engine may run in a virtual machine, where the number means another process.
        let is_ours = std::fs::read_to_string(process.join("cgroup"))
            .ok()?
            .contains(container);
        let read = |name: &str| {
            std::fs::read_to_string(process.join("net").join(name)).unwrap_or_default()
        };
        is_ours.then(|| Listening::parse(&format!("{}\n{}", read("tcp"), read("tcp6"))))
    }
}
