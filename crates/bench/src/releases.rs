//! `./dev bench releases`: releases in one rehearsal, under load; `docs/benchmarks.md` explains the
//! results.

mod faults;
mod figures;
mod speed;
mod stage;
mod terraform;
mod versions;

use figures::Table;
use stage::Stage;
use std::path::PathBuf;
use std::time::Instant;

/// Help text.
pub(crate) const USAGE: &str = "\
Usage: bench releases --landfall PATH [--json] [--quick] [--seed N] [--kills N] [--only NAME,…]

  --landfall PATH   the binary that releases
  --json            one JSON object for each row instead of the tables
  --quick           everything once or twice: too little to conclude anything from
  --seed N          of the moments at which landfall is killed
  --kills N         how often it is killed
  --only NAME,…     good, dead, worse, slow, same, latency, speed, faults";

/// A measurement.
type Measure = fn(&mut Stage, &Plan) -> Result<Table, String>;

/// All measurements, in order.
const MEASURES: [(&str, Measure); 8] = [
    ("good", versions::good),
    ("dead", versions::dead),
    ("worse", versions::worse),
    ("slow", versions::slow),
    ("latency", versions::latency),
    ("same", versions::same),
    ("speed", speed::speed),
    ("faults", faults::faults),
];

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Releases of the same behaviour.
    same: u32,
    /// Versions that turn bad in the middle.
    turns: u32,
    /// Releases all at once, and as many with plain Terraform.
    speed: u32,
    kills: u32,
    seed: u64,
}

struct Arguments {
    landfall: PathBuf,
    json: bool,
    quick: bool,
    seed: u64,
    kills: Option<u32>,
    only: Option<String>,
}

/// Parses the command line, measures and prints.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let arguments = read(words)?;
    let (sizes, size) = match arguments.quick {
        true => ([2, 1, 1, 3], "quick: too little to conclude anything from"),
        false => ([20, 5, 3, 200], "full"),
    };
    let [same, turns, speed, kills] = sizes;
    let plan = Plan {
        same,
        turns,
        speed,
        kills: arguments.kills.unwrap_or(kills),
        seed: arguments.seed,
    };
    let is_wanted = |name: &str| {
        let only = arguments.only.as_deref();
        only.is_none_or(|only| only.split(',').any(|wanted| wanted == name))
    };
    let began = Instant::now();
    let load_before = crate::machine::load();
    if !arguments.json {
        println!(
            "{}- seed {}; {size}\n",
            crate::machine::describe_machine(),
            plan.seed
        );
    }
    let mut stage = Stage::set(&arguments.landfall)?;
    // Printed at once, as the whole run takes an hour.
    for (name, measure) in MEASURES {
        if is_wanted(name) {
            stage.print(name);
            let measured = Instant::now();
            let table = measure(&mut stage, &plan)?.took(name, measured.elapsed());
            match arguments.json {
                true => print!("{}", table.json()),
                false => println!("{table}"),
            }
        }
    }
    if !arguments.json {
        let (seconds, load_after) = (began.elapsed().as_secs(), crate::machine::load());
        println!("{seconds} s in all; load average {load_before} before and {load_after} after");
    }
    Ok(())
}

fn read(words: &[&str]) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        landfall: PathBuf::from("target/debug/landfall"),
        json: false,
        quick: false,
        seed: fastrand::u64(..1_000_000),
        kills: None,
        only: None,
    };
    let number = |value: &str| format!("'{value}' is not a number that fits\n{USAGE}");
    let mut words = words.iter();
    while let Some(name) = words.next() {
        match *name {
            "--json" => arguments.json = true,
            "--quick" => arguments.quick = true,
            _ => {
                let value = words
                    .next()
                    .ok_or_else(|| format!("'{name}' needs a value\n{USAGE}"))?;
                match *name {
                    "--landfall" => arguments.landfall = value.into(),
                    "--seed" => arguments.seed = value.parse().map_err(|_| number(value))?,
                    "--kills" => arguments.kills = Some(value.parse().map_err(|_| number(value))?),
                    "--only" => arguments.only = Some(known(value)?),
                    _ => return Err(format!("'{name}' is unknown\n{USAGE}")),
                }
            }
        }
    }
    Ok(arguments)
}

fn known(names: &str) -> Result<String, String> {
    let is_known = |wanted: &str| MEASURES.iter().any(|(name, _)| *name == wanted);
    match names.split(',').find(|name| !is_known(name)) {
        Some(name) => Err(format!("'{name}' is not measured\n{USAGE}")),
        None => Ok(names.to_owned()),
    }
}
