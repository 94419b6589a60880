//! Releases of the past, as lines.

use super::words::{outcome_words, pings, proof_words, step_words};
use rules::event::Past;
use rules::release::ledger::Entry;
use rules::release::{Outcome, Purpose};
use rules::time::{Timestamp, readable};

/// One line of a release in the history.
pub(super) fn entry_line(entry: &Entry, since: Timestamp) -> String {
    let (at, what) = match entry {
        Entry::Step { at, step, .. } => (at, step_words(step)),
        Entry::Order { at, by, order } => {
            let order = serde_json::to_value(order).unwrap_or_default();
            let order = order.as_str().unwrap_or_default().to_owned();
            (at, format!("{by} says: {order}"))
        }
    };
    format!("     +{:8.1} s  {what}", at.since(since).as_secs_f64())
}

/// One line of the history.
pub(super) fn past_line(past: &Past) -> String {
    let how = match &past.outcome {
        None => "under way, or left in the middle".to_owned(),
        Some(Outcome::Serving {
            proof: Some(proof), ..
        }) => format!("served; {}", proof_words(*proof)),
        Some(Outcome::Serving { .. }) => "served".to_owned(),
        Some(Outcome::RolledBack { cause, .. }) => {
            format!("rolled back: {}", cause.explain().what)
        }
        Some(other) => outcome_words(other),
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
            Purpose::RollBack => "back to it",
        },
        past.by,
    )
}
