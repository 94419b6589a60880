//! Where a run takes place: the caller's account, or emulators; and landfall's commands there.

use crate::assumption::{Assumption, Break, Id};
use crate::interrupt::{self, Interruptible};
use crate::options::{Options, TTL_HOURS};
use aws::{Endpoints, Experiments, Session};
use rules::app::manifest::{AppName, EnvironmentName, Target};
use rules::app::names::Names;
use rules::event::Event;
use rules::operate::ttl::tag_value;
use std::future::Future;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::{App, CommandOutput, Mode, Running, Sandbox, Scenario, now};
use tokio::runtime::Runtime;

/// The app of every run: what a run leaves is found by it.
pub(crate) const APP: &str = "landfall-test";

/// A run's place, and what is known of it so far.
pub(crate) struct Stage {
    pub(crate) options: Options,
    pub(crate) runtime: Runtime,
    pub(crate) session: Session,
    pub(crate) account: String,
    /// The caller's ARN.
    pub(crate) caller: String,
    /// The environment that is deployed.
    pub(crate) names: Names,
    /// The environment of the experiment with a bucket; it has nothing else.
    pub(crate) trial: Names,
    /// The public address, once there is one.
    pub(crate) url: String,
    /// The target that is deployed.
    pub(crate) target: Target,
    pub(crate) budget: f64,
    /// Keys of the manifest.
    pub(crate) manifest: String,
    versions: u32,
    /// The newest version that is not meant to fail.
    good: (Mode, u32),
    place: Place,
    began: Instant,
}

enum Place {
    Aws(tempfile::TempDir),
    Rehearsal(Box<Sandbox>),
}

/// The opposite of an assumption, until it is dropped.
pub(crate) enum Turned<'a> {
    No,
    Scenario(#[expect(dead_code, reason = "dropping it ends the scenario")] Scenario<'a>),
    Logs(&'a Sandbox, u32),
}

impl Drop for Turned<'_> {
    fn drop(&mut self) {
        if let Turned::Logs(sandbox, seconds) = self
            && !std::thread::panicking()
        {
            sandbox.ask_front("/logs-delay", &seconds.to_string());
        }
    }
}

impl Stage {
    /// Opens the place: in a rehearsal the emulators are started, on AWS the caller is asked for.
    ///
    /// # Errors
    /// There are no credentials or no region, or the emulators do not start.
    pub(crate) fn open(options: Options) -> Result<Stage, String> {
        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        interrupt::handle(runtime.handle())?;
        let (place, endpoints) = match options.rehearse {
            true => {
                let sandbox = Sandbox::of(&options.landfall)
                    .through(&options.front, "--seed 1")
                    .with_emulators();
                let (main, second) = sandbox.emulators();
                let endpoints = Endpoints { main, second };
                (Place::Rehearsal(Box::new(sandbox)), Some(endpoints))
            }
            false => {
                let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
                (Place::Aws(dir), None)
            }
        };
        let region = match options.rehearse {
            true => Some("us-east-1"),
            false => options.region.as_deref(),
        };
        let session = Session::open(options.profile.as_deref(), region, endpoints);
        let session = runtime
            .block_on(session)
            .map_err(|error| error.to_string())?;
        let caller = runtime
            .block_on(session.identity())
            .map_err(|error| error.to_string())?;
        let run: String = (0..5).map(|_| fastrand::lowercase()).collect();
        Ok(Stage {
            runtime,
            session,
            account: caller.account,
            caller: caller.arn,
            names: names(&format!("t{run}"))?,
            trial: names(&format!("x{run}"))?,
            url: String::new(),
            target: Target::Lambda,
            budget: 0.0,
            manifest: String::new(),
            versions: 0,
            good: (Mode::Good, 0),
            place,
            began: Instant::now(),
            options,
        })
    }

    pub(crate) fn is_rehearsal(&self) -> bool {
        self.options.rehearse
    }

    pub(crate) fn say(&self, what: &str) {
        eprintln!(
            "aws-test: {:5.0} s  {what}",
            self.began.elapsed().as_secs_f64()
        );
    }

    /// Waits for a call.
    pub(crate) fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }

    pub(crate) fn experiments(&self) -> Experiments {
        Experiments::new(&self.session)
    }

    /// `on_aws`, or a time for emulators, whose delays are seconds where AWS's are minutes.
    pub(crate) fn patience(&self, on_aws: u64, rehearsed: u64) -> Duration {
        Duration::from_secs(if self.is_rehearsal() {
            rehearsed
        } else {
            on_aws
        })
    }

    /// When everything may be removed, as the value of a tag.
    pub(crate) fn end(&self) -> String {
        tag_value(now().plus(Duration::from_secs(TTL_HOURS * 3_600)))
    }

    /// The next version of the app, which is meant to serve.
    pub(crate) fn next_version(&mut self, mode: Mode) -> App {
        self.versions += 1;
        self.good = (mode, self.versions);
        self.version(mode, self.versions)
    }

    /// The next version of the app, which is meant to fail.
    pub(crate) fn failing_version(&mut self, mode: Mode) -> App {
        self.versions += 1;
        self.version(mode, self.versions)
    }

    /// The newest version that is meant to serve, with the present manifest.
    pub(crate) fn good_version(&self) -> App {
        let (mode, version) = self.good;
        self.version(mode, version)
    }

    /// A version of the app.
    pub(crate) fn version(&self, mode: Mode, version: u32) -> App {
        let dir = match &self.place {
            Place::Aws(dir) => dir.path(),
            Place::Rehearsal(sandbox) => sandbox.path(),
        };
        let own = dir.join("apps").join(version.to_string()).join(APP);
        App::write(dir, &own, mode, version).manifest(&self.manifest)
    }

    /// The number of the newest version that is meant to serve.
    pub(crate) fn newest(&self) -> u32 {
        self.good.1
    }

    /// Runs a landfall command in the app's directory. An interruption of this program reaches it.
    pub(crate) fn landfall(&self, app: &App, words: &[&str]) -> CommandOutput {
        self.run(self.command(app, words), None, true)
    }

    /// The same, with this on its standard input.
    pub(crate) fn landfall_with(&self, app: &App, words: &[&str], input: &str) -> CommandOutput {
        self.run(self.command(app, words), Some(input), true)
    }

    /// The same, for a command that removes things: no interruption reaches it.
    pub(crate) fn removal(&self, app: &App, environment: &str, words: &[&str]) -> CommandOutput {
        let mut command = self.command(app, words);
        command.env("LANDFALL_ENV", environment);
        self.run(command, None, false)
    }

    fn run(&self, command: Command, input: Option<&str>, is_interruptible: bool) -> CommandOutput {
        let running = match input {
            Some(input) => Running::start_with(command, input),
            None => Running::start(command),
        };
        let _interruptible = is_interruptible.then(|| Interruptible::new(running.id()));
        running.end()
    }

    fn command(&self, app: &App, words: &[&str]) -> Command {
        let mut command = match &self.place {
            Place::Rehearsal(sandbox) => {
                let mut command = sandbox.command(words);
                command.env("LANDFALL_REHEARSE", "true");
                command
            }
            Place::Aws(dir) => {
                let mut command = Command::new(&self.options.landfall);
                command
                    .args(words)
                    .env("LANDFALL_HOME", dir.path().join("home"))
                    .env("LANDFALL_JSON", "true");
                for (name, value) in [
                    ("LANDFALL_REGION", Some(self.session.region())),
                    ("LANDFALL_PROFILE", self.options.profile.as_deref()),
                ] {
                    command.envs(value.map(|value| (name, value)));
                }
                command
            }
        };
        command
            .env("LANDFALL_NAME", self.names.app.as_str())
            .env("LANDFALL_ENV", self.names.environment.as_str())
            .env("LANDFALL_TARGET", self.target.as_str())
            // Ctrl-C on a terminal reaches every process of the group; this program passes it on.
            .process_group(0)
            .current_dir(app.path());
        command
    }

    /// Lets the front show the opposite of an assumption, if the command line wants that of this one.
    pub(crate) fn turned(&self, id: Id) -> Turned<'_> {
        let wanted = self.options.turned == Some(id);
        let (true, Place::Rehearsal(sandbox)) = (wanted, &self.place) else {
            return Turned::No;
        };
        match Assumption::of(id).turned {
            None => Turned::No,
            Some(Break::Scenario(name, value)) => {
                let value = value.replace("{access}", &self.names.access_log_group());
                Turned::Scenario(sandbox.scenario_of(name, &value))
            }
            Some(Break::LogsDelay(seconds, after)) => {
                sandbox.ask_front("/logs-delay", &seconds.to_string());
                Turned::Logs(sandbox, after)
            }
        }
    }

    /// The address at which CloudFront answers: in a rehearsal the front stands in for it.
    pub(crate) fn behind_cloudfront(&self) -> String {
        let url = self.url.trim_end_matches('/');
        match &self.place {
            Place::Aws(_) => url.to_owned(),
            Place::Rehearsal(sandbox) => sandbox.open_data("cloudfront", url),
        }
    }
}

/// The names of an environment of the app.
///
/// # Errors
/// It cannot be the name of an environment.
pub(crate) fn names(environment: &str) -> Result<Names, String> {
    let app = AppName::parse(APP).map_err(|invalid| invalid.what)?;
    let environment = EnvironmentName::parse(environment).map_err(|invalid| invalid.what)?;
    Ok(Names::new(app, environment))
}

/// What a command failed with, in one line; its exit code if it reported nothing.
pub(crate) fn failure(ended: &CommandOutput) -> String {
    let failed = ended.all(|event| match event {
        Event::Failed { what, why, .. } => {
            Some([std::slice::from_ref(what), why].concat().join("; "))
        }
        _ => None,
    });
    let last = failed.into_iter().next_back();
    last.unwrap_or_else(|| format!("exit code {}", ended.code))
}
