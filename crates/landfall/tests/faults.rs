//! `kill -9` in the middle of releases, under load: a few of those that `./dev bench releases` deals out.

use rules::event::Event;
use rules::exit::Exit;
use std::time::Duration;
use testkit::faults::{FaultPlan, Kill, KillTime, NextCommand, run_with_faults};
use testkit::{Mode, Sandbox};

#[test]
fn whoever_is_killed_is_gone_on_with_and_nobody_is_lost() {
    let sandbox = Sandbox::new();
    let first = sandbox.app("first", "faults", Mode::Errs(10), 1);
    let up = sandbox
        .rehearse(&first, &["up", "--yes"])
        .expect(Exit::Done);
    let url = up.one("address", |event| match event {
        Event::Url { url } => Some(url.clone()),
        _ => None,
    });
    let kill = |time, next| Kill { time, next };
    let plans = [
        // Before the ledger holds anything; then the one who goes on, with the candidate's door open.
        (
            "all-at-once",
            vec![
                kill(KillTime::Step(0), NextCommand::Up),
                kill(KillTime::Step(2), NextCommand::Resume),
            ],
        ),
        // With a tenth of the users, and wherever it is after a while.
        (
            "canary",
            vec![
                kill(KillTime::Step(5), NextCommand::Resume),
                kill(KillTime::After(Duration::from_secs(6)), NextCommand::Up),
            ],
        ),
        // All users are on the new version, and the old one is still there.
        (
            "all-at-once",
            vec![kill(KillTime::Step(5), NextCommand::Up)],
        ),
    ];
    for (version, (strategy, kills)) in (2..).zip(plans) {
        let app = sandbox.app(&version.to_string(), "faults", Mode::Errs(10), version);
        let plan = FaultPlan { strategy, kills };
        let report = run_with_faults(&sandbox, &app, &url, &plan);
        assert!(!report.kills.is_empty(), "nobody was killed: {plan:?}");
        let what = (&plan, &report.kills);
        assert_eq!(report.problems, [""; 0], "{what:?}");
        assert!(report.serves, "{what:?}");
        assert!(report.requests.count() > 100, "{what:?}");
    }
}
