use super::*;
use crate::policy::path_rules::Switches;
use edge_contract::env_vars::VARIABLES;
use proptest::prelude::*;

/// The variables that are required, and a port that is free.
const LEAST: [(&str, &str); 2] = [("APP", "3000"), ("LISTEN", "8000")];

fn read(variables: &[(&str, &str)]) -> Result<Settings, BadEnvironment> {
    let all = LEAST.iter().chain(variables);
    Settings::read(all.map(|(name, value)| (format!("{PREFIX}{name}"), *value)))
}

fn complaints(variables: &[(&str, &str)]) -> Vec<String> {
    let BadEnvironment(problems) = read(variables).expect_err("problems");
    problems
        .into_iter()
        .map(|p| format!("{}: {}", p.name, p.why))
        .collect()
}

#[test]
fn the_defaults_are_those_of_the_table() {
    let settings = read(&[]).expect("settings");
    assert_eq!(settings.app.to_string(), "127.0.0.1:3000");
    assert_eq!(settings.listen.to_string(), "0.0.0.0:8000");
    assert_eq!(settings.retry.tries, 5);
    assert_eq!(settings.deadline, Some(Duration::from_secs(30)));
    assert_eq!(settings.retry.one_try, None);
    assert_eq!(settings.secret, None);
    assert_eq!(settings.access_log, AccessLog::Off);
    assert_eq!(settings.revision, "unknown");
    assert!(!settings.stream);
}

#[test]
fn every_variable_of_the_table_is_read() {
    for variable in VARIABLES {
        // No valid value has a line feed: only a variable that is not read accepts this one.
        let answer = read(&[(variable.name, "\u{1}\n\u{1}")]);
        assert!(answer.is_err(), "{} is not read", variable.name);
    }
}

#[test]
fn other_variables_are_ignored() {
    let environment = [
        ("PATH", "/bin"),
        ("LANDFALL_EDGE_APP", "3000"),
        ("LANDFALL_EDGE_LISTEN", "1"),
        ("X", ""),
    ];
    assert!(Settings::read(environment).is_ok());
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_one() {
    assert_eq!(
        complaints(&[("DEADLINE", "1"), ("trie", "2"), ("COLOUR", "red")])[..2],
        [
            "LANDFALL_EDGE_DEADLINE: unknown name; did you mean LANDFALL_EDGE_DEADLINE_MS?",
            "LANDFALL_EDGE_trie: unknown name; did you mean LANDFALL_EDGE_TRIES?",
        ]
    );
    assert!(
        complaints(&[("COLOUR", "red")])[0].contains("the names after LANDFALL_EDGE_ are APP, ")
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let found = complaints(&[
        ("TRIES", "0"),
        ("ACCESS_LOG", "2"),
        ("RULES", "/a"),
        ("SECRET", "short"),
    ]);
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(
        found[1],
        "LANDFALL_EDGE_TRIES: `0` is not a whole number from 1 to 10"
    );
    assert!(
        found.iter().all(|line| !line.contains("short")),
        "{found:?}"
    );
    let nothing = Settings::read([("", "")]).expect_err("problems");
    assert_eq!(nothing.0.len(), 1);
    assert!(
        nothing
            .to_string()
            .contains("LANDFALL_EDGE_APP: it is not set"),
        "{nothing}"
    );
}

#[test]
fn two_variables_with_the_same_port_are_refused() {
    assert_eq!(
        complaints(&[("LISTEN", "0.0.0.0:3000")]),
        [
            "LANDFALL_EDGE_LISTEN: port 3000 is that of LANDFALL_EDGE_APP as well; choose another one"
        ]
    );
    assert_eq!(complaints(&[("PRIVATE_LISTEN", "8000")]).len(), 1);
    assert!(read(&[("APP", "127.0.0.1:3000"), ("LISTEN", "127.0.0.2:3000")]).is_ok());
}

#[test]
fn values_of_every_kind_are_parsed() {
    let settings = read(&[
        ("PRIVATE_LISTEN", "[::1]:9901"),
        ("SECRET", "0123456789abcdef"),
        ("DEADLINE_MS", "0"),
        ("LIMIT", "0"),
        ("ACCESS_LOG", "0.25"),
        ("FORWARDED_PROTO", "https"),
        ("RULES", "/pay=-retry"),
        ("THREADS", " 2 "),
        ("STREAM", "on"),
    ])
    .expect("settings");
    assert!(settings.stream);
    assert_eq!(
        complaints(&[("STREAM", "true")]),
        ["LANDFALL_EDGE_STREAM: `true` is not `on` or `off`"]
    );
    assert_eq!(
        settings.private_listen.map(|a| a.to_string()).as_deref(),
        Some("[::1]:9901")
    );
    assert_eq!((settings.deadline, settings.limit), (None, None));
    assert_eq!(settings.access_log, AccessLog::Share(0.25));
    assert_eq!(settings.threads, Some(2));
    assert_ne!(settings.rules.of("/pay"), Switches::ALL);
    let secret = settings.secret.expect("secret");
    assert!(secret.is(b"0123456789abcdef"));
    assert!(!secret.is(b"0123456789abcdeg") && !secret.is(b"") && !secret.is(b"0123456789abcdef0"));
    assert_eq!(format!("{secret:?}"), "Secret(…)");
}

#[test]
fn the_table_lists_each_variable_once() {
    let table = edge_contract::env_vars::table();
    assert_eq!(table.lines().count(), 2 + VARIABLES.len());
    for variable in VARIABLES {
        assert_eq!(
            table
                .matches(&format!("`{PREFIX}{}`", variable.name))
                .count(),
            1
        );
    }
}

proptest! {
    #[test]
    fn any_environment_is_parsed_or_refused(
        index in 0..VARIABLES.len(), value in ".*", number in "-?[0-9.e]{0,25}", name in "[A-Z_]{0,12}",
    ) {
        let known = VARIABLES[index].name;
        for (name, value) in [(known, &value), (known, &number), (name.as_str(), &value)] {
            if let Err(bad) = read(&[(name, value)]) {
                prop_assert!(!bad.0.is_empty());
                for line in bad.to_string().lines().skip(1) {
                    prop_assert!(line.starts_with("  LANDFALL_EDGE_"), "{}", line);
                }
            }
        }
    }
}
