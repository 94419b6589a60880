//! Rehearsals through `landfall-front`, which behaves as AWS does where the emulators are kinder.

use rules::app::manifest::Target;
use rules::exit::Exit;
use rules::release::{Outcome, Proof};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use testkit::{Mode, Sandbox, Users};

/// How long a version that is rolled back to may take to become healthy, and a bit more.
const READY: Duration = Duration::from_secs(305);

/// Options of a short release.
const BRIEF: [&str; 4] = ["up", "--yes", "--minimum=1s", "--bake=2s"];

/// Lines of logs can be read this many seconds after they were written.
fn delay_logs(sandbox: &Sandbox, seconds: u32) {
    let control = sandbox.front_control();
    let control = control.trim_start_matches("http://");
    let mut stream = TcpStream::connect(control).expect("the front listens");
    let body = seconds.to_string();
    write!(
        stream,
        "POST /logs-delay HTTP/1.1\r\nhost: {control}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
}

/// ECS creates no deployment for a task definition that the service has already. The first rollback starts
/// one that was staged longer ago than a version may take to become healthy. The second one follows at
/// once, while the tasks of the same version are still stopping: they must not count as healthy.
#[test]
fn a_rollback_long_after_a_release_works_and_so_does_its_rollback() {
    let sandbox = Sandbox::new().with_front();
    let first = sandbox.app("first", "kept", Mode::Good, 1);
    let second = sandbox.app("second", "kept", Mode::Good, 2);
    let url = sandbox.rehearse(&first, &BRIEF).expect(Exit::Done).address();
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
    sandbox.check_calls();
}

/// CloudWatch shows the counts of a function 20 s late. The release waits for them.
#[test]
fn a_release_on_lambda_waits_for_late_lines_and_can_be_rolled_back_twice() {
    let sandbox = Sandbox::new().on(Target::Lambda).with_front();
    let first = sandbox.app("first", "late", Mode::Good, 1);
    let second = sandbox.app("second", "late", Mode::Good, 2);
    let url = sandbox.rehearse(&first, &BRIEF).expect(Exit::Done).address();
    delay_logs(&sandbox, 20);
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
    sandbox.check_calls();
}
