//! `landfall-secrets COMMAND [ARGUMENT…]`: fetches the secrets that its environment refers to, then
//! replaces itself by the command with the values in its environment.
//!
//! It is in the image of an app that has secrets and runs on Lambda, and runs before the edge. It
//! speaks TLS, so that the edge does not have to. Only fetching belongs here: what landfall writes
//! into the environment is in [`rules::release::secrets_loader`].
//!
//! | | |
//! |---|---|
//! | `store`, `signature` | the calls, how they are signed, and how answers are read; pure |
//! | `fetch` | makes the calls, and repeats them where that may help |
//! | `https` | one request and its answer, over TLS or, to an emulator, in plain text |
//! | `resolver` | host names to addresses, without the C library |

mod fetch;
mod https;
mod resolver;
mod signature;
mod store;

use edge_contract::invocation_error::{self, SECRET_NOT_READ};
use edge_contract::runtime_api;
use rules::app::manifest::SecretName;
use rules::release::secrets_loader::{ENDPOINT, VARIABLE};
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

/// Wrong arguments: `EX_USAGE` of `sysexits.h`.
const BAD_INPUT: u8 = 64;
/// A secret could not be read: `EX_UNAVAILABLE` of `sysexits.h`.
const UNAVAILABLE: u8 = 69;
/// The command could not be started: `EX_OSERR` of `sysexits.h`.
const CANT_START: u8 = 71;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == "--") {
        arguments.next();
    }
    let Some(program) = arguments.next() else {
        eprintln!(
            "landfall-secrets: no command given\nUsage: landfall-secrets [--] COMMAND [ARGUMENT…]"
        );
        return ExitCode::from(BAD_INPUT);
    };
    let values = match variable(VARIABLE) {
        None => Vec::new(),
        Some(references) => match values(&references) {
            Ok(values) => values,
            Err(why) => {
                eprintln!("landfall-secrets: {why}");
                return ExitCode::from(UNAVAILABLE);
            }
        },
    };
    let error = exec_command(&program, arguments, values);
    eprintln!(
        "landfall-secrets: can't start {}: {error}",
        program.display()
    );
    ExitCode::from(CANT_START)
}

/// The value of an environment variable, unless it is empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Fetches all values. An error is also reported to Lambda.
fn values(references: &str) -> Result<Vec<(SecretName, String)>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("can't start the event loop: {error}"))?;
    runtime.block_on(async {
        let fetched = fetch::all(references, variable).await;
        if let Err(why) = &fetched {
            report(why).await;
        }
        fetched
    })
}

/// Reports to Lambda why the start has failed. If that fails: the process exits next, and Lambda
/// reports that.
async fn report(why: &str) {
    let address = variable(runtime_api::VARIABLE);
    let Some(Ok(address)) = address.map(|text| runtime_api::Address::parse(&text)) else {
        return;
    };
    let body = invocation_error::to_json(SECRET_NOT_READ, why, &[]);
    let _ = https::report_failed_start(&address, SECRET_NOT_READ, body).await;
}

/// Replaces this process by the command. Returns only if that fails.
fn exec_command(
    program: &OsString,
    arguments: impl Iterator<Item = OsString>,
    values: Vec<(SecretName, String)>,
) -> std::io::Error {
    Command::new(program)
        .args(arguments)
        .env_remove(VARIABLE)
        .env_remove(ENDPOINT)
        .envs(values.iter().map(|(name, value)| (name.as_str(), value)))
        .exec()
}
