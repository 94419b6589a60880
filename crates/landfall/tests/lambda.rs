//! Lambda: a function behind an HTTP API, in the emulators.

use edge_contract::log_line::{is_of_edge, is_of_lambda};
use rules::app::manifest::Target;
use rules::event::{Event, Status};
use rules::exit::Exit;
use rules::release::diagnosis::Cause;
use rules::release::{Outcome, Proof};
use testkit::{App, CommandOutput, Mode, Sandbox, Users};

/// Short enough for a test, with the same evidence.
const BRIEF: [&str; 5] = [
    "up",
    "--yes",
    "--minimum=1s",
    "--bake=2s",
    "--ready-timeout=60s",
];

fn sandbox() -> Sandbox {
    Sandbox::new().on(Target::Lambda)
}

fn status(sandbox: &Sandbox, app: &App) -> Status {
    let status = sandbox.rehearse(app, &["status"]).expect(Exit::Done);
    status.one("status", |event| match event {
        Event::Status(status) => Some(status.clone()),
        _ => None,
    })
}

/// The live revision; it has to be the only one.
fn serving(sandbox: &Sandbox, app: &App) -> String {
    let status = status(sandbox, app);
    let live: Vec<_> = status.slots.iter().filter(|slot| slot.share > 0).collect();
    let staged = status.slots.iter().filter(|slot| slot.desired > 0).count();
    assert_eq!(
        (live.len(), live[0].share, staged),
        (1, 100, 1),
        "{status:?}"
    );
    live[0].revision.as_ref().expect("a revision").to_string()
}

/// Why it was rolled back, with what its last lines show.
fn cause(ended: &CommandOutput) -> Cause {
    ended.one("autopsy", |event| match event {
        Event::Autopsy { cause, .. } => Some(cause.clone()),
        _ => None,
    })
}

#[test]
fn an_app_lives_on_lambda() {
    // An apply lasts longer than these credentials, so Terraform has to get new ones in the middle of it.
    let sandbox = sandbox().with_emulators().with_expiring_credentials(15);
    let app = |label: &str, mode, version| sandbox.app(label, "free", mode, version);
    let first = app("first", Mode::Good, 1);
    let began = sandbox.rehearse(&first, &BRIEF).expect(Exit::Done);
    let url = began.address();
    // None of them lasted long enough for all of Terraform's calls.
    let expiries: std::collections::BTreeSet<u64> = sandbox.expiries().into_iter().collect();
    let (one, last) = (expiries.first(), expiries.last());
    assert!(
        last.zip(one).is_some_and(|(last, one)| last - one > 15),
        "{expiries:?}"
    );
    let old = serving(&sandbox, &first);
    // There, a command would be cut off.
    let refused = sandbox
        .rehearse(&first, &["exec", "--", "/misbehave", "prints"])
        .expect(Exit::BadInput);
    refused.one("what to do instead", |event| match event {
        Event::Failed { next, .. } => next
            .iter()
            .any(|line| line.contains("landfall move --to fargate"))
            .then_some(()),
        _ => None,
    });
    let bill = began.one("price", |event| match event {
        Event::Priced { bill } => Some((**bill).clone()),
        _ => None,
    });
    assert!(bill.monthly_usd == 0.0 && !bill.incomplete, "{bill:?}");

    // Again: nothing changes, and Terraform plans no changes after the release.
    let again = sandbox.rehearse(&first, &BRIEF).expect(Exit::Done);
    again.one("nothing to do", |event| {
        matches!(event, Event::Unchanged { .. }).then_some(())
    });
    for summary in again.all(|event| match event {
        Event::Planned { summary, .. } => Some(summary.clone()),
        _ => None,
    }) {
        assert_eq!(summary, "no changes");
    }

    // The next version gets traffic step by step, and no request is lost. An app with random errors
    // would need five times as many requests.
    let users = Users::ask(&url, 2);
    let second = app("second", Mode::Good, 2);
    let released = sandbox.rehearse(&second, &BRIEF).expect(Exit::Done);
    let answers = users.stop();
    assert_eq!(answers.lost, 0, "{answers:?}");
    assert_eq!(
        answers.by_status.keys().collect::<Vec<_>>(),
        [&200],
        "{answers:?}"
    );
    let Outcome::Serving { proof, .. } = released.outcome() else {
        panic!("{:?}", released.outcome());
    };
    assert!(
        matches!(proof, Some(Proof::Users | Proof::Probes)),
        "{proof:?}"
    );
    let new = serving(&sandbox, &second);
    assert_ne!(new, old);

    // The edge's lines are in the log, but shown only on request.
    let lines = |arguments: &[&str]| {
        let logs = sandbox.rehearse(&second, arguments).expect(Exit::Done);
        logs.all(|event| match event {
            Event::Log { message, .. } => Some(message.clone()),
            _ => None,
        })
    };
    let all = lines(&["logs", "--edge"]);
    let of_edge: Vec<&String> = all.iter().filter(|line| is_of_edge(line)).collect();
    assert!(of_edge.iter().any(|line| line.contains(&new)), "{all:?}");
    assert_eq!(
        lines(&["logs"])
            .into_iter()
            .find(|line| is_of_edge(line) || is_of_lambda(line)),
        None
    );

    // What a person reads is in the terms of Lambda.
    let mut command = sandbox.command(&["rollback", "--dry-run"]);
    let shown = command
        .env("LANDFALL_JSON", "false")
        .env("LANDFALL_REHEARSE", "true")
        .current_dir(second.path())
        .output()
        .expect("landfall runs");
    let steps = String::from_utf8_lossy(&shown.stdout);
    assert!(
        steps.contains("publish a version, and point the alias"),
        "{shown:?}"
    );
    assert!(!steps.contains("start the new version in"), "{shown:?}");

    // One call rolls back.
    let back = sandbox.rehearse(&second, &["rollback"]).expect(Exit::Done);
    assert!(matches!(back.outcome(), Outcome::Serving { .. }));
    assert_eq!(serving(&sandbox, &second), old);

    let _down = sandbox
        .rehearse(&second, &["down", "--yes"])
        .expect(Exit::Done);
    let swept = sandbox
        .rehearse(&second, &["down", "--verify"])
        .expect(Exit::Done);
    let left = swept.one("the sweep", |event| match event {
        Event::Swept { left, unseen, .. } => Some((*left, unseen.clone())),
        _ => None,
    });
    assert_eq!(left, (0, Vec::new()));
}

#[test]
fn versions_that_cannot_serve_are_diagnosed_and_the_old_one_stays_live() {
    let sandbox = sandbox();
    let app = |label: &str, mode| sandbox.app(label, "wrong", mode, 1);
    let good = app("good", Mode::Good);
    let _up = sandbox.rehearse(&good, &BRIEF).expect(Exit::Done);
    let old = serving(&sandbox, &good);
    let released = |bad: &App| {
        let ended = sandbox.rehearse(bad, &BRIEF).expect(Exit::RolledBack);
        assert_eq!(serving(&sandbox, bad), old, "{bad:?}");
        cause(&ended)
    };
    let tried = |label: &str, mode| released(&app(label, mode));
    let crashed = tried("crash", Mode::Crash);
    assert_eq!(crashed, Cause::Crash { exit_code: 3 });
    let elsewhere = tried("elsewhere", Mode::WrongPort);
    assert!(
        matches!(&elsewhere, Cause::WrongPort { listens_on, .. } if listens_on == &[9090]),
        "{elsewhere:?}"
    );
    let foreign = app("foreign", Mode::Good);
    let program = foreign.path().join("misbehave");
    let mut elf = std::fs::read(&program).expect("the program");
    // e_machine, the field at 18, of a processor that this machine does not have: z/Architecture.
    elf[18..20].copy_from_slice(&[22, 0]);
    std::fs::write(&program, elf).expect("the program");
    let foreign = released(&foreign);
    assert!(
        matches!(foreign, Cause::WrongArchitecture { .. }),
        "{foreign:?}"
    );
    let deaf = tried("deaf", Mode::Deaf);
    assert!(matches!(deaf, Cause::NotReady { .. }), "{deaf:?}");
    let long = tried("long", Mode::Long(7_000_000));
    assert!(matches!(long, Cause::AnswerTooLong { .. }), "{long:?}");
    // It accepts connections, and never answers.
    let hanging = tried("hanging", Mode::Takes(120_000));
    assert!(matches!(hanging, Cause::NotReady { .. }), "{hanging:?}");
    let erring = tried("erring", Mode::Errs(100));
    assert!(
        matches!(erring, Cause::Worse(_) | Cause::OnlyErrors { .. }),
        "{erring:?}"
    );
}

#[test]
fn it_moves_to_fargate_and_nothing_of_the_function_is_left() {
    let sandbox = sandbox();
    let app = sandbox.app("moving", "moving", Mode::Good, 1);
    let here = sandbox.rehearse(&app, &BRIEF).expect(Exit::Done);
    let there = [&["move", "--to=fargate"], &BRIEF[1..]].concat();
    let moved = sandbox.rehearse(&app, &there).expect(Exit::Done);
    assert_ne!(moved.address(), here.address());
    assert!(status(&sandbox, &app).answers);
    // Without a target in the manifest, commands find the deployed one.
    let destroyed = moved.all(|event| match event {
        Event::Planned { root, summary, .. } => Some(format!("{root}: {summary}")),
        _ => None,
    });
    assert!(
        destroyed
            .iter()
            .any(|plan| plan.starts_with("lambda: ") && plan.ends_with("to delete")),
        "{destroyed:?}"
    );
    let again = sandbox
        .rehearse(&app, &["move", "--to=fargate", "--yes"])
        .expect(Exit::Done);
    let plans = again.all(|event| matches!(event, Event::Planned { .. }).then_some(()));
    assert!(plans.is_empty());
}
