//! One verb a file.

pub(crate) mod about;
pub(crate) mod adopt;
pub(crate) mod ci;
mod concerns;
pub(crate) mod cost;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod eject;
pub(crate) mod exec;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod logs;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod prices;
pub(crate) mod reap;
pub(crate) mod rehearsal;
pub(crate) mod release;
pub(crate) mod run;
pub(crate) mod secrets;
pub(crate) mod status;
pub(crate) mod up;

use crate::failure::Failure;
use crate::report::Report;
use rules::exit::Exit;

/// Asks for a yes, unless it was given already. Never asks where nobody can answer.
fn confirm(report: &Report, yes: bool, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !report.can_ask() {
        return Err(Failure::new(
            Exit::Refused,
            "a yes is needed, and nobody can be asked here",
        )
        .why(question)
        .next("say it with --yes (or LANDFALL_YES=true)"));
    }
    if report.ask(question) {
        Ok(())
    } else {
        Err(Failure::new(Exit::Refused, "not confirmed").next("nothing was changed"))
    }
}

/// Passes on what Terraform says while it works.
fn listener(
    report: &Report,
    root: rules::shape::contract::Root,
) -> impl FnMut(infra::Message) + Send + use<> {
    let report = report.clone();
    move |message| {
        if let infra::Message::Resource {
            address,
            action,
            progress,
            seconds,
        } = message
        {
            report.emit(rules::event::Event::Resource {
                root,
                address,
                action,
                progress,
                seconds,
            });
        }
    }
}
