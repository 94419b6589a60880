//! `landfall-secrets COMMAND [ARGUMENT…]`: fetches the secrets that its environment refers to, and becomes the
//! command with their values in its environment.
//!
//! It lies in the image of an app that has secrets and runs on Lambda, before the edge, and speaks TLS, which
//! the edge does not need. What it does is decided in `store`.
//!
//! | | |
//! |---|---|
//! | `fetch` | asks the stores, again where that may help |
//! | `wire` | one request and its answer, by TLS; in a rehearsal in plain |
//! | `lookup` | the address of a host |

mod answer;
mod fetch;
mod lookup;
mod signature;
mod store;
mod wire;

use rules::edge_contract::invocation_error::{self, SECRET_NOT_READ};
use rules::edge_contract::runtime_api;
use rules::release::secrets_loader::{ENDPOINT, VARIABLE};
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

/// Wrong arguments or environment: what `sysexits.h` calls usage.
const BAD_INPUT: u8 = 64;
/// A secret could not be read: what `sysexits.h` calls unavailable.
const UNAVAILABLE: u8 = 69;
/// The command cannot be started.
const CANT_START: u8 = 71;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == "--") {
        arguments.next();
    }
    let Some(program) = arguments.next() else {
        eprintln!(
            "landfall-secrets: there is no command to run\nUsage: landfall-secrets [--] COMMAND [ARGUMENT…]"
        );
        return ExitCode::from(BAD_INPUT);
    };
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let values = match variable(VARIABLE) {
        None => Vec::new(),
        Some(text) => match fetch::all(&text, variable) {
            Ok(values) => values,
            Err(why) => {
                eprintln!("landfall-secrets: {why}");
                tell(&why, variable);
                return ExitCode::from(UNAVAILABLE);
            }
        },
    };
    let error = become_command(&program, arguments, values);
    eprintln!(
        "landfall-secrets: {} cannot be started: {error}",
        program.display()
    );
    ExitCode::from(CANT_START)
}

/// Returns only if that fails.
fn become_command(
    program: &OsString,
    arguments: impl Iterator<Item = OsString>,
    values: Vec<(rules::app::manifest::SecretName, String)>,
) -> std::io::Error {
    Command::new(program)
        .args(arguments)
        .env_remove(VARIABLE)
        .env_remove(ENDPOINT)
        .envs(values.iter().map(|(name, value)| (name.as_str(), value)))
        .exec()
}

/// Tells Lambda why the start has failed. The process ends next, and that says it as well.
fn tell(why: &str, variable: impl Fn(&str) -> Option<String>) {
    let Some(Ok(address)) =
        variable(runtime_api::VARIABLE).map(|text| runtime_api::Address::parse(&text))
    else {
        return;
    };
    let body = invocation_error::to_json(SECRET_NOT_READ, why, &[]);
    let _ = wire::tell_start_failed(&address, SECRET_NOT_READ, &body);
}
