//! `doctor` finds everything that would make a deployment fail, and creates nothing.

use rules::app::manifest::Target;
use rules::check::{Check, CheckId, Outcome};
use rules::event::Event;
use rules::exit::Exit;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use testkit::{App, CommandOutput, Mode, Running, Sandbox};

fn checks(ended: &CommandOutput) -> Vec<Check> {
    ended.all(|event| match event {
        Event::Checked { check } => Some(check.clone()),
        _ => None,
    })
}

/// The only check of this name.
fn one(ended: &CommandOutput, name: CheckId) -> Check {
    let ours: Vec<Check> = checks(ended)
        .into_iter()
        .filter(|check| check.check == name)
        .collect();
    match ours.as_slice() {
        [one] => one.clone(),
        other => panic!("{name:?}: {other:?} in {:#?}", ended.events),
    }
}

/// Offline: neither AWS nor emulators are called.
fn offline(sandbox: &Sandbox, app: &App, arguments: &[&str]) -> CommandOutput {
    let mut command = sandbox.command(&[&["doctor", "--offline"], arguments].concat());
    command.current_dir(app.path());
    Running::start(command).end()
}

/// Doctor leaves neither containers nor files in landfall's home.
fn nothing_is_left(sandbox: &Sandbox, app: &str) {
    assert!(!sandbox.home().exists(), "landfall wrote to its home");
    let listed = Command::new("docker")
        .args(["ps", "--all", "--quiet", "--filter"])
        .arg(format!("name=landfall-doctor-{app}-"))
        .output()
        .expect("docker runs");
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "");
}

/// Creates something with the emulator's AWS API.
fn plant(sandbox: &Sandbox, service: &str, target: &str, body: &str) {
    let (url, _) = sandbox.emulators();
    let scope = format!("test/20260101/us-east-1/{service}/aws4_request");
    let done = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--max-time", "30"])
        .args(["--header", "Content-Type: application/x-amz-json-1.1"])
        .args(["--header", &format!("X-Amz-Target: {target}")])
        .args([
            "--header",
            &format!(
                "Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, \
                 Signature=0"
            ),
        ])
        .args(["--data", body, &url])
        .output()
        .expect("curl runs");
    assert!(
        done.status.success(),
        "{target}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn a_healthy_app_passes_and_conflicting_resources_are_reported() {
    let sandbox = Sandbox::shared().on(Target::Lambda);
    let app = sandbox.app("app", "healthy", Mode::Good, 1);
    let ended = sandbox.rehearse(&app, &["doctor"]).expect(Exit::Done);
    for name in [
        CheckId::App,
        CheckId::Engine,
        CheckId::Terraform,
        CheckId::Directories,
        CheckId::Edge,
        CheckId::Credentials,
        CheckId::Region,
        CheckId::Names,
        CheckId::Port,
    ] {
        let check = one(&ended, name);
        assert_eq!(check.outcome, Outcome::Ok, "{check:?}");
    }
    // The app's image has no USER.
    assert!(one(&ended, CheckId::Image).what.contains("root"));
    // Checks that emulators cannot answer do not pass.
    for name in [CheckId::Concurrency, CheckId::Permissions] {
        assert_eq!(one(&ended, name).outcome, Outcome::Skipped);
    }
    let summary = ended.one("a summary", |event| match event {
        Event::Examined { summary, .. } => Some(*summary),
        _ => None,
    });
    assert_eq!(summary.blockers, 0);

    // Existing resources with these names are reported before anything is created, also by `up`.
    plant(
        &sandbox,
        "logs",
        "Logs_20140328.CreateLogGroup",
        r#"{"logGroupName":"/landfall/healthy-prod"}"#,
    );
    plant(
        &sandbox,
        "ecr",
        "AmazonEC2ContainerRegistry_V20150921.CreateRepository",
        r#"{"repositoryName":"healthy-prod"}"#,
    );
    let ended = sandbox
        .rehearse(&app, &["doctor", "--no-run"])
        .expect(Exit::BadInput);
    let names = one(&ended, CheckId::Names);
    let why = names.why.join("\n");
    assert!(why.contains("log group /landfall/healthy-prod"), "{why}");
    assert!(why.contains("ECR repository healthy-prod"), "{why}");
    assert_eq!(one(&ended, CheckId::Image).outcome, Outcome::Skipped);
    assert_eq!(one(&ended, CheckId::Port).outcome, Outcome::Skipped);

    let ended = sandbox
        .rehearse(&app, &["up", "--yes"])
        .expect(Exit::BadInput);
    let failure = ended.failure();
    for part in ["ECR repository", "--env", "--despite names"] {
        assert!(failure.contains(part), "{part} is missing in:\n{failure}");
    }
    let planned = ended.all(|event| matches!(event, Event::Planned { .. }).then_some(()));
    assert_eq!(planned, []);
    // Nothing else exists: not even the bucket of the state was created.
    let swept = sandbox.rehearse(&app, &["down", "--verify"]);
    let left = swept.all(|event| match event {
        Event::Left { leftover } => Some(leftover.id.clone()),
        _ => None,
    });
    assert_eq!(left, ["healthy-prod", "/landfall/healthy-prod"]);
}

#[test]
fn landfall_s_own_resources_are_no_conflict() {
    let sandbox = Sandbox::shared().on(Target::Lambda);
    let app = sandbox.app("app", "known", Mode::Good, 1);
    let up = ["up", "--yes", "--minimum=1s", "--bake=1s"];
    let ended = sandbox.rehearse(&app, &up).expect(Exit::Done);
    drop(ended);
    let ended = sandbox
        .rehearse(&app, &["doctor", "--no-run"])
        .expect(Exit::Done);
    let names = one(&ended, CheckId::Names);
    assert_eq!(names.outcome, Outcome::Ok, "{names:?}");
    let _down = sandbox
        .rehearse(&app, &["down", "--yes"])
        .expect(Exit::Done);
}

#[test]
fn all_missing_tools_are_reported_at_once() {
    let sandbox = Sandbox::new();
    let app = sandbox
        .app("app", "bare", Mode::Good, 1)
        .manifest("name = \"bare\"\nprot = 8080\n");
    let empty = sandbox.path().join("empty");
    std::fs::create_dir(&empty).expect("a directory");
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command
            .current_dir(app.path())
            .env("PATH", &empty)
            .env("LANDFALL_REHEARSE", "true")
            .env_remove("LANDFALL_ENGINE")
            .env_remove("LANDFALL_TERRAFORM");
        Running::start(command).end()
    };
    let ended = run(&["doctor"]).expect(Exit::BadInput);
    for (name, exit) in [
        (CheckId::App, Exit::BadInput),
        (CheckId::Engine, Exit::MissingTool),
        (CheckId::Terraform, Exit::MissingTool),
    ] {
        let check = one(&ended, name);
        assert_eq!(check.exit(), Some(exit), "{check:?}");
        assert!(!check.fix.is_empty(), "{check:?}");
    }
    assert_eq!(one(&ended, CheckId::Port).outcome, Outcome::Skipped);
    assert!(
        ended.failure().contains("3 problems"),
        "{}",
        ended.failure()
    );

    // `up` reports the same, as one failure.
    let failure = run(&["up", "--yes"]).expect(Exit::BadInput).failure();
    for part in ["`prot`", "docs.docker.com", "opentofu.org"] {
        assert!(failure.contains(part), "{part} is missing in:\n{failure}");
    }
    assert!(!sandbox.home().exists(), "landfall wrote to its home");
}

#[test]
fn the_real_port_is_detected() {
    let sandbox = Sandbox::new();
    let app = sandbox
        .app("app", "elsewhere", Mode::WrongPort, 1)
        .manifest("count = 1\n");
    let ended = offline(&sandbox, &app, &[]).expect(Exit::BadInput);
    let port = one(&ended, CheckId::Port);
    assert!(port.what.contains("listens on 9090"), "{port:?}");
    assert!(port.fix[0].contains("`port = 9090`"), "{port:?}");
    nothing_is_left(&sandbox, "elsewhere");
}

#[test]
fn only_the_edge_reaches_loopback() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "within", Mode::Loopback, 1);
    let ended = offline(&sandbox, &app, &[]).expect(Exit::Done);
    assert!(
        one(&ended, CheckId::Port)
            .what
            .contains("which the edge reaches")
    );
    let app = app.manifest("edge = false\n");
    let ended = offline(&sandbox, &app, &[]).expect(Exit::BadInput);
    let port = one(&ended, CheckId::Port);
    assert!(port.what.contains("127.0.0.1:8080 only"), "{port:?}");
    nothing_is_left(&sandbox, "within");
}

#[test]
fn an_app_that_exits_is_reported_with_its_last_lines() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "ending", Mode::Crash, 1);
    let ended = offline(&sandbox, &app, &[]).expect(Exit::BadInput);
    let port = one(&ended, CheckId::Port);
    assert!(port.what.contains("exit code 3"), "{port:?}");
    let why = port.why.join("\n");
    assert!(why.contains("cannot find the settings file"), "{why}");
    nothing_is_left(&sandbox, "ending");
}

/// Lambda chooses the user of a function; the image's `USER` counts for nothing there.
#[test]
fn on_lambda_the_app_runs_as_a_user_that_owns_nothing() {
    let sandbox = Sandbox::new().on(Target::Lambda);
    let app = sandbox.app("app", "owned", Mode::Reads("/home/app/settings"), 1);
    let settings = app.path().join("settings");
    std::fs::write(&settings, "").expect("written");
    std::fs::set_permissions(&settings, Permissions::from_mode(0o600)).expect("set");
    let dockerfile = app.path().join("Dockerfile");
    let text = std::fs::read_to_string(&dockerfile).expect("the Dockerfile");
    std::fs::write(
        &dockerfile,
        format!("{text}\nCOPY --chown=1000:1000 settings /home/app/settings\nUSER 1000:1000\n"),
    )
    .expect("written");
    let ended = offline(&sandbox, &app, &[]).expect(Exit::BadInput);
    let port = one(&ended, CheckId::Port);
    assert!(port.what.contains("exit code 1"), "{port:?}");
    // On Fargate it runs as the image's user.
    let app = app.manifest("target = \"fargate\"\n");
    let sandbox = sandbox.on(Target::Fargate);
    let ended = offline(&sandbox, &app, &[]).expect(Exit::Done);
    assert_eq!(one(&ended, CheckId::Port).outcome, Outcome::Ok);
    nothing_is_left(&sandbox, "owned");
}

#[test]
fn missing_credentials_and_a_wrong_app_are_reported_together() {
    let sandbox = Sandbox::new();
    let app = sandbox
        .app("app", "together", Mode::Good, 1)
        .manifest("cpu = 300\n");
    let mut command = sandbox.command(&["doctor", "--no-run", "--region", "eu-west-2"]);
    command
        .current_dir(app.path())
        .env("LANDFALL_TERRAFORM", "/nowhere/terraform");
    let ended = Running::start(command).end().expect(Exit::BadInput);
    assert_eq!(one(&ended, CheckId::App).exit(), Some(Exit::BadInput));
    assert_eq!(
        one(&ended, CheckId::Terraform).exit(),
        Some(Exit::MissingTool)
    );
    let credentials = one(&ended, CheckId::Credentials);
    assert_eq!(credentials.exit(), Some(Exit::Access), "{credentials:?}");
    assert!(credentials.fix.join("\n").contains("aws login"));
    nothing_is_left(&sandbox, "together");
}
