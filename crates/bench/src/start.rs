//! `./dev bench start`: the size of the programs, and how soon they start.

use crate::load::percentile;
use crate::machine;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

pub(crate) const USAGE: &str = "\
Usage: bench start [--quick] --landfall PATH --edge PATH

  --quick   a few runs: too little to conclude anything from";

/// Runs of each command.
const RUNS: usize = 200;
const RUNS_QUICK: usize = 5;

/// The commands that are timed; none of them calls AWS, a container engine or Terraform.
const COMMANDS: [&[&str]; 3] = [&["--version"], &["up", "--help"], &["completion", "bash"]];

pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let (mut landfall, mut edge, mut runs) = (None, None, RUNS);
    let mut words = words.iter();
    while let Some(name) = words.next() {
        let mut value = || {
            words
                .next()
                .ok_or_else(|| format!("'{name}' needs a value\n{USAGE}"))
        };
        match *name {
            "--quick" => runs = RUNS_QUICK,
            "--landfall" => landfall = Some(Path::new(value()?)),
            "--edge" => edge = Some(Path::new(value()?)),
            _ => return Err(format!("'{name}' is unknown\n{USAGE}")),
        }
    }
    let (Some(landfall), Some(edge)) = (landfall, edge) else {
        return Err(USAGE.to_owned());
    };
    println!("{}", machine::describe_machine());
    println!("| program | size, MB |\n|---|---|");
    for (name, path) in [("landfall", landfall), ("landfall-edge", edge)] {
        let size = std::fs::metadata(path)
            .map_err(|error| format!("{}: {error}", path.display()))?
            .len();
        println!("| {name} | {:.1} |", size as f64 / 1e6);
    }
    println!("\n| command, {runs} times | median, ms | 99 in 100, ms |\n|---|---|---|");
    for command in COMMANDS {
        let mut times = (0..runs)
            .map(|_| once(landfall, command))
            .collect::<Result<Vec<f64>, String>>()?;
        let mut of = |share| percentile(&mut times, share).unwrap_or_default();
        let (median, most) = (of(0.5), of(0.99));
        println!(
            "| `landfall {}` | {median:.1} | {most:.1} |",
            command.join(" ")
        );
    }
    Ok(())
}

/// Milliseconds from the start of a command to its end.
fn once(program: &Path, arguments: &[&str]) -> Result<f64, String> {
    let began = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    match status.success() {
        true => Ok(began.elapsed().as_secs_f64() * 1e3),
        false => Err(format!("{} {arguments:?}: {status}", program.display())),
    }
}
