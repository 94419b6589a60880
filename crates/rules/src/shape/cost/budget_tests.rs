//! What is refused and what is allowed.

use super::super::samples::{X86, bill, fargate_roots, function, lambda_root, plain, tasks};
use super::*;

fn refusal(decision: Decision) -> Refusal {
    match decision {
        Decision::Refused(refusal) => refusal,
        allowed @ Decision::Allowed { .. } => panic!("{allowed:?}"),
    }
}

const ALLOWED: Decision = Decision::Allowed { warning: None };

#[test]
fn without_a_budget_nothing_may_cost_money_by_existing() {
    let fargate = bill(&fargate_roots(), tasks(1, X86), "us-east-1");
    let lambda = bill(&lambda_root(), function(10_240, X86), "us-east-1");
    for budget in [
        None,
        Some(0.0),
        Some(-1.0),
        Some(f64::NAN),
        Some(f64::INFINITY),
    ] {
        refusal(decide(&fargate, budget, false));
        assert_eq!(
            decide(&lambda, budget, false),
            ALLOWED,
            "use is never refused"
        );
    }
    for budget in [Some(36.39), Some(37.0), Some(1e12)] {
        assert_eq!(decide(&fargate, budget, false), ALLOWED, "{budget:?}");
    }
    refusal(decide(&fargate, Some(36.38), false));
    assert_eq!(decide(&fargate, None, true), ALLOWED, "in a rehearsal");
}

#[test]
fn less_than_half_a_cent_costs_nothing() {
    let mut small = bill(&[], function(128, X86), "us-east-1");
    small.monthly_usd = 0.0049;
    assert_eq!(decide(&small, None, false), ALLOWED);
    small.monthly_usd = 0.005;
    refusal(decide(&small, None, false));
}

#[test]
fn an_unknown_price_is_no_free_one() {
    let odd = bill(
        &plain(&["aws_db_instance.main"]),
        function(128, X86),
        "us-east-1",
    );
    let refused = refusal(decide(&odd, None, false));
    assert!(
        refused.why[0].contains("aws_db_instance.main"),
        "{refused:?}"
    );
    assert_eq!(decide(&odd, None, true), ALLOWED);
    let Decision::Allowed {
        warning: Some(warning),
    } = decide(&odd, Some(5.0), false)
    else {
        panic!("a budget above 0 allows it, with a warning");
    };
    assert!(warning.contains("aws_db_instance.main"), "{warning}");
}

#[test]
fn a_refusal_states_the_sum_the_reason_and_the_remedy() {
    let mut resources = fargate_roots();
    resources.extend(plain(&["aws_db_instance.main"]));
    let fargate = bill(&resources, tasks(1, X86), "us-east-1");
    let refusals: Vec<String> = [None, Some(20.0)]
        .into_iter()
        .map(|budget| {
            let Refusal { what, why, next } = refusal(decide(&fargate, budget, false));
            format!("{what}\n  {}\n> {}", why.join("\n  "), next.join("\n> "))
        })
        .collect();
    insta::assert_snapshot!(refusals.join("\n\n"));
}
