//! `landfall run`: an app behind its edge on this machine, with injected faults.

use rules::event::Event;
use rules::exit::Exit;
use rustix::process::Signal;
use testkit::{Mode, Running, Sandbox, Users, docker};

#[test]
fn an_app_with_errors_and_kills_looks_reliable() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "local", Mode::Flaky, 1);
    let mut command = sandbox.command(&["run", "--kill-every", "1s"]);
    command.current_dir(app.path());
    let mut run = Running::start(command);
    let mut address = None;
    run.wait_for("an address", |event| matches!(event, Event::Url { .. }));
    for event in run.events() {
        if let Event::Url { url } = event {
            address = Some(url.clone());
        }
    }
    // The app does not serve before it has answered the edge.
    run.wait_for("numbers", |event| matches!(event, Event::Traffic { .. }));
    let users = Users::ask(&address.expect("an address"), 2);
    run.wait_for("two restarts under load", |event| {
        matches!(event, Event::Traffic { totals } if totals.restarts >= 3 && totals.requests > 100)
    });
    let answers = users.stop();
    assert_eq!(answers.lost, 0, "{answers:?}");
    assert_eq!(
        answers.by_status.keys().collect::<Vec<_>>(),
        [&200],
        "{answers:?}"
    );
    run.signal(Signal::INT);
    let ended = run.end().expect(Exit::Done);
    let failed = ended.all(|event| match event {
        Event::Traffic { totals } => Some((totals.first_errors, totals.user_errors)),
        _ => None,
    });
    let (first, users) = failed.last().copied().unwrap_or_default();
    assert!(
        first > 0 && users == 0,
        "{first} first tries failed, users saw {users}"
    );
}

#[test]
fn an_app_that_crashes_is_shown_with_its_last_lines() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "crashing", Mode::Crash, 1);
    let mut command = sandbox.command(&["run"]);
    command.current_dir(app.path());
    let ended = Running::start(command).end().expect(Exit::NothingServing);
    let failure = ended.failure();
    assert!(
        failure.contains("cannot find the settings file"),
        "{failure}"
    );
}

#[test]
fn an_image_alone_is_enough() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "only-image", Mode::Good, 1);
    let reference = "landfall-test/only-image:latest";
    docker(&["build", "--tag", reference, &app.path().to_string_lossy()]);
    let mut run = Running::start(sandbox.command(&["run", reference]));
    run.wait_for("numbers", |event| matches!(event, Event::Traffic { .. }));
    run.signal(Signal::INT);
    let _ = run.end().expect(Exit::Done);
    docker(&["image", "rm", reference]);
}
