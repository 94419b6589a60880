//! `plan` shows what `up` decides, and creates nothing.

use rules::app::manifest::Target;
use rules::event::Event;
use rules::exit::Exit;
use rules::shape::review::{self, Finding};
use testkit::{App, CommandOutput, Mode, Sandbox};

fn conclusion(ended: &CommandOutput) -> String {
    ended.one("proposal", |event| match event {
        Event::Proposed { conclusion, .. } => Some(conclusion.clone()),
        _ => None,
    })
}

fn findings(ended: &CommandOutput) -> Vec<Finding> {
    ended.one("review", |event| match event {
        Event::Reviewed { findings } => Some(findings.clone()),
        _ => None,
    })
}

fn changes(ended: &CommandOutput) -> Vec<usize> {
    ended.all(|event| match event {
        Event::Planned { changes, .. } => Some(changes.len()),
        _ => None,
    })
}

fn monthly_usd(ended: &CommandOutput) -> f64 {
    ended.one("price", |event| match event {
        Event::Priced { bill } => Some(bill.monthly_usd),
        _ => None,
    })
}

/// Neither in the emulators nor on this machine.
fn nothing_was_created(sandbox: &Sandbox, app: &App) {
    let swept = sandbox
        .rehearse(app, &["down", "--verify"])
        .expect(Exit::Done);
    let left = swept.one("sweep", |event| match event {
        Event::Swept { left, unseen, .. } => Some((*left, unseen.clone())),
        _ => None,
    });
    assert_eq!(left, (0, Vec::new()));
    assert!(!sandbox.home().join("rehearsal").exists());
}

#[test]
fn it_shows_what_up_would_create_and_creates_nothing() {
    for target in Target::ALL {
        let sandbox = Sandbox::shared().on(target);
        let app = sandbox.app("first", "shown", Mode::Good, 1);
        let file = sandbox.path().join("plan.html");
        let html = format!("--html={}", file.display());
        for arguments in [&["plan", &html][..], &["up", "--dry-run"]] {
            let plan = sandbox.rehearse(&app, arguments).expect(Exit::Done);
            assert!(
                !review::is_refused(&findings(&plan)),
                "{:?}",
                findings(&plan)
            );
            assert!(changes(&plan).iter().all(|count| *count > 5));
            let text = conclusion(&plan);
            assert!(text.contains("asks for a yes"), "{text}");
            // Without a budget, AWS would refuse tasks; a rehearsal does not.
            assert_eq!(text.contains("on AWS"), target == Target::Fargate, "{text}");
            nothing_was_created(&sandbox, &app);
        }
        let page = std::fs::read_to_string(file).expect("a page");
        assert!(page.contains("<svg") && page.contains("shown"), "{page}");
    }
}

#[test]
fn it_refuses_like_up_and_reports_when_nothing_changes() {
    let sandbox = Sandbox::shared().on(Target::Lambda);
    let secret = "[env]\nDB_PASSWORD = \"hunter2hunter2\"\n";
    let leaky = sandbox
        .app("leaky", "decided", Mode::Good, 1)
        .manifest(secret);
    let shown = sandbox.rehearse(&leaky, &["plan"]).expect(Exit::Refused);
    let tried = sandbox
        .rehearse(&leaky, &["up", "--yes"])
        .expect(Exit::Refused);
    assert_eq!(shown.failure(), tried.failure());
    assert!(shown.failure().contains("LF010"), "{}", shown.failure());
    let swept = sandbox
        .rehearse(&leaky, &["down", "--verify"])
        .expect(Exit::Done);
    swept.one("nothing left", |event| {
        matches!(event, Event::Swept { left: 0, .. }).then_some(())
    });

    let allowed = sandbox
        .app("allowed", "decided", Mode::Good, 1)
        .manifest(&format!("allow = [\"LF010\"]\n{secret}"));
    let up = ["up", "--yes", "--minimum=1s", "--bake=1s"];
    let _up = sandbox.rehearse(&allowed, &up).expect(Exit::Done);
    let again = sandbox.rehearse(&allowed, &["plan"]).expect(Exit::Done);
    assert_eq!(changes(&again), [0, 0]);
    assert!(conclusion(&again).starts_with("no changes"));
    assert!(findings(&again).iter().any(|finding| finding.allowed));
    // The edge's own secret in a variable is no reason to refuse.
    let _ = sandbox.rehearse(&allowed, &up).expect(Exit::Done);

    let cost = sandbox.rehearse(&allowed, &["cost"]).expect(Exit::Done);
    assert_eq!(monthly_usd(&cost), 0.0);
    cost.one("what was spent", |event| {
        matches!(event, Event::Spent(_)).then_some(())
    });
    let _down = sandbox
        .rehearse(&allowed, &["down", "--yes"])
        .expect(Exit::Done);
}
