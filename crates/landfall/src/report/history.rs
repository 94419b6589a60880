//! Earlier releases, as lines.

use super::style::{Style, Text};
use super::words::{outcome_words, pings, proof_words, step_words};
use rules::app::manifest::Target;
use rules::event::{Event, Past};
use rules::release::ledger::Entry;
use rules::release::{Outcome, Purpose};
use rules::time::{Timestamp, readable};

pub(super) fn text(event: &Event, style: &Style) -> Text {
    match event {
        Event::Past(past) => Text::Result(past_line(past, style.target)),
        Event::Entry { entry, since } => Text::Result(entry_line(entry, *since, style.target)),
        _ => Text::Nothing,
    }
}

/// One line for a step of a release.
fn entry_line(entry: &Entry, since: Timestamp, target: Target) -> String {
    let (at, what) = match entry {
        Entry::Step { at, step, .. } => (at, step_words(step, target)),
        Entry::Order { at, by, order } => {
            let order = serde_json::to_value(order).unwrap_or_default();
            let order = order.as_str().unwrap_or_default().to_owned();
            (at, format!("{order}, ordered by {by}"))
        }
    };
    format!("     +{:8.1} s  {what}", at.since(since).as_secs_f64())
}

/// One line for a release, and how it ended below.
fn past_line(past: &Past, target: Target) -> String {
    let how = match &past.outcome {
        None => "in progress, or interrupted".to_owned(),
        Some(Outcome::Serving {
            proof: Some(proof), ..
        }) => format!("served; {}", proof_words(*proof)),
        Some(Outcome::Serving { .. }) => "served".to_owned(),
        Some(Outcome::RolledBack { cause, .. }) => {
            format!("rolled back: {}", cause.explain(target).what)
        }
        Some(other) => outcome_words(other, target),
    };
    let took = past.ended_at.map_or(String::new(), |end| {
        format!(", {}", readable(end.since(past.started)))
    });
    let pinged = past
        .pings
        .map_or(String::new(), |seen| format!("\n       {}", pings(&seen)));
    format!(
        "{:5}  {}  {}  {} by {}{took}\n       {how}{pinged}",
        past.number,
        past.revision,
        past.started.readable(Timestamp(0)),
        match past.purpose {
            Purpose::Deploy => "released",
            Purpose::RollBack => "rolled back to",
        },
        past.by,
    )
}
