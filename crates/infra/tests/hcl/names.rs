//! Names in the HCL, evaluated from their expressions, are those of `rules::app::names`.

use super::tree::{Tree, argument, evaluate, only, text};
use hcl::{Body, Value};
use rules::app::manifest::{AppName, EnvironmentName, STEM_LENGTH, SecretsStore};
use rules::app::names::{Names, Slot, TAG_APP, TAG_ENVIRONMENT};
use rules::leave::ci::Role;
use rules::operate::secrets::prefix;
use rules::release::published_versions::LIVE;
use rules::shape::contract::Root;

const REGION: &str = "eu-west-2";
const ACCOUNT: &str = "123456789012";

fn names() -> Names {
    Names::new(
        AppName::parse("shop").expect("a name"),
        EnvironmentName::parse("staging").expect("an environment"),
    )
}

/// The variables of a root's expressions; with `each.key` for a slot's resources.
fn known(tree: &Tree, slot: Option<Slot>) -> Vec<(&'static str, Value)> {
    let names = names();
    let var = hcl::value!({
        name = (names.app.to_string())
        environment = (names.environment.to_string())
        region = REGION
        port = 8080
        tags = { "team" = "web", "landfall:app" = "other" }
    });
    let id = evaluate(tree.local("id"), &[("var", var.clone())]);
    let data = hcl::value!({
        aws_partition = { current = { partition = "aws" } }
        aws_caller_identity = { current = { account_id = ACCOUNT } }
    });
    let mut known = vec![
        ("var", var),
        ("local", hcl::value!({ id = (id) })),
        ("data", data),
    ];
    if let Some(slot) = slot {
        known.push(("each", hcl::value!({ key = (slot.as_str()) })));
    }
    known
}

/// The value of a resource's argument.
fn named(root: Root, resource: (&str, &str), name: &str, slot: Option<Slot>) -> String {
    let tree = Tree::of(root);
    text(
        argument(tree.resource(resource.0, resource.1), name),
        &known(&tree, slot),
    )
}

#[test]
fn every_root_has_the_same_id() {
    for root in Root::ALL {
        let tree = Tree::of(root);
        let known = known(&tree, None);
        let id = text(tree.local("id"), &known);
        assert_eq!(id, names().id(), "{root}");
    }
}

#[test]
fn the_foundation_has_the_names_that_landfall_uses() {
    let names = names();
    for (resource, expected) in [
        (("aws_ecr_repository", "app"), names.id()),
        (("aws_cloudwatch_log_group", "app"), names.log_group()),
        (("aws_iam_role", "execution"), names.execution_role()),
        (("aws_iam_role", "task"), names.task_role()),
        (("aws_sns_topic", "alarms"), names.alarm_topic()),
        (("aws_budgets_budget", "monthly"), names.id()),
    ] {
        let name = named(Root::Foundation, resource, "name", None);
        assert_eq!(name, expected, "{resource:?}");
    }
}

#[test]
fn the_fargate_target_has_the_names_that_landfall_uses() {
    let names = names();
    for (resource, argument, expected) in [
        (("aws_ecs_cluster", "main"), "name", names.id()),
        (("aws_lb", "main"), "name", names.id()),
        (
            ("aws_ecs_task_definition", "placeholder"),
            "family",
            names.placeholder_family(),
        ),
        (
            ("aws_cloudfront_distribution", "front_door"),
            "comment",
            names.id(),
        ),
    ] {
        let name = named(Root::Fargate, resource, argument, None);
        assert_eq!(name, expected, "{resource:?}");
    }
    let distribution = ("aws_cloudfront_distribution", "domain");
    let comment = named(Root::FargateDomain, distribution, "comment", None);
    assert_eq!(comment, names.id());
}

#[test]
fn the_lambda_target_has_the_names_that_landfall_uses() {
    let names = names();
    for (resource, argument, expected) in [
        (
            ("aws_lambda_function", "app"),
            "function_name",
            names.function(),
        ),
        (("aws_lambda_alias", "live"), "name", LIVE.to_owned()),
        (("aws_apigatewayv2_api", "main"), "name", names.function()),
        (
            ("aws_cloudwatch_log_group", "function"),
            "name",
            names.function_log_group(),
        ),
        (
            ("aws_cloudwatch_log_group", "access"),
            "name",
            names.access_log_group(),
        ),
        (("aws_iam_role", "function"), "name", names.function_role()),
    ] {
        let name = named(Root::Lambda, resource, argument, None);
        assert_eq!(name, expected, "{resource:?}");
    }
}

#[test]
fn the_roles_of_ci_have_the_names_that_landfall_uses() {
    let [deploy, plan, preview] = Role::names(&names().id());
    assert_eq!(
        named(Root::Ci, ("aws_iam_role", "deploy"), "name", None),
        deploy
    );
    let tree = Tree::of(Root::Ci);
    for (role, expected) in [("plan", plan), ("preview", preview)] {
        let mut known = known(&tree, None);
        known.push(("each", hcl::value!({ key = role })));
        let name = argument(tree.resource("aws_iam_role", "job"), "name");
        assert_eq!(text(name, &known), expected);
    }
    let path = named(Root::Ci, ("aws_iam_policy", "permissions"), "path", None);
    assert_eq!(path, names().policy_path());
}

/// The roles may read the secrets of their own environment only.
#[test]
fn secrets_have_the_names_that_landfall_uses() {
    let reads = [
        ("GetParameters", "ssm"),
        ("GetSecretValue", "secretsmanager"),
    ];
    for (root, document) in [(Root::Foundation, "execution"), (Root::Lambda, "function")] {
        let tree = Tree::of(root);
        let known = known(&tree, None);
        let prefix = |store| prefix(&names(), store);
        let expected = [
            format!(
                "arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{}*",
                prefix(SecretsStore::ParameterStore)
            ),
            format!(
                "arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{}*",
                prefix(SecretsStore::SecretsManager)
            ),
        ];
        let arns = ["parameters_arn", "secrets_arn"].map(|name| text(tree.local(name), &known));
        assert_eq!(arns, expected, "{root}");
        let [parameters, secrets] = arns;
        let local = hcl::value!({ parameters_arn = (parameters) secrets_arn = (secrets) });
        let policy = tree.body("data", &["aws_iam_policy_document", document]);
        let mut seen = Vec::new();
        for statement in policy
            .blocks()
            .filter(|block| block.identifier() == "statement")
        {
            let actions = evaluate(argument(statement.body(), "actions"), &[]);
            for (action, service) in reads {
                if actions == Value::from(vec![format!("{service}:{action}")]) {
                    let resources = argument(statement.body(), "resources");
                    seen.push(evaluate(resources, &[("local", local.clone())]));
                }
            }
        }
        assert_eq!(seen, expected.map(|arn| Value::from(vec![arn])), "{root}");
    }
}

#[test]
fn the_function_may_pull_from_the_registry() {
    let tree = Tree::of(Root::Foundation);
    let arn = text(tree.local("function_arn"), &known(&tree, None));
    let function = format!(
        "arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}",
        names().function()
    );
    assert_eq!(arn, function);
    let policy = tree.body("data", &["aws_iam_policy_document", "pulled_by_lambda"]);
    let pullers = argument(only(only(policy, "statement"), "condition"), "values");
    let local = hcl::value!({ function_arn = (arn) });
    let pullers = evaluate(pullers, &[("local", local)]);
    // The function itself, and its versions.
    assert_eq!(
        pullers,
        Value::from(vec![function.clone(), format!("{function}:*")])
    );
}

#[test]
fn a_slot_has_a_service_and_a_target_group_of_its_name() {
    let tree = Tree::of(Root::Fargate);
    let slots: Value = Slot::ALL.map(Slot::as_str).into_iter().collect();
    assert_eq!(evaluate(tree.local("slots"), &[]), slots);
    for kind in ["aws_ecs_service", "aws_lb_target_group"] {
        let for_each = argument(tree.resource(kind, "slot"), "for_each");
        let local = hcl::value!({ slots = (slots.clone()) });
        assert_eq!(evaluate(for_each, &[("local", local)]), slots, "{kind}");
        for slot in Slot::ALL {
            let name = named(Root::Fargate, (kind, "slot"), "name", Some(slot));
            assert_eq!(name, names().slot(slot), "{kind}");
        }
    }
}

#[test]
fn alarms_notify_the_topic_of_the_foundation() {
    for root in [Root::Fargate, Root::Lambda] {
        let tree = Tree::of(root);
        let topic = text(tree.local("alarm_topic_arn"), &known(&tree, None));
        let expected = format!("arn:aws:sns:{REGION}:{ACCOUNT}:{}", names().alarm_topic());
        assert_eq!(topic, expected, "{root}");
    }
}

#[test]
fn everything_is_tagged_with_app_and_environment() {
    for root in Root::ALL {
        let tree = Tree::of(root);
        let tags = argument(
            only(tree.body("provider", &["aws"]), "default_tags"),
            "tags",
        );
        let tags = evaluate(tags, &known(&tree, None));
        let tag = |key: &str| tags.as_object().and_then(|tags| tags.get(key));
        assert_eq!(tag(TAG_APP), Some(&Value::from("shop")), "{root}");
        assert_eq!(
            tag(TAG_ENVIRONMENT),
            Some(&Value::from("staging")),
            "{root}"
        );
        assert_eq!(tag("landfall:root"), Some(&Value::from(root.as_str())));
        assert_eq!(tag("team"), Some(&Value::from("web")), "{root}");
    }
}

/// When a root is run by hand, a name that is too long is reported before anything is created.
#[test]
fn every_root_rejects_an_id_that_is_too_long() {
    let fits = |body: &Body, length: usize| {
        let id = hcl::value!({ id = ("x".repeat(length)) });
        let condition = argument(only(only(body, "lifecycle"), "precondition"), "condition");
        evaluate(condition, &[("local", id)]) == Value::Bool(true)
    };
    for (root, resource) in [
        (Root::Foundation, ("aws_ecr_repository", "app")),
        (Root::Fargate, ("aws_lb", "main")),
        (Root::Lambda, ("aws_lambda_function", "app")),
        (Root::LambdaDomain, ("aws_acm_certificate", "domain")),
        (Root::FargateDomain, ("aws_acm_certificate", "domain")),
        (Root::Ci, ("aws_iam_role", "deploy")),
    ] {
        let tree = Tree::of(root);
        let body = tree.resource(resource.0, resource.1);
        assert!(fits(body, STEM_LENGTH), "{root}");
        assert!(!fits(body, STEM_LENGTH + 1), "{root}");
    }
}
