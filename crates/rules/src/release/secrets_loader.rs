//! What landfall and `landfall-secrets` agree on. Lambda cannot refer to secrets, so this program
//! fetches the values when a sandbox starts, and starts the edge with them in its environment.

use crate::app::manifest::{Reference, SecretName};
use std::collections::BTreeMap;

/// The program in the image of an app that has secrets and runs on Lambda.
pub const PATH: &str = "/.landfall/secrets";
/// Variable that names the references. It holds no value, and the app does not get it.
pub const VARIABLE: &str = "LANDFALL_SECRETS";
/// Variable of the emulator to call instead of AWS, in a rehearsal.
pub const ENDPOINT: &str = "LANDFALL_SECRETS_ENDPOINT";

/// The value of [`VARIABLE`]: `NAME=store:id#version`, separated by spaces. None of the parts can
/// contain a separator.
pub fn write(references: &BTreeMap<SecretName, Reference>) -> String {
    let words: Vec<String> = references
        .iter()
        .map(|(name, r)| format!("{name}={}:{}#{}", r.store, r.id, r.version))
        .collect();
    words.join(" ")
}

/// Parses what [`write`] writes.
///
/// # Errors
/// The first word that is not a reference.
pub fn parse(text: &str) -> Result<BTreeMap<SecretName, Reference>, String> {
    let one = |word: &str| {
        let (name, rest) = word.split_once('=')?;
        let (store, rest) = rest.split_once(':')?;
        let (id, version) = rest.rsplit_once('#')?;
        let is_whole = !id.is_empty() && !version.is_empty();
        let reference = Reference {
            store: store.parse().ok()?,
            id: id.to_owned(),
            version: version.to_owned(),
            changed: None,
        };
        is_whole.then_some((SecretName::parse(name).ok()?, reference))
    };
    text.split_ascii_whitespace()
        .map(|word| {
            one(word).ok_or_else(|| format!("{VARIABLE} holds {word:?}, which is not a reference"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::SecretsStore;

    fn reference(store: SecretsStore, id: &str, version: &str) -> Reference {
        Reference {
            store,
            id: id.to_owned(),
            version: version.to_owned(),
            changed: None,
        }
    }

    #[test]
    fn references_are_parsed_as_they_were_written() {
        let arn = "arn:aws:secretsmanager:eu-west-2:1:secret:landfall/app-prod/KEY-AbCdEf";
        let store = SecretsStore::ParameterStore;
        let all: BTreeMap<SecretName, Reference> = [
            (
                "KEY",
                reference(SecretsStore::SecretsManager, arn, "8a1f-1"),
            ),
            ("S00", reference(store, "/landfall/app-prod/S00", "1")),
            ("S01", reference(store, "/landfall/app-prod/S01", "2")),
        ]
        .into_iter()
        .map(|(name, reference)| (SecretName::parse(name).expect("a name"), reference))
        .collect();
        let text = write(&all);
        assert_eq!(
            text,
            "KEY=secrets-manager:arn:aws:secretsmanager:eu-west-2:1:secret:landfall/app-prod/KEY-AbCdEf#8a1f-1 \
             S00=parameter-store:/landfall/app-prod/S00#1 S01=parameter-store:/landfall/app-prod/S01#2"
        );
        assert_eq!(parse(&text), Ok(all));
        assert_eq!(parse(""), Ok(BTreeMap::new()));
        for bad in [
            "A",
            "A=vault:x#1",
            "A=parameter-store:#1",
            "A=parameter-store:/x#",
            "1=parameter-store:/x#1",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
