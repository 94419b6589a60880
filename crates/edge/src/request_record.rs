//! What is recorded about a request when it has ended: counts, and a line of the access log.

use crate::access_log::Entry;
use crate::counters::Source;
use crate::edge::Edge;
use crate::policy::monotonic::Monotonic;
use edge_contract::bucket::Outcome;
use std::sync::Arc;

/// The record of an open request. Dropping it counts a client that left.
#[derive(Debug)]
pub(crate) struct RequestRecord {
    pub(crate) edge: Arc<Edge>,
    pub(crate) source: Source,
    /// The second in which the request began.
    pub(crate) second: u64,
    pub(crate) start: Monotonic,
    pub(crate) log: Option<Box<Entry>>,
    pub(crate) is_open: bool,
}

impl RequestRecord {
    /// Records the end. Only the first call counts.
    pub(crate) fn finish(&mut self, outcome: Outcome, bytes: u64) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let took = self.edge.clock.now().since(self.start);
        self.edge
            .counters
            .request_ended(self.second, self.source, outcome, took);
        if let Some(entry) = self.log.take()
            && entry.is_wanted(outcome)
        {
            self.edge
                .stdio
                .write_line(entry.line(&self.edge, outcome, bytes, took));
        }
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        self.finish(Outcome::Gone, 0);
    }
}
