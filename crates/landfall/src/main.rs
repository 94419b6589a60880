//! The command line of landfall: parses, observes, asks `rules`, acts, reports.

mod app;
mod cli;
mod commands;
mod comparing;
mod conduct;
mod driver;
mod engine;
mod failure;
mod hold;
mod keeper;
mod layer;
mod ledger;
mod phases;
mod pings;
mod place;
mod platform;
mod probe;
mod random;
mod rehearsal;
mod report;
mod store;
mod watched;

use crate::cli::{Cli, Command};
use crate::commands::release::Word;
use crate::failure::Failure;
use crate::report::Report;
use clap::Parser as _;
use infra::Interrupt;
use rules::event::Event;
use rules::exit::Exit;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let report = Report::new(cli.global.json, cli.global.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(async {
            report.animate();
            let interrupt = listen(&report)?;
            run(&cli, &report, interrupt).await
        }),
        Err(error) => Err(Failure::new(Exit::Bug, "no async runtime").why(error.to_string())),
    };
    let exit = match result {
        Ok(()) => Exit::Done,
        Err(failure) => {
            report.emit(failure.event());
            failure.exit
        }
    };
    report.emit(Event::Ended {
        exit,
        code: exit.code(),
    });
    ExitCode::from(exit.code())
}

async fn run(cli: &Cli, report: &Report, interrupt: Interrupt) -> Result<(), Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Up(arguments) => commands::up::run(arguments, global, report, interrupt).await,
        Command::Move(arguments) => {
            commands::up::move_to(arguments, global, report, interrupt).await
        }
        Command::Down(arguments) => commands::down::run(arguments, global, report, interrupt).await,
        Command::Status(arguments) => {
            commands::status::run(arguments, global, report, interrupt).await
        }
        Command::Rollback(arguments) => {
            commands::release::rollback(arguments, global, report, interrupt).await
        }
        Command::Promote(arguments) => {
            commands::release::say(Word::Promote, arguments, global, report, interrupt).await
        }
        Command::Abort(arguments) => {
            commands::release::say(Word::Abort, arguments, global, report, interrupt).await
        }
        Command::Resume(arguments) => {
            commands::release::say(Word::Resume, arguments, global, report, interrupt).await
        }
        Command::Unlock(arguments) => commands::release::unlock(arguments, global, report).await,
        Command::History(arguments) => commands::history::run(arguments, global, report).await,
        Command::Judge(arguments) => commands::history::judge(arguments, report),
        Command::Url(arguments) => {
            commands::status::url(arguments, global, report, interrupt).await
        }
        Command::Logs(arguments) => commands::logs::run(arguments, global, report, interrupt).await,
        Command::Run(arguments) => commands::run::run(arguments, global, report, interrupt).await,
        Command::Ci { action } => commands::ci::run(action, global, report, interrupt).await,
        Command::Rehearsal { action } => commands::rehearsal::run(*action, report).await,
    }
}

/// Turns Ctrl-C and SIGTERM into a wish that long work looks at. Nothing is cut off: what is in work
/// comes to an orderly end, and a second Ctrl-C only says so.
fn listen(report: &Report) -> Result<Interrupt, Failure> {
    let (wish, interrupt) = tokio::sync::watch::channel(false);
    let no_signals = "signals cannot be listened for";
    let mut interrupts = signal(SignalKind::interrupt()).map_err(Failure::io(no_signals))?;
    let mut terminations = signal(SignalKind::terminate()).map_err(Failure::io(no_signals))?;
    let report = report.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
            }
            report.note(if *wish.borrow() {
                "still stopping in order; forcing it now could lose track of what was made"
            } else {
                "stopping in order …"
            });
            let _ = wish.send(true);
        }
    });
    Ok(interrupt)
}
