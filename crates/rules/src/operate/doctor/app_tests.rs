use super::app::{Image, Trial, why_not_run};
use super::samples::*;
use super::*;
use crate::app::manifest::{Architecture, SecretName, SecretsStore};
use crate::check::Outcome;
use crate::exit::Exit;

#[test]
fn a_port_is_judged_by_whether_the_edge_reaches_it() {
    let alone = "target = \"fargate\"\nedge = false\n";
    let table = [
        ("", listens(&[8080], &[]), None, "listens on 8080"),
        ("", listens(&[], &[8080]), None, "which the edge reaches"),
        (
            alone,
            listens(&[], &[8080]),
            Some(Exit::BadInput),
            "127.0.0.1:8080 only",
        ),
        (
            "",
            listens(&[9090], &[]),
            Some(Exit::BadInput),
            "but listens on 9090",
        ),
        (
            "",
            listens(&[], &[9090]),
            Some(Exit::BadInput),
            "but listens on 9090",
        ),
        (
            alone,
            listens(&[], &[9090]),
            Some(Exit::BadInput),
            "on loopback only",
        ),
        (
            "",
            listens(&[9090, 9091], &[]),
            Some(Exit::BadInput),
            "9090, 9091",
        ),
        (
            "",
            listens(&[], &[]),
            Some(Exit::BadInput),
            "listens on no port",
        ),
        ("", Trial::Asked { answered: true }, None, "answers on 8080"),
        (
            "",
            Trial::Asked { answered: false },
            None,
            "no answer on 8080",
        ),
        (
            "",
            Trial::Exited {
                code: Some(3),
                lines: vec!["bad".into()],
            },
            Some(Exit::BadInput),
            "exited with exit code 3",
        ),
    ];
    for (text, trial, exit, words) in table {
        let facts = Facts {
            app: Ok(settings(text)),
            trial: Ok(trial.clone()),
            ..good()
        };
        let check = one(&facts, CheckId::Port);
        assert_eq!(check.exit(), exit, "{trial:?}");
        assert!(check.what.contains(words), "{trial:?}: {}", check.what);
        if exit.is_some() {
            assert_ne!(check.fix, [""; 0], "{trial:?} has a fix");
        }
    }
    let facts = Facts {
        trial: Ok(listens(&[9090], &[])),
        ..good()
    };
    assert!(one(&facts, CheckId::Port).fix[0].contains("`port = 9090`"));
}

#[test]
fn much_memory_of_a_function_needs_a_request_to_aws() {
    let outcomes = |text: &str| -> Vec<Outcome> {
        let facts = Facts {
            app: Ok(settings(text)),
            ..good()
        };
        let checks = examine(&facts);
        let ours = checks.iter().filter(|check| check.check == CheckId::App);
        ours.map(|check| check.outcome).collect()
    };
    let large = "cpu = 1024\nmemory = 4096\n";
    assert_eq!(
        outcomes(&format!("target = \"fargate\"\n{large}")),
        [Outcome::Ok]
    );
    let on_lambda = outcomes(&format!("target = \"lambda\"\n{large}"));
    assert_eq!(on_lambda, [Outcome::Ok, Outcome::Warning]);
}

#[test]
fn an_index_of_images_is_reported_on_lambda() {
    let found = |text: &str| {
        let facts = Facts {
            app: Ok(settings(text)),
            image: Ok(Image {
                index: true,
                ..image()
            }),
            ..good()
        };
        let check = one(&facts, CheckId::Image);
        assert_eq!(check.outcome, Outcome::Ok);
        check.what
    };
    assert!(found("target = \"lambda\"\n").contains("an index of images"));
    assert!(!found("target = \"fargate\"\n").contains("index"));
}

#[test]
fn exposed_ports_matter_only_where_no_port_was_observed() {
    let facts = |trial| Facts {
        image: Ok(Image {
            exposed: vec![3000],
            ..image()
        }),
        trial,
        ..good()
    };
    let unseen = one(&facts(Err(Unavailable::NotAsked)), CheckId::Image);
    assert_eq!(unseen.outcome, Outcome::Warning);
    assert!(unseen.what.contains("exposes 3000"));
    let seen = one(&facts(Ok(listens(&[8080], &[]))), CheckId::Image);
    assert_eq!(seen.outcome, Outcome::Ok);
}

#[test]
fn an_image_for_another_architecture_is_run_only_with_emulation() {
    let arm = Image {
        architecture: "arm64".into(),
        ..image()
    };
    assert_eq!(why_not_run(&image(), &engine("x86_64", Some(false))), None);
    assert!(why_not_run(&arm, &engine("x86_64", Some(false))).is_some());
    assert_eq!(why_not_run(&arm, &engine("x86_64", Some(true))), None);
    assert_eq!(why_not_run(&arm, &engine("aarch64", Some(false))), None);
    assert_eq!(super::machine::processor("riscv64"), None::<Architecture>);
}

#[test]
fn an_app_that_exits_without_its_secrets_may_run_with_them() {
    let facts = |toml: &str, trial: Trial, stored: &[Stored]| Facts {
        app: Ok(settings(toml)),
        secrets: Ok(stored.to_vec()),
        trial: Ok(trial),
        ..good()
    };
    let ended = || Trial::Exited {
        code: Some(1),
        lines: vec!["DATABASE_URL: not set".into()],
    };
    let of = |facts: &Facts, name| {
        let found = examine(facts).into_iter().find(|check| check.check == name);
        found.expect("it was looked at")
    };
    let toml = "target = \"lambda\"\nsecrets = [\"DATABASE_URL\"]\n";
    let missing = facts(toml, ended(), &[]);
    assert_eq!(of(&missing, CheckId::Secrets).exit(), Some(Exit::BadInput));
    let port = of(&missing, CheckId::Port);
    assert_eq!(port.outcome, Outcome::Warning);
    assert!(port.fix[0].contains("DATABASE_URL"), "{port:?}");
    // One that listens elsewhere does so with them, too.
    let elsewhere = of(&facts(toml, listens(&[9090], &[]), &[]), CheckId::Port);
    assert!(elsewhere.exit().is_some());
    let without = of(&facts("target = \"lambda\"\n", ended(), &[]), CheckId::Port);
    assert!(without.exit().is_some());
    let set = Stored {
        name: SecretName::parse("DATABASE_URL").expect("a name"),
        store: SecretsStore::ParameterStore,
        id: "/landfall/uptime-prod/DATABASE_URL".into(),
        version: "1".into(),
        changed: None,
    };
    let there = of(
        &facts(toml, listens(&[8080], &[]), &[set]),
        CheckId::Secrets,
    );
    assert_eq!(there.what, "DATABASE_URL in Parameter Store");
}
