//! Who holds the lock of a Terraform state.

use serde::Deserialize;

/// Terraform's lock record: the content of `<key>.tflock` in the bucket, or of
/// `.terraform.tfstate.lock.info` next to a local state
/// (<https://developer.hashicorp.com/terraform/language/backend/s3#state-locking>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StateLock {
    /// Identifies this lock; `force-unlock` requires it.
    #[serde(rename = "ID")]
    pub id: String,
    /// What its holder is doing, for example `OperationTypeApply`.
    pub operation: String,
    /// `user@host` of the holder.
    pub who: String,
    /// RFC 3339 time at which it was taken.
    pub created: String,
}

impl StateLock {
    /// Reads the record.
    ///
    /// # Errors
    /// The text is not a lock record: there is a lock, but its owner is unknown.
    pub fn parse(text: &str) -> Result<StateLock, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// `apply by ann@laptop since 2026-11-23T06:05:53Z`
    pub fn describe(&self) -> String {
        let doing = self
            .operation
            .strip_prefix("OperationType")
            .unwrap_or(&self.operation)
            .to_lowercase();
        format!("{doing} by {} since {}", self.who, self.created)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_who_since_when_and_what() {
        let lock = StateLock::parse(
            r#"{"ID":"0b7c","Operation":"OperationTypeApply","Info":"","Who":"ann@laptop",
                "Version":"1.11.4","Created":"2026-11-23T06:05:53.1Z","Path":"b/k"}"#,
        )
        .expect("a lock record");
        assert_eq!(
            lock.describe(),
            "apply by ann@laptop since 2026-11-23T06:05:53.1Z"
        );
        assert_eq!(lock.id, "0b7c");
    }

    #[test]
    fn other_text_is_rejected() {
        assert!(StateLock::parse("locked!").is_err());
    }
}
