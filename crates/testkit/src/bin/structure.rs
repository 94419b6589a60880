//! Prints the structure of a repository's sources; `scripts/structure.sh` runs it and documents its use.

use std::path::PathBuf;
use std::process::ExitCode;
use testkit::structure::{Structure, repository};

const USAGE: &str = "usage: structure [--check] [--edges] [REPOSITORY]";

fn main() -> ExitCode {
    let mut is_check = false;
    let mut shows_edges = false;
    let mut directory = repository();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--check" => is_check = true,
            "--edges" => shows_edges = true,
            other if !other.starts_with('-') => directory = PathBuf::from(other),
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let structure = match Structure::read(&directory) {
        Ok(structure) => structure,
        Err(error) => {
            eprintln!("structure: {error}");
            return ExitCode::from(2);
        }
    };
    print!("{structure}");
    let cycles = structure.cycles();
    if shows_edges {
        for (name, cycle) in &cycles {
            for reference in cycle.edges.values().flatten() {
                println!("{name}\t{}\t{}", reference.place, reference.path);
            }
        }
    }
    let is_bad = !cycles.is_empty() || !structure.long_functions().is_empty();
    ExitCode::from(u8::from(is_check && is_bad))
}
