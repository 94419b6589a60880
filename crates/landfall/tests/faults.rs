//! `kill -9` in the middle of releases, under load: a few of those that `./dev bench releases` deals out.

use rules::event::Event;
use rules::exit::Exit;
use std::time::Duration;
use testkit::faults::{Kill, Ordeal, Sample, Way, suffer};
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
    let kill = |moment, next| Kill { moment, next };
    let ordeals = [
        // Before the ledger holds anything; then the one who goes on, with the candidate's door open.
        (
            "all-at-once",
            vec![
                kill(Sample::Step(0), Way::Up),
                kill(Sample::Step(2), Way::Resume),
            ],
        ),
        // With a tenth of the users, and wherever it is after a while.
        (
            "canary",
            vec![
                kill(Sample::Step(5), Way::Resume),
                kill(Sample::After(Duration::from_secs(6)), Way::Up),
            ],
        ),
        // All users are on the new version, and the old one is still there.
        ("all-at-once", vec![kill(Sample::Step(5), Way::Up)]),
    ];
    for (version, (strategy, kills)) in (2..).zip(ordeals) {
        let app = sandbox.app(&version.to_string(), "faults", Mode::Errs(10), version);
        let ordeal = Ordeal { strategy, kills };
        let outlived = suffer(&sandbox, &app, &url, &ordeal);
        assert!(!outlived.kills.is_empty(), "nobody was killed: {ordeal:?}");
        let what = (&ordeal, &outlived.kills);
        assert_eq!(outlived.problems, [""; 0], "{what:?}");
        assert!(outlived.serves, "{what:?}");
        assert!(outlived.visits.count() > 100, "{what:?}");
    }
}
