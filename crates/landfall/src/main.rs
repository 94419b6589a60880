//! The program `landfall`: parses the command line, runs one command, reports its events and sets
//! the exit code.
//!
//! Modules depend on each other in one direction only: `failure`, `store`, `report` and `cli` know
//! nothing of AWS environments; `lock`, `image`, `rehearsal` and `release` build on them;
//! `environment` on these; `doctor` and `commands` on everything. Decisions are in the crate
//! `rules`, calls of AWS in `aws`, Terraform in `infra`. Only `report` prints.

mod cli;
mod commands;
mod doctor;
mod documents;
mod environment;
mod failure;
mod image;
mod lock;
mod rehearsal;
mod release;
mod report;
mod store;

use crate::cli::{Cli, Command};
use crate::commands::release::ManualAction;
use crate::failure::Failure;
use crate::report::Report;
use infra::Interrupt;
use rules::event::Event;
use rules::exit::Exit;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = Cli::read();
    let report = Report::new(cli.global.json, cli.global.volume());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(async {
            report.animate();
            let interrupt = listen(&report, cli.global.timeout)?;
            run(&cli, &report, interrupt).await
        }),
        Err(error) => Err(
            Failure::new(Exit::Bug, "the async runtime cannot be started").why(error.to_string()),
        ),
    };
    let (exit, code) = match result {
        Ok(()) => (Exit::Done, Exit::Done.code()),
        Err(failure) => {
            let failure = failure.explained(report.scope().as_ref());
            report.emit(failure.event());
            (failure.exit, failure.code.unwrap_or(failure.exit.code()))
        }
    };
    report.emit(Event::Ended { exit, code });
    ExitCode::from(code)
}

async fn run(cli: &Cli, report: &Report, interrupt: Interrupt) -> Result<(), Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Init(arguments) => commands::init::run(arguments, global, report),
        Command::Up(arguments) => {
            Box::pin(commands::up::run(arguments, global, report, interrupt)).await
        }
        Command::Move(arguments) => {
            Box::pin(commands::up::move_to(arguments, global, report, interrupt)).await
        }
        Command::Plan(arguments) => commands::plan::run(arguments, global, report, interrupt).await,
        Command::Cost(arguments) => commands::cost::run(arguments, global, report, interrupt).await,
        Command::Down(arguments) => commands::down::run(arguments, global, report, interrupt).await,
        Command::Exec(arguments) => commands::exec::run(arguments, global, report, interrupt).await,
        Command::Reap(arguments) => commands::reap::run(arguments, global, report, interrupt).await,
        Command::Status(arguments) => {
            commands::status::run(arguments, global, report, interrupt).await
        }
        Command::Rollback(arguments) => {
            commands::release::rollback(arguments, global, report, interrupt).await
        }
        Command::Promote(arguments) => {
            commands::release::act(ManualAction::Promote, arguments, global, report, interrupt)
                .await
        }
        Command::Abort(arguments) => {
            commands::release::act(ManualAction::Abort, arguments, global, report, interrupt).await
        }
        Command::Resume(arguments) => {
            commands::release::act(ManualAction::Resume, arguments, global, report, interrupt).await
        }
        Command::Unlock(arguments) => commands::release::unlock(arguments, global, report).await,
        Command::History(arguments) => commands::history::run(arguments, global, report).await,
        Command::Judge(arguments) => commands::history::judge(arguments, report),
        Command::Doctor(arguments) => {
            Box::pin(commands::doctor::run(arguments, global, report, interrupt)).await
        }
        Command::Url(arguments) => {
            commands::status::url(arguments, global, report, interrupt).await
        }
        Command::Logs(arguments) => commands::logs::run(arguments, global, report, interrupt).await,
        Command::Run(arguments) => commands::run::run(arguments, global, report, interrupt).await,
        Command::Open(arguments) => {
            commands::status::open(arguments, global, report, interrupt).await
        }
        Command::Secrets { action } => {
            commands::secrets::run(action, global, report, interrupt).await
        }
        Command::Ci { action } => commands::ci::run(action, global, report, interrupt).await,
        Command::Policy { action } => commands::policy::run(action, global, report).await,
        Command::Eject(arguments) => {
            Box::pin(commands::eject::run(arguments, global, report, interrupt)).await
        }
        Command::Adopt(arguments) => {
            Box::pin(commands::adopt::run(arguments, global, report, interrupt)).await
        }
        Command::Rehearsal { action } => commands::rehearsal::run(*action, report).await,
        Command::Version => commands::version::version(report).await,
        Command::Completion { shell } => commands::version::completion(*shell, report),
        Command::Man { directory } => commands::version::man(directory, report),
        Command::Schema => commands::version::schema(report),
    }
}

/// Turns Ctrl-C, SIGTERM and the end of `--timeout` into an [`Interrupt`] that long operations
/// check. Operations that have begun complete; another Ctrl-C does not force an end.
///
/// # Errors
/// Signals cannot be received.
fn listen(report: &Report, timeout: Option<Duration>) -> Result<Interrupt, Failure> {
    let (stop, interrupt) = tokio::sync::watch::channel(false);
    let no_signals = "signals cannot be received";
    let mut interrupts = signal(SignalKind::interrupt()).map_err(Failure::io(no_signals))?;
    let mut terminations = signal(SignalKind::terminate()).map_err(Failure::io(no_signals))?;
    let report = report.clone();
    tokio::spawn(async move {
        let over = async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(over);
        let mut is_over = false;
        loop {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
                () = &mut over, if !is_over => {
                    is_over = true;
                    report.note("the time limit of --timeout has passed");
                }
            }
            report.note(if *stop.borrow() {
                "still stopping gracefully; a forced end could lose track of what was created"
            } else {
                "stopping gracefully …"
            });
            let _ = stop.send(true);
        }
    });
    Ok(interrupt)
}
