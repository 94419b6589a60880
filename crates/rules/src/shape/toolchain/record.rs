//! `environment.json`: what an environment is made with, next to its state.
//!
//! `up` writes it under the release lock, before it applies anything, so two writers are a mistake that the store
//! reports. All other commands only read it.

use super::lock_file::LockedProvider;
use super::{Tool, compare};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Key of the record in the store of the environment.
pub const KEY: &str = "environment.json";
/// The version of the format that this landfall reads and writes.
pub const SCHEMA: u32 = 1;

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRecord {
    /// Version of the format. A newer landfall changes it only if older ones must not go on.
    pub schema: u32,
    /// Random: every text in the store is unique.
    #[serde(default)]
    pub nonce: String,
    /// The program, in the newest version that has applied anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Tool>,
    /// The AWS provider, with the checksums of Terraform's lock file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<LockedProvider>,
    /// What other versions of landfall record. It is kept.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Default for EnvironmentRecord {
    fn default() -> EnvironmentRecord {
        EnvironmentRecord {
            schema: SCHEMA,
            nonce: String::new(),
            tool: None,
            provider: None,
            more: Map::new(),
        }
    }
}

impl EnvironmentRecord {
    /// Reads the record.
    ///
    /// # Errors
    /// The text is not a record, or one of a newer format.
    pub fn parse(text: &str) -> Result<EnvironmentRecord, String> {
        let record: EnvironmentRecord =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        match record.schema > SCHEMA {
            true => Err(format!(
                "it has format {}, this landfall knows {SCHEMA}",
                record.schema
            )),
            false => Ok(record),
        }
    }

    /// The record after `tool` has used `provider`; [`None`] if that is what it has already.
    pub fn with(
        &self,
        tool: &Tool,
        provider: Option<&LockedProvider>,
    ) -> Option<EnvironmentRecord> {
        let tool = match &self.tool {
            Some(known)
                if known.program == tool.program
                    && compare(&known.version, &tool.version) != Ordering::Less =>
            {
                known.clone()
            }
            _ => tool.clone(),
        };
        let changed = EnvironmentRecord {
            tool: Some(tool),
            provider: provider.or(self.provider.as_ref()).cloned(),
            ..self.clone()
        };
        (changed != *self).then_some(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Program;
    use super::*;

    fn tool(version: &str) -> Tool {
        Tool {
            program: Program::Terraform,
            version: version.to_owned(),
        }
    }

    fn provider(version: &str) -> LockedProvider {
        LockedProvider {
            version: version.to_owned(),
            hashes: ["h1:a=".to_owned()].into(),
            platforms: ["linux_amd64".to_owned()].into(),
        }
    }

    #[test]
    fn unknown_fields_are_kept() {
        let text = r#"{"schema":1,"nonce":"x","id":"e-1","origin":{"repository":"octo/hello"}}"#;
        let record = EnvironmentRecord::parse(text).expect("a record");
        let changed = record.with(&tool("1.15.5"), Some(&provider("6.62.0")));
        let written = serde_json::to_value(changed.expect("a change")).expect("JSON");
        assert_eq!(
            written,
            serde_json::json!({
                "schema": 1,
                "nonce": "x",
                "tool": { "program": "terraform", "version": "1.15.5" },
                "provider": { "version": "6.62.0", "hashes": ["h1:a="], "platforms": ["linux_amd64"] },
                "id": "e-1",
                "origin": { "repository": "octo/hello" },
            })
        );
    }

    #[test]
    fn only_what_is_new_is_written_and_the_newest_version_stays() {
        let first = EnvironmentRecord::default();
        let first = first
            .with(&tool("1.15.5"), Some(&provider("6.15.0")))
            .expect("new");
        assert_eq!(first.with(&tool("1.15.5"), Some(&provider("6.15.0"))), None);
        assert_eq!(first.with(&tool("1.15.5"), None), None);
        assert_eq!(first.with(&tool("1.11.4"), Some(&provider("6.15.0"))), None);
        let later = first
            .with(&tool("1.16.0"), Some(&provider("6.62.0")))
            .expect("newer");
        assert_eq!(later.tool, Some(tool("1.16.0")));
        assert_eq!(later.provider, Some(provider("6.62.0")));
        let other = Tool {
            program: Program::OpenTofu,
            version: "1.12.0".to_owned(),
        };
        let switched = later.with(&other, None).expect("another program");
        assert_eq!(switched.tool, Some(other));
    }

    #[test]
    fn a_newer_format_is_not_read() {
        let error = EnvironmentRecord::parse(r#"{"schema":2}"#).expect_err("newer");
        assert!(error.contains("format 2"), "{error}");
        assert!(EnvironmentRecord::parse("{}").is_err());
    }
}
