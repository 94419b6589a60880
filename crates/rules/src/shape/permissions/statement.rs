//! A statement of a policy, and the documents that they are packed into.

use super::Scope;
use crate::app::names::TAG_APP;
use serde_json::{Map, Value, json};

/// Longest policy that IAM takes, without white space
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
pub const LONGEST: usize = 6144;

/// One thing that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name, unique within a phase.
    pub sid: &'static str,
    /// `service:Action`; an action may end in `*`.
    pub actions: Vec<&'static str>,
    /// ARNs, or patterns of them.
    pub resources: Vec<String>,
    conditions: Vec<(&'static str, String, Vec<String>)>,
}

impl Statement {
    /// Allows these actions on these resources.
    pub(super) fn allow(
        sid: &'static str,
        actions: &[&'static str],
        resources: impl IntoIterator<Item = String>,
    ) -> Statement {
        Statement {
            sid,
            actions: actions.to_vec(),
            resources: resources.into_iter().collect(),
            conditions: Vec::new(),
        }
    }

    /// Allows actions that know no resource of their own.
    pub(super) fn anywhere(sid: &'static str, actions: &[&'static str]) -> Statement {
        Statement::allow(sid, actions, ["*".to_owned()])
    }

    /// Only if the key has one of these values.
    pub(super) fn when(mut self, key: impl Into<String>, values: &[&str]) -> Statement {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let operator = match values.iter().any(|value| value.contains('*')) {
            true => "StringLike",
            false => "StringEquals",
        };
        self.conditions.push((operator, key.into(), values));
        self
    }

    /// Only if there are values of the key, and all of them are among these.
    pub(super) fn when_all(mut self, key: &str, values: &[&str]) -> Statement {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let none = ("Null", key.to_owned(), vec!["false".to_owned()]);
        self.conditions
            .extend([("ForAllValues:StringLike", key.to_owned(), values), none]);
        self
    }

    /// Only if the role has the boundary, or gets it by the call
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>).
    pub(super) fn with_boundary(self, scope: &Scope) -> Statement {
        match &scope.boundary {
            Some(arn) => self.when("iam:PermissionsBoundary", &[arn]),
            None => self,
        }
    }

    /// Not on resources that have another environment's tags, as far as AWS looks at tags in this call.
    pub(super) fn not_of_others(mut self, scope: &Scope) -> Statement {
        for (key, value) in scope.tags("aws:ResourceTag") {
            let operator = match value.contains('*') {
                true => "StringLikeIfExists",
                false => "StringEqualsIfExists",
            };
            self.conditions.push((operator, key, vec![value]));
        }
        self
    }

    /// Only on resources that have no environment's tags.
    pub(super) fn of_no_one(mut self) -> Statement {
        let key = format!("aws:ResourceTag/{TAG_APP}");
        self.conditions.push(("Null", key, vec!["true".to_owned()]));
        self
    }

    /// Only within this cluster, for actions that have no narrower resource in ECS.
    pub(super) fn in_cluster(mut self, scope: &Scope) -> Statement {
        let cluster = scope.arn("ecs", "cluster/ID");
        self.conditions
            .push(("ArnLike", "ecs:cluster".to_owned(), vec![cluster]));
        self
    }

    /// Only on resources with the environment's tags.
    pub(super) fn of_ours(self, scope: &Scope) -> Statement {
        self.tagged(scope, "aws:ResourceTag")
    }

    /// Only if the call gives what it makes the environment's tags.
    pub(super) fn bearing_our_tags(self, scope: &Scope) -> Statement {
        self.tagged(scope, "aws:RequestTag")
    }

    fn tagged(self, scope: &Scope, prefix: &str) -> Statement {
        let tags = scope.tags(prefix);
        tags.into_iter().fold(self, |statement, (key, value)| {
            statement.when(key, &[&value])
        })
    }

    /// Keys of its conditions, each with a value that meets it.
    pub(crate) fn context(&self) -> Vec<(String, String)> {
        let conditions = self.conditions.iter();
        let first = |values: &[String]| values.first().cloned().unwrap_or_default();
        conditions
            .filter(|(operator, _, _)| *operator != "Null")
            .map(|(_, key, values)| (key.clone(), first(values).replace('*', "1")))
            .collect()
    }

    /// The same for one of its actions.
    pub(super) fn only(&self, action: &str) -> Value {
        let mut one = self.json();
        one["Action"] = json!(action);
        one
    }

    /// Adds actions and resources of a statement with the same name and conditions.
    pub(crate) fn join(&mut self, other: &Statement) {
        for action in &other.actions {
            if !self.actions.contains(action) {
                self.actions.push(action);
            }
        }
        for resource in &other.resources {
            if !self.resources.contains(resource) {
                self.resources.push(resource.clone());
            }
        }
        for condition in &other.conditions {
            if !self.conditions.contains(condition) {
                self.conditions.push(condition.clone());
            }
        }
    }

    /// As IAM reads it.
    pub fn json(&self) -> Value {
        let mut statement = json!({
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": one_or_many(&self.actions),
            "Resource": one_or_many(&self.resources),
        });
        let mut conditions = Map::new();
        for (operator, key, values) in &self.conditions {
            let keys = conditions
                .entry(*operator)
                .or_insert_with(|| Value::Object(Map::new()));
            keys[key] = one_or_many(values);
        }
        if !conditions.is_empty() {
            statement["Condition"] = Value::Object(conditions);
        }
        statement
    }
}

fn one_or_many<T: serde::Serialize>(all: &[T]) -> Value {
    match all {
        [one] => json!(one),
        all => json!(all),
    }
}

/// A policy that IAM takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    statements: Vec<Statement>,
}

impl Document {
    /// These statements in one document.
    pub(super) fn of(statements: Vec<Statement>) -> Document {
        Document { statements }
    }

    /// Statements, each in the first document that it fits into.
    pub fn pack(statements: Vec<Statement>) -> Vec<Document> {
        let mut documents: Vec<Document> = Vec::new();
        for statement in statements {
            let one = Document {
                statements: vec![statement],
            };
            let roomy = documents.iter_mut().find_map(|document| {
                let both = document.with(&one);
                (both.text().len() <= LONGEST).then_some((document, both))
            });
            match roomy {
                Some((document, both)) => *document = both,
                None => documents.push(one),
            }
        }
        documents
    }

    fn with(&self, other: &Document) -> Document {
        Document {
            statements: [self.statements.as_slice(), &other.statements].concat(),
        }
    }

    /// As IAM reads it.
    pub fn json(&self) -> Value {
        let statements: Vec<Value> = self.statements.iter().map(Statement::json).collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    /// Without white space, as IAM counts it.
    pub fn text(&self) -> String {
        self.json().to_string()
    }
}
