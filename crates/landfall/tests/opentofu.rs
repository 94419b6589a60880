//! A whole life with OpenTofu, on Lambda. `./dev test` runs it where `tofu` is on the PATH, and otherwise reports that
//! it did not run.

use rules::app::manifest::Target;
use rules::event::Event;
use rules::exit::Exit;
use std::path::PathBuf;
use testkit::{App, CommandOutput, Mode, Running, Sandbox};

fn tofu() -> PathBuf {
    let path = std::env::var_os("PATH").expect("PATH");
    let mut all = std::env::split_paths(&path).map(|dir| dir.join("tofu"));
    all.find(|file| file.is_file()).expect("tofu on the PATH")
}

fn run(sandbox: &Sandbox, app: &App, arguments: &[&str]) -> CommandOutput {
    let mut command = sandbox.command(arguments);
    command
        .env("LANDFALL_REHEARSE", "true")
        .env("LANDFALL_TERRAFORM", tofu())
        .current_dir(app.path());
    Running::start(command).end()
}

fn changes(ended: &CommandOutput) -> Vec<usize> {
    ended.all(|event| match event {
        Event::Planned { changes, .. } => Some(changes.len()),
        _ => None,
    })
}

#[test]
#[ignore = "needs tofu on the PATH; ./dev test runs it where it is"]
fn opentofu_deploys_and_removes_everything() {
    let sandbox = Sandbox::shared().on(Target::Lambda);
    let app = sandbox.app("first", "opentofu", Mode::Good, 1);
    let up = ["up", "--yes", "--minimum=1s", "--bake=1s"];
    let _ = run(&sandbox, &app, &up).expect(Exit::Done);
    let again = run(&sandbox, &app, &up).expect(Exit::Done);
    assert_eq!(changes(&again), [0, 0]);
    let doctor = run(&sandbox, &app, &["doctor", "--no-run"]).expect(Exit::Done);
    let found = doctor.all(|event| match event {
        Event::Checked { check } if check.what.contains("OpenTofu") => Some(check.what.clone()),
        _ => None,
    });
    assert!(found[0].contains("hashicorp/aws"), "{found:?}");
    let _ = run(&sandbox, &app, &["down", "--yes"]).expect(Exit::Done);
}
