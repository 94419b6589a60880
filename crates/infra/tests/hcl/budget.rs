//! The AWS Budget: alerts are sent for every limit, including 0.

use super::tree::{Tree, argument, evaluate, labels, only, text};
use hcl::{Body, Value, value};
use rules::shape::account_budget::ADDRESS;
use rules::shape::contract::Root;

/// AWS rejects a limit of 0.
const LEAST: f64 = 0.01;

fn with_budget<R>(use_it: impl FnOnce(&Body) -> R) -> R {
    use_it(Tree::of(Root::Foundation).resource("aws_budgets_budget", "monthly"))
}

fn limit(budget: f64) -> f64 {
    let variables = [("var", value!({ budget = budget }))];
    let limit = with_budget(|body| evaluate(argument(body, "limit_amount"), &variables));
    limit.as_f64().expect("a number")
}

#[test]
fn a_budget_of_zero_alerts_at_the_first_cent() {
    assert!((limit(0.0) - LEAST).abs() < f64::EPSILON);
    assert!((limit(0.5) - 0.5).abs() < f64::EPSILON);
    assert!((limit(40.0) - 40.0).abs() < f64::EPSILON);
}

/// A new account has credits. If they were subtracted, its cost would be 0 for months, without an
/// alert.
#[test]
fn costs_paid_by_credits_count() {
    with_budget(|body| {
        assert_eq!(text(argument(body, "budget_type"), &[]), "COST");
        assert_eq!(text(argument(body, "time_unit"), &[]), "MONTHLY");
        let types = only(body, "cost_types");
        let credit = evaluate(argument(types, "include_credit"), &[]);
        assert_eq!(credit, Value::from(false));
    });
}

#[test]
fn alerts_are_sent_before_and_at_the_limit() {
    with_budget(|body| {
        let dynamic = body
            .blocks()
            .find(|block| labels(block) == ["notification"])
            .expect("notifications");
        let each = evaluate(argument(dynamic.body(), "for_each"), &[]);
        assert_eq!(each, value!([80, 100]));
        let content = only(dynamic.body(), "content");
        for (name, expected) in [
            ("notification_type", "ACTUAL"),
            ("comparison_operator", "GREATER_THAN"),
            ("threshold_type", "PERCENTAGE"),
        ] {
            assert_eq!(text(argument(content, name), &[]), expected);
        }
        let topic = value!({ alarms = { arn = "the topic" } });
        let topics = argument(content, "subscriber_sns_topic_arns");
        let topics = evaluate(topics, &[("aws_sns_topic", topic)]);
        assert_eq!(topics, value!(["the topic"]));
    });
}

#[test]
fn there_is_a_budget_unless_aws_permits_none() {
    let count = |has_budget: bool| {
        let variables = [("var", value!({ has_budget = has_budget }))];
        with_budget(|body| evaluate(argument(body, "count"), &variables))
    };
    assert_eq!(
        (count(true), count(false)),
        (Value::from(1), Value::from(0))
    );
}

/// The state of an environment from before has it without an index, and its plan stays empty.
#[test]
fn an_older_state_keeps_its_budget() {
    let tree = Tree::of(Root::Foundation);
    let moved: Vec<String> = tree
        .blocks("moved")
        .flat_map(|block| ["from", "to"].map(|end| argument(block.body(), end).to_string()))
        .collect();
    assert_eq!(moved, [ADDRESS.to_owned(), format!("{ADDRESS}[0]")]);
}
