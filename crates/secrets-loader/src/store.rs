//! The calls that fetch the values of secrets, and how their answers are read.

use rules::app::manifest::{Reference, SecretName, SecretsStore};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most parameters of one call
/// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>).
const PARAMETERS_PER_CALL: usize = 10;

/// A call of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// `ssm` or `secretsmanager`, in signatures and host names.
    pub(crate) service: &'static str,
    /// Value of the header `X-Amz-Target`.
    pub(crate) target: &'static str,
    /// JSON.
    pub(crate) body: String,
    wanted: Vec<(SecretName, Reference)>,
}

/// The calls that fetch all values.
pub(crate) fn calls(references: &BTreeMap<SecretName, Reference>) -> Vec<Call> {
    let of = |store: SecretsStore| -> Vec<(SecretName, Reference)> {
        let all = references.iter().filter(|(_, r)| r.store == store);
        all.map(|(name, r)| (name.clone(), r.clone())).collect()
    };
    let parameters = of(SecretsStore::ParameterStore);
    let parameters = parameters.chunks(PARAMETERS_PER_CALL).map(|wanted| {
        let names: Vec<String> = wanted
            .iter()
            .map(|(_, r)| format!("{}:{}", r.id, r.version))
            .collect();
        Call {
            service: "ssm",
            target: "AmazonSSM.GetParameters",
            body: json!({"Names": names, "WithDecryption": true}).to_string(),
            wanted: wanted.to_vec(),
        }
    });
    let secrets = of(SecretsStore::SecretsManager)
        .into_iter()
        .map(|(name, r)| Call {
            service: "secretsmanager",
            target: "secretsmanager.GetSecretValue",
            body: json!({"SecretId": r.id, "VersionId": r.version}).to_string(),
            wanted: vec![(name, r)],
        });
    parameters.chain(secrets).collect()
}

impl Call {
    /// The service's host in a region.
    pub(crate) fn host(&self, region: &str) -> String {
        // https://docs.aws.amazon.com/general/latest/gr/ssm.html
        let domain = match region.starts_with("cn-") {
            true => "amazonaws.com.cn",
            false => "amazonaws.com",
        };
        format!("{}.{region}.{domain}", self.service)
    }

    /// The values in an answer.
    ///
    /// # Errors
    /// A value is missing, or the answer is an error. The text contains no value: of an answer with
    /// status 200 nothing is quoted.
    pub(crate) fn values(
        &self,
        status: u16,
        body: &[u8],
    ) -> Result<Vec<(SecretName, String)>, String> {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        if status != 200 {
            let names: Vec<&str> = self.wanted.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!(
                "{}: {}",
                names.join(", "),
                describe(status, &answer)
            ));
        }
        self.wanted
            .iter()
            .map(|(name, reference)| match value(reference, &answer) {
                Some(value) => Ok((name.clone(), value)),
                None => Err(format!(
                    "{name}: {} has no version {} of {}",
                    reference.store.title(),
                    reference.version,
                    reference.id
                )),
            })
            .collect()
    }

    /// Whether repeating the call may help.
    pub(crate) fn may_retry(&self, status: u16, body: &[u8]) -> bool {
        // A new or changed role is not known everywhere at once
        // (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency).
        let is_temporary = || {
            let text = String::from_utf8_lossy(body);
            text.contains("Throttling") || text.contains("AccessDenied")
        };
        status >= 500 || status == 429 || (status == 400 && is_temporary())
    }
}

fn value(reference: &Reference, answer: &Value) -> Option<String> {
    match reference.store {
        SecretsStore::ParameterStore => {
            let all = answer["Parameters"].as_array()?;
            let one = all.iter().find(|one| {
                one["Name"] == *reference.id
                    && one["Version"].as_u64() == reference.version.parse().ok()
            })?;
            one["Value"].as_str().map(str::to_owned)
        }
        SecretsStore::SecretsManager => answer["SecretString"].as_str().map(str::to_owned),
    }
}

/// An error answer in the words of AWS.
fn describe(status: u16, answer: &Value) -> String {
    let code = answer["__type"].as_str().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    let message = ["message", "Message"]
        .iter()
        .find_map(|key| answer[*key].as_str());
    match (code, message) {
        ("", None) => format!("status {status}"),
        ("", Some(message)) => message.to_owned(),
        (code, None) => code.to_owned(),
        (code, Some(message)) => format!("{message} ({code})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(number: usize) -> BTreeMap<SecretName, Reference> {
        (0..number)
            .map(|at| {
                let name = SecretName::parse(&format!("S{at:02}")).expect("a name");
                let reference = Reference {
                    store: SecretsStore::ParameterStore,
                    id: format!("/landfall/app-prod/{name}"),
                    version: (at + 1).to_string(),
                    changed: None,
                };
                (name, reference)
            })
            .chain([(
                SecretName::parse("KEY").expect("a name"),
                Reference {
                    store: SecretsStore::SecretsManager,
                    id: "arn:aws:secretsmanager:eu-west-2:1:secret:landfall/app-prod/KEY-AbCdEf"
                        .into(),
                    version: "8a1f-1".into(),
                    changed: None,
                },
            )])
            .collect()
    }

    #[test]
    fn ten_parameters_are_one_call() {
        let all = calls(&references(11));
        let services: Vec<&str> = all.iter().map(|call| call.service).collect();
        assert_eq!(services, ["ssm", "ssm", "secretsmanager"]);
        assert!(
            all[1].body.contains("/landfall/app-prod/S10:11"),
            "{}",
            all[1].body
        );
        assert_eq!(all[0].host("eu-west-2"), "ssm.eu-west-2.amazonaws.com");
        assert_eq!(
            all[2].host("cn-north-1"),
            "secretsmanager.cn-north-1.amazonaws.com.cn"
        );
    }

    #[test]
    fn values_are_found_by_name_and_version() {
        let all = calls(&references(1));
        let answer = |version: u64| {
            json!({"Parameters": [{"Name": "/landfall/app-prod/S00", "Version": version, "Selector": ":1", "Value": "v"}]})
                .to_string()
        };
        let name = SecretName::parse("S00").expect("a name");
        assert_eq!(
            all[0].values(200, answer(1).as_bytes()),
            Ok(vec![(name, "v".to_owned())])
        );
        let other = all[0]
            .values(200, answer(2).as_bytes())
            .expect_err("another version");
        assert_eq!(
            other,
            "S00: Parameter Store has no version 1 of /landfall/app-prod/S00"
        );
        assert!(all[1].values(200, br#"{"SecretString": "v"}"#).is_ok());
        // A variable cannot hold a binary secret.
        assert!(all[1].values(200, br#"{"SecretBinary": "dg=="}"#).is_err());
    }

    #[test]
    fn errors_have_the_words_of_aws() {
        let all = calls(&references(1));
        let body =
            br#"{"__type":"com.amazon#AccessDeniedException","Message":"User is not authorized"}"#;
        assert_eq!(
            all[0].values(400, body),
            Err("S00: User is not authorized (AccessDeniedException)".to_owned())
        );
        assert!(all[0].may_retry(400, body), "a role may be new");
        assert!(!all[0].may_retry(400, br#"{"__type":"ParameterNotFound"}"#));
        assert!(all[0].may_retry(400, br#"{"__type":"ThrottlingException"}"#));
        assert!(all[0].may_retry(503, b""));
        assert_eq!(
            all[0].values(503, b"<html>"),
            Err("S00: status 503".to_owned())
        );
    }
}
