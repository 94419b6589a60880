//! Running an image here for a few seconds, before anything is created, to see where it listens.

use super::{Container, Engine, LocalImage, protection, variables};
use crate::failure::Failure;
use infra::Interrupt;
use rules::app::manifest::Manifest;
use rules::exit::Exit;
use rules::operate::doctor::app::Trial;
use rules::release::evidence::Listening;
use std::time::Duration;
use tokio::time::Instant;

/// How long the app may take to listen.
const LOOK: Duration = Duration::from_secs(10);
/// How long it has to go on running once it listens.
const STEADY: Duration = Duration::from_secs(1);
/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(250);

impl Engine {
    /// Runs the image with the manifest's variables, watches it, and removes it again.
    ///
    /// # Errors
    /// It cannot be started, the engine does not answer, or the user wants to stop.
    pub(crate) async fn try_out(
        &self,
        image: &LocalImage,
        manifest: &Manifest,
        interrupt: &mut Interrupt,
    ) -> Result<Trial, Failure> {
        let port = manifest.port.get();
        // One name for each environment: what a killed command left goes with the next one.
        let name = format!("landfall-doctor-{}-{}", manifest.name, manifest.environment);
        // With as little as it may where it is deployed: what fails there is to fail here.
        let protection = protection(image, manifest);
        let started = self
            .start(
                image,
                &name,
                &variables(manifest),
                &[(0, port)],
                &protection,
            )
            .await;
        let container = started.map_err(|failure| Failure {
            next: vec!["mend what the engine complains of; ENTRYPOINT and CMD of the Dockerfile say what it runs".to_owned()],
            ..failure
        })?;
        let seen = tokio::select! {
            seen = self.watch(&container, manifest) => seen,
            _ = interrupt.wait_for(|stop| *stop) => {
                Err(Failure::new(Exit::Interrupted, "interrupted; nothing was created"))
            }
        };
        let removed = self
            .output(&["rm", "--force", "--volumes", &container.id])
            .await?;
        let seen = seen?;
        removed.map(|_| seen).map_err(|why| {
            Failure::new(Exit::MissingTool, "the container cannot be removed").why(why)
        })
    }

    async fn watch(&self, container: &Container, manifest: &Manifest) -> Result<Trial, Failure> {
        let wanted = manifest.port.get();
        let is_right = |seen: &Listening| {
            seen.reachable.contains(&wanted) || (manifest.edge && seen.loopback.contains(&wanted))
        };
        let end = Instant::now() + LOOK;
        let mut right_since: Option<Instant> = None;
        let mut last = None;
        loop {
            // The ports first: those of an app that has ended are not seen any more.
            let seen = self.listening(&container.id).await;
            if !self.is_running(container).await? {
                return self.exited(container).await;
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
            // What has just begun to listen gets its second.
            if now >= end && right_since.is_none() {
                return Ok(match last {
                    Some(listening) => Trial::Listened(listening),
                    None => Trial::Asked { answered: false },
                });
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn exited(&self, container: &Container) -> Result<Trial, Failure> {
        let format = "{{.State.ExitCode}}";
        let code = self
            .output(&["inspect", "--format", format, &container.id])
            .await?;
        Ok(Trial::Exited {
            code: code.ok().and_then(|text| text.trim().parse().ok()),
            lines: self.last_lines(container).await?,
        })
    }

    /// Whether an HTTP request to the port gets any answer.
    async fn answers(&self, container: &Container, port: u16, path: &str) -> bool {
        let Ok(outside) = self.published(container, port).await else {
            return false;
        };
        let request = reqwest::Client::new()
            .get(format!("http://127.0.0.1:{outside}{path}"))
            .timeout(Duration::from_secs(2));
        request.send().await.is_ok()
    }
}
