//! `landfall-bridge COMMAND [ARGUMENT…]`: Lambda's platform for a rehearsal, as far as fakecloud lacks it.
//!
//! | | |
//! |---|---|
//! | `front` | takes events from fakecloud, one at a time, and answers them |
//! | `desk` | where an event meets the runtime |
//! | `runtime_api` | offers the Runtime API to the command, and what the edge needs of the Extensions API |
//! | `child` | the command's process |
//! | `log` | its lines: to stdout, and to the emulated CloudWatch Logs |
//! | `switch` | follows the alias `live`, which fakecloud's HTTP APIs pass by |
//! | `client` | one call to the emulator |
//!
//! `landfall-bridge --relay FROM TO` passes connections on: containers do not reach an emulator that
//! listens on this machine's loopback address only.

mod child;
mod client;
mod desk;
mod front;
mod function;
mod log;
mod relay;
mod runtime_api;
mod switch;

use child::Command;
use front::Front;
use function::{LISTEN, Place};
use rules::edge_contract::bridge::PORT;
use rules::time::Timestamp;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Wrong arguments or environment: what `sysexits.h` calls usage.
const BAD_INPUT: u8 = 64;
/// The bridge itself could not start.
const CANT_START: u8 = 71;
/// What Lambda gives a function between SIGTERM and SIGKILL.
const STOP: Duration = Duration::from_millis(500);
const USAGE: &str =
    "Usage: landfall-bridge [--] COMMAND [ARGUMENT…]\n       landfall-bridge --relay FROM TO";

fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let is_relay = arguments.first().is_some_and(|first| first == "--relay");
    if arguments.first().is_some_and(|first| first == "--") {
        arguments.remove(0);
    }
    if arguments.is_empty() || (is_relay && arguments.len() != 3) {
        eprintln!("landfall-bridge: there is nothing to run\n{USAGE}");
        return ExitCode::from(BAD_INPUT);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime
        .map_err(|error| format!("no event loop: {error}"))
        .and_then(|runtime| match is_relay {
            true => runtime.block_on(relay::run(&arguments[1..])),
            false => runtime.block_on(bridge(Command::new(arguments))),
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("landfall-bridge: {why}");
            ExitCode::from(CANT_START)
        }
    }
}

/// Takes events until SIGTERM.
async fn bridge(command: Command) -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let variable = |name: &str| std::env::var(name).ok();
    let place = Arc::new(Place::read(variable, now(), &unique().replace('-', "")));
    let listen = match variable(LISTEN) {
        Some(text) => text
            .parse()
            .map_err(|_| format!("{LISTEN} is no address: {text}"))?,
        None => SocketAddr::from(([0, 0, 0, 0], PORT)),
    };
    let events = bind(listen).await?;
    // Lambda's own port, unless something else has it.
    let api = match bind(SocketAddr::from(([127, 0, 0, 1], 9001))).await {
        Ok(listener) => listener,
        Err(_) => bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?,
    };
    let front = Front::new(Arc::clone(&place), command, &api)?;
    tokio::spawn(runtime_api::serve(api, front.desk(), Arc::clone(&place)));
    tokio::spawn(front.log().ship());
    front.begin();
    tokio::select! {
        () = Arc::clone(&front).serve(events) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    front.end(STOP).await;
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| format!("{address} cannot be listened on: {error}"))
}

/// The time of day.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// A name that nothing else has, as Lambda's request ids look.
fn unique() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
    match text.trim() {
        "" => format!("00000000-0000-0000-0000-{:012x}", now().0),
        text => text.to_owned(),
    }
}
