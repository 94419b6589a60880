//! Secrets Manager: lists lag behind.

use crate::answer::Answer;
use crate::clock::Lag;
use crate::request::Call;
use crate::rule::{Apply, Concern, Kind, On, Rule};
use crate::state::SecretChange;
use crate::world::World;
use serde_json::Value;

pub(super) const RULES: &[Rule] = &[Rule {
    id: "secrets-list-lags",
    concerns: &[("secretsmanager", &["ListSecrets"])],
    kind: Kind::HoldBack,
    on: On::Default,
    summary: "Lists do not show the changes of the last minutes: new secrets are missing, deleted \
              ones remain.",
    source: "botocore secretsmanager 2017-10-17, ListSecrets",
    apply: Apply::Response(lag),
}];

pub(super) const OBSERVED: &[Concern] = &[(
    "secretsmanager",
    &[
        "CreateSecret",
        "DeleteSecret",
        "PutSecretValue",
        "RestoreSecret",
        "UpdateSecret",
    ],
)];

const LISTED: Lag = Lag {
    short: (1.0, 3.0),
    real: (10.0, 300.0),
};

pub(super) fn observe(world: &mut World, _: &Call, answer: &Answer) {
    let answer = answer.json();
    let Some(name) = answer["Name"].as_str() else {
        return;
    };
    let until = world.later(LISTED);
    let secrets = &mut world.state.secrets;
    let pending = secrets.changed.get(name).cloned();
    let before = match pending {
        Some(change) if world.now < change.until => change.before,
        _ => secrets.listed.get(name).cloned(),
    };
    let change = SecretChange { until, before };
    secrets.changed.insert(name.to_owned(), change);
}

fn lag(world: &mut World, call: &Call, answer: &mut Answer) {
    let now = world.now;
    let secrets = &mut world.state.secrets;
    let asked = call.json();
    answer.edit(|answer| {
        let Some(list) = answer["SecretList"].as_array_mut() else {
            return;
        };
        secrets.changed.retain(|name, change| {
            let is_recent = now < change.until;
            if !is_recent {
                secrets.listed.remove(name);
            }
            is_recent
        });
        for (name, change) in &secrets.changed {
            let is_it = |entry: &Value| entry["Name"] == name.as_str();
            let place = list.iter().position(is_it);
            match (place, &change.before) {
                (Some(place), Some(before)) => list[place] = before.clone(),
                (Some(place), None) => drop(list.remove(place)),
                (None, Some(before)) if is_asked_for(&asked, name) => list.push(before.clone()),
                (None, _) => {}
            }
        }
        for entry in list {
            if let Some(name) = entry["Name"].as_str() {
                secrets.listed.insert(name.to_owned(), entry.clone());
            }
        }
    });
}

/// Whether a deleted secret belongs to the page: the first page of all secrets, or of those whose
/// names begin so.
fn is_asked_for(asked: &Value, name: &str) -> bool {
    let filters = asked["Filters"].as_array().map_or(&[][..], Vec::as_slice);
    let begins = |value: &Value| value.as_str().is_some_and(|start| name.starts_with(start));
    let matches = |filter: &Value| {
        let values = filter["Values"].as_array();
        filter["Key"] == "name" && values.is_some_and(|values| values.iter().any(begins))
    };
    asked["NextToken"].is_null() && filters.iter().all(matches)
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Bench, target};
    use serde_json::{Value, json};

    fn list(bench: &mut Bench, entries: &Value) -> Value {
        let filters = json!({"Filters": [{"Key": "name", "Values": ["app/"]}]});
        let call = target("secretsmanager", "ListSecrets", &filters);
        bench.json(&call, &json!({"SecretList": entries}))["SecretList"].clone()
    }

    fn change(bench: &mut Bench, operation: &str) {
        let call = target("secretsmanager", operation, &json!({}));
        bench.json(&call, &json!({"Name": "app/key", "ARN": "arn"}));
    }

    #[test]
    fn lists_show_changes_late() {
        let mut bench = Bench::new();
        let old = json!([{"Name": "app/key", "SecretVersionsToStages": {"1": ["AWSCURRENT"]}}]);
        let new = json!([{"Name": "app/key", "SecretVersionsToStages": {"2": ["AWSCURRENT"]}}]);
        change(&mut bench, "CreateSecret");
        assert_eq!(list(&mut bench, &old), json!([]), "a new secret is missing");
        bench.pass(4);
        assert_eq!(list(&mut bench, &old), old);
        change(&mut bench, "PutSecretValue");
        assert_eq!(list(&mut bench, &new), old, "the old version is listed");
        bench.pass(4);
        assert_eq!(list(&mut bench, &new), new);
        change(&mut bench, "DeleteSecret");
        assert_eq!(
            list(&mut bench, &json!([])),
            new,
            "a deleted secret remains"
        );
        bench.pass(4);
        assert_eq!(list(&mut bench, &json!([])), json!([]));
    }
}
