//! Who may do what: policies of identities, of resources, and of trust
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>).

use super::{Findings, Rule, Seen, seen};
use rules::shape::plan::Resource;
use serde_json::{Value, json};

/// Actions that know no narrower resource than `*`, apart from those that only describe or list
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>).
pub(super) const UNSCOPED: [&str; 24] = [
    "cloudwatch:GetMetricData",
    "cloudwatch:PutMetricData",
    "ec2:CreateNetworkInterface", // Lambda in a VPC: its subnets are not known to the role
    "ec2:DeleteNetworkInterface",
    "ecr:GetAuthorizationToken",
    "ecs:DeregisterTaskDefinition",
    "freetier:GetAccountPlanState",
    "lambda:GetAccountSettings",
    "logs:CreateLogDelivery",
    "logs:CreateLogGroup",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "sns:GetSubscriptionAttributes",
    "sns:Unsubscribe",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "sts:GetCallerIdentity",
    "tag:GetResources",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

/// Keys of conditions that identify the caller.
const NARROWING: [&str; 13] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "kms:calleraccount",
    "sts:externalid",
];

/// What a policy is attached to.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    /// An identity: the policy states what it may do.
    Identity,
    /// A resource or a role's trust: the policy states who has access.
    Resource,
}

pub(super) fn examine(resource: &Resource, all: &[Resource], found: &mut Findings) {
    for (attribute, side) in policies(&resource.kind) {
        match Seen::at(resource, attribute) {
            Seen::Known(Value::String(text)) if text.is_empty() => {}
            Seen::Known(Value::String(text)) => match serde_json::from_str::<Value>(text) {
                Ok(policy) => judge(&policy, *side, &resource.address, found),
                Err(_) => found.add(
                    Rule::EveryAction,
                    &resource.address,
                    format!("`{attribute}` is no JSON and cannot be judged"),
                ),
            },
            Seen::Later if !is_followed(resource, attribute, all) => {
                found.later(rule_of(*side), &resource.address, attribute);
            }
            _ => {}
        }
    }
    match resource.kind.as_str() {
        "aws_iam_policy_document" => {
            document(resource, found);
            parts(resource, all, found);
        }
        "aws_lambda_permission" => permission(resource, found),
        "aws_iam_group_policy_attachment"
        | "aws_iam_policy_attachment"
        | "aws_iam_role_policy_attachment"
        | "aws_iam_user_policy_attachment" => attachment(resource, found),
        "aws_iam_role" => role(resource, found),
        _ => {}
    }
}

/// Attributes with a policy's text.
fn policies(kind: &str) -> &'static [(&'static str, Side)] {
    match kind {
        "aws_iam_role" => &[("assume_role_policy", Side::Resource)],
        "aws_iam_policy"
        | "aws_iam_role_policy"
        | "aws_iam_user_policy"
        | "aws_iam_group_policy" => &[("policy", Side::Identity)],
        "aws_s3_bucket"
        | "aws_s3_bucket_policy"
        | "aws_sns_topic"
        | "aws_sns_topic_policy"
        | "aws_sqs_queue"
        | "aws_sqs_queue_policy"
        | "aws_ecr_repository_policy"
        | "aws_kms_key"
        | "aws_secretsmanager_secret_policy" => &[("policy", Side::Resource)],
        _ => &[],
    }
}

fn rule_of(side: Side) -> Rule {
    match side {
        Side::Identity => Rule::EveryAction,
        Side::Resource => Rule::OpenToEveryone,
    }
}

/// Whether a policy comes from documents that are looked at themselves.
fn is_followed(resource: &Resource, attribute: &str, all: &[Resource]) -> bool {
    let references = resource
        .references
        .as_ref()
        .and_then(|set| set.get(attribute));
    let documents: Vec<&String> = references
        .into_iter()
        .flatten()
        .filter(|reference| reference.ends_with(".json"))
        .collect();
    !documents.is_empty()
        && references
            .into_iter()
            .flatten()
            .all(|reference| documents.iter().any(|d| d.starts_with(reference.as_str())))
        && documents.iter().all(|document| {
            let document = document.trim_end_matches(".json");
            let module = resource.address.rfind("module.").map_or("", |start| {
                let after = &resource.address[start..];
                let end = after.match_indices('.').nth(1).map_or(0, |(i, _)| i + 1);
                &resource.address[..start + end]
            });
            let wanted = format!("{module}{document}");
            all.iter().any(|r| {
                r.kind == "aws_iam_policy_document"
                    && (r.address == wanted || r.address.starts_with(&format!("{wanted}[")))
            })
        })
}

/// Judges a policy by its statements.
fn judge(policy: &Value, side: Side, address: &str, found: &mut Findings) {
    for statement in list(&policy["Statement"]) {
        if statement["Effect"] != "Allow" {
            continue;
        }
        match side {
            Side::Identity => permissions(statement, address, found),
            Side::Resource => principals(statement, address, found),
        }
    }
}

/// What a statement of an identity's policy allows.
fn permissions(statement: &Value, address: &str, found: &mut Findings) {
    let actions = strings(&statement["Action"]);
    if statement.get("NotAction").is_some_and(|not| !not.is_null()) {
        found.add(
            Rule::EveryAction,
            address,
            "`NotAction` allows whatever AWS adds",
        );
    }
    for action in &actions {
        let name = action.split_once(':').map_or(*action, |(_, name)| name);
        if name.trim_matches('*').is_empty() {
            found.add(
                Rule::EveryAction,
                address,
                format!("allows the action {action}"),
            );
        }
    }
    let everything = strings(&statement["Resource"])
        .iter()
        .any(|resource| resource.trim_matches('*').is_empty())
        || statement
            .get("NotResource")
            .is_some_and(|not| !not.is_null());
    let conditioned = statement["Condition"]
        .as_object()
        .is_some_and(|c| !c.is_empty());
    let wide: Vec<&str> = actions.into_iter().filter(|a| !is_unscoped(a)).collect();
    if everything && !conditioned && !wide.is_empty() {
        let evidence = format!("allows {} on every resource", wide.join(", "));
        found.add(Rule::EveryResource, address, evidence);
    }
}

fn is_unscoped(action: &str) -> bool {
    let name = action.split_once(':').map_or(action, |(_, name)| name);
    name.starts_with("Describe")
        || name.starts_with("List")
        || UNSCOPED.iter().any(|one| one.eq_ignore_ascii_case(action))
}

/// Whom a statement of a resource's policy, or of a role's trust, lets in.
fn principals(statement: &Value, address: &str, found: &mut Findings) {
    let principal = &statement["Principal"];
    let narrowed = is_narrowed(&statement["Condition"]);
    let everyone = match principal {
        Value::String(all) => all == "*",
        Value::Object(kinds) => kinds.get("AWS").is_some_and(|p| strings(p).contains(&"*")),
        _ => statement
            .get("NotPrincipal")
            .is_some_and(|not| !not.is_null()),
    };
    if everyone && !narrowed {
        found.add(
            Rule::OpenToEveryone,
            address,
            "the principal is everyone, and no condition restricts the caller",
        );
    }
    // An identity provider, such as GitHub's, serves users worldwide: the subject identifies them.
    let federated = strings(&principal["Federated"]);
    let web = federated.iter().any(|f| f.contains(":oidc-provider/"));
    if web && !has_key(&statement["Condition"], |key| key.ends_with(":sub")) {
        found.add(
            Rule::OpenToEveryone,
            address,
            "any subject of the identity provider: no condition on `sub`",
        );
    }
}

fn is_narrowed(condition: &Value) -> bool {
    has_key(condition, |key| NARROWING.contains(&key))
}

/// Whether a condition that admits only some values (not: all but some) has such a key, and a value that
/// is not everything.
fn has_key(condition: &Value, wanted: impl Fn(&str) -> bool) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    operators.into_iter().any(|(operator, keys)| {
        let operator = operator.to_lowercase();
        let admits = !operator.contains("not")
            && !operator.ends_with("ifexists")
            && !operator.starts_with("forallvalues:")
            && !operator.starts_with("null");
        let keys = keys.as_object().into_iter().flatten();
        admits
            && keys.into_iter().any(|(key, value)| {
                let values = strings(value);
                // A value that is not known yet is no star: it refers to something.
                wanted(&key.to_lowercase())
                    && !values
                        .iter()
                        .any(|v| matches!(*v, "*" | "0.0.0.0/0" | "::/0"))
            })
    })
}

/// A document that is put together during the apply, by what is known of its statements.
fn document(resource: &Resource, found: &mut Findings) {
    let address = &resource.address;
    let Seen::Known(Value::Array(statements)) = Seen::at(resource, "statement") else {
        if Seen::at(resource, "statement") == Seen::Later {
            found.later(Rule::EveryAction, address, "statement");
        }
        return;
    };
    for (i, statement) in statements.iter().enumerate() {
        let at = |name: &str| Seen::at(resource, &format!("statement.{i}.{name}"));
        if statement["effect"] == "Deny" {
            continue;
        }
        let is_resource = statement["principals"]
            .as_array()
            .is_some_and(|p| !p.is_empty())
            || at("principals") == Seen::Later;
        let side = match is_resource {
            true => Side::Resource,
            false => Side::Identity,
        };
        let decisive = match side {
            Side::Identity => "actions",
            Side::Resource => "principals",
        };
        if seen::has_later(&resource.unknown["statement"][i][decisive]) {
            found.later(
                rule_of(side),
                address,
                &format!("statement[{i}].{decisive}"),
            );
        }
        let policy = json!({ "Statement": [as_statement(statement)] });
        judge(&policy, side, address, found);
    }
}

/// Other policies that a document takes in.
fn parts(resource: &Resource, all: &[Resource], found: &mut Findings) {
    for attribute in [
        "override_json",
        "override_policy_documents",
        "source_json",
        "source_policy_documents",
    ] {
        let (known, later) = seen::texts(resource, attribute);
        if later && !is_followed(resource, attribute, all) {
            found.later(Rule::EveryAction, &resource.address, attribute);
        }
        for text in known {
            let policy: Value = serde_json::from_str(text).unwrap_or_default();
            let names_caller = |statement: &Value| {
                let names = ["Principal", "NotPrincipal"];
                names.iter().any(|name| statement.get(name).is_some())
            };
            let side = match list(&policy["Statement"]).into_iter().any(names_caller) {
                true => Side::Resource,
                false => Side::Identity,
            };
            judge(&policy, side, &resource.address, found);
        }
    }
}

/// A statement in the provider's words in IAM's.
fn as_statement(statement: &Value) -> Value {
    let mut principals = serde_json::Map::new();
    for principal in list(&statement["principals"]) {
        let kind = principal["type"].as_str().unwrap_or_default();
        if kind == "*" {
            principals.insert("AWS".into(), json!(["*"]));
        } else {
            principals.insert(kind.into(), principal["identifiers"].clone());
        }
    }
    let mut condition = json!({});
    for one in list(&statement["condition"]) {
        let (test, variable) = (one["test"].as_str(), one["variable"].as_str());
        if let (Some(test), Some(variable)) = (test, variable) {
            condition[test][variable] = one["values"].clone();
        }
    }
    let filled = |name: &str| match &statement[name] {
        Value::Array(all) if all.is_empty() => Value::Null,
        other => other.clone(),
    };
    json!({
        "Effect": "Allow",
        "Action": filled("actions"),
        "NotAction": filled("not_actions"),
        "Resource": filled("resources"),
        "NotResource": filled("not_resources"),
        "Principal": principals,
        "NotPrincipal": filled("not_principals"),
        "Condition": condition,
    })
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html>
fn permission(resource: &Resource, found: &mut Findings) {
    let address = &resource.address;
    let narrows = ["source_account", "source_arn", "principal_org_id"];
    let narrowed = narrows
        .iter()
        .any(|name| Seen::at(resource, name) != Seen::Absent);
    match Seen::at(resource, "principal") {
        Seen::Later => found.later(Rule::OpenToEveryone, address, "principal"),
        seen if seen.text() == Some("*") && !narrowed => found.add(
            Rule::OpenToEveryone,
            address,
            "the principal is everyone, and no source is named",
        ),
        _ => {}
    }
}

fn role(resource: &Resource, found: &mut Findings) {
    let (arns, later) = seen::texts(resource, "managed_policy_arns");
    if later {
        found.later(Rule::EveryAction, &resource.address, "managed_policy_arns");
    }
    for arn in arns {
        managed(arn, resource, found);
    }
    if Seen::at(resource, "inline_policy") == Seen::Later {
        found.later(Rule::EveryAction, &resource.address, "inline_policy");
    }
    for i in 0..seen::count(resource, "inline_policy") {
        let path = format!("inline_policy.{i}.policy");
        match Seen::at(resource, &path) {
            Seen::Known(Value::String(text)) => {
                let policy = serde_json::from_str(text).unwrap_or_default();
                judge(&policy, Side::Identity, &resource.address, found);
            }
            Seen::Later => found.later(Rule::EveryAction, &resource.address, &path),
            _ => {}
        }
    }
}

fn attachment(resource: &Resource, found: &mut Findings) {
    let attribute = "policy_arn";
    match Seen::at(resource, attribute) {
        // The ARN of a policy in this very plan, which is judged itself.
        Seen::Later => {
            let references = resource.references.as_ref();
            let own = references
                .and_then(|set| set.get(attribute))
                .is_some_and(|r| {
                    !r.is_empty() && r.iter().all(|one| one.starts_with("aws_iam_policy."))
                });
            if !own {
                found.later(Rule::EveryAction, &resource.address, attribute);
            }
        }
        seen => {
            if let Some(arn) = seen.text() {
                managed(arn, resource, found);
            }
        }
    }
}

/// Policies of AWS that allow nearly everything; there are more that are merely wide.
fn managed(arn: &str, resource: &Resource, found: &mut Findings) {
    let name = arn.rsplit('/').next().unwrap_or_default();
    if matches!(
        name,
        "AdministratorAccess" | "PowerUserAccess" | "IAMFullAccess"
    ) {
        found.add(
            Rule::EveryAction,
            &resource.address,
            format!("attaches {name}"),
        );
    }
}

/// One value, or several, as IAM's JSON has it.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(all) => all.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn strings(value: &Value) -> Vec<&str> {
    list(value).into_iter().filter_map(Value::as_str).collect()
}
