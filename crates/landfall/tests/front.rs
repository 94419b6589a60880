//! Rehearsals through `landfall-front`, which behaves as AWS does where the emulators are kinder.

use rules::app::manifest::Target;
use rules::exit::Exit;
use rules::release::{Outcome, Proof};
use std::time::{Duration, Instant};
use testkit::{Mode, Sandbox, Users};

/// How long a version that is rolled back to may take to become healthy, and a bit more.
const READY: Duration = Duration::from_secs(305);

/// Options of a short release.
const BRIEF: [&str; 4] = ["up", "--yes", "--minimum=1s", "--bake=2s"];

/// ECS creates no deployment for a task definition that the service has already. The first rollback starts
/// one that was staged longer ago than a version may take to become healthy. The second one follows at
/// once, while the tasks of the same version are still stopping: they must not count as healthy.
#[test]
fn a_rollback_long_after_a_release_works_and_so_does_its_rollback() {
    let sandbox = Sandbox::new();
    let first = sandbox.app("first", "kept", Mode::Good, 1);
    let second = sandbox.app("second", "kept", Mode::Good, 2);
    let url = sandbox
        .rehearse(&first, &BRIEF)
        .expect(Exit::Done)
        .address();
    let staged = Instant::now();
    let released = sandbox.rehearse(&second, &BRIEF).expect(Exit::Done);
    assert!(matches!(released.outcome(), Outcome::Serving { .. }));

    let users = Users::ask(&url, 2);
    std::thread::sleep(READY.saturating_sub(staged.elapsed()));
    for _ in 0..2 {
        let back = sandbox.rehearse(&second, &["rollback"]).expect(Exit::Done);
        let ended = back.outcome();
        assert!(matches!(ended, Outcome::Serving { .. }), "{ended:?}");
    }
    let answers = users.stop();
    assert_eq!(answers.lost, 0, "{answers:?}");
    assert_eq!(
        answers.by_status.keys().collect::<Vec<_>>(),
        [&200],
        "{answers:?}"
    );
    let _down = sandbox
        .rehearse(&second, &["down", "--yes"])
        .expect(Exit::Done);
}

/// CloudWatch shows the counts of a function 20 s late. The release waits for them.
#[test]
fn a_release_on_lambda_waits_for_late_lines_and_can_be_rolled_back_twice() {
    let sandbox = Sandbox::new().on(Target::Lambda);
    let first = sandbox.app("first", "late", Mode::Good, 1);
    let second = sandbox.app("second", "late", Mode::Good, 2);
    let url = sandbox
        .rehearse(&first, &BRIEF)
        .expect(Exit::Done)
        .address();
    sandbox.ask_front("/logs-delay", "20");
    let users = Users::ask(&url, 1);
    let released = sandbox.rehearse(&second, &BRIEF).expect(Exit::Done);
    let ended = released.outcome();
    assert!(
        matches!(
            ended,
            Outcome::Serving {
                proof: Some(Proof::Users | Proof::Probes),
                ..
            }
        ),
        "{ended:?}"
    );
    for _ in 0..2 {
        let back = sandbox.rehearse(&second, &["rollback"]).expect(Exit::Done);
        let ended = back.outcome();
        assert!(matches!(ended, Outcome::Serving { .. }), "{ended:?}");
    }
    let answers = users.stop();
    assert_eq!(answers.lost, 0, "{answers:?}");
    assert_eq!(
        answers.by_status.keys().collect::<Vec<_>>(),
        [&200],
        "{answers:?}"
    );
    let _down = sandbox
        .rehearse(&second, &["down", "--yes"])
        .expect(Exit::Done);
}
