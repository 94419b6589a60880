//! What AWS refuses to an account is reported as that, with the way out, and the next command continues.

use rules::event::Event;
use rules::exit::Exit;
use testkit::{App, Mode, Sandbox};

/// One `up` that meets this scenario of the front; returns its failure.
fn up(sandbox: &Sandbox, app: &App, scenario: &str, exit: Exit) -> String {
    let _on = sandbox.scenario(scenario);
    let up = ["up", "--yes", "--budget=60", "--minimum=1s", "--bake=1s"];
    let ended = sandbox.rehearse(app, &up).expect(exit);
    let failure = ended.failure();
    println!("{scenario}: {failure}");
    failure
}

#[test]
fn an_account_that_lacks_something_is_told_what() {
    let sandbox = Sandbox::new().with_emulators();
    let app = sandbox.app("app", "lacks", Mode::Good, 1);
    let denied = up(&sandbox, &app, "region-denied", Exit::Access);
    assert!(denied.contains("service control policy"), "{denied}");
    for (scenario, words) in [
        ("five-vpcs", "as many VPCs as the account may have"),
        ("alb-not-verified", "has not enabled load balancers"),
        (
            "cloudfront-not-verified",
            "has not verified this account for CloudFront",
        ),
        // Foundation and target are applied at the same time, so the budget exists by now and cannot be read.
        ("budgets-not-enabled", "has not enabled budgets"),
    ] {
        let failure = up(&sandbox, &app, scenario, Exit::Infrastructure);
        assert!(failure.contains(words), "{scenario}: {failure}");
        assert!(
            !failure.contains("landfall policy"),
            "{scenario}: {failure}"
        );
    }
    // A release that AWS accepts only in part says so.
    let _on = sandbox.scenario("tmpfs-refused");
    let up = ["up", "--yes", "--budget=60", "--minimum=1s", "--bake=1s"];
    let ended = sandbox.rehearse(&app, &up).expect(Exit::Done);
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
    let _down = sandbox
        .rehearse(&app, &["down", "--yes"])
        .expect(Exit::Done);
}
