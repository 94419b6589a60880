//! Environments that expire, and `landfall reap`: real Terraform, and buckets in the emulator whose
//! tags have the expiry.

use rules::app::manifest::Target;
use rules::event::{Event, Status};
use rules::exit::Exit;
use rules::operate::ttl::Expiry;
use std::process::Command;
use testkit::{App, CommandOutput, Mode, Sandbox};

const BUCKET: &str = "landfall-123456789012-us-east-1-brief-";

/// Sets the tags of a bucket with the S3 API: the expiry is in the past, and the test does not
/// wait.
fn expire(sandbox: &Sandbox, environment: &str) {
    let tags = [
        ("landfall:app", "brief"),
        ("landfall:environment", environment),
        ("landfall:expires-at", "2026-01-01T00:00:00Z"),
    ];
    let set: String = tags
        .iter()
        .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"))
        .collect();
    let body = format!("<Tagging><TagSet>{set}</TagSet></Tagging>");
    let (_, s3) = sandbox.emulators();
    let done = Command::new("curl")
        .args([
            "--fail",
            "--silent",
            "--show-error",
            "-X",
            "PUT",
            "-d",
            &body,
        ])
        .arg(format!("{s3}/{BUCKET}{environment}?tagging"))
        .output()
        .expect("curl runs");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn expiry(sandbox: &Sandbox, app: &App, environment: &str) -> Expiry {
    let ended = sandbox
        .rehearse(app, &["status", "--env", environment])
        .expect(Exit::Done);
    let status: Status = ended.one("status", |event| match event {
        Event::Status(status) => Some(status.clone()),
        _ => None,
    });
    status.lifetime.expect("it can be looked at").expiry
}

fn reaped(ended: &CommandOutput) -> (Vec<String>, Vec<String>) {
    ended.one("end of reap", |event| match event {
        Event::Reaped { removed, failed } => Some((removed.clone(), failed.clone())),
        _ => None,
    })
}

fn found(ended: &CommandOutput) -> Vec<(String, bool)> {
    ended.one("environments", |event| match event {
        Event::Lifetimes { environments, .. } => Some(
            environments
                .iter()
                .map(|one| {
                    let is_over = matches!(one.expiry, Expiry::Expired { .. });
                    (one.environment.clone(), is_over)
                })
                .collect(),
        ),
        _ => None,
    })
}

#[test]
fn expired_environments_are_destroyed_and_nothing_else() {
    let sandbox = Sandbox::new().on(Target::Lambda);
    let app = sandbox.app("first", "brief", Mode::Good, 1);
    let elsewhere = sandbox.app("elsewhere", "other", Mode::Good, 1);
    let up = |environment: &str, more: &[&str]| {
        let brief = [
            "up",
            "--yes",
            "--minimum=1s",
            "--bake=2s",
            "--env",
            environment,
        ];
        let arguments: Vec<&str> = brief.iter().chain(more).copied().collect();
        sandbox.rehearse(&app, &arguments)
    };
    assert_eq!(up("try", &["--ttl", "9m"]).code, 2, "10m is the least");
    let given = up("try", &["--ttl", "10m"]).expect(Exit::Done);
    given.one("its end", |event| match event {
        Event::Lifetime { lifetime } => {
            matches!(lifetime.expiry, Expiry::Until { .. }).then_some(())
        }
        _ => None,
    });
    let _ = up("prod", &[]).expect(Exit::Done);
    let until = expiry(&sandbox, &app, "try");
    assert!(matches!(until, Expiry::Until { .. }), "{until:?}");
    assert_eq!(expiry(&sandbox, &app, "prod"), Expiry::Never);

    // Another `up` does not change the expiry.
    let again = up("try", &[]).expect(Exit::Done);
    let planned = again.all(|event| match event {
        Event::Planned { changes, .. } => Some(changes.len()),
        _ => None,
    });
    assert_eq!(
        planned,
        [0, 0],
        "a tag is nothing that Terraform would take back"
    );
    assert_eq!(expiry(&sandbox, &app, "try"), until);

    // Nothing has expired yet.
    let early = sandbox
        .rehearse(&elsewhere, &["reap", "--yes"])
        .expect(Exit::Done);
    assert_eq!(reaped(&early), (vec![], vec![]));

    // Confirmation is required, and `--dry-run` only lists.
    expire(&sandbox, "try");
    let both = vec![("prod".to_owned(), false), ("try".to_owned(), true)];
    let dry = sandbox
        .rehearse(&elsewhere, &["reap", "--dry-run"])
        .expect(Exit::Done);
    assert_eq!(found(&dry), both);
    let unasked = sandbox
        .rehearse(&elsewhere, &["reap"])
        .expect(Exit::Refused);
    assert_eq!(found(&unasked), both);
    let other = sandbox
        .rehearse(&elsewhere, &["reap", "--yes", "--name", "shop"])
        .expect(Exit::Done);
    assert_eq!(found(&other), []);

    // Killed in the middle: the next one continues, from an unrelated directory.
    let mut cut = sandbox.start(&elsewhere, &["reap", "--yes"]);
    cut.wait_for("Terraform at work", |event| {
        matches!(event, Event::Resource { .. })
    });
    cut.signal(rustix::process::Signal::TERM);
    let cut = cut.end();
    assert_ne!(cut.code, 0, "{cut:?}");
    let reap = sandbox
        .rehearse(&elsewhere, &["reap", "--yes"])
        .expect(Exit::Done);
    assert_eq!(reaped(&reap), (vec!["brief-try".to_owned()], vec![]));

    let verify = sandbox
        .rehearse(&app, &["down", "--verify", "--env", "try"])
        .expect(Exit::Done);
    let left = verify.one("sweep", |event| match event {
        Event::Swept { left, .. } => Some(*left),
        _ => None,
    });
    assert_eq!(left, 0);
    assert_eq!(expiry(&sandbox, &app, "prod"), Expiry::Never);

    // An expiry can be removed.
    let warned = up("prod", &["--ttl", "1h"]).expect(Exit::Done);
    warned.one("warning", |event| match event {
        Event::Warning { text } => text.contains("had no TTL").then_some(()),
        _ => None,
    });
    let _ = up("prod", &["--ttl", "never"]).expect(Exit::Done);
    assert_eq!(expiry(&sandbox, &app, "prod"), Expiry::Never);
    let _ = sandbox
        .rehearse(&app, &["down", "--yes", "--env", "prod"])
        .expect(Exit::Done);
}
