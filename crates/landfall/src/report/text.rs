//! Events as text for people. Pure, so that snapshots can show everything a person reads.

use super::style::{Style, Text};
use super::words::traffic;
use super::{bill, doctor, eject, history, plan, progress};
use super::{release, removal, secrets, status};
use rules::event::Event;

/// What a person reads of an event.
pub(super) fn text(event: &Event, style: &Style) -> Text {
    match event {
        Event::PhaseStarted { .. }
        | Event::PhaseFinished { .. }
        | Event::Place { .. }
        | Event::Note { .. }
        | Event::Warning { .. }
        | Event::Resource { .. }
        | Event::Output { .. }
        | Event::Times { .. }
        | Event::Failed { .. } => progress::text(event, style),
        Event::Planned { .. } | Event::Reviewed { .. } | Event::Proposed { .. } => {
            plan::text(event, style)
        }
        Event::Priced { .. } | Event::Spent(_) => bill::text(event, style),
        Event::Step { .. }
        | Event::Autopsy { .. }
        | Event::Judged { .. }
        | Event::Pinged { .. }
        | Event::Foreseen { .. }
        | Event::Private { .. }
        | Event::Unchanged { .. } => release::text(event, style),
        Event::Past(_) | Event::Entry { .. } => history::text(event, style),
        Event::Status(_) | Event::Log { .. } => status::text(event, style),
        Event::Lifetime { .. }
        | Event::Lifetimes { .. }
        | Event::Reaped { .. }
        | Event::Doomed { .. }
        | Event::Left { .. }
        | Event::Swept { .. } => removal::text(event, style),
        Event::Ejected { .. } | Event::Compared { .. } | Event::Adopted { .. } => {
            eject::text(event, style)
        }
        Event::Traffic { totals } => Text::Progress(traffic(totals)),
        Event::Printed { line } => Text::Result(line.clone()),
        Event::CommandEnded { code: Some(code) } => {
            Text::Progress(format!("  the command exited with {code}"))
        }
        Event::CommandEnded { code: None } => Text::Nothing,
        Event::CiReady { file, role_arns } => {
            let roles = role_arns.values().map(|arn| format!("\n{arn}"));
            Text::Result(format!("{file}{}", roles.collect::<String>()))
        }
        Event::Url { url } => Text::Result(url.clone()),
        Event::Written { file, what } => Text::Result(format!("{file}: {what}")),
        Event::Secrets { secrets } => Text::Result(secrets::table(secrets)),
        Event::Document { text } => Text::Result(text.trim_end().to_owned()),
        Event::Version(version) => Text::Result(version.describe()),
        Event::Data { data } => Text::Result(data.to_string()),
        Event::Checked { check } => Text::Result(doctor::line(check, style)),
        Event::Examined { summary, problems } => {
            Text::Result(doctor::end(*summary, problems, style))
        }
        // The heartbeat prints it when a line is due.
        Event::Watch(_) => Text::Nothing,
        Event::Ended { .. } => Text::Nothing,
    }
}
