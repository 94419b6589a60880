//! The access log: one line of JSON for each request.

use crate::edge::Edge;
use crate::policy::settings::AccessLog;
use crate::random;
use edge_contract::bucket::Outcome;
use serde::Serialize;
use std::time::Duration;

/// Longest path that is logged, in characters.
const LONGEST_PATH: usize = 1_024;

/// What is known when the request arrives, and what is added later.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) client: String,
    pub(crate) request_id: String,
    pub(crate) status: u16,
    pub(crate) tries: u32,
    /// Whether it is logged whatever its outcome.
    pub(crate) is_sampled: bool,
}

#[derive(Serialize)]
struct Line<'e> {
    landfall: &'static str,
    v: u32,
    at: u64,
    method: &'e str,
    path: &'e str,
    status: u16,
    outcome: &'static str,
    ms: f64,
    bytes: u64,
    tries: u32,
    client: &'e str,
    request_id: &'e str,
    revision: &'e str,
}

/// Whether a request gets an [`Entry`], and if so its [`Entry::is_sampled`].
pub(crate) fn sample(log: AccessLog) -> Option<bool> {
    match log {
        AccessLog::Off => None,
        AccessLog::Errors => Some(false),
        AccessLog::Share(share) => Some(random::happens(share)),
    }
}

impl Entry {
    pub(crate) fn is_wanted(&self, outcome: Outcome) -> bool {
        self.is_sampled || outcome.is_error()
    }

    /// The line without its line feed. Queries are left out: they often contain private data.
    pub(crate) fn line(&self, edge: &Edge, outcome: Outcome, bytes: u64, took: Duration) -> String {
        let cut = self
            .path
            .char_indices()
            .nth(LONGEST_PATH)
            .map_or(self.path.len(), |(at, _)| at);
        let line = Line {
            landfall: "access",
            v: 1,
            at: crate::clock::wall_clock().0,
            method: &self.method,
            path: self.path.get(..cut).unwrap_or_default(),
            status: self.status,
            outcome: outcome.as_str(),
            ms: (took.as_secs_f64() * 1e6).round() / 1e3,
            bytes,
            tries: self.tries,
            client: &self.client,
            request_id: &self.request_id,
            revision: &edge.counters.identity().revision,
        };
        serde_json::to_string(&line).unwrap_or_default()
    }
}
