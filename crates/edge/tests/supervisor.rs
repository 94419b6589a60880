//! The edge as the parent of the app.

mod stage;

use stage::setup;
use std::process::Command;

#[test]
fn the_app_s_output_is_forwarded_unchanged() {
    let text = "first line\nno line feed at the end";
    let stage = setup().app(&["--print", text]).ready();
    stage.until("it has arrived", || {
        stage.out() == text && stage.err().contains(text)
    });
    assert_eq!(stage.err(), format!("to stderr: {text}"));
}

#[test]
fn the_app_does_not_see_the_edge_s_variables() {
    let stage = setup().app_variable("COLOUR", "blue").ready();
    let environment = stage.app("/env").body;
    assert!(
        environment.lines().any(|line| line == "COLOUR=blue"),
        "{environment}"
    );
    assert!(!environment.contains("LANDFALL_EDGE_"), "{environment}");
}

#[test]
fn no_process_gains_privileges() {
    let privileges = |process: &str| {
        let path = format!("/proc/{process}/status");
        let status = std::fs::read_to_string(path).expect("a process");
        let line = status.lines().find(|line| line.starts_with("NoNewPrivs:"));
        line.expect("Linux 4.10 or newer").to_owned()
    };
    let stage = setup().ready();
    assert_eq!(privileges(&stage.app("/pid").body), "NoNewPrivs:\t1");
    // Without the setting, the edge changes nothing.
    let stage = setup().set("NO_NEW_PRIVILEGES", "off").ready();
    assert_eq!(privileges(&stage.app("/pid").body), privileges("self"));
}

#[test]
fn requests_wait_for_an_app_that_starts_slowly() {
    let directory = tempfile::tempdir().expect("directory");
    let gate = directory.path().join("go");
    let stage = setup()
        .app(&["--start-after", gate.to_str().expect("path")])
        .start();
    stage.until("the edge answers", || stage.health() == Some(503));
    assert!(stage.private("/.landfall/health").body.contains("starting"));
    std::fs::write(&gate, "").expect("gate");
    stage.until("the app is ready", || stage.health() == Some(200));
}

#[test]
fn an_app_that_never_listens_is_given_up_with_a_hint() {
    let mut stage = setup()
        .set("START_MS", "200")
        .app(&["--never-bind"])
        .start();
    assert_eq!(stage.exit_code(), 69);
    assert!(
        stage
            .err()
            .contains("the app has not answered on 127.0.0.1:"),
        "{}",
        stage.err()
    );
}

#[test]
fn the_edge_exits_with_the_code_of_an_app_that_cannot_start() {
    let mut stage = setup()
        .app(&["--print", "no database\n", "--exit", "3"])
        .start();
    assert_eq!(stage.exit_code(), 3);
    let output = stage.err();
    assert!(output.contains("exit code 3; giving up"), "{output}");
    let (_, last) = output
        .split_once("the last lines of the app:\n")
        .expect("last lines");
    assert!(last.contains("  no database\n"), "{output}");
}

#[test]
fn a_crashed_app_is_restarted_and_the_crash_is_logged() {
    let stage = setup().ready();
    let first = stage.app_pid();
    stage.get("/crash/7");
    stage.until("another one runs", || {
        stage.health() == Some(200) && stage.summary().restarts > 0
    });
    stage.until("it answers", || stage.get("/").status == 200);
    assert_ne!(stage.app_pid(), first);
    assert!(
        stage.err().contains("with exit code 7; starting it again"),
        "{}",
        stage.err()
    );
}

#[test]
fn an_app_that_always_crashes_is_given_up() {
    let mut stage = setup().set("RESTARTS", "2").ready();
    for restarts in 1..=2 {
        stage.app("/");
        stage::signal(stage.app_pid(), "KILL");
        stage.until("it is restarted", || stage.summary().restarts == restarts);
        stage.until("it answers", || stage.get("/").status == 200);
    }
    stage::signal(stage.app_pid(), "KILL");
    assert_eq!(stage.exit_code(), 137);
    assert!(
        stage.err().contains("signal 9; giving up"),
        "{}",
        stage.err()
    );
}

#[test]
fn signals_reach_the_app() {
    let stage = setup().app(&["--report-usr1"]).ready();
    stage.signal("USR1");
    stage.until("the app has got it", || stage.out().contains("got USR1"));
}

#[test]
fn orphans_are_reaped() {
    let stage = setup().ready();
    assert_eq!(stage.get("/orphan").body, "left behind");
    let edge = stage.edge_pid();
    stage.until("only the app is left", || {
        let path = format!("/proc/{edge}/task/{edge}/children");
        // The first thread starts the app and adopts orphans.
        std::fs::read_to_string(path).is_ok_and(|all| all.split_whitespace().count() == 1)
    });
}

fn edge(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let exited = Command::new(env!("CARGO_BIN_EXE_landfall-edge"))
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .expect("the edge");
    let output = String::from_utf8_lossy(&exited.stderr).into_owned();
    (exited.status.code().expect("code"), output)
}

#[test]
fn bad_input_is_refused_before_anything_starts() {
    let (code, output) = edge(&[], &[]);
    assert_eq!(code, 64);
    assert!(output.contains("no command"), "{output}");
    let (code, output) = edge(
        &["app"],
        &[("LANDFALL_EDGE_TRYS", "1"), ("LANDFALL_EDGE_LIMIT", "many")],
    );
    assert_eq!(code, 64);
    for part in [
        "LANDFALL_EDGE_TRYS: unknown name",
        "LANDFALL_EDGE_LIMIT: `many`",
        "LANDFALL_EDGE_APP: ",
    ] {
        assert!(output.contains(part), "{output}");
    }
}

#[test]
fn a_missing_command_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let port = taken.local_addr().expect("address").port().to_string();
    let settings = |listen: &str| {
        [
            ("LANDFALL_EDGE_APP", "1".to_owned()),
            ("LANDFALL_EDGE_LISTEN", listen.to_owned()),
            ("LANDFALL_EDGE_LEAD_MS", "0".to_owned()),
        ]
    };
    let run = |listen: &str| {
        let settings = settings(listen);
        let settings: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
        edge(&["/no/such/app"], &settings)
    };
    // The port is in use.
    let (code, output) = run(&format!("127.0.0.1:{port}"));
    assert_eq!(code, 71);
    assert!(
        output.contains(&format!("can't listen on 127.0.0.1:{port}")),
        "{output}"
    );
    drop(taken);
    let (code, output) = run(&format!("127.0.0.1:{port}"));
    assert_eq!(code, 127);
    assert!(output.contains("can't start /no/such/app"), "{output}");
}
