//! Restrictions of an app's container, on this machine and on Fargate in a rehearsal, and the
//! diagnosis of an app that needs more.

use rules::app::manifest::Target;
use rules::event::Event;
use rules::exit::Exit;
use rustix::process::Signal;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use testkit::{App, CommandOutput, Mode, Running, Sandbox, Users};

/// The body of an address's response.
fn body(url: &str) -> String {
    let address = url.strip_prefix("http://").expect("an http address");
    let mut stream = TcpStream::connect(address.trim_end_matches('/')).expect("it is reached");
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (_, body) = text.split_once("\r\n\r\n").expect("a body");
    body.to_owned()
}

fn url(events: &[Event]) -> Option<String> {
    events.iter().find_map(|event| match event {
        Event::Url { url } => Some(url.clone()),
        _ => None,
    })
}

/// Runs an app with `landfall run`: its response, or how it exited.
fn run(sandbox: &Sandbox, app: &App) -> Result<String, CommandOutput> {
    let mut command = sandbox.command(&["run"]);
    command.current_dir(app.path());
    let mut run = Running::start(command);
    run.wait_for("numbers or the end", |event| {
        matches!(event, Event::Traffic { .. } | Event::Ended { .. })
    });
    let has_ended = |event: &Event| matches!(event, Event::Ended { .. });
    if run.events().iter().any(has_ended) {
        return Err(run.end());
    }
    let body = body(&url(run.events()).expect("an address"));
    run.signal(Signal::INT);
    let _ = run.end().expect(Exit::Done);
    Ok(body)
}

/// Adds a file to the image that only root may read.
fn with_a_secret(app: App) -> App {
    use std::os::unix::fs::PermissionsExt as _;
    let secret = app.path().join("secret");
    std::fs::write(&secret, "x").expect("a file");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    let path = app.path().join("Dockerfile");
    let text = std::fs::read_to_string(&path).expect("the Dockerfile");
    std::fs::write(path, format!("{text}COPY secret /secret\n")).expect("the Dockerfile");
    app
}

/// A hardened app's own report. `CapBnd` limits what it can ever get.
const HARDENED: &str = "Uid: 65532 65532 65532 65532\nCapEff: 0000000000000000\n\
    CapBnd: 0000000000000000\nNoNewPrivs: 1\n/root-file read-only filesystem or storage medium\n\
    /tmp/file written\n/var/cache/app/file entity not found";

#[test]
fn an_app_on_this_machine_has_the_restrictions_of_aws() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("tells", "hard", Mode::Tells, 1);
    // It fits Lambda, which chooses the user of a function.
    let on_lambda = HARDENED.replace("65532 65532 65532 65532", "993 993 993 993");
    assert_eq!(run(&sandbox, &app).expect("it runs"), on_lambda);
    let app = app.manifest("target = \"fargate\"\n");
    assert_eq!(run(&sandbox, &app).expect("it runs"), HARDENED);
    let app = app.manifest(
        "[container]\nuser = \"1000:1000\"\nwritable = [\"/var/cache/app\"]\nno_new_privileges = \
         false\n",
    );
    let output = run(&sandbox, &app).expect("it runs");
    assert!(output.contains("Uid: 1000 1000"), "{output}");
    assert!(output.contains("NoNewPrivs: 0"), "{output}");
    assert!(output.contains("/var/cache/app/file written"), "{output}");
    let app = app
        .manifest("[container]\nuser = \"root\"\ncapabilities = [\"CHOWN\"]\nread_only = false\n");
    let output = run(&sandbox, &app).expect("it runs");
    assert!(output.contains("Uid: 0 0"), "{output}");
    assert!(output.contains("CapEff: 0000000000000001"), "{output}");
    assert!(output.contains("/root-file written"), "{output}");
}

/// Each diagnosis names the key that lifts the restriction, and with that key the app runs.
#[test]
fn an_app_that_needs_more_gets_the_key_that_allows_it() {
    let sandbox = Sandbox::new();
    let cases = [
        (
            Mode::Writes("/data/file"),
            "the read-only file system of its container (/data/file)",
            "`writable = [\"/data\"]`",
            "[container]\nwritable = [\"/data\"]\n",
        ),
        (
            Mode::Reads("/secret"),
            "it runs as 65532:65532 (/secret)",
            "`user = \"root\"`",
            "[container]\nuser = \"root\"\n",
        ),
        (
            Mode::On(80),
            "may not listen on port 80",
            "`port = 80`",
            "port = 80\n",
        ),
        (
            Mode::Chowns("/misbehave"),
            "the capability CHOWN",
            "`user = \"root\"` and `capabilities = [\"CHOWN\"]`",
            "[container]\nuser = \"root\"\nread_only = false\ncapabilities = [\"CHOWN\"]\n",
        ),
    ];
    for (number, (mode, why, key, remedy)) in cases.into_iter().enumerate() {
        let label = format!("needs-{number}");
        let app = with_a_secret(sandbox.app(&label, "needs", mode, 1));
        // On a read-only file system, chown reports that first.
        let app = match mode {
            Mode::Chowns(_) => app.manifest("[container]\nread_only = false\n"),
            _ => app,
        };
        let ended = run(&sandbox, &app)
            .expect_err("it cannot run")
            .expect(Exit::NothingServing);
        let failure = ended.failure();
        assert!(
            failure.contains(why) && failure.contains(key),
            "{mode:?}: {failure}"
        );
        let output = run(&sandbox, &app.manifest(remedy));
        assert_eq!(output.expect("it runs"), "up", "{mode:?}");
    }
}

#[test]
fn a_release_on_fargate_is_hardened_and_one_that_needs_more_is_rolled_back() {
    let sandbox = Sandbox::new();
    let good = sandbox.app("good", "hard", Mode::Tells, 1);
    let up = sandbox.rehearse(&good, &["up", "--yes"]).expect(Exit::Done);
    let address = url(&up.events).expect("an address");
    assert_eq!(body(&address), HARDENED);

    // Writing to a read-only path: the right cause, and the version before stays live.
    let bad = sandbox.app("bad", "hard", Mode::Writes("/data/file"), 2);
    let users = Users::ask(&address, 2);
    let up = sandbox
        .rehearse(&bad, &["up", "--yes", "--ready-timeout", "30s"])
        .expect(Exit::RolledBack);
    let answers = users.stop();
    let (cause, evidence) = up.one("autopsy", |event| match event {
        Event::Autopsy { cause, evidence } => Some((cause.clone(), evidence.clone())),
        _ => None,
    });
    assert_eq!(cause.code(), "read_only", "{cause:?} {evidence:?}");
    assert!(
        cause
            .explain(Target::Fargate)
            .next
            .contains("`writable = [\"/data\"]`"),
        "{cause:?}"
    );
    assert!(
        evidence.log.iter().any(|line| line.contains("/data/file")),
        "{evidence:?}"
    );
    assert_eq!(answers.lost, 0, "{answers:?}");
    assert_eq!(
        answers.by_status.keys().collect::<Vec<_>>(),
        [&200],
        "{answers:?}"
    );
    assert_eq!(body(&address), HARDENED);

    // With the named key, and with a port below 1024, it is released.
    let fixed = sandbox
        .app("fixed", "hard", Mode::Writes("/data/file"), 2)
        .manifest("[container]\nwritable = [\"/data\"]\n");
    let low = sandbox
        .app("low", "hard", Mode::On(80), 3)
        .manifest("port = 80\n");
    for app in [&fixed, &low] {
        let up = ["up", "--yes", "--strategy", "all-at-once"];
        let _ = sandbox.rehearse(app, &up).expect(Exit::Done);
        assert_eq!(body(&address), "up");
    }
    let _ = sandbox
        .rehearse(&good, &["down", "--yes"])
        .expect(Exit::Done);
}
