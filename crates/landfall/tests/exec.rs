//! `landfall exec`: a real container next to the app's, of the same task definition.

use rules::event::{Event, Status};
use rules::exit::Exit;
use testkit::{App, CommandOutput, Mode, Sandbox};

fn printed(ended: &CommandOutput) -> Vec<String> {
    ended.all(|event| match event {
        Event::Printed { line } => Some(line.clone()),
        _ => None,
    })
}

fn command_code(ended: &CommandOutput) -> Option<i32> {
    ended.one("end of the command", |event| match event {
        Event::CommandEnded { code } => Some(*code),
        _ => None,
    })
}

/// The live version's tasks.
fn serving(sandbox: &Sandbox, app: &App) -> Vec<(u32, u32)> {
    let ended = sandbox.rehearse(app, &["status"]).expect(Exit::Done);
    let status: Status = ended.one("status", |event| match event {
        Event::Status(status) => Some(status.clone()),
        _ => None,
    });
    let slots = status.slots.iter();
    slots.map(|slot| (slot.share, slot.running)).collect()
}

#[test]
fn a_command_runs_like_the_app_and_next_to_it() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("first", "tools", Mode::Good, 7);
    let exec = |command: &[&str]| {
        let arguments: Vec<&str> = ["exec", "--"].iter().chain(command).copied().collect();
        sandbox.rehearse(&app, &arguments)
    };
    let _ = exec(&["/misbehave", "prints"]).expect(Exit::NothingServing);
    let _ = sandbox
        .rehearse(&app, &["up", "--yes", "--minimum=1s", "--bake=2s"])
        .expect(Exit::Done);
    let before = serving(&sandbox, &app);

    // With the app's variables and restrictions.
    let ended = exec(&["/misbehave", "prints"]).expect(Exit::Done);
    assert_eq!(command_code(&ended), Some(0));
    // The emulator puts the container's name before the first line.
    let lines: Vec<String> = printed(&ended)
        .iter()
        .map(|line| line.trim_start_matches("[app] ").to_owned())
        .collect();
    for wanted in [
        "misbehave: prints",
        "version 7",
        "Uid: 65532 65532 65532 65532",
        "CapEff: 0000000000000000",
        "NoNewPrivs: 1",
        "/tmp/file written",
    ] {
        assert!(
            lines.iter().any(|line| line == wanted),
            "{wanted}: {lines:#?}"
        );
    }
    let denied = lines.iter().find(|line| line.starts_with("/root-file "));
    assert!(
        denied.is_some_and(|line| !line.contains("written")),
        "{lines:#?}"
    );

    // Its exit code is landfall's.
    let failed = exec(&["/misbehave", "crash"]);
    assert_eq!(
        (failed.code, command_code(&failed)),
        (3, Some(3)),
        "{failed:?}"
    );
    let missing = exec(&["/nowhere"]);
    assert_eq!(missing.code, 127, "{missing:?}");

    // Ctrl-C stops the task.
    let mut endless = sandbox.start(&app, &["exec", "--", "/misbehave", "deaf"]);
    endless.wait_for(
        "the task",
        |event| matches!(event, Event::Note { text } if text.contains("Ctrl-C stops it")),
    );
    endless.signal(rustix::process::Signal::INT);
    let _ = endless.end().expect(Exit::Interrupted);

    // The app was not affected.
    assert_eq!(serving(&sandbox, &app), before);

    // A command whose landfall was killed does no harm.
    let mut left = sandbox.start(&app, &["exec", "--", "/misbehave", "deaf"]);
    left.wait_for(
        "the task",
        |event| matches!(event, Event::Note { text } if text.contains("Ctrl-C stops it")),
    );
    left.signal(rustix::process::Signal::KILL);
    let _ = left.end();
    let _ = sandbox
        .rehearse(&app, &["down", "--yes"])
        .expect(Exit::Done);
}
