//! `landfall-edge COMMAND [ARGUMENT…]`: runs the command behind the edge.

use edge::{AppCommand, Console, run};
use rules::edge::settings::Settings;
use rules::edge::variable;
use std::ffi::OsString;
use std::process::ExitCode;

/// Wrong arguments or environment: what `sysexits.h` calls usage.
const BAD_INPUT: u8 = 64;
/// The edge itself could not start.
const CANT_START: u8 = 71;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    match arguments.peek().and_then(|first| first.to_str()) {
        Some("--version") => {
            println!("landfall-edge {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Some("--help") => {
            println!("{}\n\n{}", usage(), variable::table());
            return ExitCode::SUCCESS;
        }
        Some("--") => drop(arguments.next()),
        _ => {}
    }
    let Some(program) = arguments.next() else {
        eprintln!("landfall-edge: there is no command to run\n{}", usage());
        return ExitCode::from(BAD_INPUT);
    };
    let environment = std::env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with(variable::PREFIX))
        .map(|(name, value)| (lossy(name), lossy(value)));
    let settings = match Settings::read(environment) {
        Ok(settings) => settings,
        Err(bad) => {
            eprintln!("landfall-edge: {bad}");
            return ExitCode::from(BAD_INPUT);
        }
    };
    let console = Console::start();
    let command = AppCommand {
        program,
        arguments: arguments.collect(),
    };
    let code = run(settings, command, &console).unwrap_or_else(|why| {
        console.say(&why);
        CANT_START
    });
    console.flush();
    ExitCode::from(code)
}

fn usage() -> &'static str {
    "Usage: landfall-edge [--] COMMAND [ARGUMENT…]\n\
     Runs the command and passes requests on to it. Everything is set by the environment."
}

/// A value that is not text is refused as one that holds a replacement character.
fn lossy(text: OsString) -> String {
    text.to_string_lossy().into_owned()
}
