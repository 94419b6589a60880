//! What each role of CI may do: what [`crate::shape::permissions`] allows for the same work done by a person.

use super::{Deployment, Role, Setup};
use crate::app::manifest::{PREVIEW, Target};
use crate::app::names::previews_boundary;
use crate::shape::permissions::{
    Document, Phase, Scope, Statement, boundary, reads, reaping, statements,
};
use std::collections::BTreeMap;

/// The policies of a role, as JSON texts that IAM takes.
pub fn documents(role: Role, deployment: &Deployment) -> Vec<String> {
    let scope = scope(role, deployment);
    let target = deployment.target;
    let statements = match role {
        // An app that moves has both targets for a while.
        Role::Deploy => everything(&[target, target.other()], &scope),
        Role::Plan => reads(target, &scope),
        Role::Preview => {
            let mut all = everything(&[target], &scope);
            all.extend(reaping());
            all
        }
    };
    let documents = Document::pack(statements);
    documents.iter().map(Document::text).collect()
}

/// What making and removing need on these targets, each statement once. A job that makes something also has to be able
/// to remove it: Terraform removes what failed halfway before it makes it again.
fn everything(targets: &[Target], scope: &Scope) -> Vec<Statement> {
    let mut all: Vec<Statement> = Vec::new();
    for target in targets {
        for phase in [Phase::Setup, Phase::Teardown] {
            for statement in statements(phase, *target, scope) {
                let same = all.iter().position(|one| one.sid == statement.sid);
                match same {
                    Some(at) if all[at] != statement => all[at].join(&statement),
                    Some(_) => {}
                    None => all.push(statement),
                }
            }
        }
    }
    all
}

/// The permissions boundaries that jobs need, as JSON texts by their names. None where the manifest sets one.
pub fn boundaries(setup: &Setup, deployment: &Deployment) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if deployment.permissions_boundary.is_some() {
        return all;
    }
    for role in setup.roles() {
        let name = match role {
            Role::Deploy => deployment.names.boundary(),
            Role::Preview => previews_boundary(&deployment.names.app),
            Role::Plan => continue,
        };
        let text = boundary(&scope(role, deployment)).text();
        all.insert(name, text);
    }
    all
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
    let own = Scope {
        role_path: deployment.role_path.to_string(),
        ..Scope::from_names(names, partition, account, region)
    };
    // The domain belongs to the branch's environment: a preview has none.
    let domain = deployment.domain.as_ref().map(|domain| domain.as_str());
    let (scope, name) = match role {
        Role::Deploy | Role::Plan => (own.with_domain(domain), names.boundary()),
        Role::Preview => {
            let previews = Scope {
                environment: format!("{PREVIEW}-*"),
                ..own
            };
            (previews, previews_boundary(&names.app))
        }
    };
    match &deployment.permissions_boundary {
        Some(policy) => scope.with_boundary(policy.as_str()),
        None => {
            let path = names.policy_path();
            scope.with_boundary(&format!("{}{name}", path.trim_start_matches('/')))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{deployment, github};
    use super::*;
    use crate::app::manifest::{AppName, Domain, EnvironmentName, RolePath, Target};
    use crate::app::names::Names;
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

    /// The longest names there can be, and a domain.
    #[test]
    fn documents_fit_into_what_iam_attaches_to_a_role() {
        for target in Target::ALL {
            let deployment = Deployment {
                target,
                partition: "aws-us-gov".to_owned(),
                region: "ap-southeast-1".to_owned(),
                names: Names::new(
                    AppName::parse("abcdefghijklmnopqrs").expect("19 characters"),
                    EnvironmentName::parse("prod").expect("4 characters"),
                ),
                domain: Domain::parse("application.department.example.com").ok(),
                role_path: RolePath::parse("/departments/engineering/").expect("a path"),
                ..deployment()
            };
            for role in Role::ALL {
                let sizes: Vec<usize> = documents(role, &deployment)
                    .iter()
                    .map(String::len)
                    .collect();
                assert!(sizes.len() <= 10, "{role} {target}: {sizes:?}");
                assert!(
                    sizes.iter().all(|size| *size <= LONGEST),
                    "{role} {target}: {sizes:?}"
                );
            }
            for text in boundaries(&github(), &deployment).values() {
                assert!(text.len() <= LONGEST, "{}", text.len());
            }
        }
    }

    /// Statements of both targets are put together under one name.
    #[test]
    fn statements_of_one_name_have_one_condition() {
        let scope = scope(Role::Deploy, &deployment());
        let mut conditions = BTreeMap::new();
        for target in Target::ALL {
            for phase in Phase::ALL {
                for statement in crate::shape::permissions::statements(phase, target, &scope) {
                    let condition = statement.json()["Condition"].clone();
                    let first = conditions
                        .entry(statement.sid)
                        .or_insert_with(|| condition.clone());
                    assert_eq!(*first, condition, "{}", statement.sid);
                }
            }
        }
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
        // The boundary of their roles belongs to the roles of CI, which are prod's.
        let text = text.replace("policy/landfall/shop-prod/shop_previews-boundary", "");
        assert!(!text.contains("shop-prod"));
    }
}
