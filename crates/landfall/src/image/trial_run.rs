//! Running an image on this machine for some seconds to see where it listens.

use crate::failure::Failure;
use crate::image::container::{Container, hardening_arguments, local_env, pass_env};
use crate::image::engine::Engine;
use crate::image::local_image::LocalImage;
use infra::Interrupt;
use rules::app::manifest::Manifest;
use rules::exit::Exit;
use rules::operate::doctor::app::Trial;
use rules::release::evidence::Listening;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::Instant;

/// How long the app may take to listen in a trial run.
const TRIAL: Duration = Duration::from_secs(10);
/// How long it may take when a failed release is diagnosed.
const DIAGNOSIS: Duration = Duration::from_secs(6);
/// How long it has to keep running once it listens.
const STEADY: Duration = Duration::from_secs(1);
/// The interval between two looks at it.
const EVERY: Duration = Duration::from_millis(250);

impl Engine {
    /// Runs the image with the manifest's variables, watches it, and removes the container.
    ///
    /// # Errors
    /// It cannot be started, the engine does not answer, or the user stopped it.
    pub(crate) async fn trial_run(
        &self,
        image: &LocalImage,
        manifest: &Manifest,
        interrupt: &mut Interrupt,
    ) -> Result<Trial, Failure> {
        let port = manifest.port.get();
        // One name for each environment: the next trial removes what a killed command left.
        let name = format!("landfall-doctor-{}-{}", manifest.name, manifest.environment);
        let started = self
            .start(
                image,
                &name,
                &local_env(manifest),
                &[(0, port)],
                // What the restrictions of the deployment break, breaks here.
                &hardening_arguments(image, manifest),
            )
            .await;
        let container = started.map_err(|failure| Failure {
            next: vec!["fix what the engine reports; ENTRYPOINT and CMD of the Dockerfile determine what it runs".to_owned()],
            ..failure
        })?;
        let seen = tokio::select! {
            seen = self.watch(&container, manifest) => seen,
            _ = interrupt.wait_for(|stop| *stop) => {
                Err(Failure::new(Exit::Interrupted, "interrupted; nothing was created"))
            }
        };
        let removed = self.remove(&container, &["--volumes"]).await;
        let seen = seen?;
        removed.map(|()| seen)
    }

    async fn watch(&self, container: &Container, manifest: &Manifest) -> Result<Trial, Failure> {
        let wanted = manifest.port.get();
        let is_right = |seen: &Listening| {
            seen.reachable.contains(&wanted) || (manifest.edge && seen.loopback.contains(&wanted))
        };
        let end = Instant::now() + TRIAL;
        let mut right_since: Option<Instant> = None;
        let mut last = None;
        loop {
            // Ports first: once the app has ended they cannot be seen any more.
            let seen = self.listening(&container.id).await;
            if !self.is_running(container).await? {
                return Ok(Trial::Exited {
                    code: self.exit_code(container).await,
                    lines: self.last_lines(container).await?,
                });
            }
            let now = Instant::now();
            match &seen {
                Some(listening) if is_right(listening) => {
                    let since = *right_since.get_or_insert(now);
                    if now.duration_since(since) >= STEADY {
                        return Ok(Trial::Listened(listening.clone()));
                    }
                }
                Some(_) => right_since = None,
                None => {
                    if self
                        .answers(container, wanted, manifest.health.as_str())
                        .await
                    {
                        return Ok(Trial::Asked { answered: true });
                    }
                }
            }
            last = seen.or(last);
            // An app that started to listen just before the end still has to stay up for a second.
            if now >= end && right_since.is_none() {
                return Ok(match last {
                    Some(listening) => Trial::Listened(listening),
                    None => Trial::Asked { answered: false },
                });
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Whether an HTTP request to the port gets any response.
    async fn answers(&self, container: &Container, port: u16, path: &str) -> bool {
        let Ok(outside) = self.published_port(container, port).await else {
            return false;
        };
        let request = reqwest::Client::new()
            .get(format!("http://127.0.0.1:{outside}{path}"))
            .timeout(Duration::from_secs(2));
        request.send().await.is_ok()
    }

    /// Runs the image of a failed release and returns the ports on which it listens. [`None`] if
    /// they cannot be seen: the engine runs on another kernel, or the image does not start.
    pub(crate) async fn listening_ports(
        &self,
        image: &LocalImage,
        manifest: &Manifest,
    ) -> Option<Listening> {
        let mut run = Command::new(&self.program);
        run.args(["run", "--detach"])
            .args(hardening_arguments(image, manifest))
            .stdin(Stdio::null());
        pass_env(&mut run, &local_env(manifest));
        let output = run.arg(&image.id).output().await.ok()?;
        let container = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if container.is_empty() {
            return None;
        }
        let mut seen = None;
        let end = Instant::now() + DIAGNOSIS;
        while Instant::now() < end {
            seen = self.listening(&container).await;
            match &seen {
                Some(listening) if *listening != Listening::default() => break,
                _ => tokio::time::sleep(EVERY).await,
            }
        }
        let _ = self.output(&["rm", "--force", &container]).await;
        seen
    }
}
