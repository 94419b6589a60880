//! What each role of CI may do: what [`crate::shape::permissions`] allows for the same work done by a person.

use super::{Deployment, Role};
use crate::shape::permissions::{Document, Phase, Scope, Statement, reads, reaping, statements};

/// The policies of a role, as JSON texts that IAM takes.
pub fn documents(role: Role, deployment: &Deployment) -> Vec<String> {
    let scope = scope(role, deployment);
    let target = deployment.target;
    let statements = match role {
        Role::Deploy => statements(Phase::Setup, target, &scope),
        Role::Plan => reads(target, &scope),
        Role::Preview => {
            let mut all = statements(Phase::Setup, target, &scope);
            let more: Vec<Statement> = statements(Phase::Teardown, target, &scope)
                .into_iter()
                .filter(|statement| !all.contains(statement))
                .collect();
            all.extend(more);
            all.extend(reaping());
            all
        }
    };
    let documents = Document::pack(statements);
    documents.iter().map(Document::text).collect()
}

/// The environment that is deployed; for previews a pattern for those of all pull requests.
fn scope(role: Role, deployment: &Deployment) -> Scope {
    let Deployment {
        partition,
        account,
        region,
        names,
        ..
    } = deployment;
    let own = Scope::from_names(names, partition, account, region);
    // The domain belongs to the branch's environment: a preview has none.
    let domain = deployment.domain.as_ref().map(|domain| domain.as_str());
    match role {
        Role::Deploy | Role::Plan => own.with_domain(domain),
        Role::Preview => Scope {
            environment: "pr-*".to_owned(),
            ..own
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::deployment;
    use super::*;
    use crate::app::manifest::Target;
    use crate::shape::permissions::LONGEST;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    fn statements(role: Role, target: Target) -> Vec<Value> {
        let deployment = Deployment {
            target,
            ..deployment()
        };
        let documents = documents(role, &deployment);
        assert!(documents.len() <= 10, "IAM attaches ten policies to a role");
        documents
            .iter()
            .inspect(|text| assert!(text.len() <= LONGEST, "{}", text.len()))
            .flat_map(|text| {
                let document: Value = serde_json::from_str(text).expect("JSON");
                let statements = document["Statement"].as_array().expect("statements");
                let sids: BTreeSet<&str> = statements
                    .iter()
                    .filter_map(|one| one["Sid"].as_str())
                    .collect();
                assert_eq!(sids.len(), statements.len(), "IAM requires unique names");
                statements.clone()
            })
            .collect()
    }

    fn actions(statement: &Value) -> Vec<String> {
        match &statement["Action"] {
            Value::String(one) => vec![one.clone()],
            all => serde_json::from_value(all.clone()).expect("actions"),
        }
    }

    fn reads(action: &str) -> bool {
        let (_, verb) = action.split_once(':').expect("service:Action");
        ["Describe", "Filter", "Get", "GET", "List", "View"]
            .iter()
            .any(|read| verb.starts_with(read))
    }

    #[test]
    fn no_role_may_do_everything_and_none_may_touch_its_own_trust() {
        for role in Role::ALL {
            for target in Target::ALL {
                for statement in statements(role, target) {
                    let actions = actions(&statement);
                    for action in &actions {
                        let (service, verb) = action.split_once(':').expect("service:Action");
                        assert!(verb != "*" && service != "*", "{action}");
                        if service == "iam" {
                            assert!(!verb.contains('*'), "{action}");
                            let everything = statement["Resource"] == json!("*");
                            assert!(!everything || reads(action), "{statement}");
                        }
                    }
                    for name in Role::names("shop-prod") {
                        let changes = actions.iter().any(|action| !reads(action));
                        assert!(
                            !changes || !statement.to_string().contains(&name),
                            "{statement}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_plan_changes_nothing() {
        for target in Target::ALL {
            for statement in statements(Role::Plan, target) {
                for action in actions(&statement) {
                    assert!(reads(&action), "{action}");
                }
            }
        }
    }

    #[test]
    fn previews_have_only_the_environments_of_pull_requests() {
        let text = Value::from(statements(Role::Preview, Target::Lambda)).to_string();
        assert!(text.contains("function:shop-pr-*"), "{text}");
        assert!(!text.contains("shop-prod"), "{text}");
    }
}
