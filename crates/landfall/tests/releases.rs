//! Releases: canary, hold, promote, abort, rollback, resume, history. Real containers behind an
//! emulated load balancer, and users with steady traffic.

use rules::app::names::SLOT_HEADER;
use rules::event::{Event, Past};
use rules::exit::Exit;
use rules::release::{HoldReason, Outcome, Proof, Step};
use rustix::process::Signal;
use testkit::{App, CommandOutput, Mode, Sandbox, Users};

/// Short enough for a test, with the same evidence.
const BRIEF: [&str; 6] = [
    "--yes",
    "--minimum",
    "1s",
    "--bake",
    "2s",
    "--ready-timeout=60s",
];

/// Two tasks per version, and the ledger on this machine.
const TWO_TASKS: &str = "state = \"local\"\ncount = 2\n";

fn up(sandbox: &Sandbox, app: &App, more: &[&str]) -> CommandOutput {
    sandbox.rehearse(app, &[&["up"], &BRIEF[..], more].concat())
}

fn shares(ended: &CommandOutput) -> Vec<u32> {
    ended.all(|event| match event {
        Event::Step {
            step: Step::Shift { share, .. },
        } => Some(*share),
        _ => None,
    })
}

fn history(sandbox: &Sandbox, app: &App) -> Vec<Past> {
    let listed = sandbox.rehearse(app, &["history"]).expect(Exit::Done);
    listed.all(|event| match event {
        Event::Past(past) => Some((**past).clone()),
        _ => None,
    })
}

/// The live revision; it has to be the only one.
fn serving(sandbox: &Sandbox, app: &App) -> String {
    let status = sandbox.rehearse(app, &["status"]).expect(Exit::Done);
    status.one("status", |event| match event {
        Event::Status(status) => {
            let live: Vec<_> = status.slots.iter().filter(|slot| slot.share > 0).collect();
            let running = status.slots.iter().filter(|slot| slot.desired > 0).count();
            assert_eq!(
                (live.len(), live[0].share, running),
                (1, 100, 1),
                "{status:?}"
            );
            live[0].revision.as_ref().map(ToString::to_string)
        }
        _ => None,
    })
}

#[test]
fn releases_are_promoted_or_rolled_back_on_evidence() {
    let sandbox = Sandbox::new();
    let app = |label: &str, mode, version| sandbox.app(label, "canary", mode, version);
    let first = app("first", Mode::Errs(10), 1);
    let began = up(&sandbox, &first, &[]).expect(Exit::Done);
    let url = began.address();
    let old = serving(&sandbox, &first);

    // A version with more errors is detected by few requests, none of which is lost.
    let users = Users::ask(&url, 4);
    let worse = app("worse", Mode::Errs(50), 2);
    let ended = up(&sandbox, &worse, &[]).expect(Exit::RolledBack);
    let answers = users.stop();
    assert_eq!(answers.lost, 0, "{answers:?}");
    let Outcome::RolledBack { cause, .. } = ended.outcome() else {
        panic!("{:?}", ended.outcome());
    };
    assert_eq!(cause.code(), "worse");
    let pinged = ended.one("pings", |event| match event {
        Event::Pinged { pings } => Some(*pings),
        _ => None,
    });
    assert!(pinged.requests > 10 && pinged.failed == 0, "{pinged:?}");
    assert_eq!(serving(&sandbox, &worse), old);

    // The recorded evidence leads to the same decision.
    let evidence = sandbox
        .rehearse(&worse, &["history", "2", "--evidence"])
        .expect(Exit::Done);
    let evidence = evidence.one("evidence", |event| match event {
        Event::Data { data } => Some(data.clone()),
        _ => None,
    });
    let file = worse.path().join("evidence.json");
    std::fs::write(&file, evidence.to_string()).expect("written");
    let judged = sandbox
        .rehearse(&worse, &["judge", "evidence.json"])
        .expect(Exit::Done);
    let lines = judged.all(|event| match event {
        Event::Data { data } => Some(data.clone()),
        _ => None,
    });
    let last = lines.last().expect("a window");
    assert_eq!(last["decision"], "rollback", "{last}");
    std::fs::remove_file(file).expect("removed");
    let steps = sandbox
        .rehearse(&worse, &["history", "2"])
        .expect(Exit::Done);
    let warned = steps.all(|event| matches!(event, Event::Warning { .. }).then_some(()));
    assert_eq!(warned, [], "every step follows from what was seen");

    // Staged without traffic: it is reachable with the token, and held.
    let quiet = app("quiet", Mode::Errs(10), 3);
    let held = up(&sandbox, &quiet, &["--no-traffic"]).expect(Exit::Held);
    let why = HoldReason::NoTraffic;
    assert!(matches!(held.outcome(), Outcome::Held { share: 0, why: w, .. } if w == why));
    let (header, token) = held.one("private address", |event| match event {
        Event::Private { header, token, .. } => Some((header.clone(), token.clone())),
        _ => None,
    });
    assert_eq!(header, SLOT_HEADER);
    assert!(token.len() >= 32, "{token}");
    // No other release can start.
    let refused = up(&sandbox, &worse, &[]).expect(Exit::Held);
    assert!(refused.failure().contains("landfall promote"));
    let users = Users::ask(&url, 4);
    let promoted = sandbox.rehearse(&quiet, &["promote"]).expect(Exit::Done);
    let answers = users.stop();
    assert_eq!(answers.lost, 0, "{answers:?}");
    assert!(
        matches!(
            promoted.outcome(),
            Outcome::Serving {
                proof: Some(Proof::Users),
                ..
            }
        ),
        "{:?}",
        promoted.outcome()
    );
    assert_eq!(shares(&promoted), [10, 50, 95, 100]);
    let new = serving(&sandbox, &quiet);
    assert_ne!(new, old);

    // Roll back to the version before, first as a dry run; an unknown revision is refused.
    let foreseen = sandbox
        .rehearse(&quiet, &["rollback", "--dry-run"])
        .expect(Exit::Done);
    let steps = foreseen.one("steps", |event| match event {
        Event::Foreseen { steps } => Some(steps.len()),
        _ => None,
    });
    assert!(steps > 3, "{steps}");
    assert_eq!(serving(&sandbox, &quiet), new, "a dry run changes nothing");
    let _ = sandbox
        .rehearse(&quiet, &["rollback", "ffffffff"])
        .expect(Exit::BadInput);
    let users = Users::ask(&url, 2);
    let _ = sandbox.rehearse(&quiet, &["rollback"]).expect(Exit::Done);
    let answers = users.stop();
    assert_eq!(answers.lost, 0, "{answers:?}");
    assert_eq!(serving(&sandbox, &quiet), old);

    // A manual release is held at 10%, until it is promoted.
    let manual = app("manual", Mode::Errs(10), 4);
    let held = up(&sandbox, &manual, &["--strategy", "manual"]).expect(Exit::Held);
    assert_eq!(shares(&held), [10]);
    let users = Users::ask(&url, 2);
    let aborted = sandbox.rehearse(&manual, &["abort"]).expect(Exit::Done);
    let answers = users.stop();
    assert_eq!(shares(&aborted), [0]);
    assert_eq!(answers.lost, 0, "{answers:?}");
    assert_eq!(serving(&sandbox, &manual), old);

    // The ledger has all of it.
    let all = history(&sandbox, &manual);
    let numbers: Vec<u64> = all.iter().map(|past| past.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert!(all.iter().all(|past| past.outcome.is_some()), "{all:?}");

    let _ = sandbox
        .rehearse(&manual, &["down", "--yes"])
        .expect(Exit::Done);
}

#[test]
fn a_killed_release_is_resumed_or_rolled_back_and_no_request_is_lost() {
    let sandbox = Sandbox::new();
    let app = |label: &str, version| sandbox.app(label, "killed", Mode::Errs(10), version);
    let first = app("first", 1).manifest(TWO_TASKS);
    let url = up(&sandbox, &first, &[]).expect(Exit::Done).address();
    let old = serving(&sandbox, &first);
    let users = Users::ask(&url, 3);

    // Two at once: the second is refused, with the holder and its step.
    let second = app("second", 2).manifest(TWO_TASKS);
    let killed_at = |share: u32, app: &App, check: &dyn Fn()| {
        let mut running = sandbox.start(app, &[&["up"], &BRIEF[..]].concat());
        running.wait_for("a share of users", |event| {
            matches!(event, Event::Step { step: Step::Shift { share: s, .. } } if *s == share)
        });
        check();
        running.signal(Signal::KILL);
        assert!(running.end().killed);
    };
    killed_at(10, &second, &|| {
        let refused = sandbox.rehearse(&first, &["rollback"]).expect(Exit::Locked);
        let failure = refused.failure();
        for part in ["landfall up", "pid ", "since "] {
            assert!(failure.contains(part), "{part:?} is missing in:\n{failure}");
        }
    });
    let resumed = sandbox.rehearse(&second, &["resume"]).expect(Exit::Done);
    assert!(matches!(resumed.outcome(), Outcome::Serving { .. }));
    let new = serving(&sandbox, &second);
    assert_ne!(new, old);

    // Another version after an interrupted release: the interrupted one is rolled back first.
    let third = app("third", 3).manifest(TWO_TASKS);
    let fourth = app("fourth", 4).manifest(TWO_TASKS);
    killed_at(50, &third, &|| {});
    let ended = up(&sandbox, &fourth, &[]).expect(Exit::Done);
    assert_eq!(shares(&ended), [0, 10, 50, 95, 100]);
    let all = history(&sandbox, &fourth);
    let ends: Vec<bool> = all
        .iter()
        .map(|past| matches!(past.outcome, Some(Outcome::Serving { .. })))
        .collect();
    assert_eq!(ends, [true, true, false, true]);

    // Unlocked by force: the former holder stops before its next step.
    let fifth = app("fifth", 5).manifest(TWO_TASKS);
    let mut running = sandbox.start(&fifth, &[&["up"], &BRIEF[..]].concat());
    running.wait_for("a staged candidate", |event| {
        matches!(
            event,
            Event::Step {
                step: Step::Wait { .. }
            }
        )
    });
    let _ = sandbox
        .rehearse(&fifth, &["unlock", "--yes"])
        .expect(Exit::Done);
    let _ = running.end().expect(Exit::Locked);
    let _ = sandbox.rehearse(&fifth, &["abort"]).expect(Exit::Done);

    let answers = users.stop();
    assert_eq!(answers.lost, 0, "{answers:?}");
    let _ = sandbox
        .rehearse(&fifth, &["down", "--yes"])
        .expect(Exit::Done);
}
