//! Elastic Load Balancing: an account that may not create load balancers.

use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Before, Kind, On, Rule};
use crate::world::World;

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

fn refused(_: &mut World, call: &Call) -> Before {
    let message = "This AWS account currently does not support creating load balancers. For more \
                   information, please contact AWS Support.";
    Before::Answer(Answer::error(call, 400, "OperationNotPermitted", message))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Bench, query};

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
