//! A place of its own for each rehearsal: emulators, state and apps that no other test sees.

use crate::app::{App, Mode};
use crate::run::{Ended, Running};
use rules::app::manifest::Target;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A temporary home of landfall. Its emulators go with it.
pub struct Sandbox {
    dir: tempfile::TempDir,
    landfall: PathBuf,
    target: Target,
}

impl Default for Sandbox {
    fn default() -> Sandbox {
        Sandbox::new()
    }
}

impl Sandbox {
    /// A new one, without emulators as yet: the first rehearsal in it starts them.
    ///
    /// # Panics
    /// No directory can be made.
    pub fn new() -> Sandbox {
        Sandbox::of(&landfall())
    }

    /// A new one for this landfall binary.
    ///
    /// # Panics
    /// No directory can be made.
    pub fn of(landfall: &Path) -> Sandbox {
        Sandbox {
            dir: tempfile::tempdir().expect("a directory"),
            landfall: landfall.to_owned(),
            target: Target::Fargate,
        }
    }

    /// The same for apps that run on another target than Fargate.
    #[must_use]
    pub fn on(mut self, target: Target) -> Sandbox {
        self.target = target;
        self
    }

    /// A directory in here that goes with it.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// landfall's home in here.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// An app directory in here. `label` tells it from the others; the app itself is called `name` in
    /// all of them, which so are versions of one app.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn app(&self, label: &str, name: &str, mode: Mode, version: u32) -> App {
        App::write(
            self.dir.path(),
            &self.dir.path().join("apps").join(label).join(name),
            mode,
            version,
        )
    }

    /// A landfall command. Nothing of the developer's own AWS configuration reaches it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.landfall);
        command
            .args(arguments)
            .env("LANDFALL_HOME", self.home())
            .env("LANDFALL_JSON", "true")
            .env("LANDFALL_TARGET", self.target.as_str())
            .env("AWS_CONFIG_FILE", self.dir.path().join("none"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.dir.path().join("none"))
            .env("AWS_EC2_METADATA_DISABLED", "true");
        for name in [
            "AWS_PROFILE",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SESSION_TOKEN",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a landfall command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Running::start(self.command(arguments)).end()
    }

    /// Runs a landfall command against the emulators, in the app's directory, to its end.
    pub fn rehearse(&self, app: &App, arguments: &[&str]) -> Ended {
        self.start(app, arguments).end()
    }

    /// The same, with this on its standard input.
    pub fn rehearse_with(&self, app: &App, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command(arguments);
        command
            .env("LANDFALL_REHEARSE", "true")
            .current_dir(app.path());
        Running::start_with(command, input).end()
    }

    /// Starts a landfall command against the emulators, in the app's directory.
    pub fn start(&self, app: &App, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command
            .env("LANDFALL_REHEARSE", "true")
            .current_dir(app.path());
        Running::start(command)
    }

    /// Addresses of the emulators: the main one and the second.
    ///
    /// # Panics
    /// They do not run.
    pub fn emulators(&self) -> (String, String) {
        let text =
            std::fs::read_to_string(self.home().join("emulators.json")).expect("emulators run");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let url = |name: &str| json[name]["url"].as_str().expect("an address").to_owned();
        (url("fakecloud"), url("ministack"))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let stopped = self.command(&["rehearsal", "stop"]).output();
        if let Ok(output) = stopped
            && !output.status.success()
            && !std::thread::panicking()
        {
            panic!(
                "the emulators cannot be stopped: {}",
                String::from_utf8_lossy(&output.stdout)
            );
        }
    }
}

/// The binary under test: it lies beside the directory of the test binaries.
fn landfall() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let path = test
        .parent()
        .and_then(Path::parent)
        .expect("target/debug/deps")
        .join("landfall");
    assert!(
        path.is_file(),
        "{} is not built: run the tests with `./dev test`",
        path.display()
    );
    path
}
