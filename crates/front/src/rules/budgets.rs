//! Budgets: an account in which they are not enabled.

use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Before, Kind, On, Rule};
use crate::world::{ACCOUNT, World};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "budgets-not-enabled",
        concerns: &[("budgets", &[])],
        kind: Kind::Refuse,
        on: On::Scenario("budgets-not-enabled"),
        summary: "A member account has no budgets until the payer's account enables them.",
        source: "https://github.com/org-formation/org-formation-cli/pull/198",
        apply: Apply::Request(refused),
    },
    Rule {
        id: "budgets-not-created",
        concerns: &[("budgets", &["CreateBudget"])],
        kind: Kind::Refuse,
        on: On::Scenario("budgets-not-created"),
        summary: "A member account may look for budgets, but create none.",
        source: "https://github.com/org-formation/org-formation-cli/pull/198",
        apply: Apply::Request(refused),
    },
];

fn refused(_: &mut World, call: &Call) -> Before {
    let message = format!(
        "Account {ACCOUNT} is a linked account. To enable budgets for your account, ask the payer \
         account to enable budgets first."
    );
    Before::Answer(Answer::error(call, 400, "AccessDeniedException", &message))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Bench, target};
    use serde_json::json;

    #[test]
    fn a_linked_account_has_no_budgets() {
        let create = target("budgets", "CreateBudget", &json!({}));
        assert_eq!(Bench::new().refusal(&create), None);
        let mut bench = Bench::of("budgets-not-enabled");
        let (status, text) = bench.refusal(&create).expect("a refusal");
        assert_eq!(status, 400);
        assert!(text.contains("AccessDeniedException"), "{text}");
        assert!(text.contains("is a linked account"), "{text}");
    }

    #[test]
    fn an_account_that_may_look_for_budgets_may_still_create_none() {
        let mut bench = Bench::of("budgets-not-created");
        let describe = target("budgets", "DescribeBudget", &json!({}));
        assert_eq!(bench.refusal(&describe), None);
        let create = target("budgets", "CreateBudget", &json!({}));
        let (status, _) = bench.refusal(&create).expect("a refusal");
        assert_eq!(status, 400);
    }
}
