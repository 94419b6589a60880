//! The variables of the `ci` root, read from what it created: the machine that ejects may never have had them,
//! because they come from the flags of `landfall ci`, and Terraform keeps no variables.

use crate::app::manifest::{Invalid, Manifest};
use crate::app::names::Names;
use crate::shape::contract::CiInputs;
use crate::shape::plan::Resource;
use serde_json::Value;
use std::collections::BTreeMap;

impl CiInputs {
    /// The variables with which the root made these resources. Tags, path and boundary of the roles are the
    /// manifest's.
    ///
    /// # Errors
    /// They are not what the root makes.
    pub fn of_state(
        names: &Names,
        region: &str,
        manifest: &Manifest,
        resources: &[Resource],
    ) -> Result<CiInputs, Invalid> {
        let deploy = resources
            .iter()
            .find(|one| one.address == "aws_iam_role.deploy")
            .ok_or_else(|| unclear("it holds no aws_iam_role.deploy"))?;
        let trust = Trust::of(deploy)?;
        let mut job_subjects = BTreeMap::new();
        let mut job_match = "StringEquals".to_owned();
        for job in resources {
            let Some(role) = key(&job.address, "aws_iam_role.job") else {
                continue;
            };
            let trust = Trust::of(job)?;
            job_match = trust.operator;
            job_subjects.insert(role.to_owned(), trust.subjects);
        }
        Ok(CiInputs {
            name: names.app.to_string(),
            environment: names.environment.to_string(),
            region: region.to_owned(),
            issuer: trust.issuer,
            deploy_subjects: trust.subjects,
            deploy_reference: trust.reference,
            job_subjects,
            job_match,
            policies: policies(resources)?,
            boundaries: boundaries(resources)?,
            tags: manifest.tags.clone(),
            permissions_boundary: manifest
                .permissions_boundary
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            role_path: manifest.role_path.to_string(),
        })
    }
}

fn unclear(why: impl Into<String>) -> Invalid {
    Invalid::new(
        "the state of the ci root does not show which jobs it trusts",
        why,
        "run `landfall ci github` or `landfall ci gitlab` again, which makes the roles as they should be",
    )
}

/// `plan` of `aws_iam_role.job["plan"]`.
fn key<'a>(address: &'a str, resource: &str) -> Option<&'a str> {
    address
        .strip_prefix(resource)?
        .strip_prefix("[\"")?
        .strip_suffix("\"]")
}

/// The content of a role's trust policy.
struct Trust {
    issuer: String,
    operator: String,
    subjects: Vec<String>,
    reference: String,
}

impl Trust {
    fn of(role: &Resource) -> Result<Trust, Invalid> {
        let missing = |what: &str| unclear(format!("the policy of {} has no {what}", role.address));
        let policy = json(&role.values["assume_role_policy"]).ok_or_else(|| missing("text"))?;
        let statement = match &policy["Statement"] {
            Value::Array(all) => all.first().cloned().unwrap_or_default(),
            one => one.clone(),
        };
        let provider = statement["Principal"]["Federated"]
            .as_str()
            .and_then(|arn| arn.split_once(":oidc-provider/"));
        let (_, issuer) = provider.ok_or_else(|| missing("identity provider"))?;
        let of = |operator: &str, claim: &str| {
            words(&statement["Condition"][operator][format!("{issuer}:{claim}")])
        };
        let (operator, subjects) = ["StringEquals", "StringLike"]
            .into_iter()
            .map(|operator| (operator, of(operator, "sub")))
            .find(|(_, subjects)| !subjects.is_empty())
            .ok_or_else(|| missing("subject"))?;
        let reference = of("StringEqualsIfExists", "ref");
        Ok(Trust {
            issuer: issuer.to_owned(),
            operator: operator.to_owned(),
            subjects,
            // Only the role that deploys has one.
            reference: reference.into_iter().next().unwrap_or_default(),
        })
    }
}

/// The permissions boundaries by their names.
fn boundaries(resources: &[Resource]) -> Result<BTreeMap<String, String>, Invalid> {
    let named = |one: &Resource| {
        let name = key(&one.address, "aws_iam_policy.boundary")?.to_owned();
        let text = one.values["policy"].as_str().map(str::to_owned);
        Some(match text {
            Some(text) => Ok((name, text)),
            None => Err(unclear(format!("{} has no text", one.address))),
        })
    };
    resources.iter().filter_map(named).collect()
}

/// The policies of each role, in the order of their numbers.
fn policies(resources: &[Resource]) -> Result<BTreeMap<String, Vec<String>>, Invalid> {
    let mut numbered: BTreeMap<String, BTreeMap<u32, String>> = BTreeMap::new();
    for policy in resources {
        let Some(name) = key(&policy.address, "aws_iam_policy.permissions") else {
            continue;
        };
        let numbered_role = name.rsplit_once('-');
        let (role, number) = numbered_role
            .and_then(|(role, number)| Some((role, number.parse::<u32>().ok()?)))
            .ok_or_else(|| unclear(format!("{} has no number", policy.address)))?;
        let text = policy.values["policy"]
            .as_str()
            .ok_or_else(|| unclear(format!("{} has no text", policy.address)))?;
        numbered
            .entry(role.to_owned())
            .or_default()
            .insert(number, text.to_owned());
    }
    Ok(numbered
        .into_iter()
        .map(|(role, texts)| (role, texts.into_values().collect()))
        .collect())
}

/// JSON within a string, as the state keeps policies.
fn json(value: &Value) -> Option<Value> {
    serde_json::from_str(value.as_str()?).ok()
}

/// One word or several: policies write one without a list.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(word) => vec![word.clone()],
        Value::Array(all) => all
            .iter()
            .filter_map(|word| Some(word.as_str()?.to_owned()))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{Draft, Facts, Overrides};
    use crate::leave::ci::samples::{deployment, github, gitlab};
    use crate::leave::ci::{Setup, trust};
    use serde_json::json;

    fn manifest() -> Manifest {
        let facts = Facts {
            directory_name: "shop".into(),
            dockerfile: Some("FROM scratch\n".into()),
            protected: vec![],
        };
        Draft::read(None)
            .resolve(&facts, &Overrides::default())
            .expect("a manifest")
    }

    fn resource(address: &str, values: Value) -> Resource {
        Resource {
            address: address.to_owned(),
            values,
            ..Resource::default()
        }
    }

    /// What the root makes of these variables; an end-to-end test compares the trust policies with the HCL.
    fn made(setup: &Setup) -> (CiInputs, Vec<Resource>) {
        let deployment = deployment();
        let inputs = CiInputs::of(setup, &deployment);
        let mut resources = Vec::new();
        for role in setup.roles() {
            let policy = trust::policy(setup, &deployment, role).to_string();
            let address = match role {
                crate::leave::ci::Role::Deploy => "aws_iam_role.deploy".to_owned(),
                role => format!("aws_iam_role.job[\"{role}\"]"),
            };
            resources.push(resource(&address, json!({ "assume_role_policy": policy })));
        }
        // Terraform sorts by key, in which 10 comes before 2.
        let mut policies = Vec::new();
        for (role, texts) in &inputs.policies {
            for (index, text) in texts.iter().enumerate() {
                let address = format!("aws_iam_policy.permissions[\"{role}-{}\"]", index + 1);
                policies.push(resource(&address, json!({ "policy": text })));
            }
        }
        policies.sort_by(|a, b| a.address.cmp(&b.address));
        resources.extend(policies);
        for (name, text) in &inputs.boundaries {
            let address = format!("aws_iam_policy.boundary[\"{name}\"]");
            resources.push(resource(&address, json!({ "policy": text })));
        }
        (inputs, resources)
    }

    #[test]
    fn variables_are_read_from_what_was_created() {
        for setup in [github(), gitlab()] {
            let (inputs, resources) = made(&setup);
            let deployment = deployment();
            let read = CiInputs::of_state(
                &deployment.names,
                &deployment.region,
                &manifest(),
                &resources,
            );
            assert_eq!(read, Ok(inputs), "{:?}", setup.forge);
        }
    }

    #[test]
    fn what_the_root_did_not_make_is_not_guessed_at() {
        let (_, resources) = made(&github());
        let deployment = deployment();
        let of = |resources: &[Resource]| {
            CiInputs::of_state(
                &deployment.names,
                &deployment.region,
                &manifest(),
                resources,
            )
            .expect_err("unclear")
        };
        assert!(of(&resources[1..]).why.contains("aws_iam_role.deploy"));
        let mut broken = resources.clone();
        broken[0].values["assume_role_policy"] = json!("{}");
        assert!(of(&broken).why.contains("identity provider"));
    }
}
