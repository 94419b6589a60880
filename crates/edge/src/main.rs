//! `landfall-edge COMMAND [ARGUMENT…]`: runs the command behind the edge.

use edge::policy::settings::Settings;
use edge::{AppCommand, Console, Users, become_command, renounce_privileges, run};
use rules::edge_contract::env_vars;
use rules::edge_contract::runtime_api::{self, Address};
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
            println!("{}\n\n{}", usage(), env_vars::table());
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
        .filter(|(name, _)| name.to_string_lossy().starts_with(env_vars::PREFIX))
        .map(|(name, value)| (lossy(name), lossy(value)));
    let settings = match std::env::var_os(runtime_api::VARIABLE) {
        None => Settings::read(environment),
        Some(_) => Settings::read_on_lambda(environment),
    };
    let settings = match settings {
        Ok(settings) => settings,
        Err(bad) => {
            eprintln!("landfall-edge: {bad}");
            return ExitCode::from(BAD_INPUT);
        }
    };
    let (settings, users) = match users(settings) {
        Ok(both) => both,
        Err(why) => {
            eprintln!("landfall-edge: {why}");
            return ExitCode::from(BAD_INPUT);
        }
    };
    // While there is one thread only.
    if settings.no_new_privileges
        && let Err(error) = renounce_privileges()
    {
        eprintln!("landfall-edge: can't renounce privileges: {error}");
        return ExitCode::from(CANT_START);
    }
    if let Some(words) = &settings.exec
        && let [program, arguments @ ..] = words.as_slice()
    {
        let command = AppCommand {
            program: program.into(),
            arguments: arguments.iter().map(OsString::from).collect(),
        };
        let (code, why) = become_command(&command);
        eprintln!("landfall-edge: {why}");
        return ExitCode::from(code);
    }
    let console = Console::start();
    let command = AppCommand {
        program,
        arguments: arguments.collect(),
    };
    let code = run(settings, command, users, &console).unwrap_or_else(|why| {
        console.say(&why);
        CANT_START
    });
    console.flush();
    ExitCode::from(code)
}

/// Where users come from, and what the task is called there.
fn users(mut settings: Settings) -> Result<(Settings, Users), String> {
    let Some(address) = std::env::var_os(runtime_api::VARIABLE) else {
        return Ok((settings, Users::Connect));
    };
    let address = Address::parse(&lossy(address))?;
    let log_stream = std::env::var("AWS_LAMBDA_LOG_STREAM_NAME").unwrap_or_default();
    settings.task = settings
        .task
        .or_else(|| runtime_api::task_name(&log_stream));
    Ok((settings, Users::Invoke(address)))
}

fn usage() -> &'static str {
    "Usage: landfall-edge [--] COMMAND [ARGUMENT…]\n\
     Runs the command and passes requests on to it. Everything is set by the environment."
}

/// A value that is not text is refused as one that holds a replacement character.
fn lossy(text: OsString) -> String {
    text.to_string_lossy().into_owned()
}
