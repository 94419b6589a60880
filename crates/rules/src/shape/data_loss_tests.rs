//! What is lost, how it is reported, and what follows.

use super::*;
use serde_json::Value;

/// Plans of landfall's own roots after another name (foundation) and another port (fargate).
fn replacing() -> (Plan, Plan) {
    let both: Value =
        serde_json::from_str(include_str!("../../tests/plans/replace.json")).expect("two plans");
    let plan = |root: &str| Plan::parse(&both[root].to_string()).expect("a plan");
    (plan("foundation"), plan("fargate"))
}

fn plan(changes: &[(&str, Action)]) -> Plan {
    let changes = changes
        .iter()
        .map(|(kind, action)| Change::new(&format!("{kind}.it"), kind, *action));
    Plan {
        changes: changes.collect(),
        ..Plan::default()
    }
}

fn described(losses: &[Loss]) -> String {
    let lines: Vec<String> = losses.iter().map(Loss::explain).collect();
    lines.join("\n")
}

#[test]
fn another_name_takes_nearly_everything() {
    insta::assert_snapshot!(described(&losses(&replacing().0)));
}

#[test]
fn another_port_stops_the_tasks() {
    insta::assert_snapshot!(described(&losses(&replacing().1)));
}

/// Its new name below `/aws/vendedlogs/` is landfall's doing, and what the app wrote stays.
#[test]
fn another_name_of_the_access_log_loses_nothing_that_anyone_asks_about() {
    let kind = "aws_cloudwatch_log_group";
    let of = |address: &str, action| Plan {
        changes: vec![Change {
            forced_by: vec!["name".to_owned()],
            ..Change::new(address, kind, action)
        }],
        ..Plan::default()
    };
    let moved = of("aws_cloudwatch_log_group.access", Action::Replace);
    assert_eq!(Verdict::of(&[&moved], true), Verdict::Allowed);
    let text = losses(&moved)[0].explain();
    assert!(
        text.contains("lines about earlier requests are gone"),
        "{text}"
    );
    for (address, action) in [
        ("aws_cloudwatch_log_group.access", Action::Delete),
        ("aws_cloudwatch_log_group.function", Action::Replace),
        ("aws_cloudwatch_log_group.app", Action::Replace),
    ] {
        let verdict = Verdict::of(&[&of(address, action)], true);
        assert!(matches!(verdict, Verdict::NeedsYes(_)), "{address}");
    }
}

#[test]
fn users_are_not_cut_off() {
    let (foundation, fargate) = replacing();
    let Verdict::Refused(cut) = Verdict::of(&[&foundation, &fargate], true) else {
        panic!("both plans cut users off");
    };
    assert!(cut.iter().all(|loss| loss.stake <= Stake::Both));
    assert!(matches!(
        Verdict::of(&[&fargate], true),
        Verdict::Refused(_)
    ));
}

#[test]
fn without_users_what_is_kept_asks_for_a_yes() {
    let (foundation, fargate) = replacing();
    assert_eq!(Verdict::of(&[&fargate], false), Verdict::Allowed);
    let Verdict::NeedsYes(losses) = Verdict::of(&[&foundation, &fargate], false) else {
        panic!("images and logs are lost");
    };
    let kinds: Vec<&str> = losses.iter().map(|l| l.change.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "aws_ecr_repository",
            "aws_cloudwatch_log_group",
            "aws_sns_topic",
            "aws_sns_topic_subscription"
        ]
    );
}

#[test]
fn what_is_made_changed_or_let_go_is_no_loss() {
    let kept = plan(&[
        ("aws_lb", Action::Create),
        ("aws_db_instance", Action::Update),
        ("aws_s3_bucket", Action::Forget),
    ]);
    assert_eq!(Verdict::of(&[&kept], true), Verdict::Allowed);
    assert_eq!(Verdict::of(&[], true), Verdict::Allowed);
}

#[test]
fn an_alarm_may_be_replaced_under_load() {
    let alarm = plan(&[("aws_cloudwatch_metric_alarm", Action::Replace)]);
    assert_eq!(Verdict::of(&[&alarm], true), Verdict::Allowed);
}

#[test]
fn an_unknown_kind_needs_confirmation() {
    let strange = plan(&[("aws_quantum_ledger", Action::Delete)]);
    for serves in [true, false] {
        assert!(
            matches!(Verdict::of(&[&strange], serves), Verdict::NeedsYes(losses)
                if losses[0].stake == Stake::Unknown)
        );
    }
}

#[test]
fn terraforms_own_reasons_are_reported() {
    let table = [
        ("replace_because_tainted", "failed half-way"),
        ("delete_because_no_resource_config", "no longer contains it"),
        ("delete_because_each_key", "`for_each`"),
        ("replace_by_request", "-replace"),
    ];
    for (reason, words) in table {
        let mut change = Change::new("aws_lb.main", "aws_lb", Action::Replace);
        change.reason = Some(reason.to_owned());
        let loss = Loss {
            stake: Stake::Traffic,
            change,
        };
        assert!(loss.explain().contains(words), "{}", loss.explain());
    }
}
