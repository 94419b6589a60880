//! `landfall-edge COMMAND [ARGUMENT…]`: runs the command behind the edge.
//!
//! This file only reads arguments and environment; everything else is in the library.

use edge::policy::settings::Settings;
use edge::{AppCommand, Ingress, Stdio, exec_command, run, run_unreleased, set_no_new_privileges};
use edge_contract::env_vars;
use edge_contract::runtime_api::{self, Address};
use std::ffi::OsString;
use std::process::ExitCode;

/// Wrong arguments or environment: `EX_USAGE` of `sysexits.h`.
const BAD_INPUT: u8 = 64;
/// The edge could not start: `EX_OSERR` of `sysexits.h`.
const CANT_START: u8 = 71;

const USAGE: &str = "Usage: landfall-edge [--] COMMAND [ARGUMENT…]\n\
    Runs the command and forwards requests to it. All settings are environment variables.";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    match arguments.peek().and_then(|first| first.to_str()) {
        Some("--version") => {
            println!("landfall-edge {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Some("--help") => {
            println!("{USAGE}\n\n{}", env_vars::table());
            return ExitCode::SUCCESS;
        }
        Some("--") => drop(arguments.next()),
        _ => {}
    }
    let Some(program) = arguments.next() else {
        eprintln!("landfall-edge: no command given\n{USAGE}");
        return ExitCode::from(BAD_INPUT);
    };
    let command = AppCommand {
        program,
        arguments: arguments.collect(),
    };
    let (settings, ingress) = match configuration() {
        Ok(both) => both,
        Err(why) => {
            eprintln!("landfall-edge: {why}");
            return ExitCode::from(BAD_INPUT);
        }
    };
    // Before any thread starts.
    if settings.no_new_privileges
        && let Err(error) = set_no_new_privileges()
    {
        eprintln!("landfall-edge: can't set no-new-privileges: {error}");
        return ExitCode::from(CANT_START);
    }
    if let Some(words) = &settings.exec
        && let [program, arguments @ ..] = words.as_slice()
    {
        let command = AppCommand {
            program: program.into(),
            arguments: arguments.iter().map(OsString::from).collect(),
        };
        let (code, why) = exec_command(&command);
        eprintln!("landfall-edge: {why}");
        return ExitCode::from(code);
    }
    if !settings.released
        && let Ingress::Invocations(api) = ingress
    {
        return match run_unreleased(api) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("landfall-edge: {why}");
                ExitCode::from(CANT_START)
            }
        };
    }
    let stdio = Stdio::start();
    let code = run(settings, command, ingress, &stdio).unwrap_or_else(|why| {
        stdio.log(&why);
        CANT_START
    });
    stdio.flush();
    ExitCode::from(code)
}

/// The settings, and where requests come from.
fn configuration() -> Result<(Settings, Ingress), String> {
    let environment = std::env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with(env_vars::PREFIX))
        .map(|(name, value)| (lossy(name), lossy(value)));
    let Some(address) = std::env::var_os(runtime_api::VARIABLE) else {
        let settings = Settings::read(environment).map_err(|bad| bad.to_string())?;
        return Ok((settings, Ingress::Connections));
    };
    let mut settings = Settings::read_on_lambda(environment).map_err(|bad| bad.to_string())?;
    let address = Address::parse(&lossy(address))?;
    let log_stream = std::env::var("AWS_LAMBDA_LOG_STREAM_NAME").unwrap_or_default();
    settings.task = settings
        .task
        .or_else(|| runtime_api::task_name(&log_stream));
    Ok((settings, Ingress::Invocations(address)))
}

/// Text with a replacement character for what is not UTF-8; the checks of values refuse that
/// character.
fn lossy(text: OsString) -> String {
    text.to_string_lossy().into_owned()
}
