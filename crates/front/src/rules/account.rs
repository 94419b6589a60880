//! Refusals that concern the whole account: scenarios of any service.

use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Before, Kind, On, Rule};
use crate::world::{ACCOUNT, World};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "account-expired-credentials",
        concerns: &[("*", &[])],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "Temporary credentials are refused once they have expired. The access key ID of a test's own \
                  has their expiry, in seconds since 1970, after `ASIA`.",
        source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_use-resources.html",
        apply: Apply::Request(expired),
    },
    Rule {
        id: "account-region-denied",
        concerns: &[("*", &[])],
        kind: Kind::Refuse,
        on: On::Scenario("region-denied"),
        summary: "A service control policy denies every regional service in a region, \
                  us-east-1 unless the scenario names another.",
        source: "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_examples_general.html",
        apply: Apply::Request(region_denied),
    },
    Rule {
        id: "account-throttling",
        concerns: &[("*", &[])],
        kind: Kind::Refuse,
        on: On::Scenario("throttling"),
        summary: "Every fourth call, drawn at random, is refused because the rate is exceeded.",
        source: "https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html",
        apply: Apply::Request(throttled),
    },
    Rule {
        id: "ec2-five-vpcs",
        concerns: &[("ec2", &["CreateVpc"])],
        kind: Kind::Refuse,
        on: On::Scenario("five-vpcs"),
        summary: "The region has its five VPCs, the default VPC included.",
        source: "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
        apply: Apply::Request(five_vpcs),
    },
];

/// Services that the usual policy exempts, since they have one endpoint for all regions.
const GLOBAL: [&str; 9] = [
    "account",
    "budgets",
    "cloudfront",
    "freetier",
    "iam",
    "organizations",
    "route53",
    "sts",
    "support",
];

fn region_denied(world: &mut World, call: &Call) -> Before {
    let denied = world.value("region-denied").unwrap_or("us-east-1");
    if call.region != denied || GLOBAL.contains(&call.service.as_str()) {
        return Before::Pass;
    }
    let (code, status) = match call.service.as_str() {
        "ec2" => ("UnauthorizedOperation", 403),
        "s3" => ("AccessDenied", 403),
        "lambda" | "apigateway" => ("AccessDeniedException", 403),
        "elasticloadbalancing" | "sns" | "cloudwatch" => ("AccessDenied", 403),
        _ => ("AccessDeniedException", 400),
    };
    let message = format!(
        "User: arn:aws:iam::{ACCOUNT}:user/{} is not authorized to perform: {}:{} on resource: * \
         with an explicit deny in a service control policy",
        call.identity, call.service, call.operation
    );
    Before::Answer(Answer::error(call, status, code, &message))
}

fn throttled(world: &mut World, call: &Call) -> Before {
    if call.operation.is_empty() || !world.random.chance(0.25) {
        return Before::Pass;
    }
    let (status, code, message) = match call.service.as_str() {
        "ec2" => (503, "RequestLimitExceeded", "Request limit exceeded."),
        "s3" => (503, "SlowDown", "Please reduce your request rate."),
        "lambda" | "apigateway" => (429, "TooManyRequestsException", "Rate exceeded"),
        "iam"
        | "sts"
        | "elasticloadbalancing"
        | "cloudfront"
        | "route53"
        | "sns"
        | "cloudwatch" => (400, "Throttling", "Rate exceeded"),
        _ => (400, "ThrottlingException", "Rate exceeded"),
    };
    Before::Answer(Answer::error(call, status, code, message))
}

fn expired(world: &mut World, call: &Call) -> Before {
    let expiry = call
        .identity
        .strip_prefix("ASIA")
        .and_then(|rest| rest.get(..10));
    let expiry = expiry.and_then(|seconds| seconds.parse::<u64>().ok());
    if expiry.is_none_or(|seconds| world.now.0 < seconds * 1000) {
        return Before::Pass;
    }
    let (status, code) = match call.service.as_str() {
        "ec2" => (400, "RequestExpired"),
        "s3" => (400, "ExpiredToken"),
        "lambda" | "apigateway" => (403, "ExpiredTokenException"),
        "iam"
        | "sts"
        | "elasticloadbalancing"
        | "sns"
        | "cloudwatch"
        | "cloudfront"
        | "route53" => (403, "ExpiredToken"),
        _ => (400, "ExpiredTokenException"),
    };
    let message = "The security token included in the request is expired";
    Before::Answer(Answer::error(call, status, code, message))
}

fn five_vpcs(_: &mut World, call: &Call) -> Before {
    let message = "The maximum number of VPCs has been reached.";
    Before::Answer(Answer::error(call, 400, "VpcLimitExceeded", message))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Bench, query, target};
    use serde_json::json;

    #[test]
    fn a_policy_denies_a_region_but_no_global_service() {
        let list = target("acm", "ListCertificates", &json!({}));
        let roles = query("iam", &[("Action", "ListRoles")]);
        assert_eq!(Bench::new().refusal(&list), None);
        let mut bench = Bench::of("region-denied");
        let (status, text) = bench.refusal(&list).expect("a refusal");
        assert_eq!(status, 400);
        assert!(
            text.contains("with an explicit deny in a service control policy"),
            "{text}"
        );
        assert_eq!(bench.refusal(&roles), None);
        bench
            .front
            .select("region-denied", "eu-west-2")
            .expect("a scenario");
        assert_eq!(bench.refusal(&list), None);
    }

    #[test]
    fn temporary_credentials_are_accepted_until_they_expire() {
        let mut call = target("ecs", "DescribeServices", &json!({}));
        let mut bench = Bench::new();
        call.identity = format!("ASIA{}00", bench.now.0 / 1000 + 5);
        assert_eq!(bench.refusal(&call), None);
        bench.pass(6);
        let (status, text) = bench.refusal(&call).expect("a refusal");
        assert_eq!(status, 400);
        assert!(text.contains("ExpiredTokenException"), "{text}");
        for lasting in ["test", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"] {
            call.identity = lasting.to_owned();
            assert_eq!(bench.refusal(&call), None, "{lasting}");
        }
    }

    #[test]
    fn some_calls_are_throttled_and_others_pass() {
        let mut bench = Bench::of("throttling");
        let call = target("ecs", "DescribeServices", &json!({}));
        let refused = (0..100).filter(|_| bench.refusal(&call).is_some()).count();
        assert!((10..45).contains(&refused), "{refused}");
        let object = super::super::testing::call("s3", "GET", "/b/k", "");
        let found = (0..20).find_map(|_| bench.refusal(&object));
        assert!(found.expect("a refusal").1.starts_with("SlowDown"));
    }

    #[test]
    fn a_sixth_vpc_is_refused() {
        let create = query(
            "ec2",
            &[("Action", "CreateVpc"), ("CidrBlock", "10.0.0.0/16")],
        );
        assert_eq!(Bench::new().refusal(&create), None);
        let (status, text) = Bench::of("five-vpcs").refusal(&create).expect("a refusal");
        assert_eq!(status, 400);
        assert!(text.contains("VpcLimitExceeded"), "{text}");
    }
}
