//! The record of calls, for later checks against API models.

use crate::request::Call;
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A file with one JSON object per call.
pub(super) struct Record {
    file: Mutex<File>,
}

impl Record {
    pub(super) fn open(path: &Path) -> Result<Record, String> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Record {
            file: Mutex::new(file),
        })
    }

    /// Appends a call of AWS's API and the status of its response.
    pub(super) fn add(&self, call: &Call, status: u16) {
        if call.service.is_empty() {
            return;
        }
        let query: Vec<[&str; 2]> = if call.body.is_empty() {
            let all = call.query.iter();
            all.map(|(name, value)| [name.as_str(), value.as_str()])
                .collect()
        } else {
            Vec::new()
        };
        // A binary body cannot stand in JSON.
        let is_text = call.header("content-type") != Some("application/cbor");
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (text, binary): (String, String) = match is_text {
            true => (call.text(), String::new()),
            false => (String::new(), hex(&call.body)),
        };
        let line = json!({
            "service": call.service,
            "operation": call.operation,
            "region": call.region,
            "method": call.method,
            "path": call.path,
            "content_type": call.header("content-type"),
            "target": call.header("x-amz-target"),
            "query": query,
            "body": text,
            "binary": binary,
            "status": status,
        });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writeln!(file, "{line}") {
            eprintln!("landfall-front: a call is not recorded: {error}");
        }
    }
}
