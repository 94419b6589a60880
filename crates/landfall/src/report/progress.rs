//! Phases, notes, warnings, failures, and the work of the tools.

use super::style::{Style, Text};
use rules::event::{Event, Phase, PhaseTime, Progress};
use rules::time::readable;
use std::time::Duration;

pub(super) fn text(event: &Event, style: &Style) -> Text {
    match event {
        // Too short to announce; its end is shown.
        Event::PhaseStarted {
            phase: Phase::Preflight,
        } => Text::Nothing,
        Event::PhaseStarted { phase } => Text::Progress(format!("{} …", phase.as_str())),
        Event::PhaseFinished { time } => {
            let took = readable(Duration::from_secs_f64(time.seconds));
            let done = style.paint("32", "✓");
            Text::Progress(format!("{done} {} ({took})", time.phase.as_str()))
        }
        Event::Place {
            name,
            environment,
            account,
            region,
            rehearsal,
        } => {
            let place = match rehearsal {
                true => "rehearsal, AWS emulators on this machine",
                false => "AWS",
            };
            Text::Progress(format!(
                "{name} ({environment}) in account {account}, {region} — {place}"
            ))
        }
        Event::Note { text } => Text::Progress(format!("  {text}")),
        Event::Warning { text } => Text::Progress(style.warning(text)),
        Event::Resource {
            address,
            action,
            progress,
            seconds,
            ..
        } => match progress {
            Progress::Finished => {
                Text::Progress(format!("  {address}: {action} done, {seconds:.0} s"))
            }
            Progress::Errored => {
                Text::Progress(format!("  {address}: {action} failed, {seconds:.0} s"))
            }
            Progress::Started | Progress::Waiting => Text::Nothing,
        },
        Event::Output { tool, line } if style.verbose => {
            Text::Progress(format!("  {tool}: {line}"))
        }
        Event::Times { phases, total } => Text::Progress(times(phases, *total)),
        Event::Failed { what, why, next } => Text::Progress(failed(what, why, next, style)),
        _ => Text::Nothing,
    }
}

fn times(phases: &[PhaseTime], total: f64) -> String {
    let widths = phases.iter().map(|time| time.phase.as_str().len());
    let width = widths.max().unwrap_or(0);
    let mut lines = vec!["time by phase (phases overlap):".to_owned()];
    for time in phases {
        let name = time.phase.as_str();
        lines.push(format!("  {name:width$}  {:7.1} s", time.seconds));
    }
    lines.push(format!("  {:width$}  {total:7.1} s", "total"));
    lines.join("\n")
}

fn failed(what: &str, why: &[String], next: &[String], style: &Style) -> String {
    let mut lines = vec![format!("{} {what}", style.paint("31;1", "error:"))];
    lines.extend(why.iter().map(|line| format!("  {line}")));
    let arrow = style.paint("36", "→");
    lines.extend(next.iter().map(|line| format!("{arrow} {line}")));
    lines.join("\n")
}
