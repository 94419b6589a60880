//! Probes of a Lambda version: landfall invokes it with an event that only the edge understands.

use serde::{Deserialize, Serialize};

/// The event that requests a probe of `path`, as JSON.
pub fn event(path: &str) -> Vec<u8> {
    let wire = serde_json::json!({"landfall": "probe", "path": path});
    wire.to_string().into_bytes()
}

/// The result of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// HTTP status that a user would have received.
    pub status: u16,
    /// Whether the app's first and only answer counts as an error.
    pub error: bool,
    /// Milliseconds until the end of the answer.
    pub ms: u64,
}

impl ProbeAnswer {
    /// Parses what [`Self::to_json`] writes; [`None`] for anything else.
    pub fn parse(bytes: &[u8]) -> Option<ProbeAnswer> {
        serde_json::from_slice(bytes).ok()
    }

    /// The answer as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let Self { status, error, ms } = self;
        format!(r#"{{"landfall":"probe","status":{status},"error":{error},"ms":{ms}}}"#)
            .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn an_answer_is_parsed_as_it_was_written() {
        let probe = ProbeAnswer {
            status: 503,
            error: true,
            ms: 7,
        };
        assert_eq!(ProbeAnswer::parse(&probe.to_json()), Some(probe));
        assert_eq!(ProbeAnswer::parse(b"{\"statusCode\":200}"), None);
        let wire: Value = serde_json::from_slice(&probe.to_json()).expect("JSON");
        assert_eq!(
            wire,
            json!({"landfall": "probe", "status": 503, "error": true, "ms": 7})
        );
    }
}
