//! Environment variables of options.

use rules::event::Event;
use rules::exit::Exit;
use std::process::Output;
use testkit::{Mode, Running, Sandbox};

#[test]
fn a_variable_of_an_option_without_a_value_takes_four_pairs_of_words() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "words", Mode::Good, 1);
    let manifest = app.path().join("landfall.toml");
    let _ = std::fs::remove_file(&manifest);
    let init = |dry_run: &str| {
        let mut command = sandbox.command(&["init", "--port", "8080"]);
        command
            .current_dir(app.path())
            .env("LANDFALL_DRY_RUN", dry_run);
        let ended = Running::start(command).end().expect(Exit::Done);
        let printed = ended.all(|event| matches!(event, Event::Document { .. }).then_some(()));
        (printed.len(), std::fs::remove_file(&manifest).is_ok())
    };
    for yes in ["1", "yes", "true", "on"] {
        assert_eq!(init(yes), (1, false), "{yes}");
    }
    for no in ["0", "no", "false", "off"] {
        assert_eq!(init(no), (0, true), "{no}");
    }
}

#[test]
fn any_other_word_is_an_error_that_names_the_variable() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "words", Mode::Good, 1);
    let run = |arguments: &[&str]| -> Output {
        let mut command = sandbox.command(arguments);
        command
            .current_dir(app.path())
            .env("LANDFALL_DRY_RUN", "maybe");
        command.output().expect("landfall starts")
    };
    let output = run(&["init"]);
    assert_eq!(output.status.code(), Some(i32::from(Exit::BadInput.code())));
    let text = String::from_utf8_lossy(&output.stderr);
    for part in [
        "LANDFALL_DRY_RUN",
        "maybe",
        "1/0, yes/no, true/false or on/off",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    // No option of this command.
    assert!(run(&["schema"]).status.success());
}
