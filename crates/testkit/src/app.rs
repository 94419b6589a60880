//! Apps of tests: a directory with a Dockerfile and a program that behaves as its mode asks.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// How an app behaves; `programs/misbehave.rs` implements it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Answers 200.
    Good,
    /// Answers 500 to every tenth request.
    Flaky,
    /// Answers 500 to landfall, 200 to the load balancer's health check.
    Errors,
    /// Exits at once with code 3.
    Crash,
    /// Listens on 9090.
    WrongPort,
    /// Listens on 127.0.0.1.
    Loopback,
    /// Never listens.
    Deaf,
    /// Answers 500 to this percentage of requests, at random.
    Errs(u32),
    /// Answers after this many milliseconds.
    Takes(u32),
    /// Answers with this many bytes.
    Long(u32),
    /// Answers 200 to this many requests of users, and 500 to all requests after that.
    Turns(u32),
    /// Answers with its user, its capabilities, and the paths that it can write to.
    Tells,
    /// Writes this file, or exits with code 1.
    Writes(&'static str),
    /// Reads this file, or exits with code 1.
    Reads(&'static str),
    /// Listens on this port too, or exits with code 1.
    Binds(u16),
    /// Listens on this port instead of 8080.
    On(u16),
    /// Answers with the value of this variable, or exits with code 1 if it is not set.
    Shows(&'static str),
    /// Changes the owner of this file, or exits with code 1.
    Chowns(&'static str),
}

impl Mode {
    fn argument(self) -> String {
        let word = match self {
            Mode::Good => "good",
            Mode::Flaky => "flaky",
            Mode::Errors => "errors",
            Mode::Crash => "crash",
            Mode::WrongPort => "port",
            Mode::Loopback => "loopback",
            Mode::Deaf => "deaf",
            Mode::Errs(percent) => return format!("errs:{percent}"),
            Mode::Takes(millis) => return format!("takes:{millis}"),
            Mode::Long(bytes) => return format!("long:{bytes}"),
            Mode::Turns(good) => return format!("turns:{good}"),
            Mode::Tells => "tells",
            Mode::Writes(path) => return format!("writes:{path}"),
            Mode::Reads(path) => return format!("reads:{path}"),
            Mode::Binds(port) => return format!("binds:{port}"),
            Mode::On(port) => return format!("on:{port}"),
            Mode::Shows(name) => return format!("shows:{name}"),
            Mode::Chowns(path) => return format!("chowns:{path}"),
        };
        word.to_owned()
    }
}

/// An app directory.
#[derive(Debug, Clone)]
pub struct App {
    directory: PathBuf,
}

impl App {
    /// Writes the directory of an app that behaves like `mode`. `version` is part of the image, so another
    /// version is another image with the same behaviour. `owner` is part of it too: two tests that build
    /// the same image at the same time can get each other's.
    ///
    /// # Panics
    /// The directory cannot be written, or `rustc` does not compile the program.
    pub fn write(owner: &Path, directory: &Path, mode: Mode, version: u32) -> App {
        std::fs::create_dir_all(directory).expect("the app's directory");
        std::fs::copy(program(), directory.join("misbehave")).expect("the program is copied");
        let dockerfile = format!(
            "FROM scratch\nLABEL test={:?}\nCOPY misbehave /misbehave\nENV VERSION={version}\nEXPOSE 8080\n\
             ENTRYPOINT [\"/misbehave\", \"{}\"]\n",
            owner,
            mode.argument()
        );
        std::fs::write(directory.join("Dockerfile"), dockerfile).expect("the Dockerfile");
        App {
            directory: directory.to_owned(),
        }
    }

    /// Adds a `landfall.toml`.
    ///
    /// # Panics
    /// It cannot be written.
    #[must_use]
    pub fn manifest(self, text: &str) -> App {
        std::fs::write(self.directory.join("landfall.toml"), text).expect("the manifest");
        self
    }

    /// The app directory.
    pub fn path(&self) -> &Path {
        &self.directory
    }
}

/// The program, a static one, so that it runs `FROM scratch`. It is compiled once and kept next to the
/// test binaries, because each test is a process of its own.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let own = std::env::current_exe().expect("the test's own path");
        let mut hasher = DefaultHasher::new();
        include_str!("../programs/misbehave.rs").hash(&mut hasher);
        let path = own.with_file_name(format!("misbehave-{:016x}", hasher.finish()));
        if !path.is_file() {
            compile(&path);
        }
        path
    })
}

/// Compiles into a file of its own first: two tests may do this at the same time.
fn compile(path: &Path) {
    let fresh = path.with_extension(std::process::id().to_string());
    let output = Command::new("rustc")
        .args([
            "--edition",
            "2024",
            "-O",
            "-C",
            "target-feature=+crt-static",
            "-o",
        ])
        .arg(&fresh)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/misbehave.rs"))
        .output()
        .expect("rustc runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    std::fs::rename(&fresh, path).expect("the program is moved");
}
