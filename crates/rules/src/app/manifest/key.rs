//! The keys that `landfall.toml` may hold, and what was probably meant by any other.

use super::problem::{Invalid, quoted};

/// Every key with an example of its use, in the order of the documentation.
const KEYS: [(&str, &str); 25] = [
    ("name", r#"name = "my-app""#),
    ("environment", r#"environment = "prod""#),
    ("target", r#"target = "fargate""#),
    ("needs", r#"needs = ["websockets"]"#),
    ("region", r#"region = "eu-west-2""#),
    ("domain", r#"domain = "app.example.com""#),
    ("port", "port = 8080"),
    ("cpu", "cpu = 256"),
    ("memory", "memory = 512"),
    ("count", "count = 1"),
    ("architecture", r#"architecture = "x86_64""#),
    ("env", r#"env = { LOG_LEVEL = "info" }"#),
    ("secrets", r#"secrets = ["DATABASE_URL"]"#),
    ("secrets_store", r#"secrets_store = "parameter-store""#),
    (
        "container",
        r#"container = { writable = ["/var/cache/app"] }"#,
    ),
    ("edge", "edge = false"),
    ("health", r#"health = "/healthz""#),
    ("protected", r#"protected = ["main.go", "go.mod"]"#),
    ("budget", "budget = 20"),
    ("allow", r#"allow = ["LF013"]"#),
    ("alarm_emails", r#"alarm_emails = ["me@example.com"]"#),
    ("state", r#"state = "s3""#),
    ("dockerfile", r#"dockerfile = "Dockerfile""#),
    ("drain_seconds", "drain_seconds = 20"),
    ("log_retention_days", "log_retention_days = 14"),
];

/// The keys under `[container]`. None of them is called as one above is.
const CONTAINER_KEYS: [(&str, &str); 5] = [
    ("user", r#"user = "1000:1000""#),
    ("read_only", "read_only = false"),
    ("writable", r#"writable = ["/var/cache/app"]"#),
    ("capabilities", r#"capabilities = ["CHOWN"]"#),
    ("no_new_privileges", "no_new_privileges = false"),
];

/// What others call the same.
const CONTAINER_SYNONYMS: [(&str, &str); 8] = [
    ("readonlyrootfilesystem", "read_only"),
    ("readonly_root_filesystem", "read_only"),
    ("readonly", "read_only"),
    ("tmpfs", "writable"),
    ("volumes", "writable"),
    ("cap_add", "capabilities"),
    ("run_as", "user"),
    ("allow_privilege_escalation", "no_new_privileges"),
];
/// Every key with an example of its use.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYS.into_iter()
}

/// Every key under `[container]` with an example of its use.
#[cfg(test)]
pub(super) fn all_of_container() -> impl Iterator<Item = (&'static str, &'static str)> {
    CONTAINER_KEYS.into_iter()
}

/// The key of this name, if `landfall.toml` has one.
pub(crate) fn is_key(name: &str) -> Option<&'static str> {
    let mut keys = KEYS.iter().map(|(known, _)| *known);
    keys.find(|known| *known == name)
}

/// Whether `landfall.toml` has such a key.
pub(super) fn is_known(key: &str) -> bool {
    is_key(key).is_some()
}

/// A correct line for a known key.
pub(super) fn example(key: &str) -> &'static str {
    // Of a key inside a table, its table's.
    let key = key.split('.').next().unwrap_or(key);
    KEYS.iter()
        .chain(&CONTAINER_KEYS)
        .find(|(known, _)| *known == key)
        .map_or("key = value", |(_, example)| example)
}

/// The complaint about a key that does not exist.
pub(super) fn unknown(key: &str) -> Invalid {
    let what = format!("unknown key {}", quoted(key));
    if let Some((known, example)) = CONTAINER_KEYS.iter().find(|(known, _)| *known == key) {
        return Invalid::new(
            what,
            format!("`{known}` belongs under `[container]`"),
            format!("write `container = {{ {example} }}`, or put it under `[container]`"),
        );
    }
    match nearest(key, &KEYS) {
        Some(known) => Invalid::new(
            what,
            format!("did you mean `{known}`?"),
            format!("write `{}`, or remove the line", example(known)),
        ),
        None => {
            let known: Vec<&str> = KEYS.iter().map(|(known, _)| *known).collect();
            Invalid::new(
                what,
                format!("the keys are {}", known.join(", ")),
                "remove the line, or use one of these keys",
            )
        }
    }
}

/// Whether `[container]` has such a key.
pub(super) fn is_known_in_container(key: &str) -> bool {
    CONTAINER_KEYS.iter().any(|(known, _)| *known == key)
}

/// The complaint about a key that does not exist under `[container]`.
pub(super) fn unknown_in_container(key: &str) -> Invalid {
    let what = format!("unknown key {} under `[container]`", quoted(key));
    if is_known(key) {
        return Invalid::new(
            what,
            format!("`{key}` is a key of the whole file"),
            "move the line above `[container]`",
        );
    }
    let lower = key.to_lowercase().replace('-', "_");
    let synonym = CONTAINER_SYNONYMS.iter().find(|(other, _)| *other == lower);
    match synonym
        .map(|(_, known)| *known)
        .or_else(|| nearest(key, &CONTAINER_KEYS))
    {
        Some(known) => Invalid::new(
            what,
            format!("did you mean `{known}`?"),
            format!("write `{}`, or remove the line", example(known)),
        ),
        None => {
            let known: Vec<&str> = CONTAINER_KEYS.iter().map(|(known, _)| *known).collect();
            Invalid::new(
                what,
                format!("the keys there are {}", known.join(", ")),
                "remove the line, or use one of these keys",
            )
        }
    }
}

/// The known key that a third of the letters or less lie from `key`, or that it abbreviates or
/// lengthens (`mem`, `cpu_units`). A worse match would mislead more than it helps.
fn nearest(key: &str, keys: &[(&'static str, &str)]) -> Option<&'static str> {
    let key = key.to_lowercase().replace('-', "_");
    let close = keys
        .iter()
        .map(|(known, _)| (strsim::damerau_levenshtein(&key, known), *known))
        .filter(|(distance, known)| distance * 3 <= known.len().max(key.chars().count()))
        .min();
    let abbreviation = || {
        keys.iter()
            .filter(|_| key.len() >= 3)
            .find(|(known, _)| known.starts_with(&key) || key.starts_with(known))
            .map(|(known, _)| (0, *known))
    };
    close.or_else(abbreviation).map(|(_, known)| known)
}
