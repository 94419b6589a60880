//! `./dev bench aws-times`: a release and two rollbacks against emulators behind a front that takes as long as AWS
//! for everything; then, on Lambda, a release under each delay of the log. `docs/benchmarks.md` explains the results.

use rules::app::manifest::Target;
use rules::event::Event;
use rules::release::{Outcome, Step};
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::{Duration, Instant};
use testkit::{App, CommandOutput, Mode, PacedUsers, Sandbox};

/// Help text.
pub(crate) const USAGE: &str = "\
Usage: bench aws-times --landfall PATH --front PATH [--target TARGET] [--seed N] [--rest MINUTES] [--short] [--lags S,…]

  --landfall PATH   the binary that releases
  --front PATH      the proxy in front of the emulators
  --target TARGET   lambda or fargate (fargate)
  --seed N          of what the front draws
  --rest MINUTES    between the release and the first rollback (20)
  --short           the front's short times instead of AWS's
  --lags S,…        seconds by which lines of the log are late, one release for each (none)";

/// Users, and their requests per second.
const USERS: u32 = 2;
const PER_SECOND: f64 = 2.0;

struct Arguments {
    landfall: PathBuf,
    front: PathBuf,
    target: Target,
    seed: u64,
    rest: Duration,
    flags: &'static str,
    lags: Vec<u32>,
}

struct Lab {
    sandbox: Sandbox,
    url: String,
    /// Whether the last release waits for a person.
    is_held: bool,
    began: Instant,
}

/// Parses the command line, measures and prints.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let arguments = read(words)?;
    let flags = format!("--seed {}{}", arguments.seed, arguments.flags);
    let sandbox = Sandbox::of(&arguments.landfall).on(arguments.target);
    let mut lab = Lab {
        sandbox: sandbox.through(&arguments.front, &flags),
        url: String::new(),
        is_held: false,
        began: Instant::now(),
    };
    println!(
        "{}- target {}, front {flags}\n",
        crate::machine::describe_machine(),
        arguments.target
    );
    println!(
        "| command | ended | seconds | users' requests | lost | other than 200 |\n|---|---|---|---|---|---|"
    );
    let first = lab.version(1);
    lab.command("`up`, the first", &first, &["up", "--yes"])?;
    let second = lab.version(2);
    lab.command("`up`", &second, &["up", "--yes"])?;
    lab.say(&format!("resting for {} s", arguments.rest.as_secs()));
    std::thread::sleep(arguments.rest);
    lab.command("`rollback`", &second, &["rollback"])?;
    lab.command("`rollback`, at once", &second, &["rollback"])?;
    for (lag, version) in arguments.lags.iter().zip(3..) {
        lab.sandbox.ask_front("/logs-delay", &lag.to_string());
        let app = lab.version(version);
        lab.command(&format!("`up`, log {lag} s late"), &app, &["up", "--yes"])?;
        if lab.is_held {
            lab.command("`abort`", &app, &["abort"])?;
        }
    }
    lab.command("`down`", &second, &["down", "--yes"])
}

impl Lab {
    fn say(&self, what: &str) {
        eprintln!(
            "bench: {:5.0} s  {what}",
            self.began.elapsed().as_secs_f64()
        );
    }

    fn version(&self, version: u32) -> App {
        self.sandbox
            .app(&version.to_string(), "times", Mode::Errs(10), version)
    }

    /// Runs a command while users send requests, if there is something to send them to; prints a row.
    fn command(&mut self, name: &str, app: &App, words: &[&str]) -> Result<(), String> {
        self.say(name);
        let is_asked = !self.url.is_empty() && words[0] != "down";
        let users = is_asked.then(|| PacedUsers::ask(&self.url, USERS, PER_SECOND));
        let began = Instant::now();
        let ended = self.sandbox.rehearse(app, words);
        let seconds = began.elapsed().as_secs_f64();
        let requests = users.map(PacedUsers::stop);
        let of_users = match &requests {
            None => "– | – | –".to_owned(),
            Some(requests) => {
                let (count, lost) = (requests.count(), requests.lost());
                format!("{count} | {lost} | {}", lost + requests.errors())
            }
        };
        println!(
            "| {name} | {} | {seconds:.0} | {of_users} |",
            how_it_ended(&ended)
        );
        self.is_held = matches!(outcome(&ended), Some(Outcome::Held { .. }));
        let urls = ended.all(|event| match event {
            Event::Url { url } => Some(url.clone()),
            _ => None,
        });
        if let Some(url) = urls.into_iter().next() {
            self.url = url;
        }
        match self.url.is_empty() {
            true => Err(format!("nothing to ask: {:#?}", ended.events.last())),
            false => Ok(()),
        }
    }
}

/// How the release of a command ended; [`None`] if it made none.
fn outcome(ended: &CommandOutput) -> Option<Outcome> {
    let mut outcomes = ended.all(|event| match event {
        Event::Step {
            step: Step::Finished { outcome },
        } => Some(outcome.clone()),
        _ => None,
    });
    outcomes.pop()
}

fn how_it_ended(ended: &CommandOutput) -> String {
    let code = ended.all(|event| match event {
        Event::Ended { code, .. } => Some(*code),
        _ => None,
    });
    let code = code.last().map_or("?".to_owned(), u8::to_string);
    match outcome(ended) {
        Some(Outcome::Serving { proof, .. }) => match proof {
            Some(proof) => format!("serving, by {proof:?}, exit {code}"),
            None => format!("serving, exit {code}"),
        },
        Some(Outcome::Held { share, why, .. }) => format!("held at {share}%, {why:?}, exit {code}"),
        Some(other) => format!("{other:?}, exit {code}"),
        None => format!("exit {code}"),
    }
}

fn read(words: &[&str]) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        landfall: PathBuf::from("target/debug/landfall"),
        front: PathBuf::from("target/debug/landfall-front"),
        target: Target::Fargate,
        seed: 1,
        rest: Duration::from_secs(20 * 60),
        flags: " --real-times",
        lags: Vec::new(),
    };
    let mut words = words.iter();
    while let Some(name) = words.next() {
        if *name == "--short" {
            arguments.flags = "";
            continue;
        }
        let value = words
            .next()
            .ok_or_else(|| format!("'{name}' needs a value\n{USAGE}"))?;
        let wrong = || format!("'{value}' does not fit {name}\n{USAGE}");
        match *name {
            "--landfall" => arguments.landfall = value.into(),
            "--front" => arguments.front = value.into(),
            "--target" => arguments.target = Target::from_str(value).map_err(|_| wrong())?,
            "--seed" => arguments.seed = value.parse().map_err(|_| wrong())?,
            "--rest" => {
                let minutes: f64 = value.parse().map_err(|_| wrong())?;
                arguments.rest =
                    Duration::try_from_secs_f64(minutes * 60.0).map_err(|_| wrong())?;
            }
            "--lags" => {
                let lags: Result<Vec<u32>, _> = value.split(',').map(str::parse).collect();
                arguments.lags = lags.map_err(|_| wrong())?;
            }
            _ => return Err(format!("'{name}' is unknown\n{USAGE}")),
        }
    }
    // The commands run in the apps' directories.
    for path in [&mut arguments.landfall, &mut arguments.front] {
        *path = std::path::absolute(&*path).map_err(|error| error.to_string())?;
        if !path.is_file() {
            return Err(format!("there is no {}", path.display()));
        }
    }
    Ok(arguments)
}
