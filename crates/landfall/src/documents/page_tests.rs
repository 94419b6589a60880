//! The page of landfall's own roots, and of names with special characters.

use super::*;
use roxmltree::{Document, ParsingOptions};
use rules::app::manifest::{Draft, Facts, Manifest, Overrides, Target};
use rules::shape::contract::Root;
use rules::shape::cost::account::PlanState;
use rules::shape::plan::Plan;
use rules::shape::plan::{Action, Change};
use rules::shape::plan_decision::PlanDecisionInput;
use rules::shape::review::{Finding, Rule};
use rules::time::Timestamp;
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

const FIRST: &str = include_str!("../../../rules/tests/plans/first.json");
const LAMBDA: &str = include_str!("../../../rules/tests/plans/lambda.json");

/// 23 November 2026.
const NOW: Timestamp = Timestamp(1_795_392_000_000);

/// Before anything exists, on the target of the manifest.
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

fn page(proposal: &PlanDecision) -> String {
    let page = render(proposal, "0.1.0");
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(&page, options)
        .unwrap_or_else(|error| panic!("{error}\n{page}"));
    let all = || document.descendants().filter(|node| node.is_element());
    assert!(all().all(|node| !node.has_tag_name("script")));
    // Nothing is loaded from elsewhere: only links lead to other sites.
    for node in all() {
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(!name.starts_with("on") && name != "src", "{name}");
            let is_link = node.has_tag_name("a") && name == "href";
            let is_elsewhere = attribute.value().contains("://");
            let is_name = attribute.value() == "http://www.w3.org/2000/svg";
            assert!(is_link || !is_elsewhere || is_name, "{attribute:?}");
        }
    }
    page
}

/// Without the style and the drawing, which have tests of their own.
fn body(page: &str) -> String {
    let (_, body) = page.split_once("<body>").expect("a body");
    let (before, rest) = body.split_once("<svg").expect("a drawing");
    let (_, after) = rest.split_once("</svg>").expect("its end");
    format!("{before}<svg/>{after}")
}

#[test]
fn a_function_on_the_free_plan() {
    let manifest = manifest("");
    insta::assert_snapshot!(body(&page(&PlanDecision::from_plans(first(&manifest)))));
}

#[test]
fn tasks_that_no_budget_allows() {
    let manifest = manifest("target = \"fargate\"\n");
    let proposal = PlanDecision::from_plans(PlanDecisionInput {
        user: Some(String::new()),
        ..first(&manifest)
    });
    insta::assert_snapshot!(body(&page(&proposal)));
}

#[test]
fn nothing_that_comes_from_outside_breaks_out_of_its_place() {
    const EVIL: &str = "</title></style></svg>\"'><script>alert('&')</script>\u{0}`<i>`";
    let manifest = manifest("target = \"fargate\"\n");
    let mut proposal = PlanDecision::from_plans(first(&manifest));
    for text in [
        &mut proposal.name,
        &mut proposal.environment,
        &mut proposal.account,
        &mut proposal.region,
        &mut proposal.because,
        &mut proposal.bill.region,
        &mut proposal.bill.prices_of,
    ] {
        *text = EVIL.to_owned();
    }
    for line in &mut proposal.bill.lines {
        line.address = EVIL.to_owned();
        line.what = EVIL.to_owned();
        line.kind = EVIL.to_owned();
    }
    let first = &mut proposal.bill.lines[0];
    first.charge = Charge::Unknown { why: EVIL.into() };
    proposal.bill.assumptions = vec![EVIL.to_owned()];
    proposal.bill.own_prices = false;
    proposal.bill.account = AccountPlan::Unknown { why: EVIL.into() };
    for (severity, allowed) in [
        (Severity::Refuse, false),
        (Severity::Warn, false),
        (Severity::Warn, true),
        (Severity::Note, false),
    ] {
        proposal.findings.push(Finding {
            rule: Rule::PlainSecret,
            severity,
            address: EVIL.to_owned(),
            evidence: EVIL.to_owned(),
            allowed,
        });
    }
    let change = Change {
        forced_by: vec![EVIL.to_owned()],
        ..Change::new(EVIL, "aws_lb", Action::Replace)
    };
    let loss = rules::shape::data_loss::Loss {
        change: change.clone(),
        stake: rules::shape::data_loss::Stake::Traffic,
    };
    proposal.loss = Verdict::Refused(vec![loss]);
    let plan = &mut proposal.roots[1].1;
    plan.changes.push(change);
    for resource in &mut plan.resources {
        resource.values["name"] = EVIL.into();
    }
    let page = page(&proposal);
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains("<i>`"), "{page}");
    assert_eq!(
        page.matches("</style>").count(),
        2,
        "its own and the drawing's"
    );
}

#[test]
fn backticks_are_code_where_they_are_pairs() {
    assert_eq!(
        words("set `a < b`, then"),
        "set <code>a &lt; b</code>, then"
    );
    assert_eq!(words("one ` alone"), "one ` alone");
}
