//! Elastic Load Balancing: an account that may not create load balancers.

use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Before, Concern, Kind, On, Rule};
use crate::world::World;
use std::time::Duration;

pub(super) const RULES: &[Rule] = &[Rule {
    id: "alb-account-not-verified",
    concerns: &[("elasticloadbalancing", &["CreateLoadBalancer"])],
    kind: Kind::Refuse,
    on: On::Scenario("alb-not-verified"),
    summary: "Some new accounts may not create load balancers until AWS Support has verified \
                  them.",
    source: "reports of OperationNotPermitted from CreateLoadBalancer in new accounts",
    apply: Apply::Request(refused),
}];

pub(super) const OBSERVED: &[Concern] =
    &[("elasticloadbalancing", &["ModifyLoadBalancerAttributes"])];

/// Remembers how long a connection of a load balancer may be idle.
pub(super) fn observe(world: &mut World, call: &Call, _: &Answer) {
    let name = call
        .parameter("LoadBalancerArn")
        .and_then(|arn| Some(arn.split_once(":loadbalancer/")?.1.to_owned()));
    let seconds = (1..=20).find_map(|number| {
        let key = call.parameter(&format!("Attributes.member.{number}.Key"))?;
        let value = call.parameter(&format!("Attributes.member.{number}.Value"))?;
        (key == "idle_timeout.timeout_seconds").then(|| value.parse().ok())?
    });
    if let (Some(name), Some(seconds)) = (name, seconds) {
        let idle = &mut world.state.balancers.idle;
        idle.insert(name, Duration::from_secs(seconds));
    }
}

fn refused(_: &mut World, call: &Call) -> Before {
    let message = "This AWS account currently does not support creating load balancers. For more \
                   information, please contact AWS Support.";
    Before::Answer(Answer::error(call, 400, "OperationNotPermitted", message))
}

#[cfg(test)]
mod tests {
    use crate::answer::Answer;
    use crate::rules::testing::{Bench, query};
    use std::time::Duration;

    #[test]
    fn the_idle_timeout_is_the_load_balancers() {
        let mut bench = Bench::new();
        let change = query(
            "elasticloadbalancing",
            &[
                ("Action", "ModifyLoadBalancerAttributes"),
                (
                    "LoadBalancerArn",
                    "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/shop/1",
                ),
                ("Attributes.member.1.Key", "routing.http2.enabled"),
                ("Attributes.member.1.Value", "true"),
                ("Attributes.member.2.Key", "idle_timeout.timeout_seconds"),
                ("Attributes.member.2.Value", "600"),
            ],
        );
        bench.call(&change, Answer::new(200, "text/xml", ""));
        let idle = &bench.front.world.state.balancers.idle;
        assert_eq!(idle.get("app/shop/1"), Some(&Duration::from_secs(600)));
    }

    #[test]
    fn an_unverified_account_has_no_load_balancers() {
        let create = query("elasticloadbalancing", &[("Action", "CreateLoadBalancer")]);
        assert_eq!(Bench::new().refusal(&create), None);
        let (status, text) = Bench::of("alb-not-verified")
            .refusal(&create)
            .expect("a refusal");
        assert_eq!(status, 400);
        assert!(text.contains("OperationNotPermitted"), "{text}");
    }
}
