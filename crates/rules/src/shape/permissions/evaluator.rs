//! IAM's decision about a call, for tests: an explicit deny wins, otherwise one statement has to allow the call, and
//! the permissions boundary has to allow it as well
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).

use super::denial::is_like;
use serde_json::Value;
use std::collections::BTreeMap;

/// A call, as IAM sees it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// `service:Action`.
    pub(crate) action: String,
    /// ARN.
    pub(crate) resource: String,
    /// Condition keys that are there, with their values.
    pub(crate) context: BTreeMap<String, Vec<String>>,
}

impl Call {
    pub(crate) fn new(action: &str, resource: &str) -> Call {
        Call {
            action: action.to_owned(),
            resource: resource.to_owned(),
            context: BTreeMap::new(),
        }
    }

    pub(crate) fn with(mut self, key: &str, value: &str) -> Call {
        let values = self.context.entry(key.to_owned()).or_default();
        values.push(value.to_owned());
        self
    }
}

/// Whether an identity with these policies, and this boundary if there is one, may make the call.
pub(crate) fn may(policies: &[Value], boundary: Option<&Value>, call: &Call) -> bool {
    let all: Vec<&Value> = policies.iter().chain(boundary).collect();
    if all.iter().any(|one| has(one, "Deny", call)) {
        return false;
    }
    policies.iter().any(|one| has(one, "Allow", call))
        && boundary.is_none_or(|one| has(one, "Allow", call))
}

/// Whether a document has a statement of this effect that is about the call.
fn has(document: &Value, effect: &str, call: &Call) -> bool {
    let statements = document["Statement"].as_array().expect("statements");
    statements.iter().any(|statement| {
        statement["Effect"] == effect
            && words(&statement["Action"])
                .iter()
                .any(|own| is_like(&own.to_lowercase(), &call.action.to_lowercase()))
            && words(&statement["Resource"])
                .iter()
                .any(|own| own == "*" || is_like(own, &call.resource))
            && meets(&statement["Condition"], call)
    })
}

fn meets(conditions: &Value, call: &Call) -> bool {
    let Some(conditions) = conditions.as_object() else {
        return true;
    };
    conditions.iter().all(|(operator, keys)| {
        let keys = keys.as_object().expect("keys");
        keys.iter().all(|(key, wanted)| {
            let own = call.context.get(key).map(Vec::as_slice);
            compare(operator, own, &words(wanted))
        })
    })
}

fn compare(operator: &str, own: Option<&[String]>, wanted: &[String]) -> bool {
    let like = |one: &String| wanted.iter().any(|pattern| is_like(pattern, one));
    match operator {
        "StringEquals" => own.is_some_and(|all| all.iter().any(|one| wanted.contains(one))),
        "StringLike" | "ArnLike" => own.is_some_and(|all| all.iter().any(like)),
        "StringEqualsIfExists" => own.is_none_or(|all| all.iter().any(|one| wanted.contains(one))),
        "StringLikeIfExists" => own.is_none_or(|all| all.iter().any(like)),
        "ForAllValues:StringLike" => own.is_none_or(|all| all.iter().all(like)),
        "Null" => wanted == [own.is_none().to_string()],
        other => panic!("the evaluator does not know {other}"),
    }
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        all => serde_json::from_value(all.clone()).expect("texts"),
    }
}

#[test]
fn decisions_are_those_of_iam() {
    let policy = serde_json::json!({ "Statement": [
        { "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::a/*" },
        { "Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": "*",
          "Condition": { "StringEquals": { "iam:PermissionsBoundary": "b" } } },
        { "Effect": "Allow", "Action": "x:Tag", "Resource": "*",
          "Condition": { "Null": { "aws:ResourceTag/t": "true" },
                         "StringLikeIfExists": { "aws:ResourceTag/u": "pr-*" } } },
        { "Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/secret" },
    ]});
    let policies = [policy];
    let read = |key: &str| Call::new("s3:GetObject", &format!("arn:aws:s3:::a/{key}"));
    assert!(may(&policies, None, &read("x")));
    assert!(!may(&policies, None, &read("secret")), "an explicit deny");
    assert!(!may(
        &policies,
        None,
        &Call::new("s3:PutObject", "arn:aws:s3:::a/x")
    ));
    let put = Call::new("iam:PutRolePolicy", "arn:aws:iam::1:role/r");
    assert!(!may(&policies, None, &put), "the key is missing");
    assert!(may(
        &policies,
        None,
        &put.clone().with("iam:PermissionsBoundary", "b")
    ));
    assert!(!may(
        &policies,
        None,
        &put.with("iam:PermissionsBoundary", "c")
    ));
    let tag = Call::new("x:Tag", "y");
    assert!(may(&policies, None, &tag));
    assert!(!may(
        &policies,
        None,
        &tag.clone().with("aws:ResourceTag/t", "1")
    ));
    assert!(may(
        &policies,
        None,
        &tag.clone().with("aws:ResourceTag/u", "pr-1")
    ));
    assert!(!may(
        &policies,
        None,
        &tag.with("aws:ResourceTag/u", "prod")
    ));
    let boundary = serde_json::json!({ "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::a/y" },
    ]});
    assert!(may(&policies, Some(&boundary), &read("y")));
    assert!(!may(&policies, Some(&boundary), &read("x")), "the boundary");
    let write = Call::new("s3:PutObject", "arn:aws:s3:::a/y");
    assert!(
        !may(&policies, Some(&boundary), &write),
        "a boundary gives nothing"
    );
}
