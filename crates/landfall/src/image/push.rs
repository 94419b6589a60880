//! Pushing images to a registry.

use crate::failure::Failure;
use crate::image::engine::Engine;
use crate::image::local_image::LocalImage;
use rules::exit::Exit;
use std::process::Stdio;
use tokio::process::Command;

impl Engine {
    /// Pushes an image as `repository:tag`. The password is in a credential store that exists only
    /// for this push, never in arguments or in the user's own store.
    ///
    /// # Errors
    /// The push fails.
    pub(crate) async fn push(
        &self,
        image: &LocalImage,
        repository: &str,
        tag: &str,
        login: &aws::Login,
    ) -> Result<(), Failure> {
        let reference = format!("{repository}:{tag}");
        let scratch =
            tempfile::tempdir().map_err(Failure::io("cannot create a temporary directory"))?;
        let host = repository.split('/').next().unwrap_or_default();
        let auth = serde_json::json!({ "auth": login.basic });
        let config = serde_json::json!({ "auths": { host: auth, &login.host: auth } });
        let store = scratch.path().join("config.json");
        // Only its owner can read the directory.
        std::fs::write(&store, config.to_string()).map_err(Failure::io("no credential store"))?;
        let engine_host = self.context_host().await?;
        let failed = |why: String| {
            Failure::new(Exit::Image, "the image could not be pushed")
                .why(why)
                .next("run the same command again: it continues with what is there")
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
            .map_err(Failure::io("the push cannot be started"))?;
        // The tag only served the push, and the user's list of images stays as it was. Removing an
        // image's last name would remove the image, so that one stays.
        if image.tags.iter().any(|tag| *tag != reference) {
            let _ = self
                .output(&["image", "rm", "--no-prune", &reference])
                .await?;
        }
        match pushed.status.success() {
            true => Ok(()),
            false => Err(failed(
                String::from_utf8_lossy(&pushed.stderr).trim().to_owned(),
            )),
        }
    }

    /// The address of the engine according to the user's Docker context, which is not in effect
    /// once `DOCKER_CONFIG` is another directory.
    async fn context_host(&self) -> Result<Option<String>, Failure> {
        if self.is_podman {
            return Ok(None);
        }
        let format = "{{.Endpoints.docker.Host}}";
        let host = self
            .output(&["context", "inspect", "--format", format])
            .await?;
        Ok(host
            .ok()
            .map(|host| host.trim().to_owned())
            .filter(|host| !host.is_empty()))
    }
}
