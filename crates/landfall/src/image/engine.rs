//! The container engine of this machine: finding it and running its commands.

use crate::failure::Failure;
use rules::app::manifest::Architecture;
use rules::exit::Exit;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// Docker or Podman. What it does with images and containers is next to their types.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub(super) program: PathBuf,
    /// As the engine reports it.
    version: String,
    pub(super) is_podman: bool,
    pub(super) has_buildx: bool,
}

impl Engine {
    /// Finds an engine that answers: the one that `LANDFALL_ENGINE` names, otherwise Docker,
    /// otherwise Podman.
    ///
    /// # Errors
    /// No engine answers.
    pub(crate) async fn find() -> Result<Engine, Failure> {
        let candidates = match std::env::var_os("LANDFALL_ENGINE") {
            Some(chosen) => vec![PathBuf::from(chosen)],
            None => vec![PathBuf::from("docker"), PathBuf::from("podman")],
        };
        let mut failure = Failure::new(Exit::MissingTool, "neither Docker nor Podman answers");
        for program in candidates {
            match Engine::ask(&program).await {
                Ok(engine) => return Ok(engine),
                Err(why) => failure = failure.why(format!("{}: {why}", program.display())),
            }
        }
        Err(failure.next(
            "install Docker (https://docs.docker.com/engine/install) and start it, or name an engine \
             with LANDFALL_ENGINE",
        ))
    }

    /// Asks a program for its version.
    async fn ask(program: &Path) -> Result<Engine, String> {
        let is_podman = program.file_name().is_some_and(|name| name == "podman");
        let output = Command::new(program)
            .args(["version", "--format", "{{.Server.Version}}"])
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let has_buildx = !is_podman
            && Command::new(program)
                .args(["buildx", "version"])
                .stdin(Stdio::null())
                .output()
                .await
                .is_ok_and(|output| output.status.success());
        Ok(Engine {
            program: program.to_owned(),
            version: String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            is_podman,
            has_buildx,
        })
    }

    /// The program that is run.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The version of the engine's server.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Runs the engine. The inner result is its standard output, or its standard error if it
    /// failed.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) async fn output(&self, args: &[&str]) -> Result<Result<String, String>, Failure> {
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

/// The platform of an architecture, as engines spell it.
pub(super) fn platform(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "linux/amd64",
        Architecture::Arm64 => "linux/arm64",
    }
}
