//! API Gateway: the control plane.

use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Before, Kind, On, Rule};
use crate::world::World;

pub(super) const RULES: &[Rule] = &[Rule {
    id: "api-log-policy-full",
    concerns: &[("apigateway", &["CreateStage", "UpdateStage"])],
    kind: Kind::Refuse,
    on: On::Scenario("log-policy-full"),
    summary: "The resource policy of CloudWatch Logs has its 5,120 characters: it has no room for \
              another access log group outside /aws/vendedlogs/.",
    source: "https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html",
    apply: Apply::Request(log_policy_full),
}];

fn log_policy_full(_: &mut World, call: &Call) -> Before {
    let request = call.json();
    let group = request["accessLogSettings"]["destinationArn"].as_str();
    if group.is_none_or(|arn| arn.contains(":log-group:/aws/vendedlogs/")) {
        return Before::Pass;
    }
    let message = "Cannot enable logging. Policy document length breaking Cloudwatch Logs \
                   Constraints, either < 1 or > 5120";
    Before::Answer(Answer::error(call, 400, "BadRequestException", message))
}

#[cfg(test)]
mod tests {
    use crate::request::Call;
    use crate::rules::testing::{Bench, call};
    use serde_json::json;

    fn stage(group: &str) -> Call {
        let arn = format!("arn:aws:logs:us-east-1:123456789012:log-group:{group}");
        let body = json!({"accessLogSettings": {"destinationArn": arn}}).to_string();
        call("apigateway", "POST", "/v2/apis/a1/stages", &body)
    }

    #[test]
    fn only_vended_log_groups_need_no_room() {
        assert_eq!(Bench::new().refusal(&stage("/landfall/app/access")), None);
        let mut bench = Bench::of("log-policy-full");
        let (status, text) = bench
            .refusal(&stage("/landfall/app/access"))
            .expect("a refusal");
        assert_eq!(status, 400);
        assert!(text.contains("Cannot enable logging"), "{text}");
        assert_eq!(
            bench.refusal(&stage("/aws/vendedlogs/landfall/app/access")),
            None
        );
    }
}
