//! What AWS refuses to an account is reported as that, with the way out, and the next command continues.

use rules::event::Event;
use rules::exit::Exit;
use rules::operate::sweep::Kind;
use testkit::{App, CommandOutput, Mode, Sandbox};

const UP: [&str; 5] = ["up", "--yes", "--budget=60", "--minimum=1s", "--bake=1s"];

/// One `up` that meets this scenario of the front; returns its failure.
fn up(sandbox: &Sandbox, app: &App, scenario: &str, exit: Exit) -> String {
    let _on = sandbox.scenario(scenario);
    let ended = sandbox.rehearse(app, &UP).expect(exit);
    let failure = ended.failure();
    println!("{scenario}: {failure}");
    failure
}

/// The words of all warnings of a command.
fn warnings(ended: &CommandOutput) -> String {
    let all = ended.all(|event| match event {
        Event::Warning { text } => Some(text.clone()),
        _ => None,
    });
    all.join("\n")
}

#[test]
fn an_account_that_lacks_something_is_told_what() {
    let sandbox = Sandbox::new().with_emulators();
    let app = sandbox.app("app", "lacks", Mode::Good, 1);
    let denied = up(&sandbox, &app, "region-denied", Exit::Access);
    assert!(denied.contains("service control policy"), "{denied}");
    // A budget stops nothing: the foundation is applied without it, whichever call AWS refuses.
    for refused in ["budgets-not-enabled", "budgets-not-created"] {
        let _budgets = sandbox.scenario(refused);
        let _vpcs = sandbox.scenario("five-vpcs");
        let ended = sandbox.rehearse(&app, &UP).expect(Exit::Infrastructure);
        let failure = ended.failure();
        assert!(failure.contains("as many VPCs"), "{refused}: {failure}");
        let warned = warnings(&ended);
        assert!(
            warned.contains("no AWS budget") && warned.contains("management account"),
            "{refused}: {warned}"
        );
    }
    for (scenario, words) in [
        ("alb-not-verified", "has not enabled load balancers"),
        (
            "cloudfront-not-verified",
            "has not verified this account for CloudFront",
        ),
    ] {
        let failure = up(&sandbox, &app, scenario, Exit::Infrastructure);
        assert!(failure.contains(words), "{scenario}: {failure}");
        assert!(
            !failure.contains("landfall policy"),
            "{scenario}: {failure}"
        );
    }
    // The budget was created once it was allowed. Later it cannot be read, and a release goes on; one that AWS
    // accepts only in part says so.
    let no_budgets = sandbox.scenario("budgets-not-enabled");
    let tmpfs = sandbox.scenario("tmpfs-refused");
    let ended = sandbox.rehearse(&app, &UP).expect(Exit::Done);
    let warned = warnings(&ended);
    assert!(warned.contains("left as it is"), "{warned}");
    let notes = ended.all(|event| match event {
        Event::Note { text } => Some(text.clone()),
        _ => None,
    });
    assert!(
        notes
            .iter()
            .any(|note| note.contains("refused directories in memory")),
        "{notes:?}"
    );
    drop(tmpfs);
    let down = sandbox
        .rehearse(&app, &["down", "--yes"])
        .expect(Exit::Done);
    let warned = warnings(&down);
    assert!(warned.contains("aws budgets delete-budget"), "{warned}");
    // What could not be removed is found once it can be read again.
    drop(no_budgets);
    let left = sandbox
        .rehearse(&app, &["down", "--verify"])
        .expect(Exit::Done);
    let left = left.all(|event| match event {
        Event::Left { leftover } => Some(leftover.kind),
        _ => None,
    });
    assert_eq!(left, [Kind::Budget]);
}
