//! Ctrl-C, kill -9 and two people at once, in the middle of the first `up`, where most is at stake.

use rules::event::{Event, Progress};
use rules::exit::Exit;
use rustix::process::Signal;
use std::time::{Duration, Instant};
use testkit::{Mode, Running, Sandbox};

/// Reads on until Terraform makes the load balancer, which takes the provider a minute.
fn until_the_load_balancer_is_made(up: &mut Running) {
    up.wait_for("a load balancer in work", |event| {
        matches!(event, Event::Resource { address, progress: Progress::Waiting, .. } if address == "aws_lb.main")
    });
}

#[test]
fn an_up_that_is_stopped_or_killed_is_gone_on_with() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "broken", Mode::Good, 1);

    // Somebody else meanwhile: refused, with who and how to unlock.
    let mut up = sandbox.start(&app, &["up", "--yes"]);
    until_the_load_balancer_is_made(&mut up);
    let second = sandbox.rehearse(&app, &["up", "--yes"]).expect(Exit::Locked);
    let failure = second.failure();
    for part in ["apply by ", "@", " since ", "force-unlock "] {
        assert!(failure.contains(part), "{part:?} is missing in:\n{failure}");
    }

    // Ctrl-C: Terraform comes to an orderly end, and what it left is said.
    up.signal(Signal::INT);
    let stopped = up.end().expect(Exit::Interrupted);
    let failure = stopped.failure();
    assert!(failure.contains("its state holds ") && failure.contains(" resources"), "{failure}");

    // kill -9 of landfall: Terraform works on and loses nothing; until it is done the state is locked.
    let mut up = sandbox.start(&app, &["up", "--yes"]);
    until_the_load_balancer_is_made(&mut up);
    up.signal(Signal::KILL);
    assert!(up.end().killed);
    let began = Instant::now();
    let up = loop {
        let up = sandbox.rehearse(&app, &["up", "--yes"]);
        if up.code != i32::from(Exit::Locked.code()) {
            break up.expect(Exit::Done);
        }
        assert!(began.elapsed() < Duration::from_secs(300), "the lock is never released");
        std::thread::sleep(Duration::from_secs(2));
    };
    // The killed command's Terraform made the load balancer; this one did not have to.
    let made_again = up.all(|event| match event {
        Event::Resource { address, progress: Progress::Finished, .. } if address == "aws_lb.main" => Some(()),
        _ => None,
    });
    assert_eq!(made_again, []);

    // Ctrl-C in the middle of a release: the candidate is taken back, the old version serves.
    let deaf = sandbox.app("deaf", "broken", Mode::Deaf, 2);
    let mut up = sandbox.start(&deaf, &["up", "--yes"]);
    up.wait_for("a staged candidate", |event| {
        matches!(event, Event::Step { step: rules::release::Step::Wait { .. } })
    });
    up.signal(Signal::INT);
    let stopped = up.end().expect(Exit::Interrupted);
    assert!(stopped.failure().contains("serves as before"), "{}", stopped.failure());
    let _ = sandbox.rehearse(&app, &["status"]).expect(Exit::Done);

    let _ = sandbox.rehearse(&app, &["down", "--yes"]).expect(Exit::Done);
}
