//! Ctrl-C, kill -9 and two commands at once, in the middle of the first `up`.

use rules::event::{Event, Progress};
use rules::exit::Exit;
use rules::release::Step;
use rustix::process::Signal;
use std::time::{Duration, Instant};
use testkit::{Mode, Running, Sandbox};

/// Reads until Terraform creates the load balancer, which takes the provider a minute.
fn until_the_load_balancer_is_created(up: &mut Running) {
    up.wait_for("a load balancer in work", |event| {
        matches!(event, Event::Resource { address, progress: Progress::Waiting, .. } if address == "aws_lb.main")
    });
}

#[test]
fn a_killed_up_is_resumed() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "killed", Mode::Good, 1);
    let mut up = sandbox.start(&app, &["up", "--yes"]);
    until_the_load_balancer_is_created(&mut up);

    // A second command is refused, with the holder and how to unlock.
    let second = sandbox
        .rehearse(&app, &["up", "--yes"])
        .expect(Exit::Locked);
    let failure = second.failure();
    for part in ["landfall up", "@", " since ", "creating the infrastructure"] {
        assert!(failure.contains(part), "{part:?} is missing in:\n{failure}");
    }

    // kill -9 of landfall: its Terraform continues and loses nothing; the state is locked until it finishes.
    up.signal(Signal::KILL);
    assert!(up.end().killed);
    let began = Instant::now();
    let up = loop {
        let up = sandbox.rehearse(&app, &["up", "--yes"]);
        if up.code != i32::from(Exit::Locked.code()) {
            break up.expect(Exit::Done);
        }
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "the lock is never released"
        );
        std::thread::sleep(Duration::from_secs(2));
    };
    // The killed command's Terraform has created the load balancer; this one did not have to.
    let made_again = up.all(|event| match event {
        Event::Resource { address, .. } if address == "aws_lb.main" => Some(()),
        _ => None,
    });
    assert_eq!(made_again, []);

    // kill -9 in the middle of a release: the next one finds the candidate and continues with it.
    let next = sandbox.app("next", "killed", Mode::Good, 2);
    let mut up = sandbox.start(&next, &["up", "--yes", "--strategy", "all-at-once"]);
    up.wait_for("a staged candidate", |event| {
        matches!(
            event,
            Event::Step {
                step: Step::Wait { .. }
            }
        )
    });
    up.signal(Signal::KILL);
    assert!(up.end().killed);
    let up = sandbox.rehearse(&next, &["up", "--yes"]).expect(Exit::Done);
    let staged = up.all(|event| {
        matches!(
            event,
            Event::Step {
                step: Step::Stage { .. }
            }
        )
        .then_some(())
    });
    assert_eq!(staged, [], "it was staged already");

    // Ctrl-C in the middle of a release: the candidate is rolled back, the old version is live.
    let deaf = sandbox.app("deaf", "killed", Mode::Deaf, 3);
    let mut up = sandbox.start(&deaf, &["up", "--yes"]);
    up.wait_for("a staged candidate", |event| {
        matches!(
            event,
            Event::Step {
                step: Step::Wait { .. }
            }
        )
    });
    up.signal(Signal::INT);
    let stopped = up.end().expect(Exit::Interrupted);
    assert!(
        stopped.failure().contains("serves as before"),
        "{}",
        stopped.failure()
    );
    let _ = sandbox.rehearse(&next, &["status"]).expect(Exit::Done);
    let _ = sandbox
        .rehearse(&next, &["down", "--yes"])
        .expect(Exit::Done);
}

#[test]
fn an_interrupted_up_reports_what_it_left_and_is_resumed() {
    let sandbox = Sandbox::new();
    // Here the state is on this machine.
    let app = sandbox
        .app("app", "stopped", Mode::Good, 1)
        .manifest("state = \"local\"\n");
    let mut up = sandbox.start(&app, &["up", "--yes"]);
    until_the_load_balancer_is_created(&mut up);
    up.signal(Signal::INT);
    let stopped = up.end().expect(Exit::Interrupted);
    let failure = stopped.failure();
    assert!(
        failure.contains("its state has ") && failure.contains(" resources"),
        "{failure}"
    );
    let _ = sandbox.rehearse(&app, &["up", "--yes"]).expect(Exit::Done);
    let _ = sandbox
        .rehearse(&app, &["down", "--yes"])
        .expect(Exit::Done);
}
