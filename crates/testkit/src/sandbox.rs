//! A temporary home of landfall for one test: its emulators, state and apps.

use crate::app::{App, Mode};
use crate::command::{CommandOutput, Running};
use rules::app::manifest::Target;
use rules::exit::Exit;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names a home of landfall whose emulators tests may share. `./dev test` starts them and sets it.
const SHARED: &str = "LANDFALL_TEST_EMULATORS";

/// Names a directory where the calls of AWS's API that pass a front are recorded; otherwise they are not.
/// `./dev test` checks them against the services' models.
const CALLS: &str = "LANDFALL_TEST_CALLS";

/// Names the program that fakecloud runs as the container engine.
const ENGINE: &str = "FAKECLOUD_CONTAINER_CLI";

/// The file in a home of landfall that contains the addresses of its emulators.
const EMULATORS: &str = "emulators.json";

/// A temporary home of landfall. Dropping it stops its emulators and removes everything in it.
pub struct Sandbox {
    dir: tempfile::TempDir,
    landfall: PathBuf,
    target: Target,
    shares_emulators: bool,
    front: Option<PathBuf>,
    /// More arguments of the front.
    front_flags: String,
}

impl Default for Sandbox {
    fn default() -> Sandbox {
        Sandbox::new()
    }
}

impl Sandbox {
    /// A sandbox with emulators of its own, behind `landfall-front`, which makes them as strict as AWS.
    /// They are not started yet: the first rehearsal starts them.
    ///
    /// # Panics
    /// The directory cannot be made, or landfall or the front is not built.
    pub fn new() -> Sandbox {
        let mut sandbox = Sandbox::of(&needed("landfall"));
        sandbox.front = Some(needed("landfall-front"));
        sandbox
    }

    /// A sandbox whose emulators other tests use at the same time, so that they do not have to start
    /// first. For tests that only look at resources of their own app, and whose app has a name that no
    /// other test uses. Where no shared emulators run, it starts emulators of its own.
    ///
    /// # Panics
    /// The directory cannot be made, or there are no emulators at the addresses in the environment.
    pub fn shared() -> Sandbox {
        let mut sandbox = Sandbox::new();
        if let Some(home) = std::env::var_os(SHARED) {
            std::fs::create_dir_all(sandbox.home()).expect("landfall's home");
            let from = Path::new(&home).join(EMULATORS);
            std::fs::copy(&from, sandbox.home().join(EMULATORS))
                .unwrap_or_else(|error| panic!("{SHARED}: {}: {error}", from.display()));
            sandbox.shares_emulators = true;
        }
        sandbox
    }

    /// A sandbox for this landfall binary, with emulators of its own and without a front.
    ///
    /// # Panics
    /// The directory cannot be made.
    pub fn of(landfall: &Path) -> Sandbox {
        Sandbox {
            dir: tempfile::tempdir().expect("a directory"),
            landfall: landfall.to_owned(),
            target: Target::Fargate,
            shares_emulators: false,
            front: None,
            front_flags: String::new(),
        }
    }

    /// Starts the emulators, unless they run.
    ///
    /// # Panics
    /// They do not start.
    #[must_use]
    pub fn with_emulators(self) -> Sandbox {
        let _ = self.run(&["rehearsal", "start"]).expect(Exit::Done);
        self
    }

    /// Sets the target of the apps; it is Fargate otherwise.
    #[must_use]
    pub fn on(mut self, target: Target) -> Sandbox {
        self.target = target;
        self
    }

    /// Puts this front in front of the emulators, with more arguments: `--seed 7 --real-times`.
    #[must_use]
    pub fn through(mut self, front: &Path, flags: &str) -> Sandbox {
        self.front = Some(front.to_owned());
        self.front_flags = flags.to_owned();
        self
    }

    /// The sandbox's directory.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Landfall's home.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Writes an app directory. Directories with the same `name` and other labels are versions of one
    /// app.
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

    /// A landfall command, without the AWS configuration of the user who runs the tests.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.landfall);
        command
            .args(arguments)
            .env("LANDFALL_HOME", self.home())
            .env("LANDFALL_JSON", "true")
            .env("LANDFALL_TARGET", self.target.as_str())
            .env("AWS_CONFIG_FILE", self.dir.path().join("none"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.dir.path().join("none"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // No test asks GitHub: neither its API, where the port is closed, nor with the person's `gh`.
            .env("GITHUB_API_URL", "http://127.0.0.1:9")
            .env("GH_HOST", "github.invalid")
            // Terraform and its provider live for seconds: a third of their time was garbage collection.
            .env("GOGC", "400");
        match &self.front {
            Some(front) => command
                .env("LANDFALL_FRONT", front)
                .env("LANDFALL_FRONT_ARGUMENTS", self.front_arguments()),
            None => command.env_remove("LANDFALL_FRONT"),
        };
        // Programs outside the tests' folder, as the bench, do without it, and so does who chose an engine.
        if std::env::var_os(ENGINE).is_none()
            && let Some(program) = built("container-states")
        {
            command.env(ENGINE, program);
        }
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
    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        Running::start(self.command(arguments)).end()
    }

    /// Runs a landfall command against the emulators, in the app's directory, to its end.
    pub fn rehearse(&self, app: &App, arguments: &[&str]) -> CommandOutput {
        self.start(app, arguments).end()
    }

    /// The same, with this on its standard input.
    pub fn rehearse_with(&self, app: &App, arguments: &[&str], input: &str) -> CommandOutput {
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

    /// Where the front records the calls of AWS's API.
    fn front_arguments(&self) -> String {
        let Some(dir) = std::env::var_os(CALLS) else {
            return self.front_flags.clone();
        };
        let test = std::thread::current();
        let name = test.name().unwrap_or("test").replace(':', "-");
        let sandbox = self.path().file_name().unwrap_or_default();
        let file = format!("{name}{}.jsonl", sandbox.to_string_lossy());
        let record = Path::new(&dir).join(file);
        format!("{} --record {}", self.front_flags, record.display())
    }

    /// Selects a scenario of the front, such as `five-vpcs`, until the result is dropped.
    ///
    /// # Panics
    /// There is no front, or it does not know the scenario.
    pub fn scenario(&self, name: &str) -> Scenario<'_> {
        self.scenario_of(name, "")
    }

    /// The same with the scenario's value.
    ///
    /// # Panics
    /// There is no front, or it does not know the scenario.
    pub fn scenario_of(&self, name: &str, value: &str) -> Scenario<'_> {
        let path = format!("/scenarios/{name}");
        self.call_front("POST", &path, value);
        Scenario {
            sandbox: self,
            path,
        }
    }

    /// What a front is asked at its control endpoint: `/logs-delay` with `20`, for example.
    ///
    /// # Panics
    /// There is no front, or it does not know the request.
    pub fn ask_front(&self, path: &str, body: &str) {
        self.call_front("POST", path, body);
    }

    /// Opens a listener of the front for users' requests, of this kind and with this URL behind it; returns its
    /// own URL.
    ///
    /// # Panics
    /// There is no front, or it does not know the kind.
    pub fn open_data(&self, kind: &str, upstream: &str) -> String {
        let answer = self.call_front("POST", &format!("/data/{kind}"), upstream);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        format!("http://{}", body["address"].as_str().expect("an address"))
    }

    fn call_front(&self, method: &str, path: &str, body: &str) -> String {
        let control = self.noted()["front"]["control"].clone();
        let control = control.as_str().expect("a front");
        let address = control.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the front listens");
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: \
             {length}\r\n\r\n{body}",
        )
        .expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
        answer
    }

    /// URLs under which landfall reaches fakecloud and ministack: those of their front, if it has one.
    ///
    /// # Panics
    /// They do not run.
    pub fn emulators(&self) -> (String, String) {
        let noted = self.noted();
        let front = &noted["front"];
        match (front["main"]["url"].as_str(), front["second"].as_str()) {
            (Some(main), Some(second)) => (main.to_owned(), second.to_owned()),
            _ => self.behind_front(),
        }
    }

    /// Runs landfall with temporary credentials that expire after so many seconds, and that the front refuses from then
    /// on. Each time they are resolved, there are new ones.
    ///
    /// # Panics
    /// The emulators do not run, or a file cannot be written.
    #[must_use]
    pub fn with_expiring_credentials(self, seconds: u32) -> Sandbox {
        let script = self.path().join("credentials.sh");
        let text = format!(
            "expiry=$(( $(date +%s) + {seconds} ))\n\
             echo \"$expiry\" >>'{}'\n\
             time=$(date --utc --date=\"@$expiry\" +%Y-%m-%dT%H:%M:%SZ)\n\
             printf '{{\"Version\":1,\"AccessKeyId\":\"ASIA%s00\",\"SecretAccessKey\":\"secret\",\
             \"SessionToken\":\"token\",\"Expiration\":\"%s\"}}' \"$expiry\" \"$time\"\n",
            self.issued().display()
        );
        std::fs::write(&script, text).expect("written");
        let identity =
            serde_json::json!({ "credential_process": format!("sh {}", script.display()) });
        set_identity(&self.home().join(EMULATORS), &identity);
        self
    }

    /// When the credentials of [`Sandbox::with_expiring_credentials`] expire, in seconds since 1970, in the order in
    /// which they were issued.
    ///
    /// # Panics
    /// None were issued.
    pub fn expiries(&self) -> Vec<u64> {
        let text = std::fs::read_to_string(self.issued()).expect("credentials were issued");
        text.lines()
            .map(|line| line.parse().expect("seconds"))
            .collect()
    }

    fn issued(&self) -> PathBuf {
        self.path().join("credentials-issued")
    }

    /// URLs of fakecloud and ministack themselves.
    ///
    /// # Panics
    /// They do not run.
    pub fn behind_front(&self) -> (String, String) {
        let noted = self.noted();
        let url = |name: &str| noted[name]["url"].as_str().expect("an address").to_owned();
        (url("fakecloud"), url("ministack"))
    }

    fn noted(&self) -> serde_json::Value {
        read_note(&self.home().join(EMULATORS))
    }
}

/// A scenario that is selected. Dropping it ends the scenario.
pub struct Scenario<'a> {
    sandbox: &'a Sandbox,
    path: String,
}

impl Drop for Scenario<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.sandbox.call_front("DELETE", &self.path, "");
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.shares_emulators {
            return;
        }
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

fn read_note(file: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(file).expect("emulators run");
    serde_json::from_str(&text).expect("JSON")
}

/// Sets who calls the emulators that this file notes.
pub(crate) fn set_identity(file: &Path, identity: &serde_json::Value) {
    let mut noted = read_note(file);
    noted["identity"] = identity.clone();
    std::fs::write(file, noted.to_string()).expect("written");
}

/// A program that the tests cannot do without.
fn needed(name: &str) -> PathBuf {
    built(name).unwrap_or_else(|| panic!("{name} is not built: run the tests with `./dev test`"))
}

/// A program of the workspace: it is next to the directory of the test binaries.
fn built(name: &str) -> Option<PathBuf> {
    let test = std::env::current_exe().expect("the test's own path");
    let path = test.parent().and_then(Path::parent)?.join(name);
    path.is_file().then_some(path)
}
