//! Assumptions of landfall that `./dev test-aws --rehearse --break` turns around. Nothing here is known of AWS: each
//! rule shows the opposite of what landfall assumes, so that the test of the assumption can be seen to fail.

use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Before, Kind, On, Rule};
use crate::world::{ACCOUNT, World};
use serde_json::{Value, json};

const SOURCE: &str = "the opposite of an assumption, for `./dev test-aws --rehearse --break`";

/// The access key ID of landfall and Terraform in a rehearsal; others are those of roles that were assumed.
const OWN: &str = "test";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "assumed-api-tags",
        concerns: &[(
            "apigateway",
            &["CreateApi", "CreateStage", "DeleteApi", "UpdateApi"],
        )],
        kind: Kind::Refuse,
        on: On::Scenario("api-tags-denied"),
        summary: "A role with the statements of `landfall policy` may not make the call that is the scenario's value.",
        source: SOURCE,
        apply: Apply::Request(deny_api),
    },
    Rule {
        id: "assumed-distribution-tags",
        concerns: &[("cloudfront", &["CreateDistribution"])],
        kind: Kind::Refuse,
        on: On::Scenario("distribution-tags-denied"),
        summary: "A role with the statements of `landfall policy` may not create a distribution with tags.",
        source: SOURCE,
        apply: Apply::Request(deny_distribution),
    },
    Rule {
        id: "assumed-repository-policy",
        concerns: &[("ecr", &["GetRepositoryPolicy"])],
        kind: Kind::Rewrite,
        on: On::Scenario("repository-policy-changed"),
        summary: "Lambda has added a statement of its own to the policy of the repository.",
        source: SOURCE,
        apply: Apply::Response(add_statement),
    },
    Rule {
        id: "assumed-log-policy",
        concerns: &[("logs", &["DescribeResourcePolicies"])],
        kind: Kind::Rewrite,
        on: On::Scenario("log-policy-grown"),
        summary: "API Gateway has added the log group that is the scenario's value to the region's resource policy.",
        source: SOURCE,
        apply: Apply::Response(grow_log_policy),
    },
    Rule {
        id: "assumed-retention",
        concerns: &[("logs", &["DescribeLogGroups"])],
        kind: Kind::Rewrite,
        on: On::Scenario("retention-differs"),
        summary: "A log group has another retention than was set, so that a plan has a change.",
        source: SOURCE,
        apply: Apply::Response(other_retention),
    },
    Rule {
        id: "assumed-settled-bucket",
        concerns: &[("s3", &["GetObject"])],
        kind: Kind::Refuse,
        on: On::Scenario("objects-missing-again"),
        summary: "Objects below `trial/` are missing at times, however long versioning has been enabled.",
        source: SOURCE,
        apply: Apply::Request(missing_again),
    },
    Rule {
        id: "assumed-bucket-name",
        concerns: &[("s3", &["CreateBucket"])],
        kind: Kind::Refuse,
        on: On::Scenario("bucket-name-blocked"),
        summary: "The name of a bucket that was deleted can never be used again.",
        source: SOURCE,
        apply: Apply::Request(blocked_name),
    },
    Rule {
        id: "assumed-new-role",
        concerns: &[("sts", &["AssumeRole"])],
        kind: Kind::Refuse,
        on: On::Scenario("role-never-assumable"),
        summary: "A new role can never be assumed.",
        source: SOURCE,
        apply: Apply::Request(never_assumable),
    },
    Rule {
        id: "assumed-failed-version",
        concerns: &[("lambda", &["GetFunction", "GetFunctionConfiguration"])],
        kind: Kind::Rewrite,
        on: On::Scenario("deleted-image-unseen"),
        summary: "A version whose image was deleted is Active, although its invocations fail.",
        source: SOURCE,
        apply: Apply::Elsewhere,
    },
    Rule {
        id: "assumed-routing-delay",
        concerns: &[("elasticloadbalancing", &["ModifyListener", "ModifyRule"])],
        kind: Kind::Delay,
        on: On::Scenario("rules-very-late"),
        summary: "Changed rules and weights take effect half a minute after the call that changes them.",
        source: SOURCE,
        apply: Apply::Elsewhere,
    },
    Rule {
        id: "assumed-error-caching",
        concerns: &[("cloudfront-data", &[])],
        kind: Kind::Rewrite,
        on: On::Scenario("errors-cached"),
        summary: "CloudFront caches errors for ten seconds, whatever the distribution says.",
        source: SOURCE,
        apply: Apply::Elsewhere,
    },
    Rule {
        id: "assumed-known-distribution",
        concerns: &[("cloudfront-data", &[])],
        kind: Kind::Refuse,
        on: On::Scenario("distribution-unknown"),
        summary: "Half of the edge locations do not know the distribution and answer 403.",
        source: SOURCE,
        apply: Apply::Elsewhere,
    },
];

/// A denial as IAM words it.
fn denied(call: &Call, code: &str, action: &str) -> Before {
    let message = format!(
        "User: arn:aws:sts::{ACCOUNT}:assumed-role/trial/landfall-test is not authorized to perform: {action} \
         because no identity-based policy allows the {action} action"
    );
    Before::Answer(Answer::error(call, 403, code, &message))
}

fn deny_api(world: &mut World, call: &Call) -> Before {
    if call.identity == OWN || world.value("api-tags-denied") != Some(&call.operation) {
        return Before::Pass;
    }
    denied(call, "AccessDeniedException", "apigateway:TagResource")
}

fn deny_distribution(_: &mut World, call: &Call) -> Before {
    if call.identity == OWN {
        return Before::Pass;
    }
    denied(
        call,
        "AccessDenied",
        "cloudfront:CreateDistributionWithTags",
    )
}

fn add_statement(_: &mut World, _: &Call, answer: &mut Answer) {
    answer.edit(|answer| {
        let text = answer["policyText"].as_str().unwrap_or_default();
        let Ok(mut policy) = serde_json::from_str::<Value>(text) else {
            return;
        };
        let own = json!({
            "Sid": "LambdaECRImageRetrievalPolicy",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Condition": {"StringLike": {"aws:sourceArn": format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:*")}},
        });
        if let Some(statements) = policy["Statement"].as_array_mut() {
            statements.push(own);
        }
        answer["policyText"] = json!(policy.to_string());
    });
}

fn grow_log_policy(world: &mut World, _: &Call, answer: &mut Answer) {
    let group = world.value("log-policy-grown").unwrap_or_default();
    let arn = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:log-stream:*");
    let document = json!({"Statement": [{"Effect": "Allow", "Resource": arn}]}).to_string();
    let policy = json!({"policyName": "AWSLogDeliveryWrite20150319", "policyDocument": document});
    let mut changed = Answer::of_json(200, &json!({"resourcePolicies": [policy]}));
    let kind = http::HeaderValue::from_static("application/x-amz-json-1.1");
    changed.headers.insert("content-type", kind);
    *answer = changed;
}

fn other_retention(_: &mut World, _: &Call, answer: &mut Answer) {
    answer.edit(|answer| {
        let groups = answer["logGroups"].as_array_mut();
        for group in groups.into_iter().flatten() {
            group["retentionInDays"] = json!(3653);
        }
    });
}

fn missing_again(world: &mut World, call: &Call) -> Before {
    if !call.path.contains("/trial/") || !world.random.chance(0.1) {
        return Before::Pass;
    }
    let message = "The specified key does not exist.";
    Before::Answer(Answer::error(call, 404, "NoSuchKey", message))
}

fn blocked_name(world: &mut World, call: &Call) -> Before {
    let bucket = call.segment(0).unwrap_or_default();
    if !world.state.s3.deleted.contains_key(&bucket) {
        return Before::Pass;
    }
    let message = "A conflicting conditional operation is currently in progress against this \
                   resource. Please try again.";
    Before::Answer(Answer::error(call, 409, "OperationAborted", message))
}

fn never_assumable(_: &mut World, call: &Call) -> Before {
    denied(call, "AccessDenied", "sts:AssumeRole")
}

#[cfg(test)]
mod tests {
    use crate::answer::Answer;
    use crate::rules::testing::{Bench, call, query, target};
    use serde_json::json;

    #[test]
    fn only_a_role_is_denied_and_only_the_named_call() {
        let mut bench = Bench::new();
        bench
            .front
            .select("api-tags-denied", "CreateStage")
            .expect("a scenario");
        let create = call("apigateway", "POST", "/v2/apis", "{}");
        let stage = call("apigateway", "POST", "/v2/apis/a1/stages", "{}");
        assert_eq!(bench.refusal(&stage), None, "landfall's own");
        let mut of_role = (create, stage);
        of_role.0.identity = "ASIA1".to_owned();
        of_role.1.identity = "ASIA1".to_owned();
        assert_eq!(bench.refusal(&of_role.0), None);
        let (status, text) = bench.refusal(&of_role.1).expect("a denial");
        assert_eq!(status, 403);
        assert!(
            text.contains("is not authorized to perform: apigateway:TagResource"),
            "{text}"
        );
    }

    #[test]
    fn a_statement_is_added_to_the_policy_of_a_repository() {
        let mut bench = Bench::of("repository-policy-changed");
        let get = target("ecr", "GetRepositoryPolicy", &json!({}));
        let own = json!({"Statement": [{"Sid": "Ours"}]}).to_string();
        let seen = bench.json(&get, &json!({"policyText": own}));
        let text = seen["policyText"].as_str().expect("a policy");
        assert_eq!(text.matches("\"Sid\"").count(), 2, "{text}");
    }

    #[test]
    fn log_groups_and_their_policies_differ_from_what_was_set() {
        let mut bench = Bench::of("retention-differs");
        let describe = target("logs", "DescribeLogGroups", &json!({}));
        let seen = bench.json(&describe, &json!({"logGroups": [{"retentionInDays": 14}]}));
        assert_eq!(seen["logGroups"][0]["retentionInDays"], 3653);
        bench
            .front
            .select("log-policy-grown", "/landfall/a/access")
            .expect("a scenario");
        let describe = target("logs", "DescribeResourcePolicies", &json!({}));
        let seen = bench
            .json(&describe, &json!({"resourcePolicies": []}))
            .to_string();
        assert!(seen.contains("log-group:/landfall/a/access"), "{seen}");
    }

    #[test]
    fn objects_names_and_roles_stay_out_of_reach() {
        let mut bench = Bench::of("objects-missing-again");
        let trial = call("s3", "GET", "/b/trial/1", "");
        let other = call("s3", "GET", "/b/lease", "");
        assert!((0..100).any(|_| bench.refusal(&trial).is_some()));
        assert!((0..100).all(|_| bench.refusal(&other).is_none()));
        bench
            .front
            .select("bucket-name-blocked", "")
            .expect("a scenario");
        let create = call("s3", "PUT", "/b", "");
        assert_eq!(bench.refusal(&create), None, "it was never deleted");
        bench.call(
            &call("s3", "DELETE", "/b", ""),
            Answer::new(204, "text/xml", ""),
        );
        bench.pass(3_600);
        assert!(bench.refusal(&create).is_some());
        bench
            .front
            .select("role-never-assumable", "")
            .expect("a scenario");
        let assume = query(
            "sts",
            &[
                ("Action", "AssumeRole"),
                ("RoleArn", "arn:aws:iam::1:role/a"),
            ],
        );
        assert!(bench.refusal(&assume).is_some());
    }

    #[test]
    fn only_a_role_is_denied_a_distribution() {
        let mut bench = Bench::of("distribution-tags-denied");
        let mut create = call(
            "cloudfront",
            "POST",
            "/2020-05-31/distribution?WithTags",
            "",
        );
        assert_eq!(bench.refusal(&create), None);
        create.identity = "ASIA1".to_owned();
        assert!(bench.refusal(&create).is_some());
    }
}
