//! The drawing of landfall's own roots, and of invalid input.

use super::*;
use rules::shape::plan::Plan;
use serde_json::{Value, json};

fn ours() -> Vec<Resource> {
    let both: Value = serde_json::from_str(include_str!("../../../rules/tests/plans/again.json"))
        .expect("two plans");
    ["foundation", "fargate"]
        .iter()
        .flat_map(|root| {
            let plan = Plan::parse(&both[*root].to_string()).expect("a plan");
            plan.resources
        })
        .collect()
}

#[test]
fn our_own_roots_from_people_to_logs() {
    insta::assert_snapshot!(draw(&ours()));
}

#[test]
fn the_order_of_resources_does_not_matter() {
    let mut backwards = ours();
    backwards.reverse();
    assert_eq!(draw(&backwards), draw(&ours()));
}

#[test]
fn users_pass_the_load_balancer_to_both_slots() {
    let graph = graph(&ours());
    let named: Vec<(&str, &str)> = graph
        .lines
        .iter()
        .filter(|line| !line.is_release)
        .map(|line| {
            let address = |place: usize| graph.nodes[place].address.as_str();
            (address(line.from), address(line.to))
        })
        .collect();
    assert_eq!(
        named,
        [
            ("people", "aws_cloudfront_distribution.front_door"),
            ("aws_cloudfront_distribution.front_door", "aws_lb.main"),
            ("aws_lb.main", "aws_ecs_service.slot[\"blue\"]"),
            ("aws_lb.main", "aws_ecs_service.slot[\"green\"]"),
        ]
    );
}

#[test]
fn an_api_leads_to_its_function() {
    let resource = |kind: &str, references: Value| Resource {
        address: format!("{kind}.app"),
        kind: kind.to_owned(),
        values: json!({ "name": kind }),
        references: serde_json::from_value(references).ok(),
        ..Resource::default()
    };
    let graph = graph(&[
        resource("aws_apigatewayv2_api", json!({})),
        resource(
            "aws_apigatewayv2_integration",
            json!({"api_id": ["aws_apigatewayv2_api.app"], "integration_uri": ["aws_lambda_alias.app"]}),
        ),
        resource(
            "aws_lambda_alias",
            json!({"function_name": ["aws_lambda_function.app"]}),
        ),
        resource("aws_lambda_function", json!({})),
    ]);
    let lines: Vec<(usize, usize)> = graph.lines.iter().map(|l| (l.from, l.to)).collect();
    assert_eq!(lines, [(0, 1), (1, 2), (2, 3)]);
}

#[test]
fn names_cannot_break_out_of_the_drawing() {
    let svg = draw(&[Resource {
        address: "aws_lb.a[\"</title><script>\"]".to_owned(),
        kind: "aws_lb".to_owned(),
        values: json!({"name": "<script>alert('&')</script>\u{0}"}),
        ..Resource::default()
    }]);
    assert!(!svg.contains("<script"), "{svg}");
    assert!(
        svg.contains("&lt;script&gt;alert(&#39;&amp;&#39;)"),
        "{svg}"
    );
}

#[test]
fn nothing_is_drawn_as_people_alone() {
    let svg = draw(&[]);
    assert_eq!(svg.matches("<rect class=\"box\"").count(), 1);
}
