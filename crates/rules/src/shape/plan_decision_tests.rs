//! What `up` and `plan` decide on landfall's own roots, and on plans that should not be deployed.

use super::*;
use crate::app::manifest::{Draft, Facts, Overrides};
use crate::shape::cost::account::PlanState;
use crate::shape::review::Severity;
use serde_json::Value;

fn manifest(text: &str) -> Manifest {
    let facts = Facts {
        directory_name: "hello".into(),
        dockerfile: Some("FROM scratch\nEXPOSE 3000\n".into()),
        protected: vec![],
    };
    let draft = Draft::read(Some(text));
    draft
        .resolve(&facts, &Overrides::default())
        .expect("a manifest")
}

fn plan(file: &str, root: Root) -> (Root, Plan) {
    let all: Value = serde_json::from_str(file).expect("JSON");
    let plan = Plan::parse(&all[root.as_str()].to_string()).expect("a plan");
    (root, plan)
}

const FIRST: &str = include_str!("../../tests/plans/first.json");
const LAMBDA: &str = include_str!("../../tests/plans/lambda.json");
const AGAIN: &str = include_str!("../../tests/plans/again.json");
const REPLACE: &str = include_str!("../../tests/plans/replace.json");

/// 23 November 2026.
const NOW: Timestamp = Timestamp(1_795_392_000_000);

/// Before anything is there, on the target that the manifest names.
fn first(manifest: &Manifest) -> PlanDecisionInput<'_> {
    let target = match manifest.target {
        Target::Fargate => plan(FIRST, Root::Fargate),
        Target::Lambda => plan(LAMBDA, Root::Lambda),
    };
    PlanDecisionInput {
        manifest,
        there: &[],
        account: "123456789012",
        region: "us-east-1",
        rehearsal: false,
        roots: vec![plan(FIRST, Root::Foundation), target],
        pays: AccountPlan::of_state(&PlanState {
            plan_type: "FREE".into(),
            status: "ACTIVE".into(),
            credits: Some((87.12, "USD".into())),
            expires: Some(Timestamp(NOW.0 + 40 * 86_400_000)),
        }),
        user: Some("65532:65532".into()),
        serves: false,
        now: NOW,
    }
}

#[test]
fn a_function_is_made_without_a_budget() {
    let manifest = manifest("");
    let proposal = PlanDecision::from_plans(first(&manifest));
    assert_eq!(proposal.refusal(), None);
    assert_eq!(
        proposal.conclusion(),
        "`landfall up` asks for a yes, then makes this"
    );
    assert!(proposal.because.contains("costs nothing"));
    let grave = proposal
        .findings
        .iter()
        .filter(|f| f.severity != Severity::Note);
    assert_eq!(grave.count(), 0, "{:#?}", proposal.findings);
}

#[test]
fn tasks_need_a_budget_and_nothing_else() {
    let poor = manifest("target = \"fargate\"\n");
    let refusal = PlanDecision::from_plans(first(&poor))
        .refusal()
        .expect("no budget");
    assert!(refusal.what.contains("no budget allows that"));
    let rehearsed = PlanDecision::from_plans(PlanDecisionInput {
        rehearsal: true,
        ..first(&poor)
    });
    assert_eq!(rehearsed.refusal(), None);
    assert!(
        rehearsed.conclusion().ends_with(&refusal.what),
        "{}",
        rehearsed.conclusion()
    );
    let rich = manifest("target = \"fargate\"\nbudget = 40\n");
    let proposal = PlanDecision::from_plans(first(&rich));
    assert_eq!(proposal.refusal(), None);
    assert_eq!(proposal.because, "it was asked for");
}

#[test]
fn what_is_unsafe_is_refused_unless_it_was_allowed() {
    let leaky = "env = { DB_PASSWORD = \"hunter2hunter2\" }\n";
    let unsafe_one = manifest(leaky);
    let proposal = PlanDecision::from_plans(first(&unsafe_one));
    let refusal = proposal.refusal().expect("a secret");
    assert!(!format!("{refusal:?}").contains("hunter2"));
    let mut lines = vec![refusal.what];
    lines.extend(refusal.why);
    lines.extend(refusal.next);
    insta::assert_snapshot!("a_secret_is_refused", lines.join("\n"));
    let allowed = manifest(&format!("allow = [\"LF010\"]\n{leaky}"));
    let proposal = PlanDecision::from_plans(first(&allowed));
    assert_eq!(proposal.refusal(), None);
    let allowed = proposal.findings.iter().filter(|f| f.allowed);
    assert_eq!(allowed.count(), 1, "{:#?}", proposal.findings);
}

#[test]
fn all_reasons_against_it_are_reported_at_once() {
    let manifest = manifest("target = \"fargate\"\nenv = { DB_PASSWORD = \"hunter2hunter2\" }\n");
    // Only its changes matter: what there will be is that of the first plan.
    let mut target = plan(FIRST, Root::Fargate);
    target.1.changes = plan(REPLACE, Root::Fargate).1.changes;
    let roots = vec![plan(FIRST, Root::Foundation), target];
    let serving = PlanDecision::from_plans(PlanDecisionInput {
        roots: roots.clone(),
        serves: true,
        there: &[Target::Fargate],
        ..first(&manifest)
    });
    let all = format!("{:?}", serving.refusal().expect("three reasons"));
    for part in ["no budget", "LF010", "what users' requests pass through"] {
        assert!(all.contains(part), "{part}: {all}");
    }
    let idle = PlanDecision::from_plans(PlanDecisionInput {
        roots,
        ..first(&manifest)
    });
    assert!(!matches!(idle.loss, Verdict::Refused(_)), "{:?}", idle.loss);
}

#[test]
fn a_second_plan_reports_that_nothing_changes() {
    let manifest = manifest("target = \"fargate\"\nbudget = 40\n");
    let proposal = PlanDecision::from_plans(PlanDecisionInput {
        roots: vec![plan(AGAIN, Root::Foundation), plan(AGAIN, Root::Fargate)],
        there: &[Target::Fargate],
        serves: true,
        ..first(&manifest)
    });
    assert!(proposal.is_empty());
    assert!(proposal.conclusion().starts_with("no changes; "));
}

#[test]
fn a_move_reports_what_becomes_of_the_old_target() {
    let manifest = manifest("");
    let proposal = PlanDecision::from_plans(PlanDecisionInput {
        there: &[Target::Fargate],
        ..first(&manifest)
    });
    assert!(
        proposal.because.contains("what runs on fargate is removed"),
        "{}",
        proposal.because
    );
}

#[test]
fn the_edges_own_secret_is_no_finding() {
    let manifest = manifest("");
    let mut basis = first(&manifest);
    let function = basis.roots[1].1.resources.iter_mut();
    let function = function
        .into_iter()
        .find(|resource| resource.kind == "aws_lambda_function")
        .expect("a function");
    let variables = serde_json::json!({ edge_contract::SECRET_VARIABLE: "aB3dE5fG7hJ9kL1m" });
    function.values["environment"] = serde_json::json!([{ "variables": variables }]);
    function.unknown = Value::Null;
    assert_eq!(PlanDecision::from_plans(basis).refusal(), None);
}
