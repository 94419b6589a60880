//! `landfall-bridge COMMAND [ARGUMENT…]`: in a rehearsal, what fakecloud lacks of Lambda's
//! platform.
//!
//! fakecloud runs a function's image as a container and posts each event to it; AWS offers the
//! Runtime API instead. fakecloud does not collect the lines of functions, and its HTTP APIs ignore
//! the alias. This program fills these gaps, in rehearsals only; nothing that AWS itself does
//! belongs elsewhere.
//!
//! | | |
//! |---|---|
//! | `invoke_server` | accepts events from fakecloud, one at a time, and answers them |
//! | `invocation_queue` | passes an event to the runtime, and its reply back |
//! | `runtime_api` | serves the Runtime API, and what the edge needs of the Extensions API |
//! | `child` | the command's process |
//! | `log_forwarder`, `log_events` | its lines: to stdout, and to the emulated CloudWatch Logs |
//! | `alias_router` | routes events to the alias `live`, which fakecloud's HTTP APIs ignore |
//! | `function`, `errors`, `emulator` | the function, errors in AWS's words, calls of the emulator |
//!
//! `landfall-bridge --relay FROM TO` forwards connections: containers cannot reach an emulator that
//! listens on this machine's loopback address only.

mod alias_router;
mod child;
mod emulator;
mod errors;
mod function;
mod invocation_queue;
mod invoke_server;
mod log_events;
mod log_forwarder;
mod relay;
mod runtime_api;
mod system;

use child::Command;
use edge_contract::bridge::PORT;
use function::FunctionContext;
use invoke_server::InvokeServer;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Wrong arguments: `EX_USAGE` of `sysexits.h`.
const BAD_INPUT: u8 = 64;
/// The bridge could not start: `EX_OSERR` of `sysexits.h`.
const CANT_START: u8 = 71;
/// The time between SIGTERM and SIGKILL on Lambda.
const STOP: Duration = Duration::from_millis(500);
/// Variable of another address to accept events on, for tests.
const LISTEN: &str = "LANDFALL_BRIDGE_LISTEN";
const USAGE: &str =
    "Usage: landfall-bridge [--] COMMAND [ARGUMENT…]\n       landfall-bridge --relay FROM TO";

fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let is_relay = arguments.first().is_some_and(|first| first == "--relay");
    if arguments.first().is_some_and(|first| first == "--") {
        arguments.remove(0);
    }
    if arguments.is_empty() || (is_relay && arguments.len() != 3) {
        eprintln!("landfall-bridge: no command given\n{USAGE}");
        return ExitCode::from(BAD_INPUT);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime
        .map_err(|error| format!("can't start the event loop: {error}"))
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

/// Serves events until SIGTERM.
async fn bridge(command: Command) -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let variable = |name: &str| std::env::var(name).ok();
    let function = Arc::new(FunctionContext::from_environment(
        variable,
        system::now(),
        &system::unique_id().replace('-', ""),
    ));
    let listen = match variable(LISTEN) {
        Some(text) => text
            .parse()
            .map_err(|_| format!("{LISTEN} is not an address: {text}"))?,
        None => SocketAddr::from(([0, 0, 0, 0], PORT)),
    };
    let events = bind(listen).await?;
    // Lambda's own port, unless it is in use.
    let api = match bind(SocketAddr::from(([127, 0, 0, 1], 9001))).await {
        Ok(listener) => listener,
        Err(_) => bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?,
    };
    let server = InvokeServer::new(Arc::clone(&function), command, &api)?;
    tokio::spawn(runtime_api::serve(
        api,
        server.queue(),
        Arc::clone(&function),
    ));
    tokio::spawn(server.log().run());
    server.init();
    tokio::select! {
        () = Arc::clone(&server).serve(events) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.shut_down(STOP).await;
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| format!("can't listen on {address}: {error}"))
}
