//! `plan` shows what `up` decides, and creates nothing.

use aws::{Endpoints, Session, StateBucket};
use infra::Binary;
use rules::app::manifest::{AppName, EnvironmentName, Target};
use rules::app::names::Names;
use rules::event::Event;
use rules::exit::Exit;
use rules::shape::review::{self, Finding};
use rules::shape::toolchain::Program;
use rules::shape::toolchain::record::{EnvironmentRecord, KEY};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use testkit::{App, CommandOutput, Mode, Running, Sandbox};

fn conclusion(ended: &CommandOutput) -> String {
    ended.one("proposal", |event| match event {
        Event::Proposed { conclusion, .. } => Some(conclusion.clone()),
        _ => None,
    })
}

fn findings(ended: &CommandOutput) -> Vec<Finding> {
    ended.one("review", |event| match event {
        Event::Reviewed { findings } => Some(findings.clone()),
        _ => None,
    })
}

fn changes(ended: &CommandOutput) -> Vec<usize> {
    ended.all(|event| match event {
        Event::Planned { changes, .. } => Some(changes.len()),
        _ => None,
    })
}

fn monthly_usd(ended: &CommandOutput) -> f64 {
    ended.one("price", |event| match event {
        Event::Priced { bill } => Some(bill.monthly_usd),
        _ => None,
    })
}

/// Neither in the emulators nor on this machine.
fn nothing_was_created(sandbox: &Sandbox, app: &App) {
    let swept = sandbox
        .rehearse(app, &["down", "--verify"])
        .expect(Exit::Done);
    let left = swept.one("sweep", |event| match event {
        Event::Swept { left, unseen, .. } => Some((*left, unseen.clone())),
        _ => None,
    });
    assert_eq!(left, (0, Vec::new()));
    assert!(!sandbox.home().join("rehearsal").exists());
}

#[test]
fn it_shows_what_up_would_create_and_creates_nothing() {
    for target in Target::ALL {
        let sandbox = Sandbox::shared().on(target);
        let app = sandbox.app("first", "shown", Mode::Good, 1);
        let file = sandbox.path().join("plan.html");
        let html = format!("--html={}", file.display());
        for arguments in [&["plan", &html][..], &["up", "--dry-run"]] {
            let plan = sandbox.rehearse(&app, arguments).expect(Exit::Done);
            assert!(
                !review::is_refused(&findings(&plan)),
                "{:?}",
                findings(&plan)
            );
            assert!(changes(&plan).iter().all(|count| *count > 5));
            let text = conclusion(&plan);
            assert!(text.contains("asks for a yes"), "{text}");
            // Without a budget, AWS would refuse tasks; a rehearsal does not.
            assert_eq!(text.contains("on AWS"), target == Target::Fargate, "{text}");
            nothing_was_created(&sandbox, &app);
        }
        let page = std::fs::read_to_string(file).expect("a page");
        assert!(page.contains("<svg") && page.contains("shown"), "{page}");
    }
}

/// A script that answers `version` as the other program would.
fn other_program(sandbox: &Sandbox, here: Program) -> PathBuf {
    let path = sandbox.path().join("other");
    let name = here.other().name();
    let script = format!(
        "#!/bin/sh\n[ \"$2\" = -json ] && echo '{{\"terraform_version\":\"1.99.0\"}}' || echo '{name} v1.99.0'\n"
    );
    std::fs::write(&path, script).expect("a script");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a program");
    path
}

/// The program of this machine, except that provider 3.38.0, which does not exist here, is installed and cannot read the
/// state. The diagnostic is Terraform 1.11's.
fn too_old(sandbox: &Sandbox, here: &Binary) -> PathBuf {
    let path = sandbox.path().join("too-old");
    let script = r#"#!/bin/sh
is_old() { grep -q '3\.38\.0' .terraform.lock.hcl 2>/dev/null; }
case "$1 $*" in
  *-upgrade*) ;;
  init*) if is_old; then exit 0; fi ;;
  plan*) if is_old; then
    echo '{"@level":"error","type":"diagnostic","diagnostic":{"severity":"error","summary":"Resource instance managed by newer provider version","detail":"The current state of aws_sns_topic.alarms was created by a newer provider version than is currently selected. Upgrade the aws provider to work with this state."}}'
    exit 1
  fi ;;
esac
exec REAL "$@"
"#;
    let script = script.replace("REAL", &here.path.display().to_string());
    std::fs::write(&path, script).expect("a script");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a program");
    path
}

fn plan_with(sandbox: &Sandbox, app: &App, terraform: &Path) -> CommandOutput {
    let mut command = sandbox.command(&["plan"]);
    command
        .env("LANDFALL_REHEARSE", "true")
        .env("LANDFALL_TERRAFORM", terraform)
        .current_dir(app.path());
    Running::start(command).end()
}

#[test]
fn an_environment_keeps_its_program_and_its_provider() {
    let sandbox = Sandbox::shared().on(Target::Lambda);
    let app = sandbox
        .app("first", "pinned", Mode::Good, 1)
        .manifest("state = \"local\"\n");
    let here = installed();
    let directory = sandbox
        .home()
        .join("rehearsal/123456789012-us-east-1/pinned-prod");
    std::fs::create_dir_all(&directory).expect("a directory");
    let record = |provider: &Value| {
        let tool = here.tool();
        let record = json!({ "schema": 1, "tool": tool, "provider": provider });
        std::fs::write(directory.join(KEY), record.to_string()).expect("a record");
    };

    // An upgrade is a deliberate step, and `plan` shows it.
    let old = json!({ "version": "3.38.0", "hashes": ["h1:old="], "platforms": [here.platform] });
    record(&old);
    let plan = sandbox
        .rehearse(&app, &["plan", "--upgrade-provider"])
        .expect(Exit::Done);
    let newest = plan.one("an upgrade", |event| match event {
        Event::Note { text } => text
            .strip_prefix("provider hashicorp/aws 3.38.0 → ")
            .map(str::to_owned),
        _ => None,
    });

    // Another package than the recorded one. No other test accepts this checksum: what is accepted once is remembered
    // next to the plugin cache, which all tests share.
    record(&json!({ "version": newest, "hashes": ["h1:foreign="], "platforms": [here.platform] }));
    let refused = sandbox.rehearse(&app, &["plan"]).expect(Exit::MissingTool);
    for part in [
        "is not the one that this environment uses",
        "--upgrade-provider",
    ] {
        assert!(refused.failure().contains(part), "{}", refused.failure());
    }

    // A newer provider wrote the state than the recorded one: the newest is installed once.
    record(&old);
    let shim = too_old(&sandbox, &here);
    let plan = plan_with(&sandbox, &app, &shim).expect(Exit::Done);
    let change = format!("provider hashicorp/aws 3.38.0 → {newest} is used from now on");
    let notes = plan.all(|event| match event {
        Event::Note { text } if text.ends_with(&change) => Some(text.clone()),
        _ => None,
    });
    assert_eq!(notes.len(), 2, "one for each root: {notes:?}");

    // Not even the newest can read it. Only the checksums of another platform are recorded, and the provider is
    // installed all the same.
    record(&json!({ "version": newest, "hashes": ["h1:other="], "platforms": ["plan9_386"] }));
    let state = directory.join("foundation");
    std::fs::create_dir_all(&state).expect("a directory");
    let topic = json!({
        "mode": "managed",
        "type": "aws_sns_topic",
        "name": "alarms",
        "provider": format!("provider[\"{}\"]", here.program.provider()),
        "instances": [{ "schema_version": 99, "attributes": { "id": "x" } }],
    });
    let text = json!({ "version": 4, "terraform_version": "1.10.0", "serial": 1, "lineage": "x", "outputs": {}, "resources": [topic] });
    std::fs::write(state.join("terraform.tfstate"), text.to_string()).expect("a state");
    let refused = sandbox.rehearse(&app, &["plan"]).expect(Exit::MissingTool);
    let expected = format!("a provider newer than hashicorp/aws {newest} wrote the state");
    assert!(
        refused.failure().contains(&expected),
        "{}",
        refused.failure()
    );

    // Another program.
    let other = other_program(&sandbox, here.program);
    let refused = plan_with(&sandbox, &app, &other).expect(Exit::MissingTool);
    let name = here.program.name();
    for part in [
        &format!("this environment uses {name}"),
        "LANDFALL_TERRAFORM=",
        "--switch-tool",
    ] {
        assert!(refused.failure().contains(part), "{}", refused.failure());
    }
}

/// The record in the bucket of an environment in emulators.
fn recorded(sandbox: &Sandbox, name: &str) -> EnvironmentRecord {
    let (main, second) = sandbox.emulators();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let text = runtime.block_on(async {
        let session = Session::open(None, Some("us-east-1"), Some(Endpoints { main, second }));
        let names = Names::new(
            AppName::parse(name).expect("a name"),
            EnvironmentName::parse("prod").expect("a name"),
        );
        let session = session.await.expect("a session");
        let bucket = StateBucket::new(&session, &names, "123456789012");
        bucket.read(KEY).await.expect("a bucket")
    });
    EnvironmentRecord::parse(&text.expect("a record")).expect("a record")
}

fn installed() -> Binary {
    let chosen = std::env::var_os("LANDFALL_TERRAFORM").map(PathBuf::from);
    let path = std::env::var_os("PATH").expect("PATH");
    Binary::find(chosen.as_deref(), &path).expect("Terraform")
}

#[test]
fn it_refuses_like_up_and_reports_when_nothing_changes() {
    let sandbox = Sandbox::shared().on(Target::Lambda);
    let secret = "[env]\nDB_PASSWORD = \"hunter2hunter2\"\n";
    let leaky = sandbox
        .app("leaky", "decided", Mode::Good, 1)
        .manifest(secret);
    let shown = sandbox.rehearse(&leaky, &["plan"]).expect(Exit::Refused);
    let tried = sandbox
        .rehearse(&leaky, &["up", "--yes"])
        .expect(Exit::Refused);
    assert_eq!(shown.failure(), tried.failure());
    assert!(shown.failure().contains("LF010"), "{}", shown.failure());
    let swept = sandbox
        .rehearse(&leaky, &["down", "--verify"])
        .expect(Exit::Done);
    swept.one("nothing left", |event| {
        matches!(event, Event::Swept { left: 0, .. }).then_some(())
    });

    let allowed = sandbox
        .app("allowed", "decided", Mode::Good, 1)
        .manifest(&format!("allow = [\"LF010\"]\n{secret}"));
    let up = ["up", "--yes", "--minimum=1s", "--bake=1s"];
    let _up = sandbox.rehearse(&allowed, &up).expect(Exit::Done);
    let record = recorded(&sandbox, "decided");
    let here = installed();
    assert_eq!(record.tool, Some(here.tool()));
    let provider = record.provider.expect("a provider");
    assert_eq!(provider.platforms, [here.platform].into());
    assert!(
        provider.hashes.iter().any(|hash| hash.starts_with("h1:")),
        "{provider:?}"
    );
    let again = sandbox.rehearse(&allowed, &["plan"]).expect(Exit::Done);
    assert_eq!(changes(&again), [0, 0]);
    assert!(conclusion(&again).starts_with("no changes"));
    assert!(findings(&again).iter().any(|finding| finding.allowed));
    // The edge's own secret in a variable is no reason to refuse.
    let _ = sandbox.rehearse(&allowed, &up).expect(Exit::Done);

    let cost = sandbox.rehearse(&allowed, &["cost"]).expect(Exit::Done);
    assert_eq!(monthly_usd(&cost), 0.0);
    cost.one("what was spent", |event| {
        matches!(event, Event::Spent(_)).then_some(())
    });
    let _down = sandbox
        .rehearse(&allowed, &["down", "--yes"])
        .expect(Exit::Done);
}
