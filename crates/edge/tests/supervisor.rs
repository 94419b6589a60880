//! The edge as the parent of the app.

mod stage;

use stage::setup;
use std::process::Command;

#[test]
fn the_app_s_output_passes_untouched() {
    let text = "first line\nno line feed at the end";
    let stage = setup().app(&["--print", text]).ready();
    stage.until("it has arrived", || {
        stage.out() == text && stage.err().contains(text)
    });
    assert_eq!(stage.err(), format!("to stderr: {text}"));
}

#[test]
fn the_app_sees_its_own_environment_only() {
    let stage = setup().app_variable("COLOUR", "blue").ready();
    let environment = stage.app("/env").body;
    assert!(
        environment.lines().any(|line| line == "COLOUR=blue"),
        "{environment}"
    );
    assert!(!environment.contains("LANDFALL_EDGE_"), "{environment}");
}

#[test]
fn nothing_in_the_container_gets_more_rights() {
    let privileges = |process: &str| {
        let path = format!("/proc/{process}/status");
        let status = std::fs::read_to_string(path).expect("a process");
        let line = status.lines().find(|line| line.starts_with("NoNewPrivs:"));
        line.expect("Linux 4.10 or newer").to_owned()
    };
    let stage = setup().ready();
    assert_eq!(privileges(&stage.app("/pid").body), "NoNewPrivs:\t1");
    // Where it is allowed, the edge changes nothing.
    let stage = setup().set("NO_NEW_PRIVILEGES", "off").ready();
    assert_eq!(privileges(&stage.app("/pid").body), privileges("self"));
}

#[test]
fn an_app_that_starts_slowly_is_waited_for() {
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
fn an_app_that_cannot_start_ends_the_container_with_its_code_and_last_lines() {
    let mut stage = setup()
        .app(&["--print", "no database\n", "--exit", "3"])
        .start();
    assert_eq!(stage.exit_code(), 3);
    let told = stage.err();
    assert!(told.contains("exit code 3; giving up"), "{told}");
    let (_, last) = told
        .split_once("the last lines of the app:\n")
        .expect("last lines");
    assert!(last.contains("  no database\n"), "{told}");
}

#[test]
fn a_crash_is_mended_and_told() {
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
fn an_app_that_crashes_all_the_time_is_given_up() {
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
fn orphans_are_buried() {
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
    let output = Command::new(env!("CARGO_BIN_EXE_landfall-edge"))
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .expect("the edge");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("code"), told)
}

#[test]
fn bad_input_is_refused_before_anything_starts() {
    let (code, told) = edge(&[], &[]);
    assert_eq!(code, 64);
    assert!(told.contains("no command"), "{told}");
    let (code, told) = edge(
        &["app"],
        &[("LANDFALL_EDGE_TRYS", "1"), ("LANDFALL_EDGE_LIMIT", "many")],
    );
    assert_eq!(code, 64);
    for part in [
        "LANDFALL_EDGE_TRYS: unknown name",
        "LANDFALL_EDGE_LIMIT: `many`",
        "LANDFALL_EDGE_APP: ",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_command_that_does_not_exist_is_named() {
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
    // The port is somebody else's.
    let (code, told) = run(&format!("127.0.0.1:{port}"));
    assert_eq!(code, 71);
    assert!(
        told.contains(&format!("can't listen on 127.0.0.1:{port}")),
        "{told}"
    );
    drop(taken);
    let (code, told) = run(&format!("127.0.0.1:{port}"));
    assert_eq!(code, 127);
    assert!(told.contains("can't start /no/such/app"), "{told}");
}
