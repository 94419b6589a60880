//! A command that the edge executes instead of serving.

use std::process::{Command, Output};

fn edge(exec: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_landfall-edge"))
        // The app's own command, as in the image; it must not run.
        .args(["--", "/bin/false"])
        .env("LANDFALL_EDGE_APP", "3000")
        .env("LANDFALL_EDGE_SECRET", "0123456789abcdef")
        .env("LANDFALL_EDGE_EXEC", exec)
        .env("COLOUR", "blue")
        .output()
        .expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_command_has_the_environment_of_the_app_and_its_exit_code_counts() {
    let script = r#"["sh", "-c", "env; grep NoNewPrivs /proc/self/status; echo \"$0\" >&2; exit 5", "two words"]"#;
    let ended = edge(script);
    let (out, err) = (text(&ended.stdout), text(&ended.stderr));
    assert_eq!(ended.status.code(), Some(5), "{err}");
    assert!(out.lines().any(|line| line == "COLOUR=blue"), "{out}");
    assert!(out.lines().any(|line| line == "NoNewPrivs:\t1"), "{out}");
    assert!(!out.contains("LANDFALL_EDGE_"), "{out}");
    assert_eq!(err, "two words\n", "the edge itself prints nothing");
}

#[test]
fn a_command_that_cannot_be_started_has_the_exit_code_of_a_shell() {
    let ended = edge(r#"["/nowhere"]"#);
    assert_eq!(ended.status.code(), Some(127));
    assert!(text(&ended.stderr).contains("can't start /nowhere"));
    let ended = edge(r#"["/etc/passwd"]"#);
    assert_eq!(ended.status.code(), Some(126));
}

#[test]
fn an_invalid_command_is_refused() {
    for bad in ["sh -c env", "[]", "[1]", "{}"] {
        let ended = edge(bad);
        assert_eq!(ended.status.code(), Some(64), "{bad}");
        assert!(text(&ended.stderr).contains("LANDFALL_EDGE_EXEC"), "{bad}");
    }
}
