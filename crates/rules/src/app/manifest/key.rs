//! The table of keys that `landfall.toml` may hold. What the reader knows, what an error proposes, the
//! JSON schema, the tables in `docs/manifest.md` and the comments of a starter file come from it.

use super::alerts::{DEFAULT_LOG_RETENTION_DAYS, LOG_RETENTION_DAYS, MAX_BUDGET};
use super::name::PART_LENGTH;
use super::problem::{Invalid, quoted};
use super::traffic::{DEFAULT_DRAIN_SECONDS, HealthPath};
use super::{
    Architecture, Capability, Count, Cpu, DEFAULT_START_SECONDS, DOMAIN_LENGTH, MAX_DRAIN_SECONDS,
    MAX_IDLE_SECONDS, MAX_REQUEST_SECONDS, MAX_START_SECONDS, Need, SecretName, SecretsStore,
    StateBackend, Strategy, Target,
};

/// A key and everything that is written about it anywhere.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields speak for themselves")]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub default: KeyDefault,
    /// A correct line of TOML.
    pub example: &'static str,
    /// What it sets, in Markdown, without a full stop. Links are relative to `docs`.
    pub meaning: &'static str,
}

/// Which values a key takes, as far as a schema can express it. The reader checks more.
#[derive(Debug)]
#[expect(missing_docs, reason = "the variants speak for themselves")]
pub enum Shape {
    Bool,
    /// A whole number between two others, both included.
    Whole(u32, u32),
    /// One of these whole numbers.
    WholeOneOf(fn() -> Vec<u32>),
    /// A number between two others, both included.
    Number(f64, f64),
    Text(Pattern),
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// A list of different texts.
    Texts(Pattern),
    /// A list of different words from these.
    Words(fn() -> Vec<&'static str>),
    /// A table of texts whose names the user chooses.
    Table,
    /// `true`, a list of texts, or a table of texts that match the pattern.
    Protected(Pattern),
    /// A table with keys of its own.
    Keys(&'static [Key]),
}

/// What a text looks like.
#[derive(Debug, Clone, Copy)]
pub struct Pattern {
    /// Regular expression of JSON Schema; empty where any text is possible.
    pub regex: &'static str,
    /// Longest text, if that is limited.
    pub longest: Option<usize>,
}

/// What holds where a key is not set.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the variants speak for themselves")]
pub enum KeyDefault {
    Bool(bool),
    Whole(u32),
    Text(&'static str),
    /// An empty list or table, called this in the documentation.
    Empty(&'static str),
    /// It depends on the app or the machine: this Markdown text states on what.
    Depends(&'static str),
}

const fn pattern(regex: &'static str) -> Pattern {
    Pattern {
        regex,
        longest: None,
    }
}

const fn at_most(longest: usize, regex: &'static str) -> Pattern {
    Pattern {
        regex,
        longest: Some(longest),
    }
}

const fn key(
    name: &'static str,
    shape: Shape,
    default: KeyDefault,
    example: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        name,
        shape,
        default,
        example,
        meaning,
    }
}

/// Lower-case letters, digits and single hyphens, as in every name that AWS gets.
const NAME: Pattern = at_most(PART_LENGTH, "^[a-z][a-z0-9]*(-[a-z0-9]+)*$");

/// A host name in lower case, of at least two labels; the last is not a number.
const DOMAIN: Pattern = at_most(
    DOMAIN_LENGTH,
    r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?![0-9]+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
);

/// The name of an environment variable that the app may have.
const VARIABLE: Pattern = at_most(
    SecretName::LENGTH,
    "^(?!LANDFALL_|AWS_)[A-Za-z_][A-Za-z0-9_]*$",
);

/// A file in the app directory.
const PATH: Pattern = pattern(r"^(?!/|-)(?!.*(^|/)\.\.(/|$))[^\\]+$");

/// A user, or a user and a group, by name or number.
const USER: Pattern = pattern("^[A-Za-z0-9_.][A-Za-z0-9_.-]*(:[A-Za-z0-9_.][A-Za-z0-9_.-]*)?$");

use KeyDefault::{Depends, Empty};
use Shape::{Text, Texts, Whole, WholeOneOf, Word, Words};

/// Every key, in the order of the documentation.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("name", Text(NAME), Depends("the directory's name"), r#"name = "my-app""#,
        "the app's name: lower-case letters, digits and hyphens. With `environment` at most 24 \
         characters"),
    key("environment", Text(NAME), KeyDefault::Text("prod"), r#"environment = "prod""#,
        "one deployment of the app"),
    key("target", Word(|| Target::ALL.map(Target::as_str).to_vec()),
        Depends("`\"lambda\"` if the app fits, else `\"fargate\"`; a deployed app stays where it is"),
        r#"target = "fargate""#,
        "where the app runs: `\"lambda\"` or `\"fargate\"`; not every app [fits \
         Lambda](lambda.md#what-fits)"),
    key("needs", Words(|| Need::ALL.map(Need::as_str).to_vec()), Empty("nothing"),
        r#"needs = ["websockets"]"#,
        "what not every target offers: `\"websockets\"`, `\"long-requests\"` (over 30 s), \
         `\"background-work\"`"),
    key("region", Text(pattern("^[a-z]{2,4}(-[a-z]+)+-[0-9]$")), Depends("the profile's"),
        r#"region = "eu-west-2""#,
        "AWS region"),
    key("domain", Text(DOMAIN), Depends("AWS's name only"), r#"domain = "app.example.com""#,
        "your own name for the app, in [a zone of Route 53](domain.md). It belongs to the file's \
         `environment`"),
    key("port", Whole(1, 65_535), Depends("the Dockerfile's `EXPOSE`, else 8080"), "port = 8080",
        "TCP port that the app listens on; with `edge = false` fixed for the life of the \
         environment"),
    key("cpu", WholeOneOf(Cpu::all), KeyDefault::Whole(Cpu::DEFAULT), "cpu = 256",
        "CPU units: 256, 512, 1024, 2048 or 4096; 1024 are one vCPU"),
    key("memory", Whole(512, 30_720), Depends("the least for `cpu`"), "memory = 512",
        "MiB; on Lambda at most 10,240, and the CPU share grows with it; on Fargate [a \
         combination](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html) \
         that it supports with `cpu`"),
    key("count", Whole(1, Count::MAX), KeyDefault::Whole(1), "count = 1",
        "tasks on Fargate, 1 to 10"),
    key("architecture", Word(|| Architecture::ALL.map(Architecture::as_str).to_vec()),
        KeyDefault::Text("x86_64"), r#"architecture = "x86_64""#,
        "processor that the image is built for and runs on: `\"x86_64\"` or `\"arm64\"`"),
    key("strategy", Word(|| Strategy::ALL.map(Strategy::as_str).to_vec()),
        KeyDefault::Text("canary"), r#"strategy = "canary""#,
        "how users move to a new version: `\"canary\"`, in growing shares; `\"all-at-once\"`, so that \
         [no page mixes two versions](releases.md#pages-of-two-versions); or `\"manual\"`, a tenth until \
         `landfall promote`"),
    key("env", Shape::Table, Empty("empty"), r#"env = { LOG_LEVEL = "info" }"#,
        "table of environment variables. They are visible in the task definition: no secrets"),
    key("secrets", Texts(VARIABLE), Empty("none"), r#"secrets = ["DATABASE_URL"]"#,
        "environment variables with secret values, such as `[\"DATABASE_URL\"]`: [`landfall \
         secrets set`](secrets.md) stores them; none of them may be in `env`"),
    key("secrets_store", Word(|| SecretsStore::ALL.map(SecretsStore::as_str).to_vec()),
        KeyDefault::Text("parameter-store"), r#"secrets_store = "parameter-store""#,
        "where those values are kept: `\"parameter-store\"`, which is free, or \
         `\"secrets-manager\"`, at 0.40 USD a month each"),
    key("container", Shape::Keys(CONTAINER_KEYS), Depends("as little as a web app needs"),
        r#"container = { writable = ["/var/cache/app"] }"#,
        "what the app's container may do, [key by key](#container)"),
    key("edge", Shape::Bool, KeyDefault::Bool(true), "edge = false",
        "whether landfall's proxy runs in the container, in front of the app"),
    key("health", Text(at_most(HealthPath::LENGTH, "^/")), KeyDefault::Text("/"),
        r#"health = "/healthz""#,
        "path of the health check. The edge accepts any response; without the edge the load \
         balancer accepts 200 to 499"),
    key("protected", Shape::Protected(pattern("^[0-9A-Fa-f]{64}$")), Empty("none"),
        r#"protected = ["main.go", "go.mod"]"#,
        "files that must not have changed before a build: a list of files that must equal git \
         HEAD, `true` for `[\"main.go\", \"go.mod\"]`, or a table of files and their SHA-256 sums, \
         which needs no git. Also checked with `--image`"),
    key("budget", Shape::Number(0.0, MAX_BUDGET),
        Depends("0, so fixed costs are refused and the alert is sent at the first cent"),
        "budget = 20",
        "USD a month: `up` [refuses what costs more without traffic](cost.md), and the account's \
         budget alert uses it as its limit"),
    key("allow", Texts(pattern("^LF[0-9]{3}$")), Empty("none"), r#"allow = ["LF011"]"#,
        "[review rules](security.md#rules) whose findings do not stop `up`, such as `[\"LF011\"]`; \
         they are shown as allowed"),
    key("alarm_emails", Texts(pattern("@")), Empty("none"), r#"alarm_emails = ["me@example.com"]"#,
        "addresses that get alarms, after each has confirmed AWS's mail"),
    key("state", Word(|| StateBackend::ALL.map(StateBackend::as_str).to_vec()),
        KeyDefault::Text("s3"), r#"state = "s3""#,
        "where the Terraform state is kept: `\"s3\"`, a bucket of its own, or `\"local\"`, this \
         machine"),
    key("dockerfile", Text(PATH), KeyDefault::Text("Dockerfile"), r#"dockerfile = "Dockerfile""#,
        "path of the Dockerfile, relative to the directory"),
    key("drain_seconds", Whole(0, MAX_DRAIN_SECONDS), KeyDefault::Whole(DEFAULT_DRAIN_SECONDS),
        "drain_seconds = 20",
        "how long a target keeps answering requests in flight, 0 to 110"),
    key("start_seconds", Whole(10, MAX_START_SECONDS), KeyDefault::Whole(DEFAULT_START_SECONDS),
        "start_seconds = 120",
        "how long a new task may take until its first answer, 10 to 1800; more than 120 only on \
         Fargate"),
    key("request_seconds", Whole(1, MAX_REQUEST_SECONDS),
        Depends("30; 115 for an app that needs `\"long-requests\"`"), "request_seconds = 30",
        "how long a response may take until it begins, 1 to 115; more than 30 only on Fargate"),
    key("idle_seconds", Whole(1, MAX_IDLE_SECONDS),
        Depends("60; 600 for an app that needs `\"websockets\"`"),
        "idle_seconds = 60",
        "how long a websocket or a stream may be silent, 1 to 600; more than 60 only on Fargate. \
         CloudFront ends silent websockets after ten minutes"),
    key("log_retention_days", WholeOneOf(|| LOG_RETENTION_DAYS.to_vec()),
        KeyDefault::Whole(DEFAULT_LOG_RETENTION_DAYS), "log_retention_days = 14",
        "days that log lines are kept: a value that CloudWatch Logs supports"),
    key("tags", Shape::Table, Empty("none"), r#"tags = { team = "web" }"#,
        "table of tags for everything in AWS, besides landfall's own, [for an \
         organization](permissions.md#organizations) that requires them"),
    key("permissions_boundary", Text(at_most(2048, "^[A-Za-z0-9_+=,.@/:-]+$")),
        Depends("none; with [roles for CI](ci.md#boundary) the policy that belongs to them"),
        r#"permissions_boundary = "team-boundary""#,
        "policy that limits every role: its ARN, or its name in the account"),
    key("role_path", Text(at_most(512, "^/([A-Za-z0-9_+=,.@-]+/)*$")), KeyDefault::Text("/"),
        r#"role_path = "/teams/web/""#,
        "path of every role in IAM; fixed for the life of the environment"),
];

/// The keys under `[container]`. No other key has one of these names.
#[rustfmt::skip]
pub const CONTAINER_KEYS: &[Key] = &[
    key("user", Text(USER), Depends("the image's user; 65532:65532 if that is root"),
        r#"user = "1000:1000""#,
        "the user that the app runs as, as in a Dockerfile's `USER`: `\"1000:1000\"`, `\"node\"`, \
         `\"root\"`"),
    key("read_only", Shape::Bool, KeyDefault::Bool(true), "read_only = false",
        "whether the image's files are read-only"),
    key("writable", Texts(pattern("^/.")), Empty("none; `/tmp` always"),
        r#"writable = ["/var/cache/app"]"#,
        "directories that are writable nevertheless; they start empty"),
    key("capabilities", Words(|| Capability::ALL.map(Capability::as_str).to_vec()), Empty("none"),
        r#"capabilities = ["CHOWN"]"#,
        "[capabilities](https://man7.org/linux/man-pages/man7/capabilities.7.html) that root \
         keeps, from Docker's default set and `SYS_PTRACE`. For other users they only allow \
         programs to start whose files ask for them"),
    key("no_new_privileges", Shape::Bool, KeyDefault::Bool(true), "no_new_privileges = false",
        "whether setuid programs such as `sudo` run without the privileges that they ask for"),
];

/// What other tools call the same.
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

/// The key of this name in one of the two tables.
pub fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

/// A correct line for a known key; for a key inside a table that the user fills, one for the table.
pub(super) fn example(name: &str) -> &'static str {
    let name = name.split('.').next().unwrap_or(name);
    find(KEYS, name)
        .or_else(|| find(CONTAINER_KEYS, name))
        .map_or("key = value", |key| key.example)
}

/// The complaint about a key that does not exist.
pub(super) fn unknown(name: &str) -> Invalid {
    let what = format!("unknown key {}", quoted(name));
    if let Some(Key { name, example, .. }) = find(CONTAINER_KEYS, name) {
        return Invalid::new(
            what,
            format!("`{name}` belongs under `[container]`"),
            format!("write `container = {{ {example} }}`, or put it under `[container]`"),
        );
    }
    proposal(what, nearest(name, KEYS), "the keys are", KEYS)
}

/// The complaint about a key that does not exist under `[container]`.
pub(super) fn unknown_in_container(name: &str) -> Invalid {
    let what = format!("unknown key {} under `[container]`", quoted(name));
    if find(KEYS, name).is_some() {
        return Invalid::new(
            what,
            format!("`{name}` is a key of the whole file"),
            "move the line above `[container]`",
        );
    }
    let lower = name.to_lowercase().replace('-', "_");
    let synonym = CONTAINER_SYNONYMS
        .iter()
        .find(|(other, _)| *other == lower)
        .and_then(|(_, known)| find(CONTAINER_KEYS, known));
    let meant = synonym.or_else(|| nearest(name, CONTAINER_KEYS));
    proposal(what, meant, "the keys there are", CONTAINER_KEYS)
}

/// Proposes the key that was probably meant, or lists all of them.
fn proposal(what: String, meant: Option<&Key>, all: &str, keys: &[Key]) -> Invalid {
    let Some(Key { name, example, .. }) = meant else {
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        return Invalid::new(
            what,
            format!("{all} {}", names.join(", ")),
            "remove the line, or use one of these keys",
        );
    };
    Invalid::new(
        what,
        format!("did you mean `{name}`?"),
        format!("write `{example}`, or remove the line"),
    )
}

/// The key from which `name` differs in at most a third of its letters, or that it abbreviates or
/// extends (`mem`, `cpu_units`). A worse match would mislead more than it helps.
fn nearest(name: &str, keys: &'static [Key]) -> Option<&'static Key> {
    let name = name.to_lowercase().replace('-', "_");
    let distance = |key: &Key| strsim::damerau_levenshtein(&name, key.name);
    let close = keys
        .iter()
        .filter(|key| distance(key) * 3 <= key.name.len().max(name.chars().count()))
        .min_by_key(|key| (distance(key), key.name));
    let abbreviation = || {
        keys.iter()
            .filter(|_| name.len() >= 3)
            .find(|key| key.name.starts_with(&name) || name.starts_with(key.name))
    };
    close.or_else(abbreviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::Draft;

    #[test]
    fn every_key_is_read_and_its_example_is_correct() {
        for key in KEYS {
            let draft = Draft::read(Some(key.example));
            assert!(
                draft.lines.contains_key(key.name),
                "{} is not read",
                key.name
            );
            assert_eq!(draft.problems, [], "{}", key.name);
        }
        for key in CONTAINER_KEYS {
            let draft = Draft::read(Some(&format!("[container]\n{}", key.example)));
            assert_eq!(draft.problems, [], "{}", key.name);
            assert_ne!(draft.container, Draft::read(None).container, "{}", key.name);
            assert!(find(KEYS, key.name).is_none(), "{}", key.name);
        }
    }
}
