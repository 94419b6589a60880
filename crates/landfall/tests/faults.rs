//! `kill -9` during releases under load: a few of the kills of `./dev bench releases`.

use rules::event::Event;
use rules::exit::Exit;
use std::time::Duration;
use testkit::faults::{Kill, Moment, Ordeal, Way, suffer};
use testkit::{Mode, Sandbox};

#[test]
fn a_killed_release_is_resumed_and_no_request_is_lost() {
    let sandbox = Sandbox::new();
    let first = sandbox.app("first", "faults", Mode::Errs(10), 1);
    let up = sandbox
        .rehearse(&first, &["up", "--yes"])
        .expect(Exit::Done);
    let url = up.one("address", |event| match event {
        Event::Url { url } => Some(url.clone()),
        _ => None,
    });
    let kill = |moment, next| Kill { moment, next };
    let ordeals = [
        // Before the first entry of the ledger; then the resuming command, with preview routes.
        (
            "all-at-once",
            vec![
                kill(Moment::Step(0), Way::Up),
                kill(Moment::Step(2), Way::Resume),
            ],
        ),
        // With 10% of the traffic, and again after some seconds.
        (
            "canary",
            vec![
                kill(Moment::Step(5), Way::Resume),
                kill(Moment::After(Duration::from_secs(6)), Way::Up),
            ],
        ),
        // The new version has all traffic, and the old one still runs.
        ("all-at-once", vec![kill(Moment::Step(5), Way::Up)]),
    ];
    for (version, (strategy, kills)) in (2..).zip(ordeals) {
        let app = sandbox.app(&version.to_string(), "faults", Mode::Errs(10), version);
        let ordeal = Ordeal { strategy, kills };
        let outlived = suffer(&sandbox, &app, &url, &ordeal);
        assert!(!outlived.kills.is_empty(), "nothing was killed: {ordeal:?}");
        let what = (&ordeal, &outlived.kills);
        assert_eq!(outlived.problems, [""; 0], "{what:?}");
        assert!(outlived.serves, "{what:?}");
        assert!(outlived.visits.count() > 100, "{what:?}");
    }
}
