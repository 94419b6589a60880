//! Wrong input and missing tools: one clear error with its own exit code, and nothing created.

use rules::event::Event;
use rules::exit::Exit;
use std::path::Path;
use std::process::Command;
use testkit::{App, CommandOutput, Mode, Running, Sandbox, docker};

/// Runs `up` against AWS without credentials: it must never get there.
fn up(sandbox: &Sandbox, app: &App, arguments: &[&str]) -> CommandOutput {
    let mut command =
        sandbox.command(&[&["up", "--yes", "--region", "eu-west-2"], arguments].concat());
    command.current_dir(app.path());
    Running::start(command).end()
}

/// Nothing was created, neither on this machine nor elsewhere.
fn nothing_was_created(sandbox: &Sandbox, ended: &CommandOutput) {
    assert!(!sandbox.home().exists(), "landfall wrote to its home");
    let phases = ended.all(|event| matches!(event, Event::PhaseFinished { .. }).then_some(()));
    assert_eq!(phases, [], "no phase came to its end");
}

#[test]
fn all_problems_of_a_manifest_are_one_error() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "problems", Mode::Good, 1).manifest(
        "name = \"problems\"\nprot = 8080\ncpu = 300\n\n[env]\nAWS_REGION = \"eu-west-2\"\n",
    );
    std::fs::remove_file(app.path().join("Dockerfile")).expect("no Dockerfile");
    let ended = up(&sandbox, &app, &[]).expect(Exit::BadInput);
    let failure = ended.failure();
    for part in [
        "line 2",
        "`port`",
        "line 3",
        "256",
        "line 6",
        "AWS_REGION",
        "Dockerfile",
    ] {
        assert!(failure.contains(part), "{part:?} is missing in:\n{failure}");
    }
    nothing_was_created(&sandbox, &ended);
}

#[test]
fn a_changed_protected_file_stops_everything() {
    let sandbox = Sandbox::new();
    let app = sandbox
        .app("app", "protected", Mode::Good, 1)
        .manifest("protected = [\"main.go\"]\n");
    let main = app.path().join("main.go");
    std::fs::write(&main, "package main\n").expect("write");
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .current_dir(app.path())
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments)
            .output()
            .expect("git runs");
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    git(&["init", "-q"]);
    git(&["add", "main.go"]);
    git(&["commit", "-qm", "one"]);
    std::fs::write(&main, "package changed\n").expect("write");
    let ended = up(&sandbox, &app, &[]).expect(Exit::BadInput);
    assert!(ended.failure().contains("main.go"), "{}", ended.failure());
    nothing_was_created(&sandbox, &ended);
    let image = up(&sandbox, &app, &["--image", "registry/app:1"]).expect(Exit::BadInput);
    assert!(image.failure().contains("main.go"), "{}", image.failure());
    nothing_was_created(&sandbox, &image);

    // As committed, it passes this check, and the next one fails.
    git(&["checkout", "-q", "main.go"]);
    let _ = up(&sandbox, &app, &[]).expect(Exit::Access);
}

#[test]
fn without_credentials_nothing_starts() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "nobody", Mode::Good, 1);
    let ended = up(&sandbox, &app, &[]).expect(Exit::Access);
    assert!(ended.failure().contains("aws login"), "{}", ended.failure());
    nothing_was_created(&sandbox, &ended);
}

#[test]
fn without_terraform_the_error_explains_how_to_install_it() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "tools", Mode::Good, 1);
    let mut command = sandbox.command(&["up", "--yes", "--region", "eu-west-2"]);
    command
        .current_dir(app.path())
        .env("LANDFALL_TERRAFORM", "/nowhere/terraform");
    let ended = Running::start(command).end().expect(Exit::MissingTool);
    assert!(
        ended.failure().contains("opentofu.org"),
        "{}",
        ended.failure()
    );
    nothing_was_created(&sandbox, &ended);
}

#[test]
fn without_a_container_engine_the_error_explains_how_to_install_it() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "engine", Mode::Good, 1);
    let mut command = sandbox.command(&["up", "--yes", "--region", "eu-west-2"]);
    command
        .current_dir(app.path())
        .env("LANDFALL_ENGINE", "/nowhere/docker");
    let ended = Running::start(command).end().expect(Exit::MissingTool);
    assert!(
        ended.failure().contains("docs.docker.com"),
        "{}",
        ended.failure()
    );
    nothing_was_created(&sandbox, &ended);
}

#[test]
fn an_image_for_another_cpu_is_refused_before_anything_is_created() {
    let sandbox = Sandbox::shared();
    let app = sandbox.app("app", "arm", Mode::Good, 1);
    let reference = "landfall-test/arm:latest";
    // The check reads only the image's metadata: a layer, a configuration, and a list of both.
    let layer = app.path().join("layer.tar");
    let tar = |archive: &Path, files: &[&str]| {
        let done = Command::new("tar")
            .arg("cf")
            .arg(archive)
            .arg("-C")
            .arg(app.path())
            .args(files)
            .status();
        assert!(done.expect("tar runs").success());
    };
    tar(&layer, &["Dockerfile"]);
    let sum = Command::new("sha256sum")
        .arg(&layer)
        .output()
        .expect("sha256sum runs");
    let sum = String::from_utf8_lossy(&sum.stdout)
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_owned();
    let configuration = format!(
        r#"{{"architecture":"arm64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["sha256:{sum}"]}}}}"#
    );
    let list = format!(
        r#"[{{"Config":"config.json","RepoTags":["{reference}"],"Layers":["layer.tar"]}}]"#
    );
    std::fs::write(app.path().join("config.json"), configuration).expect("write");
    std::fs::write(app.path().join("manifest.json"), list).expect("write");
    let archive = app.path().join("image.tar");
    tar(&archive, &["manifest.json", "config.json", "layer.tar"]);
    docker(&["load", "--input", &archive.to_string_lossy()]);
    let ended = sandbox
        .rehearse(&app, &["up", "--yes", "--image", reference])
        .expect(Exit::BadInput);
    docker(&["image", "rm", reference]);
    let failure = ended.failure();
    assert!(
        failure.contains("arm64") && failure.contains("amd64"),
        "{failure}"
    );
    let planned = ended.all(|event| matches!(event, Event::Planned { .. }).then_some(()));
    assert_eq!(planned, []);
    // Not even the bucket of the state.
    let _ = sandbox
        .rehearse(&app, &["down", "--verify"])
        .expect(Exit::Done);
}

#[test]
fn a_build_that_fails_shows_its_last_lines_and_creates_nothing() {
    let sandbox = Sandbox::shared();
    let app = sandbox.app("app", "build", Mode::Good, 1);
    std::fs::write(
        app.path().join("Dockerfile"),
        "FROM scratch\nCOPY no-such-file /\n",
    )
    .expect("write");
    let ended = sandbox.rehearse(&app, &["up", "--yes"]).expect(Exit::Image);
    assert!(
        ended.failure().contains("no-such-file"),
        "{}",
        ended.failure()
    );
    let _ = sandbox
        .rehearse(&app, &["down", "--verify"])
        .expect(Exit::Done);
}

#[test]
fn a_plan_without_confirmation_leaves_nothing_behind() {
    let sandbox = Sandbox::shared();
    let app = sandbox.app("app", "declined", Mode::Good, 1);
    let ended = sandbox.rehearse(&app, &["up"]).expect(Exit::Refused);
    assert!(ended.failure().contains("--yes"), "{}", ended.failure());
    let _ = sandbox
        .rehearse(&app, &["down", "--verify"])
        .expect(Exit::Done);
}

#[test]
fn eject_does_not_write_to_a_directory_with_other_files() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "ejected", Mode::Good, 1);
    // The app's own directory, by mistake.
    let mut command = sandbox.command(&["eject", ".", "--region", "eu-west-2"]);
    command.current_dir(app.path());
    let ended = Running::start(command).end().expect(Exit::BadInput);
    let failure = ended.failure();
    for part in [". is not empty", "Dockerfile", "nothing was written"] {
        assert!(failure.contains(part), "{part:?} is missing in:\n{failure}");
    }
    nothing_was_created(&sandbox, &ended);
}

#[test]
fn adopt_needs_a_directory_of_an_eject() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "adopted", Mode::Good, 1);
    let adopt = |exit| {
        let mut command = sandbox.command(&["adopt", "--from", "plain", "--region", "eu-west-2"]);
        command.current_dir(app.path());
        let ended = Running::start(command).end().expect(exit);
        nothing_was_created(&sandbox, &ended);
        ended.failure()
    };
    assert!(adopt(Exit::BadInput).contains("ejected.json"));
    let plain = app.path().join("plain");
    std::fs::create_dir(&plain).expect("a directory");
    std::fs::write(plain.join("ejected.json"), "{ \"version\": 99 }").expect("a record");
    let failure = adopt(Exit::BadInput);
    assert!(failure.contains("format 99"), "{failure}");
}
