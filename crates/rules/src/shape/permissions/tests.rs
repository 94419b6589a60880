//! The policies, compared with AWS's documentation of each action, with landfall's own review, and with the names of what
//! they are about.

use super::authorization::Authorization;
use super::*;
use crate::app::manifest::{AppName, EnvironmentName};
use crate::app::names::{Names, Slot};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

fn names() -> Names {
    Names::new(
        AppName::parse("shop").expect("a name"),
        EnvironmentName::parse("prod").expect("an environment"),
    )
}

pub(super) fn scope() -> Scope {
    Scope::from_names(&names(), "aws", "123456789012", "eu-west-2")
}

/// Every list of statements there is, with its name.
fn all() -> Vec<(String, Vec<Statement>)> {
    let scope = scope().with_domain(Some("app.example.com"));
    let mut all = Vec::new();
    for phase in Phase::ALL {
        for target in Target::ALL {
            let mut own = statements(phase, target, &scope);
            all.push((format!("{phase} {target}"), own.clone()));
            own.extend(for_ci(phase, &scope));
            all.push((format!("{phase} {target} --ci"), own));
        }
    }
    all
}

fn each(mut look: impl FnMut(&str, &Statement)) {
    for (name, statements) in all() {
        for statement in &statements {
            look(&format!("{name}: {}", statement.sid), statement);
        }
    }
}

/// Actions that list, and by that have to be allowed on everything although single things have ARNs.
const LISTING: [&str; 2] = ["cloudwatch:DescribeAlarms", "ecs:ListTasks"];
/// Reading whatever there is of these, as the provider asks for more with every version.
const FAMILIES: [&str; 2] = ["ec2:Describe*", "elasticloadbalancing:Describe*"];

#[test]
fn everything_stands_only_where_aws_knows_nothing_narrower() {
    let known = Authorization::all();
    each(|name, statement| {
        let everything = statement.resources == ["*"];
        for resource in &statement.resources {
            assert!(
                everything || resource.starts_with("arn:aws:"),
                "{name}: {resource}"
            );
        }
        for action in &statement.actions {
            if FAMILIES.contains(action) {
                assert!(everything, "{name}");
                continue;
            }
            // What AWS checks without documenting it has no resource in the reference.
            if UNDOCUMENTED.contains(action) {
                continue;
            }
            let facts = known
                .get(*action)
                .unwrap_or_else(|| panic!("{name}: AWS does not document {action}"));
            let may_be_everything = facts.arns.is_empty() || LISTING.contains(action);
            assert_eq!(
                everything, may_be_everything,
                "{name}: {action} on {:?}",
                facts.arns
            );
        }
    });
}

/// Statements about paths of API Gateway that the reference does not list with the verb.
const LEFT_OUT: [&str; 8] = [
    "FindDomainNames",
    "KeepDomainName",
    "MakeDomainName",
    "ReadDomainName",
    "RemoveDomainName",
    "TagApi",
    "TagDomainName",
    "TagPathsOfApi",
];

/// What single things of a pattern may be called: a `*` goes over slashes.
fn examples(pattern: &str) -> [String; 3] {
    ["x", "x/x", "x/x/x"].map(|one| pattern.replace('*', one))
}

#[test]
fn each_action_meets_a_resource_of_its_kind_and_each_resource_an_action() {
    let known = Authorization::all();
    each(|name, statement| {
        // Tagging of HTTP APIs goes by `/v2/tags/ARN`, which the reference leaves out.
        // So does a name of one's own: the reference knows `/v2/domainnames` as the first generation's.
        if statement.resources == ["*"] || LEFT_OUT.contains(&statement.sid) {
            return;
        }
        let meets = |action: &str, resource: &str| {
            let own = &known[action].arns;
            let of_kind = |arn: &String| {
                let pattern = Statement::allow("Pattern", &[], [arn.clone()]);
                examples(resource).iter().any(|one| pattern.reaches(one))
            };
            own.iter().any(of_kind)
        };
        for action in &statement.actions {
            let met = statement.resources.iter().any(|one| meets(action, one));
            assert!(
                met,
                "{name}: {action} is about none of {:?}",
                statement.resources
            );
        }
        for resource in &statement.resources {
            let met = statement.actions.iter().any(|one| meets(one, resource));
            assert!(met, "{name}: no action is about {resource}");
        }
    });
}

#[test]
fn tags_decide_only_where_aws_looks_at_them() {
    let known = Authorization::all();
    each(|name, statement| {
        let condition = statement.json()["Condition"].to_string();
        // The tags of the request that an undocumented action has in its name are taken for granted.
        let documented = |action: &&&str| !UNDOCUMENTED.contains(*action);
        for action in statement.actions.iter().filter(documented) {
            for (key, seen) in [
                (
                    "aws:RequestTag",
                    known.get(*action).is_some_and(|facts| facts.request_tag),
                ),
                (
                    "aws:ResourceTag",
                    known.get(*action).is_some_and(|facts| facts.resource_tag),
                ),
            ] {
                assert!(
                    !condition.contains(key) || seen,
                    "{name}: {action} does not know {key}"
                );
            }
        }
    });
}

#[test]
fn resources_without_our_name_in_their_arn_are_identified_by_tags() {
    // Each with its reason.
    let exempt = BTreeMap::from([
        ("FindApis", "reads"),
        ("ReadFrontDoor", "reads; what is gone has no tags"),
        ("ReadPrefixLists", "reads lists of AWS's"),
        ("ReadQuota", "reads"),
        ("ReadAccount", "reads"),
        (
            "TagAsMade",
            "only while something is made, which has to get the tags",
        ),
        ("TagApi", "tags only; AWS documents no tags of the call"),
        (
            "TagPathsOfApi",
            "tags only; AWS documents no tags of the call",
        ),
        ("TagDomainName", "by the domain"),
        ("RemoveGuardDuty", "by GuardDuty's own tag"),
        ("LiftBoundaries", "by the app's name"),
        (
            "MakePartsOfApi",
            "parts of an HTTP API do not inherit its tags",
        ),
        (
            "RemovePartsOfApi",
            "parts of an HTTP API do not inherit its tags",
        ),
        ("ReadCertificate", "reads"),
        ("WhoseCertificates", "reads"),
        ("FindDomainNames", "reads"),
        ("ReadZone", "reads"),
        ("ReadChange", "reads"),
        ("ReadDomainName", "by the domain"),
        ("KeepDomainName", "by the domain"),
        ("RemoveDomainName", "by the domain"),
        ("MakeRecords", "by the names of the records"),
        ("RemoveRecords", "by the names of the records"),
        ("FirstUse", "service-linked roles are the account's"),
        ("FirstApi", "service-linked roles are the account's"),
        ("FindProvider", "the account's, one for each issuer"),
        ("MakeProvider", "the account's, one for each issuer"),
        ("RemoveProvider", "the account's, one for each issuer"),
    ]);
    let mut met = BTreeSet::new();
    each(|name, statement| {
        let named = statement
            .resources
            .iter()
            .all(|one| one.contains("shop-prod"));
        let everything = statement.resources == ["*"];
        let condition = statement.json()["Condition"].to_string();
        let tagged =
            condition.contains("landfall:app") && condition.contains("landfall:environment");
        if !named && !everything && !tagged {
            assert!(exempt.contains_key(statement.sid), "{name}");
            met.insert(statement.sid);
        }
    });
    assert_eq!(met, exempt.keys().copied().collect());
}

#[test]
fn documents_fit_into_what_iam_takes() {
    // The longest names there can be.
    let names = Names::new(
        AppName::parse("abcdefghijklmnopqrs").expect("19 characters"),
        EnvironmentName::parse("prod").expect("4 characters"),
    );
    let scope = Scope::from_names(&names, "aws-us-gov", "123456789012", "ap-southeast-1")
        .with_domain(Some("application.department.example.com"));
    let mut sizes = String::new();
    for target in Target::ALL {
        for phase in Phase::ALL {
            let mut own = statements(phase, target, &scope);
            own.extend(for_ci(phase, &scope));
            let documents = Document::pack(own);
            // A user, group or role takes ten managed policies.
            assert!(
                documents.len() <= 5,
                "{phase} {target}: {}",
                documents.len()
            );
            let lengths: Vec<usize> = documents.iter().map(|one| one.text().len()).collect();
            assert!(
                lengths.iter().all(|length| *length <= LONGEST),
                "{lengths:?}"
            );
            sizes.push_str(&format!("{target} {phase}: {lengths:?}\n"));
        }
    }
    insta::assert_snapshot!("sizes", sizes);
}

#[test]
fn a_statements_name_is_its_own() {
    for (name, statements) in all() {
        let mut seen = BTreeSet::new();
        for statement in statements {
            assert!(seen.insert(statement.sid), "{name}: {}", statement.sid);
            let plain = statement.sid.chars().all(|c| c.is_ascii_alphanumeric());
            assert!(plain, "{}", statement.sid);
        }
    }
}

#[test]
fn who_only_releases_makes_no_role_and_removes_nothing_that_serves() {
    let known = Authorization::all();
    for target in Target::ALL {
        for statement in statements(Phase::Release, target, &scope()) {
            for action in &statement.actions {
                let (service, verb) = action.split_once(':').expect("service:Action");
                let reads = known.get(*action).is_none_or(Authorization::is_reading);
                if service == "iam" {
                    assert!(reads || *action == "iam:PassRole", "{action}");
                }
                if verb.starts_with("Delete") {
                    let of_releases = [
                        "DeleteObject",
                        "DeleteAlias",
                        "DeleteParameters",
                        "DeleteSecret",
                    ];
                    let of_versions = statement.sid == "PruneVersions";
                    assert!(of_releases.contains(&verb) || of_versions, "{action}");
                }
            }
        }
    }
}

#[test]
fn who_tears_down_makes_nothing() {
    let known = Authorization::all();
    for target in Target::ALL {
        for statement in statements(Phase::Teardown, target, &scope()) {
            for action in &statement.actions {
                let (_, verb) = action.split_once(':').expect("service:Action");
                // Of the log delivery AWS asks for all at once.
                let makes = verb.starts_with("Create") && statement.sid != "EndAccessLog";
                assert!(!makes && *action != "iam:PassRole", "{action}");
            }
            let tags = statement.actions.iter().any(|one| {
                known
                    .get(*one)
                    .is_some_and(|facts| facts.level == "Tagging")
            });
            assert!(!tags, "{}", statement.sid);
        }
    }
}

#[test]
fn the_first_up_needs_no_other_document() {
    for target in Target::ALL {
        let setup = statements(Phase::Setup, target, &scope());
        for statement in statements(Phase::Release, target, &scope()) {
            assert!(setup.contains(&statement), "{}", statement.sid);
        }
    }
}

#[test]
fn names_are_those_that_everything_is_made_with() {
    let names = names();
    let text: String = all()
        .into_iter()
        .flat_map(|(_, statements)| statements)
        .map(|statement| statement.json().to_string())
        .collect();
    let mut expected = vec![
        format!(":role/{}\"", names.execution_role()),
        format!(":role/{}\"", names.task_role()),
        format!(":role/{}\"", names.function_role()),
        format!(":{}\"", names.alarm_topic()),
        format!(":function:{}\"", names.function()),
        format!(":task-definition/{}:*\"", names.family()),
        format!(":task-definition/{}:*\"", names.placeholder_family()),
        format!(":policy{}*\"", names.policy_path()),
        format!(":::{}\"", names.state_bucket("123456789012", "eu-west-2")),
    ];
    expected.extend(
        names
            .log_groups()
            .map(|group| format!(":log-group:{group}:*\"")),
    );
    for slot in Slot::ALL {
        expected.push(format!(":service/{}/{}\"", names.id(), names.slot(slot)));
        expected.push(format!(":targetgroup/{}/*\"", names.slot(slot)));
    }
    expected.push(format!(":log-group:{}:*\"", names.access_log_group()));
    expected
        .extend(crate::leave::ci::Role::names(&names.id()).map(|role| format!(":role/{role}\"")));
    for one in expected {
        assert!(text.contains(&one), "{one}");
    }
}

#[test]
fn a_family_of_environments_is_identified_by_a_pattern() {
    let scope = Scope {
        environment: "pr-*".to_owned(),
        ..scope()
    };
    let text: String = statements(Phase::Setup, Target::Fargate, &scope)
        .iter()
        .map(|statement| statement.json().to_string())
        .collect();
    assert!(text.contains("cluster/shop-pr-*"), "{text}");
    assert!(
        text.contains(r#""StringLike":{"aws:RequestTag/landfall:environment":"pr-*"}"#),
        "{text}"
    );
    assert!(!text.contains("shop-prod"), "{text}");
}

/// The resources of the HCL that have tags, with the path that each is made at. What API Gateway makes with tags
/// needs an action that is no verb of HTTP.
#[test]
fn what_api_gateway_makes_with_tags_may_be_tagged() {
    let scope = scope().with_domain(Some("app.example.com"));
    let setup = statements(Phase::Setup, Target::Lambda, &scope);
    let hcl = [
        include_str!("../../../../infra/roots/lambda/api.tf"),
        include_str!("../../../../infra/roots/lambda_domain/front_door.tf"),
    ];
    let kind = |line: &'static str| {
        let rest = line.strip_prefix("resource \"aws_apigatewayv2_")?;
        rest.split('"').next()
    };
    let met: BTreeSet<&str> = hcl
        .into_iter()
        .flat_map(str::lines)
        .filter_map(kind)
        .collect();
    let paths = |kind: &str| -> &[&str] {
        match kind {
            "api" => &["apis", "apis/a1b2"],
            "stage" => &["apis/a1b2/stages", "apis/a1b2/stages/$default"],
            "domain_name" => &["domainnames", "domainnames/app.example.com"],
            "vpc_link" => &["vpclinks", "vpclinks/a1b2"],
            // They take no tags.
            "integration" | "route" | "api_mapping" => &[],
            other => panic!("does aws_apigatewayv2_{other} take tags?"),
        }
    };
    assert!(
        met.contains("stage") && met.contains("domain_name"),
        "{met:?}"
    );
    for kind in &met {
        for path in paths(kind) {
            let arn = format!("arn:aws:apigateway:eu-west-2::/{path}");
            for action in ["apigateway:TagResource", "apigateway:UntagResource"] {
                let allowed = setup
                    .iter()
                    .find(|one| one.speaks_of(action) && one.reaches(&arn));
                let allowed = allowed.unwrap_or_else(|| panic!("{kind}: {action} on {arn}"));
                assert_eq!(allowed.json().get("Condition"), None, "{kind}");
            }
        }
    }
}

#[test]
fn roles_have_their_path_in_every_statement_and_their_boundary_where_it_is_demanded() {
    let scope = Scope {
        role_path: "/teams/web/".to_owned(),
        ..scope().with_boundary("team/limit")
    };
    let boundary = "arn:aws:iam::123456789012:policy/team/limit";
    for (name, statement) in Target::ALL
        .into_iter()
        .flat_map(|target| {
            let phases = Phase::ALL.into_iter();
            phases.flat_map(move |phase| [(phase, target)])
        })
        .flat_map(|(phase, target)| {
            let mut all = statements(phase, target, &scope);
            all.extend(for_ci(phase, &scope));
            all.into_iter()
                .map(move |one| (format!("{phase} {target}"), one))
        })
    {
        let elsewhere = statement.resources.iter();
        let elsewhere = elsewhere.filter(|one| one.contains(":role/shop")).count();
        assert_eq!(elsewhere, 0, "{name}: {}", statement.sid);
        let gives = statement.speaks_of("iam:PutRolePolicy") && statement.sid == "MakeRoles";
        let demands =
            statement.json()["Condition"]["StringEquals"]["iam:PermissionsBoundary"] == boundary;
        assert_eq!(gives, demands, "{name}: {}", statement.sid);
        assert!(statement.sid != "FreeRoles", "{name}");
    }
}

/// A statement in two or three lines, without the beginning that all ARNs have.
fn short(statement: &Statement) -> String {
    let resources: Vec<&str> = statement
        .resources
        .iter()
        .map(|arn| arn.strip_prefix("arn:aws:").unwrap_or(arn))
        .collect();
    let mut text = format!(
        "  {}: {}\n    on {}\n",
        statement.sid,
        statement.actions.join(" "),
        resources.join(" ")
    );
    if let Some(condition) = statement.json().get("Condition") {
        text.push_str(&format!("    if {condition}\n"));
    }
    text
}

#[test]
fn the_statements_of_an_environment() {
    let mut text = String::new();
    for target in Target::ALL {
        for phase in [Phase::Release, Phase::Teardown] {
            text.push_str(&format!("{target} {phase}\n"));
            for statement in statements(phase, target, &scope()) {
                text.push_str(&short(&statement));
            }
        }
    }
    insta::assert_snapshot!("statements", text);
}

#[test]
fn a_document_is_what_iam_reads() {
    let statement = Statement::allow("Read", &["s3:GetObject"], ["arn:aws:s3:::a".to_owned()])
        .when("aws:ResourceTag/x", &["y"]);
    let other = Statement::anywhere("List", &["ecs:ListTasks", "ecs:ListClusters"]);
    let documents = Document::pack(vec![statement, other]);
    assert_eq!(
        documents.iter().map(Document::json).collect::<Vec<_>>(),
        [json!({
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Read",
                    "Effect": "Allow",
                    "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::a",
                    "Condition": { "StringEquals": { "aws:ResourceTag/x": "y" } },
                },
                {
                    "Sid": "List",
                    "Effect": "Allow",
                    "Action": ["ecs:ListTasks", "ecs:ListClusters"],
                    "Resource": "*",
                },
            ],
        })]
    );
}

/// Every statement is in exactly one document, and no document is longer than IAM takes.
#[test]
fn documents_hold_every_statement_once() {
    for target in Target::ALL {
        for phase in Phase::ALL {
            let statements = statements(phase, target, &scope());
            let packed = documents(phase, target, &scope());
            let mut sids: Vec<String> = packed
                .iter()
                .flat_map(|one| one.json()["Statement"].as_array().cloned().expect("a list"))
                .map(|one| one["Sid"].as_str().expect("a name").to_owned())
                .collect();
            let mut expected: Vec<&str> = statements.iter().map(|one| one.sid).collect();
            sids.sort();
            expected.sort_unstable();
            assert_eq!(sids, expected, "{target} {phase}");
            let lengths: Vec<usize> = packed.iter().map(|one| one.text().len()).collect();
            assert!(
                lengths.iter().all(|length| *length <= LONGEST),
                "{lengths:?}"
            );
        }
    }
}
