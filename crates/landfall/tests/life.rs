//! The life of an environment: up, up again, new versions good and bad, down. Real Terraform and
//! provider, real containers behind an emulated load balancer.

use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::release::Step;
use rules::shape::plan::Action;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::{CommandOutput, Mode, Sandbox, Users};

fn url(ended: &CommandOutput) -> String {
    ended.one("address", |event| match event {
        Event::Url { url } => Some(url.clone()),
        _ => None,
    })
}

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

/// What plain Terraform says in a root, as it would to a user without landfall.
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

/// What Terraform made and what releases changed do not get into each other's way.
fn plan_says_no_changes(root: &Path, endpoint: &str) {
    let arguments = ["plan", "-detailed-exitcode", "-input=false", "-no-color"];
    let text = terraform(root, endpoint, &arguments);
    assert!(text.contains("No changes."), "{text}");
}

/// Shows checkov, which nobody here wrote, what a root comes to once everything about it is known.
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

    // Nothing is there yet, and every command says so.
    for command in ["status", "url", "logs"] {
        let _ = sandbox
            .rehearse(&first, &[command])
            .expect(Exit::NothingServing);
    }

    // From a directory to an answering address.
    let up = sandbox
        .rehearse(&first, &["up", "--yes"])
        .expect(Exit::Done);
    let address = url(&up);
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

    // What Terraform made and what the release changed do not get into each other's way.
    let (endpoint, _) = sandbox.emulators();
    for root in ["foundation", "fargate"] {
        plan_says_no_changes(&roots(&sandbox).join(root), &endpoint);
        checkov_finds_nothing(&sandbox, root, &endpoint);
    }

    // Again: nothing is created, pushed or released, and it says so.
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

    // A look at it says the same, and what it costs.
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
    assert_eq!(url(&up), address);
    let shares: Vec<u32> = steps(&up)
        .iter()
        .filter_map(|step| match step {
            Step::Shift { share, .. } => Some(*share),
            _ => None,
        })
        .collect();
    assert_eq!(shares, [10, 50, 95, 100]);
    assert_eq!(answers.lost, 0, "{answers:?}");
    // 502 and 503 would be requests that found nobody; the old version's own errors stay behind its edge.
    assert_eq!(
        answers.by_status.keys().collect::<Vec<_>>(),
        [&200],
        "{answers:?}"
    );
    for root in ["foundation", "fargate"] {
        plan_says_no_changes(&roots(&sandbox).join(root), &endpoint);
    }

    // Bad versions: the right cause, and the version before goes on serving.
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

    // On 127.0.0.1 the edge finds the app all the same.
    let loopback = sandbox.app("loopback", "life", Mode::Loopback, 4);
    for app in [&loopback, &second] {
        let _ = sandbox
            .rehearse(app, &["up", "--yes", "--strategy", "all-at-once"])
            .expect(Exit::Done);
    }

    // A change that would cut users off is refused before anything happens.
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

    // Status says what runs; the log holds what stopped tasks wrote.
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
    let logs = sandbox
        .rehearse(&second, &["logs", "--since", "1h"])
        .expect(Exit::Done);
    let lines = logs.all(|event| match event {
        Event::Log { message, .. } => Some(message.clone()),
        _ => None,
    });
    assert!(
        lines
            .iter()
            .any(|line| line.contains("cannot find the settings file")),
        "{lines:?}"
    );

    // Without a yes, and nobody to ask, nothing is removed.
    let _ = sandbox.rehearse(&second, &["down"]).expect(Exit::Refused);
    let _ = sandbox.rehearse(&second, &["status"]).expect(Exit::Done);

    // Back to nothing, twice.
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
