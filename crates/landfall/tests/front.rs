//! Rehearsals through `landfall-front`, which behaves as AWS does where the emulators are kinder.

use rules::exit::Exit;
use rules::release::Outcome;
use std::time::{Duration, Instant};
use testkit::{Mode, Sandbox, Users};

/// How long a version that is rolled back to may take to become healthy, and a bit more.
const READY: Duration = Duration::from_secs(305);

/// ECS creates no deployment for a task definition that the service has already. The first rollback starts
/// one that was staged longer ago than a version may take to become healthy. The second one follows at
/// once, while the tasks of the same version are still stopping: they must not count as healthy.
#[test]
fn a_rollback_long_after_a_release_works_and_so_does_its_rollback() {
    let sandbox = Sandbox::new().with_front();
    let first = sandbox.app("first", "kept", Mode::Good, 1);
    let second = sandbox.app("second", "kept", Mode::Good, 2);
    let brief = ["up", "--yes", "--minimum=1s", "--bake=2s"];
    let began = sandbox.rehearse(&first, &brief).expect(Exit::Done);
    let url = began.address();
    let staged = Instant::now();
    let released = sandbox.rehearse(&second, &brief).expect(Exit::Done);
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
