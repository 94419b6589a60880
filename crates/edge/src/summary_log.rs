//! Summary lines on stdout.

use crate::edge::Edge;
use std::sync::Arc;
use std::time::Duration;

/// How often unused connections to the app are closed if there are no summary lines.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);

/// Writes summary lines and closes stale connections to the app, for ever.
pub(crate) async fn run(edge: Arc<Edge>) {
    let every = edge.settings.summary;
    let mut interval = tokio::time::interval(every.unwrap_or(DEFAULT_INTERVAL));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        interval.tick().await;
        edge.app.close_stale();
        if every.is_some() {
            let _ = write(&edge);
        }
    }
}

/// Writes a summary line if something changed since the last one; returns whether it did.
pub(crate) fn write(edge: &Edge) -> bool {
    let changes = edge.settings.summary.and_then(|_| edge.counters.changes());
    let is_changed = changes.is_some();
    if let Some(changes) = changes {
        edge.stdio.write_line(changes.to_line());
    }
    is_changed
}
