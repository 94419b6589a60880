//! The life of an environment: up, up again, good and bad versions, down. Real Terraform and
//! provider, real containers behind an emulated load balancer.

use edge_contract::log_line::is_of_edge;
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::release::Step;
use rules::shape::plan::Action;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::{CommandOutput, Mode, Running, Sandbox, Users};

fn steps(ended: &CommandOutput) -> Vec<Step> {
    ended.all(|event| match event {
        Event::Step { step } => Some(step.clone()),
        _ => None,
    })
}

fn has_phase(ended: &CommandOutput, wanted: Phase) -> bool {
    ended
        .events
        .iter()
        .any(|event| matches!(event, Event::PhaseFinished { time } if time.phase == wanted))
}

/// The directory in which landfall unpacked the roots.
fn roots(sandbox: &Sandbox) -> PathBuf {
    sandbox
        .home()
        .join("rehearsal/123456789012-us-east-1/life-prod")
}

/// The output of plain Terraform in a root, as without landfall.
fn terraform(root: &Path, endpoint: &str, arguments: &[&str]) -> String {
    let output = Command::new("terraform")
        .args(arguments)
        .current_dir(root)
        .envs([
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", endpoint),
        ])
        .output()
        .expect("terraform runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}\n{text}\n{}",
        root.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Releases cause no changes in Terraform's plan.
fn plan_reports_no_changes(root: &Path, endpoint: &str) {
    let arguments = ["plan", "-detailed-exitcode", "-input=false", "-no-color"];
    let text = terraform(root, endpoint, &arguments);
    assert!(text.contains("No changes."), "{text}");
}

/// Runs checkov on the final plan of a root.
fn checkov_finds_nothing(sandbox: &Sandbox, root: &str, endpoint: &str) {
    let (plan, json) = (
        sandbox.path().join(format!("{root}.tfplan")),
        sandbox.path().join(format!("{root}.json")),
    );
    let out = format!("-out={}", plan.display());
    let dir = roots(sandbox).join(root);
    let _ = terraform(&dir, endpoint, &["plan", "-input=false", &out]);
    let shown = terraform(&dir, endpoint, &["show", "-json", &plan.to_string_lossy()]);
    std::fs::write(&json, shown).expect("the plan is written");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/checkov.sh");
    let output = Command::new(script)
        .args(["plan", root])
        .arg(&json)
        .output()
        .expect("scripts/checkov.sh runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn up_releases_rollbacks_and_down() {
    let sandbox = Sandbox::new();
    let first = sandbox.app("first", "life", Mode::Flaky, 1);

    // Nothing is deployed yet, and every command reports that.
    for command in ["status", "url", "logs"] {
        let _ = sandbox
            .rehearse(&first, &[command])
            .expect(Exit::NothingServing);
    }

    // From a directory to an answering address.
    let up = sandbox
        .rehearse(&first, &["up", "--yes"])
        .expect(Exit::Done);
    let address = up.address();
    let users = Users::ask(&address, 2);
    for phase in [
        Phase::Build,
        Phase::Foundation,
        Phase::Fargate,
        Phase::Push,
        Phase::Release,
    ] {
        assert!(has_phase(&up, phase), "{phase:?}");
    }
    let answers = users.stop();
    assert_eq!(answers.lost, 0, "{answers:?}");
    assert!(answers.by_status.contains_key(&200), "{answers:?}");
    assert!(
        !answers.by_status.contains_key(&500),
        "the edge hides the app's errors: {answers:?}"
    );

    // The release causes no changes in Terraform's plan.
    let (endpoint, _) = sandbox.emulators();
    for root in ["foundation", "fargate"] {
        plan_reports_no_changes(&roots(&sandbox).join(root), &endpoint);
        checkov_finds_nothing(&sandbox, root, &endpoint);
    }

    // Again: nothing is created, pushed or released.
    let again = sandbox
        .rehearse(&first, &["up", "--yes"])
        .expect(Exit::Done);
    again.one("unchanged", |event| {
        matches!(event, Event::Unchanged { .. }).then_some(())
    });
    assert!(!has_phase(&again, Phase::Foundation) && !has_phase(&again, Phase::Fargate));
    let planned = again.all(|event| match event {
        Event::Planned { changes, .. } => Some(changes.len()),
        _ => None,
    });
    assert_eq!(planned, [0, 0]);
    assert_eq!(steps(&again), [], "nothing was to be released");
    let pushed = again.all(|event| match event {
        Event::Note { text } if text.contains("has this image already") => Some(()),
        _ => None,
    });
    assert_eq!(pushed.len(), 1);

    // `plan` reports the same, and the cost.
    let shown = sandbox.rehearse(&first, &["plan"]).expect(Exit::Done);
    let planned = shown.all(|event| match event {
        Event::Planned { changes, .. } => Some(changes.len()),
        _ => None,
    });
    assert_eq!(planned, [0, 0]);
    let cost = sandbox.rehearse(&first, &["cost"]).expect(Exit::Done);
    for ended in [&shown, &cost] {
        let bill = ended.one("price", |event| match event {
            Event::Priced { bill } => Some((**bill).clone()),
            _ => None,
        });
        assert_eq!(rules::shape::cost::money::cents(bill.monthly_usd), "36.39");
        assert!(!bill.incomplete, "{bill:?}");
    }

    // A new version, while users keep asking: no request is lost.
    let second = sandbox.app("second", "life", Mode::Good, 2);
    let users = Users::ask(&address, 4);
    let up = sandbox
        .rehearse(&second, &["up", "--yes", "--minimum", "2s", "--bake", "2s"])
        .expect(Exit::Done);
    let answers = users.stop();
    assert_eq!(up.address(), address);
    let shares: Vec<u32> = steps(&up)
        .iter()
        .filter_map(|step| match step {
            Step::Shift { share, .. } => Some(*share),
            _ => None,
        })
        .collect();
    assert_eq!(shares, [10, 50, 95, 100]);
    assert_eq!(answers.lost, 0, "{answers:?}");
    // 502 and 503 would be requests without a task; the edge hides the old version's own errors.
    assert_eq!(
        answers.by_status.keys().collect::<Vec<_>>(),
        [&200],
        "{answers:?}"
    );
    for root in ["foundation", "fargate"] {
        plan_reports_no_changes(&roots(&sandbox).join(root), &endpoint);
    }

    // Bad versions: the right cause, and the version before stays live.
    for (mode, cause) in [
        (Mode::Crash, "crash"),
        (Mode::WrongPort, "wrong_port"),
        (Mode::Deaf, "not_ready"),
        (Mode::Errors, "worse"),
    ] {
        let bad = sandbox.app(cause, "life", mode, 3);
        let users = Users::ask(&address, 2);
        let up = sandbox
            .rehearse(&bad, &["up", "--yes", "--ready-timeout", "20s"])
            .expect(Exit::RolledBack);
        let answers = users.stop();
        let (seen, evidence) = up.one("autopsy", |event| match event {
            Event::Autopsy { cause, evidence } => Some((cause.code(), evidence.clone())),
            _ => None,
        });
        assert_eq!(seen, cause, "{evidence:?}");
        assert!(
            evidence.log.iter().any(|line| line.contains("misbehave:")),
            "{evidence:?}"
        );
        let shifted = steps(&up)
            .iter()
            .any(|step| matches!(step, Step::Shift { .. }));
        assert!(!shifted, "users were sent to a version that never worked");
        assert_eq!(answers.lost, 0, "{answers:?}");
        assert_eq!(
            answers.by_status.keys().collect::<Vec<_>>(),
            [&200],
            "{answers:?}"
        );
    }

    // The edge also reaches an app on 127.0.0.1.
    let loopback = sandbox.app("loopback", "life", Mode::Loopback, 4);
    for app in [&loopback, &second] {
        let _ = sandbox
            .rehearse(app, &["up", "--yes", "--strategy", "all-at-once"])
            .expect(Exit::Done);
    }

    // A change that would interrupt users is refused before anything happens.
    let bare = sandbox
        .app("bare", "life", Mode::Good, 2)
        .manifest("edge = false\n");
    let refused = sandbox
        .rehearse(&bare, &["up", "--yes"])
        .expect(Exit::Refused);
    assert!(
        refused.failure().contains("aws_ecs_service.slot"),
        "{}",
        refused.failure()
    );

    // Status shows what runs; the log has the lines of stopped tasks.
    let status = sandbox.rehearse(&second, &["status"]).expect(Exit::Done);
    status.one("status", |event| match event {
        Event::Status(status) => {
            assert!(status.answers);
            let live: Vec<_> = status.slots.iter().filter(|slot| slot.live).collect();
            assert_eq!(
                (live.len(), live[0].running, live[0].healthy),
                (1, 1, 1),
                "{status:?}"
            );
            let idle = status.slots.iter().find(|slot| !slot.live);
            assert_eq!(
                idle.map(|slot| (slot.desired, slot.running)),
                Some((0, 0)),
                "{status:?}"
            );
            Some(())
        }
        _ => None,
    });
    let lines = |more: &[&str]| {
        let arguments = [&["logs", "--since", "1h"], more].concat();
        let logs = sandbox.rehearse(&second, &arguments).expect(Exit::Done);
        logs.all(|event| match event {
            Event::Log { message, .. } => Some(message.clone()),
            _ => None,
        })
    };
    let of_app = lines(&[]);
    let is_its_own = |line: &String| line.contains("cannot find the settings file");
    assert!(of_app.iter().any(is_its_own), "{of_app:?}");
    assert_eq!(of_app.iter().find(|line| is_of_edge(line)), None);
    let all = lines(&["--edge"]);
    assert!(all.iter().any(|line| is_of_edge(line)), "{all:?}");

    // Without a confirmation nothing is removed, and the variable that confirms `up` is none.
    let mut unconfirmed = sandbox.command(&["down"]);
    unconfirmed
        .current_dir(second.path())
        .env("LANDFALL_REHEARSE", "true")
        .env("LANDFALL_YES", "true");
    let _ = Running::start(unconfirmed).end().expect(Exit::Refused);
    let _ = sandbox.rehearse(&second, &["status"]).expect(Exit::Done);

    // Remove everything, twice.
    let down = sandbox
        .rehearse(&second, &["down", "--yes"])
        .expect(Exit::Done);
    let doomed = down.one("list", |event| match event {
        Event::Doomed { things } => Some(things.len()),
        _ => None,
    });
    assert!(doomed > 25, "{doomed} things");
    let deleted = down.all(|event| match event {
        Event::Planned { changes, .. } => Some(
            changes
                .iter()
                .filter(|change| change.action == Action::Delete)
                .count(),
        ),
        _ => None,
    });
    assert!(deleted.iter().sum::<usize>() > 30, "{deleted:?}");
    for ended in [
        down,
        sandbox
            .rehearse(&second, &["down", "--yes"])
            .expect(Exit::Done),
    ] {
        ended.one("sweep", |event| match event {
            Event::Swept { left, unseen, .. } => {
                assert_eq!((*left, unseen.as_slice()), (0, [].as_slice()));
                Some(())
            }
            _ => None,
        });
    }
    let _ = sandbox
        .rehearse(&second, &["status"])
        .expect(Exit::NothingServing);
    assert!(
        !roots(&sandbox).exists(),
        "the unpacked roots are gone, too"
    );
}
