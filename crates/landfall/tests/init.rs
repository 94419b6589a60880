//! `landfall init`: the file that it writes is valid and changes nothing.

use rules::event::Event;
use rules::exit::Exit;
use testkit::{CommandOutput, Mode, Sandbox};

fn document(ended: &CommandOutput) -> String {
    ended.one("text", |event| match event {
        Event::Document { text } => Some(text.clone()),
        _ => None,
    })
}

#[test]
fn a_first_manifest_is_written_once_with_the_detected_values() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("first", "shop", Mode::Good, 1);
    let path = app.path().to_string_lossy().into_owned();
    let file = app.path().join("landfall.toml");
    let dry = sandbox
        .run(&["init", &path, "--dry-run"])
        .expect(Exit::Done);
    assert!(!file.exists(), "nothing is written");
    let written = sandbox.run(&["init", &path]).expect(Exit::Done);
    let summary = written.one("what was written", |event| match event {
        Event::Written { what, .. } => Some(what.clone()),
        _ => None,
    });
    assert_eq!(summary, "shop, on port 8080, target lambda");
    let text = std::fs::read_to_string(&file).expect("it is there");
    assert_eq!(text.trim_end(), document(&dry).trim_end());
    assert!(text.contains("name = \"shop\"") && text.contains("port = 8080"));

    // An existing file is not overwritten.
    std::fs::write(&file, "port = 9\n").expect("a change");
    let refused = sandbox.run(&["init", &path]).expect(Exit::BadInput);
    refused.one("what to do", |event| match event {
        Event::Failed { next, .. } => next
            .iter()
            .any(|line| line.contains("--force"))
            .then_some(()),
        _ => None,
    });
    assert_eq!(std::fs::read_to_string(&file).expect("there"), "port = 9\n");
    let _ = sandbox.run(&["init", &path, "--force"]).expect(Exit::Done);
    assert_eq!(std::fs::read_to_string(&file).expect("there"), text);
}

#[test]
fn an_error_names_the_option_for_what_the_dockerfile_lacks() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("second", "shop", Mode::Good, 1);
    let path = app.path().to_string_lossy().into_owned();
    std::fs::write(
        app.path().join("Dockerfile"),
        "FROM scratch\nEXPOSE 80 81\n",
    )
    .expect("written");
    let open = sandbox.run(&["init", &path]).expect(Exit::BadInput);
    open.one("why", |event| match event {
        Event::Failed { next, .. } => next
            .iter()
            .any(|line| line.contains("--port"))
            .then_some(()),
        _ => None,
    });
    let printed = sandbox
        .run(&["init", &path, "--port", "81", "--dry-run"])
        .expect(Exit::Done);
    assert!(document(&printed).contains("port = 81"));
}
