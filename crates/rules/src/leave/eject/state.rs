//! Terraform's states, as far as one can be distinguished from another
//! (<https://developer.hashicorp.com/terraform/language/state/backends#manual-state-pull-push>): a lineage for its life,
//! and a serial number that grows with each write.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which state, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The same for the whole life of a state.
    pub lineage: String,
    /// Grows with each write.
    pub serial: u64,
}

impl Stamp {
    /// Reads the stamp of a state's text. OpenTofu leaves it legible when it encrypts the rest. Empty text, as
    /// `terraform` may leave after an interrupt, has none.
    pub fn read(state: &str) -> Option<Stamp> {
        let stamp: Stamp = serde_json::from_str(state).ok()?;
        (!stamp.lineage.is_empty()).then_some(stamp)
    }
}

/// What there is to do about a state that was copied out of landfall's home, on the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// Plain Terraform has written since: it becomes landfall's.
    Take,
    /// Both are the same.
    Same,
    /// landfall has written since, plain Terraform has not: landfall's stays.
    Stale,
    /// Both have written since: no one of them knows all that is there.
    Forked,
    /// It is another state altogether.
    Foreign,
}

/// Compares the copy with landfall's own, and with what both were when they parted. `ours` is [`None`] on a machine
/// that has none.
pub fn takeover(parted: &Stamp, theirs: &Stamp, ours: Option<&Stamp>) -> Takeover {
    if theirs.lineage != parted.lineage {
        return Takeover::Foreign;
    }
    let Some(ours) = ours else {
        return Takeover::Take;
    };
    if ours.lineage != parted.lineage {
        return Takeover::Foreign;
    }
    if ours.serial == theirs.serial {
        return Takeover::Same;
    }
    match (ours.serial > parted.serial, theirs.serial > parted.serial) {
        (true, true) => Takeover::Forked,
        (true, false) => Takeover::Stale,
        (false, _) => Takeover::Take,
    }
}

/// The state's text without these environment variables of functions: what a refresh read of a release, which no
/// configuration sets and nothing needs there. Text that is no JSON is kept as it is: nothing can be read in it.
pub fn without_variables(state: &str, names: &[&str]) -> String {
    let Ok(mut json) = serde_json::from_str::<Value>(state) else {
        return state.to_owned();
    };
    let instances = json["resources"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .filter_map(|resource| resource["instances"].as_array_mut())
        .flatten();
    let mut changed = false;
    for instance in instances {
        let blocks = instance["attributes"]["environment"].as_array_mut();
        for block in blocks.into_iter().flatten() {
            let Some(variables) = block["variables"].as_object_mut() else {
                continue;
            };
            for name in names {
                changed |= variables.remove(*name).is_some();
            }
        }
    }
    match changed {
        true => format!("{json:#}\n"),
        false => state.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stamp(serial: u64) -> Stamp {
        Stamp {
            lineage: "one".into(),
            serial,
        }
    }

    #[test]
    fn a_state_is_identified_by_its_stamp_encrypted_or_not() {
        let text =
            r#"{"version":4,"terraform_version":"1.15.5","serial":7,"lineage":"one","outputs":{}}"#;
        assert_eq!(Stamp::read(text), Some(stamp(7)));
        let encrypted = r#"{"serial":7,"lineage":"one","meta":{},"encrypted_data":"x"}"#;
        assert_eq!(Stamp::read(encrypted), Some(stamp(7)));
        for none in ["", "{}", r#"{"serial":0,"lineage":""}"#] {
            assert_eq!(Stamp::read(none), None, "{none}");
        }
    }

    #[test]
    fn the_last_writer_is_right_and_two_writers_conflict() {
        let parted = stamp(5);
        for (theirs, ours, expected) in [
            (5, Some(5), Takeover::Same),
            (8, Some(5), Takeover::Take),
            (5, Some(6), Takeover::Stale),
            (7, Some(6), Takeover::Forked),
            // An adopt that was killed after it had written landfall's own.
            (8, Some(8), Takeover::Same),
            (8, None, Takeover::Take),
        ] {
            let ours = ours.map(stamp);
            let decision = takeover(&parted, &stamp(theirs), ours.as_ref());
            assert_eq!(decision, expected, "{theirs} {ours:?}");
        }
        let other = Stamp {
            lineage: "other".into(),
            serial: 9,
        };
        assert_eq!(takeover(&parted, &other, None), Takeover::Foreign);
        assert_eq!(takeover(&parted, &parted, Some(&other)), Takeover::Foreign);
    }

    #[test]
    fn a_copy_holds_no_secret_of_a_release() {
        let state = json!({ "version": 4, "serial": 3, "lineage": "one", "resources": [{
            "type": "aws_lambda_function",
            "instances": [{ "attributes": { "environment": [{ "variables": {
                "LANDFALL_EDGE_APP": "8080", "LANDFALL_EDGE_SECRET": "s3cret" } }] } }],
        }, { "type": "aws_sns_topic", "instances": [{ "attributes": { "name": "a" } }] }] });
        let text = state.to_string();
        let copy = without_variables(&text, &["LANDFALL_EDGE_SECRET"]);
        assert!(!copy.contains("s3cret"), "{copy}");
        assert!(copy.contains("LANDFALL_EDGE_APP"), "{copy}");
        assert_eq!(Stamp::read(&copy), Some(stamp(3)));
        assert_eq!(without_variables(&copy, &["LANDFALL_EDGE_SECRET"]), copy);
        assert_eq!(without_variables("no JSON", &["A"]), "no JSON");
    }
}
