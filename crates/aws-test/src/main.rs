//! `./dev test-aws`: landfall against AWS itself, in the caller's account, or against emulators. For developers.
//!
//! It does with an app what a user does, and asks AWS about what landfall assumes and no emulator can show.
//! `docs/real-aws.md` explains it.

mod assumption;
mod cost;
mod experiments;
mod finding;
mod interrupt;
mod observation;
mod options;
mod page;
mod removal;
mod report;
mod run;
mod scenarios;
mod selection;
mod stage;
mod step;
mod users;

use options::{Options, USAGE};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["assumptions"] => {
            for one in assumption::ALL {
                println!("{:<19} {}", one.id.as_str(), one.assumes);
            }
            Ok(0)
        }
        ["assumptions", "--markdown"] => {
            print!("{}", assumption::markdown());
            Ok(0)
        }
        ["help" | "-h" | "--help"] => {
            println!("{USAGE}");
            Ok(0)
        }
        words => match Options::read(words) {
            Err(why) => {
                eprintln!("aws-test: {why}");
                return ExitCode::from(2);
            }
            Ok(options) if options.clean => run::clean(options),
            Ok(options) => run::test(options),
        },
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            eprintln!("aws-test: {why}");
            ExitCode::from(1)
        }
    }
}
