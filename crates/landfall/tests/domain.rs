//! An app with its own domain, in the emulators: they issue any certificate, and DNS does not
//! resolve the domain.

use rules::app::manifest::Target;
use rules::check::{CheckId, Outcome};
use rules::event::Event;
use rules::exit::Exit;
use testkit::{CommandOutput, Mode, Sandbox, Zone};

/// Short enough for a test, with the same evidence.
const BRIEF: [&str; 5] = [
    "up",
    "--yes",
    "--minimum=1s",
    "--bake=2s",
    "--ready-timeout=60s",
];

fn failure(ended: &CommandOutput) -> String {
    ended.one("failure", |event| match event {
        Event::Failed { what, why, next } => Some(
            [&[what.clone()][..], &why[..], &next[..]]
                .concat()
                .join("\n"),
        ),
        _ => None,
    })
}

fn leads_anywhere(zone: &Zone) -> Vec<String> {
    let mut records = zone.records();
    records.retain(|record| !record.starts_with("CNAME _"));
    records
}

#[test]
fn up_sets_a_domain_up_and_down_removes_it() {
    let sandbox = Sandbox::new().on(Target::Lambda);
    let app = sandbox.app("own", "own", Mode::Good, 1);
    let app = app.clone().manifest("domain = \"app.example.com\"\n");

    // Without a zone nothing is created, and the error explains how to create one.
    let refused = sandbox.rehearse(&app, &BRIEF).expect(Exit::BadInput);
    let message = failure(&refused);
    assert!(
        message.contains("aws route53 create-hosted-zone --name example.com"),
        "{message}"
    );

    // Records of others are not overwritten.
    let zone = Zone::create(&sandbox, "example.com");
    zone.add("app.example.com", "192.0.2.1");
    let refused = sandbox.rehearse(&app, &BRIEF).expect(Exit::BadInput);
    let message = failure(&refused);
    assert!(message.contains("192.0.2.1"), "{message}");
    let doctor = sandbox
        .rehearse(&app, &["doctor", "--no-run"])
        .expect(Exit::BadInput);
    let outcomes = doctor.all(|event| match event {
        Event::Checked { check } if check.check == CheckId::Domain => Some(check.outcome),
        _ => None,
    });
    // Emulators have no public DNS.
    let blocker = Outcome::Blocker {
        exit: Exit::BadInput,
    };
    assert_eq!(outcomes, [Outcome::Skipped, blocker]);
    zone.remove("app.example.com", "192.0.2.1");

    let up = sandbox.rehearse(&app, &BRIEF).expect(Exit::Done);
    assert_eq!(leads_anywhere(&zone), ["A app.example.com"]);
    // DNS does not resolve it, so AWS's own address is shown.
    let url = up.address();
    assert!(!url.contains("example.com"), "{url}");
    assert_eq!(
        sandbox
            .rehearse(&app, &["url"])
            .expect(Exit::Done)
            .address(),
        url
    );
    // Elsewhere, the environment's is left out.
    let elsewhere = sandbox
        .rehearse(&app, &["doctor", "--no-run", "--env=pr-1"])
        .expect(Exit::Done);
    let checks = elsewhere.all(|event| match event {
        Event::Checked { check } => Some(check.check),
        _ => None,
    });
    assert!(!checks.contains(&CheckId::Domain), "{checks:?}");

    let again = sandbox.rehearse(&app, &BRIEF).expect(Exit::Done);
    for summary in again.all(|event| match event {
        Event::Planned { summary, .. } => Some(summary.clone()),
        _ => None,
    }) {
        assert_eq!(summary, "no changes");
    }

    // Without the key in the manifest it is removed, while the app serves.
    let without = app.clone().manifest("");
    let _ = sandbox.rehearse(&without, &BRIEF).expect(Exit::Done);
    assert_eq!(zone.records(), Vec::<String>::new());

    let app = app.clone().manifest("domain = \"app.example.com\"\n");
    let _ = sandbox.rehearse(&app, &BRIEF).expect(Exit::Done);
    assert_eq!(leads_anywhere(&zone), ["A app.example.com"]);
    let down = sandbox
        .rehearse(&app, &["down", "--yes"])
        .expect(Exit::Done);
    let left = down.all(|event| match event {
        Event::Swept { left, unseen, .. } => Some((*left, unseen.clone())),
        _ => None,
    });
    assert_eq!(left, [(0, Vec::new())]);
    assert_eq!(zone.records(), Vec::<String>::new());
}
