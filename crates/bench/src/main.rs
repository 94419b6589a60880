//! The benchmarks; `docs/benchmarks.md` explains the results. For developers only.
//!
//! | | |
//! |---|---|
//! | `./dev bench edge` | the edge and other proxies in front of the same unreliable app, in one run |
//! | `./dev bench lambda` | the edge as a runtime of AWS Lambda, compared with another adapter |
//! | `./dev bench canary` | the decisions on releases, simulated |
//! | `./dev bench releases` | releases against emulators: good ones, bad ones, interrupted ones |
//! | `./dev bench aws-times` | releases and rollbacks against emulators that take as long as AWS |
//! | `./dev bench start` | the size of the programs, and how soon they start |
//! | `./dev bench prices` | AWS's price list, compared with the table of landfall |

mod app;
mod aws_times;
mod canary;
mod client;
mod drain;
mod figures;
mod lambda;
mod load;
mod machine;
mod measure;
mod plan;
mod prices;
mod process;
mod proxies;
mod releases;
mod stage;
mod start;

use crate::measure::Bench;
use crate::plan::Plan;
use crate::proxies::{EDGE, PROXIES, Programs};
use crate::stage::App;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "\
Usage: bench edge --app PATH [--app-port PORT] [--json] [--quick] [--seed N] [--only NAME,…] --PROXY PATH…

  --app PATH       the program behind the proxies, which listens on --app-port (8080)
  --json           one JSON object for each proxy instead of the tables
  --quick          a smoke run: everything once, in less than two minutes
  --seed N         the order of the proxies in each round
  --only NAME,…    these rows only
  --edge, --nginx, --haproxy, --envoy, --caddy PATH   where the programs are

./dev bench edge finds all paths.";

/// The command line.
struct Arguments {
    app: String,
    app_port: u16,
    json: bool,
    quick: bool,
    seed: u64,
    only: Option<String>,
    programs: Programs,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["app", port, percent, start] => be_the_app(port, percent, start),
        ["edge", rest @ ..] => read(rest).and_then(bench),
        ["aws-times", rest @ ..] => aws_times::run(rest),
        ["canary", rest @ ..] => canary::run(rest),
        ["lambda", rest @ ..] => lambda::run(rest),
        ["prices", rest @ ..] => prices::run(rest),
        ["releases", rest @ ..] => releases::run(rest),
        ["start", rest @ ..] => start::run(rest),
        _ => Err([
            USAGE,
            aws_times::USAGE,
            canary::USAGE,
            lambda::USAGE,
            prices::USAGE,
            releases::USAGE,
            start::USAGE,
        ]
        .join("\n\n")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn be_the_app(port: &str, percent: &str, start: &str) -> Result<(), String> {
    let start = Duration::from_millis(number(start)?);
    app::serve(number(port)?, number(percent)?, start)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("'{text}' is not a number that fits\n{USAGE}"))
}

fn read(words: &[&str]) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        app: String::new(),
        app_port: 8080,
        json: false,
        quick: false,
        seed: fastrand::u64(..1_000_000),
        only: None,
        programs: Programs::default(),
    };
    let mut words = words.iter();
    while let Some(name) = words.next() {
        match *name {
            "--json" => arguments.json = true,
            "--quick" => arguments.quick = true,
            _ => {
                let value = words
                    .next()
                    .ok_or_else(|| format!("'{name}' needs a value\n{USAGE}"))?;
                let programs = &mut arguments.programs;
                match *name {
                    "--app" => arguments.app = (*value).to_owned(),
                    "--app-port" => arguments.app_port = number(value)?,
                    "--seed" => arguments.seed = number(value)?,
                    "--only" => arguments.only = Some((*value).to_owned()),
                    "--edge" => programs.edge = value.into(),
                    "--nginx" => programs.nginx = value.into(),
                    "--haproxy" => programs.haproxy = value.into(),
                    "--envoy" => programs.envoy = value.into(),
                    "--caddy" => programs.caddy = value.into(),
                    _ => return Err(format!("'{name}' is unknown\n{USAGE}")),
                }
            }
        }
    }
    Ok(arguments)
}

fn bench(arguments: Arguments) -> Result<(), String> {
    let began = Instant::now();
    allow_many_connections();
    let is_wanted = |name: &str| {
        let only = arguments.only.as_deref();
        only.is_none_or(|only| only.split(',').any(|wanted| wanted == name))
    };
    let rows: Vec<_> = PROXIES
        .into_iter()
        .filter(|proxy| is_wanted(proxy.name))
        .map(|proxy| (proxy, figures::Figures::default()))
        .collect();
    let (plan, size) = if arguments.quick {
        (Plan::quick(), "quick: too little to conclude anything from")
    } else {
        (Plan::full(), "full")
    };
    let load_before = machine::load();
    let mut bench = Bench {
        plan,
        app: App::program(&arguments.app, arguments.app_port)?,
        random: fastrand::Rng::with_seed(arguments.seed),
        rows,
        programs: arguments.programs,
    };
    bench.run()?;
    if arguments.json {
        for (proxy, figures) in &bench.rows {
            println!("{}", figures.json(proxy));
        }
        return Ok(());
    }
    print!("{}", machine::describe(&bench.programs));
    let (seconds, seed) = (began.elapsed().as_secs(), arguments.seed);
    let load_after = machine::load();
    println!(
        "- load average {load_before} before and {load_after} after; {size}; seed {seed}; {seconds} s\n"
    );
    println!("{}", figures::table(&bench.rows));
    if let Some((_, edge)) = bench.rows.iter().find(|(proxy, _)| proxy.name == EDGE) {
        println!("{}", figures::goals(edge));
    }
    Ok(())
}

/// A thousand connections are more open files than usually allowed; the proxies inherit the limit.
fn allow_many_connections() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // If this is refused, connecting fails with a clear error.
    let _ = setrlimit(Resource::Nofile, wanted);
}
