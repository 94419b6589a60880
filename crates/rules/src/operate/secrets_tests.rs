use super::*;
use crate::app::manifest::{Draft, Facts, Overrides};

fn manifest(text: &str) -> Manifest {
    let facts = Facts {
        directory_name: "shop".into(),
        dockerfile: Some("FROM scratch\n".into()),
        protected: vec![],
    };
    Draft::read(Some(text))
        .resolve(&facts, &Overrides::default())
        .expect("a manifest")
}

fn name(text: &str) -> SecretName {
    SecretName::parse(text).expect("a name")
}

fn stored(text: &str, store: SecretsStore) -> Stored {
    let id = match store {
        SecretsStore::ParameterStore => format!("/landfall/shop-prod/{text}"),
        SecretsStore::SecretsManager => {
            format!("arn:aws:secretsmanager:eu-west-2:1:secret:landfall/shop-prod/{text}-AbCdEf")
        }
    };
    Stored {
        name: name(text),
        store,
        id,
        version: "3".into(),
        changed: Some(Timestamp(1_795_435_390_000)),
    }
}

const BOTH: &str = "secrets = [\"KEY\", \"URL\"]\n";

#[test]
fn a_value_is_never_printed_and_loses_one_line_break() {
    let read = |bytes: &[u8]| Value::read(bytes.to_vec(), SecretsStore::ParameterStore);
    for (given, kept) in [
        ("a\n", "a"),
        ("a\r\n", "a"),
        ("a\n\n", "a\n"),
        (" a ", " a "),
    ] {
        let value = read(given.as_bytes()).expect("a value");
        assert_eq!(value.reveal(), kept);
        assert_eq!(format!("{value:?}"), "Value(…)");
    }
    for bad in [&b""[..], b"\n", b"a\0b", b"\xff"] {
        let problem = read(bad).expect_err("no value");
        assert!(!format!("{problem}").contains("a\0b"), "{problem}");
    }
    let long = vec![b'x'; 4097];
    let problem = read(&long).expect_err("too long");
    assert!(problem.fix.contains("secrets-manager"), "{problem}");
    assert!(!problem.to_string().contains("xx"), "{problem}");
    assert!(Value::read(long, SecretsStore::SecretsManager).is_ok());
}

#[test]
fn the_name_of_a_secret_is_read_back_from_its_name_in_the_store() {
    let manifest = manifest("");
    let names = Names::new(manifest.name, manifest.environment);
    for store in SecretsStore::ALL {
        let path = path(&names, store, &name("KEY"));
        assert_eq!(name_of(&names, store, &path), Some(name("KEY")));
        for other in [
            "/landfall/shop-prod-2/KEY",
            "landfall/shop-prod-2/KEY",
            "/landfall/shop-prod/a/b",
            "KEY",
        ] {
            assert_eq!(name_of(&names, store, other), None, "{other}");
        }
    }
}

#[test]
fn all_missing_secrets_are_reported_at_once_with_the_commands_that_set_them() {
    let manifest = manifest(BOTH);
    let there = [stored("URL", SecretsStore::SecretsManager)];
    let refusal = references(&manifest, &there).expect_err("neither is in its store");
    insta::assert_snapshot!(
        "missing_secrets",
        format!(
            "{}\n{}\n{}",
            refusal.what,
            refusal.why.join("\n"),
            refusal.next.join("\n")
        )
    );
    let checks = checks(&manifest, &there);
    assert_eq!(checks.len(), 1);
    assert_eq!(checks[0].exit(), Some(Exit::BadInput));
}

#[test]
fn a_set_secret_is_referred_to_by_its_version() {
    let manifest = manifest(BOTH);
    let there = ["KEY", "URL", "OLD"].map(|name| stored(name, SecretsStore::ParameterStore));
    let found = references(&manifest, &there).expect("all are set");
    assert_eq!(
        found.keys().map(SecretName::as_str).collect::<Vec<_>>(),
        ["KEY", "URL"]
    );
    let key = &found[&name("KEY")];
    assert_eq!(key.value_from(), "/landfall/shop-prod/KEY");
    assert!(key.changed.is_some());
    let secret = stored("KEY", SecretsStore::SecretsManager).reference();
    assert_eq!(
        secret.value_from(),
        "arn:aws:secretsmanager:eu-west-2:1:secret:landfall/shop-prod/KEY-AbCdEf:::3"
    );
    // Its ids never come back, and tags change the date.
    assert_eq!(secret.changed, None);
    assert_eq!(
        checks(&manifest, &there)[0].outcome,
        crate::check::Outcome::Ok
    );
}

#[test]
fn a_list_has_the_secrets_of_the_manifest_and_of_the_store() {
    let manifest = manifest(BOTH);
    let there = [
        stored("OLD", SecretsStore::ParameterStore),
        stored("KEY", SecretsStore::SecretsManager),
        stored("KEY", SecretsStore::ParameterStore),
    ];
    let lines: Vec<String> = rows(&manifest, &there)
        .iter()
        .map(|row| {
            let store = row.stored.as_ref().map(|s| s.store.as_str());
            format!("{} {} {} {store:?}", row.name, row.wanted, row.used)
        })
        .collect();
    assert_eq!(
        lines,
        [
            "KEY true true Some(\"parameter-store\")",
            "KEY true false Some(\"secrets-manager\")",
            "OLD false false Some(\"parameter-store\")",
            "URL true false None",
        ]
    );
}

fn dear(text: &str, there: &[Stored], rehearsal: bool) -> Option<Refusal> {
    let account = AccountPlan::Unknown {
        why: "a test".into(),
    };
    let manifest = manifest(text);
    over_budget(
        &manifest,
        there,
        &name("KEY"),
        "eu-west-2",
        &account,
        rehearsal,
        Timestamp(0),
    )
}

#[test]
fn secrets_manager_needs_a_budget() {
    let store = "secrets_store = \"secrets-manager\"\n";
    let refusal = dear(store, &[], false).expect("no budget");
    assert!(refusal.what.contains("$0.40"), "{refusal:?}");
    assert!(
        refusal.next.iter().any(|next| next.contains("--budget 1")),
        "{refusal:?}"
    );
    assert_eq!(dear("", &[], false), None);
    assert_eq!(dear(store, &[], true), None);
    assert_eq!(dear(&format!("budget = 1\n{store}"), &[], false), None);
    // A new value of what is there costs nothing more.
    let own = stored("KEY", SecretsStore::SecretsManager);
    assert_eq!(dear(store, &[own], false), None);
    let others = ["A", "B"].map(|name| stored(name, SecretsStore::SecretsManager));
    let refusal = dear(&format!("budget = 1\n{store}"), &others, false).expect("a third");
    assert!(refusal.what.contains("$1.20"), "{refusal:?}");
}
