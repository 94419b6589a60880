//! The process of one emulator: finding its program, starting it, asking whether it is ready, and
//! killing it.

use crate::failure::Failure;
use rules::exit::Exit;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A running emulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Emulator {
    pub(crate) url: String,
    /// Path of its health check.
    health: String,
    pub(super) pid: i32,
}

impl Emulator {
    /// Starts an emulator that outlives this command. `health` is the path of its health check.
    ///
    /// # Errors
    /// It cannot be started, or its log cannot be written.
    pub(super) fn spawn(
        mut command: Command,
        log: &Path,
        port: u16,
        health: &str,
    ) -> Result<Emulator, Failure> {
        use std::os::unix::process::CommandExt as _;
        let name = command.get_program().to_string_lossy().into_owned();
        let no_log = || Failure::io("the log of an emulator cannot be written");
        let out = File::create(log).map_err(no_log())?;
        let err = out.try_clone().map_err(no_log())?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(Failure::io(format!("{name} cannot be started")))?;
        Ok(Emulator {
            url: format!("http://127.0.0.1:{port}"),
            health: health.to_owned(),
            pid: child.id().cast_signed(),
        })
    }

    /// Path of its health check.
    pub(super) fn health(&self) -> &str {
        &self.health
    }

    /// Whether its health check succeeds.
    pub(super) async fn is_ready(&self) -> bool {
        let answer = reqwest::Client::new()
            .get(format!("{}{}", self.url, self.health))
            .timeout(Duration::from_secs(2))
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    fn pid(&self) -> Option<rustix::process::Pid> {
        rustix::process::Pid::from_raw(self.pid)
    }

    /// Whether its process runs.
    pub(super) fn is_alive(&self) -> bool {
        self.pid()
            .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
            && !self.is_zombie()
    }

    /// Whether it is a child that has ended and that this process has not waited for.
    fn is_zombie(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).is_ok_and(|stat| {
            stat.rsplit(')')
                .next()
                .is_some_and(|rest| rest.trim().starts_with('Z'))
        })
    }

    /// The port that it listens on.
    pub(super) fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap_or_default()
    }

    /// Removes the images that Docker pulled from its registry. No later emulator has the same
    /// address, so they are of no use.
    ///
    /// # Errors
    /// Docker cannot be run.
    pub(super) fn remove_images(&self) -> Result<(), Failure> {
        let host = self.url.trim_start_matches("http://");
        let format = "{{.Repository}}@{{.Digest}}";
        let listed = docker(&["images", "--digests", "--format", format])?;
        let of_host: Vec<&str> = listed
            .lines()
            .filter(|image| image.starts_with(&format!("{host}/")))
            .collect();
        if !of_host.is_empty() {
            docker(&[&["rmi", "--no-prune"], of_host.as_slice()].concat())?;
        }
        Ok(())
    }

    /// Kills the process, if it still is the emulator: the system reuses process IDs.
    pub(super) fn kill(&self) {
        let command = std::fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let env = std::fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        let is_emulator = [command, env]
            .iter()
            .any(|text| String::from_utf8_lossy(text).contains(self.port()));
        if let (true, Some(pid)) = (is_emulator, self.pid()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Runs Docker and returns its standard output, whether it succeeds or not.
///
/// # Errors
/// It cannot be started.
pub(super) fn docker(arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(Failure::io("docker cannot be run"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Finds the program of an emulator: the one that `variable` names, otherwise `name` on the `PATH`.
///
/// # Errors
/// There is none.
pub(super) fn program(variable: &str, name: &str, install: &str) -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os(variable) {
        let path = PathBuf::from(path);
        return match path.is_file() {
            true => Ok(path),
            false => Err(Failure::new(
                Exit::MissingTool,
                format!("{variable} does not name a file"),
            )
            .why(path.display().to_string())),
        };
    }
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Failure::new(
                Exit::MissingTool,
                format!("a rehearsal needs {name}, which is not on the PATH"),
            )
            .next(format!("`{install}`, or name it with {variable}"))
            .next("in a clone of landfall's repository `./dev setup` installs it")
        })
}

/// Ports of emulators: below those that systems give to connections (32768 and above on Linux, 49152 and above
/// elsewhere), so that no connection takes one between [`free_port`] and the emulator's start.
const PORTS: std::ops::RangeInclusive<u16> = 20_000..=31_999;
/// Ports that are tried.
const TRIES: u32 = 100;

/// A free port, at random. If another emulator takes it before this one does, this one ends and its log contains
/// the reason.
///
/// # Errors
/// There is none.
pub(super) fn free_port() -> Result<u16, Failure> {
    let count = PORTS.end() - PORTS.start() + 1;
    for _ in 0..TRIES {
        let random = getrandom::u32().unwrap_or_else(|_| std::process::id());
        let offset = u16::try_from(random % u32::from(count)).unwrap_or_default();
        let port = PORTS.start() + offset;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Failure::new(Exit::MissingTool, "no free port on 127.0.0.1"))
}
