//! The outputs in a state file, read without Terraform, which takes a second to start.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The version of the format, which Terraform has written since 0.12 and OpenTofu writes too
/// (<https://github.com/hashicorp/terraform/blob/v1.11.4/internal/states/statefile/version4.go>).
const VERSION: u64 = 4;

/// The outputs of a root from the text of its state. `Ok(None)` if it has none, as before the first apply.
///
/// # Errors
/// The text is no state of a version that is known, for example because it is encrypted, or an output is not of the
/// type in the contract. Terraform itself can read it, or explains why not.
pub fn outputs<T: DeserializeOwned>(state: &str) -> Result<Option<T>, String> {
    #[derive(serde::Deserialize)]
    struct State {
        version: u64,
        outputs: Map<String, Value>,
    }
    let state: State = serde_json::from_str(state).map_err(|error| error.to_string())?;
    if state.version != VERSION {
        return Err(format!("the state has version {}", state.version));
    }
    values(state.outputs).map_err(|error| error.to_string())
}

/// The values of outputs, each of which is an object with a `value`, as one object of the contract. [`None`] if there
/// are none.
pub(crate) fn values<T: DeserializeOwned>(
    outputs: Map<String, Value>,
) -> Result<Option<T>, serde_json::Error> {
    if outputs.is_empty() {
        return Ok(None);
    }
    let values: Map<String, Value> = outputs
        .into_iter()
        .map(|(name, mut output)| (name, output["value"].take()))
        .collect();
    serde_json::from_value(values.into()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn outputs_are_read_from_version_4_only() {
        type Outputs = BTreeMap<String, Value>;
        let state = |version: u32, outputs: &str| {
            format!(r#"{{"version":{version},"serial":3,"outputs":{{{outputs}}},"resources":[]}}"#)
        };
        let both = r#""url":{"value":"https://a","type":"string"},"ids":{"value":[1],"type":["list","number"]}"#;
        let found: Outputs = outputs(&state(4, both)).expect("read").expect("some");
        assert_eq!(found["url"], "https://a");
        assert_eq!(found["ids"], serde_json::json!([1]));
        assert_eq!(outputs::<Outputs>(&state(4, "")), Ok(None));
        assert!(outputs::<Outputs>(&state(5, both)).is_err());
        // As OpenTofu encrypts it.
        let encrypted = r#"{"serial":1,"lineage":"","meta":{},"encrypted_data":"00","encryption_version":"v0"}"#;
        assert!(outputs::<Outputs>(encrypted).is_err());
    }
}
