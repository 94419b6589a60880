//! The variables whose value in plain Terraform differs from what landfall would set, and the key of
//! landfall.toml for each.

use crate::app::manifest::FILE;
use crate::app::manifest::key::{self, KEYS};
use crate::shape::contract::Root;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Variables of a root, as its `terraform.tfvars.json` has them.
pub type Variables = Map<String, Value>;

/// A variable that has another value there than landfall would give it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Whose variable.
    pub root: Root,
    /// Its name.
    pub variable: String,
    /// What stands there.
    pub there: Value,
    /// What landfall would set; [`None`] if it has no such variable.
    pub here: Option<Value>,
    /// The key of landfall.toml that sets the same, if there is one.
    pub key: Option<String>,
    /// What a person does so that landfall sets the same, or why nothing can be done.
    pub how: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Difference {
            root,
            variable,
            there,
            here,
            ..
        } = self;
        write!(f, "{root}: {variable} is {there} there")?;
        match here {
            Some(here) => write!(f, ", and {here} by {FILE}"),
            None => write!(f, ", and landfall has no such variable"),
        }
    }
}

/// The variables of `there` that differ from `here`. A variable that only `here` contains has the root's
/// own default there; a plan shows whether it matters. The image, which releases own, and whether AWS permits the
/// account a budget, which `up` asks, do not count.
pub fn differences(root: Root, there: &Variables, here: &Variables) -> Vec<Difference> {
    let names: BTreeSet<&String> = there.keys().collect();
    let is_other = |name: &&String| match here.get(*name) {
        Some(ours) => !is_same(&there[*name], ours),
        None => true,
    };
    names
        .into_iter()
        .filter(|name| {
            !matches!(
                (root, name.as_str()),
                (Root::Lambda, "image") | (Root::Foundation, "has_budget")
            )
        })
        .filter(is_other)
        .map(|name| {
            let (key, how) = remedy(root, name, &there[name], here.get(name));
            Difference {
                root,
                variable: name.clone(),
                there: there[name].clone(),
                here: here.get(name).cloned(),
                key: key.map(str::to_owned),
                how,
            }
        })
        .collect()
}

/// The same to Terraform, which knows one kind of number.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}

fn remedy(
    root: Root,
    variable: &str,
    there: &Value,
    here: Option<&Value>,
) -> (Option<&'static str>, String) {
    if here.is_none() {
        let how = "a variable of your own: remove it, or continue without landfall";
        return (None, how.to_owned());
    }
    if matches!(root, Root::LambdaDomain | Root::FargateDomain) {
        let how = "`domain` in landfall.toml sets it, and `up` applies it";
        return (Some("domain"), how.to_owned());
    }
    if root == Root::Ci {
        let how = "the flags of `landfall ci github` or `landfall ci gitlab` set it; `up` leaves it alone";
        return (None, how.to_owned());
    }
    let ours = |why: &str| (None, format!("no key: {why}, and `up` sets it back"));
    let set = |key: &'static str| {
        let line = line(key, there);
        (Some(key), format!("set `{line}` in {FILE}"))
    };
    let is_of_edge =
        there.as_u64() == Some(edge_contract::PORT.into()) || *there == edge_contract::HEALTH_PATH;
    match (root, variable) {
        (_, "name" | "environment" | "region") => (
            None,
            "a name cannot change: another name means another environment".to_owned(),
        ),
        (Root::Lambda, "reserved_concurrency" | "timeout" | "rate_limit" | "burst_limit") => {
            ours("it is the same for every app")
        }
        (Root::Lambda, "ready_path") => set("health"),
        (Root::Fargate, "unhealthy_threshold") => ours("it follows from `edge`"),
        (Root::Fargate, "port" | "health_path") if is_of_edge => {
            (Some("edge"), format!("set `edge = true` in {FILE}"))
        }
        (Root::Fargate, "port") => {
            let how = format!(
                "behind the edge the load balancer connects to {}: set `edge = false` and `{}` in {FILE}, or put {} back here",
                edge_contract::PORT,
                line("port", there),
                edge_contract::PORT,
            );
            (Some("port"), how)
        }
        (Root::Fargate, "health_path") => {
            let how = format!(
                "behind the edge the load balancer asks {}: set `edge = false` and `{}` in {FILE}, or put {} back here",
                edge_contract::HEALTH_PATH,
                line("health", there),
                edge_contract::HEALTH_PATH,
            );
            (Some("health"), how)
        }
        _ => match key::find(KEYS, variable) {
            Some(key) => set(key.name),
            None => ours("landfall.toml does not set it"),
        },
    }
}

/// A line of landfall.toml. TOML writes these values as JSON does, but for tables.
fn line(key: &str, value: &Value) -> String {
    fn written(value: &Value) -> String {
        match value {
            Value::Object(table) => {
                let pairs: Vec<String> = table
                    .iter()
                    .map(|(name, value)| {
                        format!("{} = {}", Value::from(name.as_str()), written(value))
                    })
                    .collect();
                format!("{{ {} }}", pairs.join(", "))
            }
            Value::Array(all) => {
                let all: Vec<String> = all.iter().map(written).collect();
                format!("[{}]", all.join(", "))
            }
            other => other.to_string(),
        }
    }
    format!("{key} = {}", written(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{Draft, Facts, Manifest, Overrides};
    use crate::shape::contract::{FargateInputs, FoundationInputs, LambdaInputs};
    use serde_json::json;

    fn manifest(text: &str) -> Manifest {
        let facts = Facts {
            directory_name: "hello".into(),
            dockerfile: Some("FROM scratch\nEXPOSE 3000\n".into()),
            protected: vec![],
        };
        Draft::read(Some(text))
            .resolve(&facts, &Overrides::default())
            .expect("a manifest")
    }

    fn variables(inputs: impl Serialize) -> Variables {
        match serde_json::to_value(inputs) {
            Ok(Value::Object(variables)) => variables,
            other => panic!("{other:?}"),
        }
    }

    fn of(root: Root, manifest: &Manifest) -> Variables {
        match root {
            Root::Foundation => variables(FoundationInputs::of(manifest, "eu-west-2")),
            Root::Fargate => variables(FargateInputs::of(manifest, "eu-west-2")),
            Root::Lambda => variables(LambdaInputs::of(manifest, "eu-west-2", None)),
            Root::LambdaDomain | Root::FargateDomain | Root::Ci => {
                panic!("no manifest determines it alone")
            }
        }
    }

    /// Each variable, changed, and the answer to it.
    fn answers(root: Root) -> String {
        let here = of(root, &manifest("health = \"/up\"\n"));
        let mut lines = Vec::new();
        for (name, value) in &here {
            let mut there = here.clone();
            there[name] = match value {
                Value::Number(number) => json!(number.as_f64().unwrap_or_default() as u64 + 1),
                Value::Array(_) => json!(["me@example.com"]),
                Value::Object(_) => json!({ "team": "web" }),
                Value::Bool(is_set) => json!(!is_set),
                _ => json!("/other"),
            };
            for difference in differences(root, &there, &here) {
                lines.push(format!("{difference}\n    {}", difference.how));
            }
        }
        lines.join("\n")
    }

    #[test]
    fn each_variable_has_an_answer() {
        let all = [Root::Foundation, Root::Fargate, Root::Lambda].map(answers);
        insta::assert_snapshot!("answers", all.join("\n"));
    }

    #[test]
    fn an_answer_that_names_a_key_is_one_that_the_manifest_takes() {
        for (root, variable, value) in [
            (Root::Foundation, "log_retention_days", json!(30)),
            (Root::Foundation, "budget", json!(40.5)),
            (Root::Foundation, "alarm_emails", json!(["me@example.com"])),
            (Root::Foundation, "tags", json!({ "team": "web" })),
            (Root::Foundation, "permissions_boundary", json!("limit")),
            (Root::Lambda, "role_path", json!("/teams/")),
            (Root::Fargate, "drain_seconds", json!(7)),
            (Root::Fargate, "start_seconds", json!(300)),
            (Root::Fargate, "request_seconds", json!(60)),
            (Root::Fargate, "idle_seconds", json!(120)),
            (Root::Lambda, "memory", json!(1024)),
            (Root::Lambda, "ready_path", json!("/ready")),
            (Root::Lambda, "port", json!(3001)),
        ] {
            let here = of(root, &manifest(""));
            let mut there = here.clone();
            there[variable] = value;
            let found = differences(root, &there, &here);
            let [difference] = found.as_slice() else {
                panic!("{found:?}");
            };
            let line = difference.how.split('`').nth(1).expect("a line");
            let repaired = of(root, &manifest(&format!("{line}\n")));
            assert_eq!(differences(root, &there, &repaired), [], "{line}");
        }
    }

    #[test]
    fn without_the_edge_all_its_variables_are_reported() {
        let here = of(Root::Fargate, &manifest(""));
        let there = of(Root::Fargate, &manifest("edge = false\n"));
        let found = differences(Root::Fargate, &there, &here);
        assert_eq!(found.len(), 4, "{found:?}");
        let back = differences(Root::Fargate, &here, &there);
        let edges = back.iter().filter(|d| d.key.as_deref() == Some("edge"));
        assert_eq!(edges.count(), 3, "{back:?}");
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_what_is_left_out_is_no_difference() {
        let here = variables(json!({ "budget": 0.0, "more": 1 }));
        let there = variables(json!({ "budget": 0 }));
        assert_eq!(differences(Root::Foundation, &there, &here), []);
        let own = variables(json!({ "mine": true }));
        let found = differences(Root::Foundation, &own, &here);
        assert_eq!(found[0].here, None);
        assert!(found[0].to_string().contains("no such variable"));
    }

    #[test]
    fn the_image_is_a_matter_of_releases() {
        let here = of(Root::Lambda, &manifest(""));
        let mut there = here.clone();
        there["image"] = json!("somewhere@sha256:0");
        assert_eq!(differences(Root::Lambda, &there, &here), []);
    }

    #[test]
    fn a_line_is_toml() {
        let value = json!({ "a b": ["x", "y\"z"], "n": 1.5 });
        let table: toml::Table = toml::from_str(&line("key", &value)).expect("TOML");
        assert_eq!(serde_json::to_value(&table["key"]).expect("JSON"), value);
    }
}
