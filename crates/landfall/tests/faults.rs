//! `kill -9` during releases under load: a few of the kills of `./dev bench releases`.

use rules::exit::Exit;
use std::time::Duration;
use testkit::faults::{FaultPlan, Kill, KillTime, NextCommand, run_with_faults};
use testkit::{Mode, Sandbox};

#[test]
fn a_killed_release_is_resumed_and_no_request_is_lost() {
    let sandbox = Sandbox::new();
    let first = sandbox.app("first", "faults", Mode::Errs(10), 1);
    let up = sandbox
        .rehearse(&first, &["up", "--yes"])
        .expect(Exit::Done);
    let url = up.address();
    let kill = |time, next| Kill { time, next };
    let plans = [
        // Before the first entry of the ledger; then the resuming command, with preview routes.
        (
            "all-at-once",
            vec![
                kill(KillTime::Step(0), NextCommand::Up),
                kill(KillTime::Step(2), NextCommand::Resume),
            ],
        ),
        // With 10% of the traffic, and again after some seconds.
        (
            "canary",
            vec![
                kill(KillTime::Step(5), NextCommand::Resume),
                kill(KillTime::After(Duration::from_secs(6)), NextCommand::Up),
            ],
        ),
        // The new version has all traffic, and the old one still runs.
        (
            "all-at-once",
            vec![kill(KillTime::Step(5), NextCommand::Up)],
        ),
    ];
    for (version, (strategy, kills)) in (2..).zip(plans) {
        let app = sandbox.app(&version.to_string(), "faults", Mode::Errs(10), version);
        let plan = FaultPlan { strategy, kills };
        let report = run_with_faults(&sandbox, &app, &url, &plan);
        assert!(!report.kills.is_empty(), "nothing was killed: {plan:?}");
        let what = (&plan, &report.kills, &report.outcome);
        assert_eq!(report.problems, [""; 0], "{what:?}");
        assert!(report.serves, "{what:?}");
        assert!(report.requests.count() > 100, "{what:?}");
    }
}
