//! An app with a domain of its own, in the emulators: they certify whatever they are asked for, and no DNS leads
//! there.

use rules::app::manifest::Target;
use rules::event::Event;
use rules::exit::Exit;
use rules::operate::doctor::{CheckId, Outcome};
use testkit::{CommandOutput, Mode, Sandbox, Zone};

/// Short enough for a test; the evidence asked for is the same.
const BRIEF: [&str; 5] = [
    "up",
    "--yes",
    "--minimum=1s",
    "--bake=2s",
    "--ready-timeout=60s",
];

fn address(ended: &CommandOutput) -> String {
    ended.one("address", |event| match event {
        Event::Url { url } => Some(url.clone()),
        _ => None,
    })
}

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
fn a_domain_comes_with_up_and_goes_with_down() {
    let sandbox = Sandbox::new().on(Target::Lambda);
    let app = sandbox.app("own", "own", Mode::Good, 1);
    let app = app.clone().manifest("domain = \"app.example.com\"\n");

    // Without a zone nothing is made, and it says how to make one.
    let refused = sandbox.rehearse(&app, &BRIEF).expect(Exit::BadInput);
    let told = failure(&refused);
    assert!(
        told.contains("aws route53 create-hosted-zone --name example.com"),
        "{told}"
    );

    // What is somebody else's is not written over.
    let zone = Zone::create(&sandbox, "example.com");
    zone.add("app.example.com", "192.0.2.1");
    let refused = sandbox.rehearse(&app, &BRIEF).expect(Exit::BadInput);
    let told = failure(&refused);
    assert!(told.contains("192.0.2.1"), "{told}");
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
    // No DNS leads there, so AWS's own address is told.
    let url = address(&up);
    assert!(!url.contains("example.com"), "{url}");
    assert_eq!(
        address(&sandbox.rehearse(&app, &["url"]).expect(Exit::Done)),
        url
    );
    // And that of the environment is left out elsewhere.
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

    // Out of the manifest, and it goes while the app serves.
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
