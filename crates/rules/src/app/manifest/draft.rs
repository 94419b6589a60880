//! First step: the text of `landfall.toml`, checked key by key.

use super::alerts::{self, DEFAULT_LOG_RETENTION_DAYS};
use super::problem::{Invalid, Problem, quoted};
use super::traffic::{
    self, DEFAULT_DRAIN_SECONDS, DEFAULT_IDLE_SECONDS, DEFAULT_REQUEST_SECONDS,
    DEFAULT_START_SECONDS, MAX_DRAIN_SECONDS, MAX_IDLE_SECONDS, MAX_REQUEST_SECONDS,
    MAX_START_SECONDS,
};
use super::{
    AppName, Architecture, Container, Count, Cpu, Domain, EnvironmentName, FileSum, HealthPath,
    MAX_TAGS, Memory, Need, Overrides, PermissionsBoundary, Port, Region, RelativePath, RolePath,
    RuleId, SecretName, SecretsStore, StateBackend, Strategy, Target, User, WritablePath, key,
    organization, value, variables,
};
use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with the place where it stands.
type Value<'t> = Spanned<DeValue<'t>>;

/// Key that TOML calls duplicate; the parser has no other sign for it than this message.
const DUPLICATE: &str = "duplicate key";

/// Settings that have been read but not yet joined with the facts of the directory. Keys that are
/// absent or wrong hold their default; wrong ones also have a problem.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(super) name: Option<AppName>,
    pub(super) environment: Option<EnvironmentName>,
    pub(super) target: Option<Target>,
    pub(super) needs: Vec<Need>,
    pub(super) region: Option<Region>,
    pub(super) domain: Option<Domain>,
    pub(super) port: Option<Port>,
    pub(super) cpu: Cpu,
    pub(super) memory: Memory,
    pub(super) count: Count,
    pub(super) architecture: Architecture,
    pub(super) strategy: Strategy,
    pub(super) env: BTreeMap<String, String>,
    pub(super) secrets: Vec<SecretName>,
    pub(super) secrets_store: SecretsStore,
    pub(super) container: Container,
    pub(super) edge: bool,
    pub(super) health: HealthPath,
    pub(super) protected: Vec<RelativePath>,
    /// Of protected files that the manifest gives a sum for.
    pub(super) sums: BTreeMap<RelativePath, FileSum>,
    pub(super) budget: Option<f64>,
    pub(super) allow: Vec<RuleId>,
    pub(super) alarm_emails: Vec<String>,
    pub(super) state: StateBackend,
    pub(super) dockerfile: RelativePath,
    pub(super) drain_seconds: u32,
    pub(super) start_seconds: u32,
    pub(super) request_seconds: u32,
    pub(super) idle_seconds: u32,
    pub(super) log_retention_days: u32,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) permissions_boundary: Option<PermissionsBoundary>,
    pub(super) role_path: RolePath,
    /// Line of each key that is present, right or wrong.
    pub(super) lines: BTreeMap<&'static str, usize>,
    pub(super) problems: Vec<Problem>,
    /// Whether TOML could be read to its end; if not, a key that seems absent may well be there.
    pub(super) readable: bool,
}

impl Draft {
    /// Reads the text of `landfall.toml`; `None` when there is no such file.
    pub fn read(text: Option<&str>) -> Draft {
        let text = text.unwrap_or_default();
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut reader = Reader::new(text, table.get_ref());
        reader.report_syntax(&errors);
        reader.report_unknown_keys();

        let cpu = reader.scalar("cpu", |v| Cpu::new(value::whole("cpu", v)?));
        let cpu_is_wrong = cpu.is_none() && reader.lines.contains_key("cpu");
        let cpu = cpu.unwrap_or_default();
        let memory = reader.scalar("memory", |v| {
            match Memory::new(value::whole("memory", v)?, cpu) {
                // Whether it fits can only be checked once the number of CPU units is right.
                Err(_) if cpu_is_wrong => Ok(Memory::least(cpu)),
                checked => checked,
            }
        });
        let (protected, sums) = reader.protected();
        let needs: Vec<Need> = reader.list("needs", str::parse);
        let request_seconds = match needs.contains(&Need::LongRequests) {
            true => MAX_REQUEST_SECONDS,
            false => DEFAULT_REQUEST_SECONDS,
        };
        let idle_seconds = match needs.contains(&Need::Websockets) {
            true => MAX_IDLE_SECONDS,
            false => DEFAULT_IDLE_SECONDS,
        };
        Draft {
            name: reader.text("name", AppName::parse),
            environment: reader.text("environment", EnvironmentName::parse),
            target: reader.text("target", str::parse),
            needs,
            region: reader.text("region", Region::parse),
            domain: reader.text("domain", Domain::parse),
            port: reader.scalar("port", |v| Port::new(value::whole("port", v)?)),
            cpu,
            memory: memory.unwrap_or_else(|| Memory::least(cpu)),
            count: reader
                .scalar("count", |v| Count::new(value::whole("count", v)?))
                .unwrap_or_default(),
            architecture: reader.text("architecture", str::parse).unwrap_or_default(),
            strategy: reader.text("strategy", str::parse).unwrap_or_default(),
            env: reader.variables(),
            secrets: reader.list("secrets", SecretName::parse),
            secrets_store: reader.text("secrets_store", str::parse).unwrap_or_default(),
            container: reader.container(),
            edge: reader
                .scalar("edge", |v| value::truth("edge", v))
                .unwrap_or(true),
            health: reader.text("health", HealthPath::parse).unwrap_or_default(),
            protected,
            sums,
            budget: reader.scalar("budget", |v| alerts::budget(value::number("budget", v)?)),
            allow: reader.list("allow", RuleId::parse),
            alarm_emails: reader.list("alarm_emails", alerts::alarm_email),
            state: reader.text("state", str::parse).unwrap_or_default(),
            dockerfile: reader
                .text("dockerfile", RelativePath::parse)
                .unwrap_or_else(|| RelativePath::known("Dockerfile")),
            drain_seconds: reader.seconds(
                "drain_seconds",
                0..=MAX_DRAIN_SECONDS,
                ", because Fargate gives a container 120 seconds to stop",
                DEFAULT_DRAIN_SECONDS,
            ),
            start_seconds: reader.seconds(
                "start_seconds",
                10..=MAX_START_SECONDS,
                "",
                DEFAULT_START_SECONDS,
            ),
            request_seconds: reader.seconds(
                "request_seconds",
                1..=MAX_REQUEST_SECONDS,
                "",
                request_seconds,
            ),
            idle_seconds: reader.seconds("idle_seconds", 1..=MAX_IDLE_SECONDS, "", idle_seconds),
            log_retention_days: reader
                .scalar("log_retention_days", |v| {
                    alerts::log_retention_days(value::whole("log_retention_days", v)?)
                })
                .unwrap_or(DEFAULT_LOG_RETENTION_DAYS),
            tags: reader.tags(),
            permissions_boundary: reader.text("permissions_boundary", PermissionsBoundary::parse),
            role_path: reader
                .text("role_path", RolePath::parse)
                .unwrap_or_default(),
            readable: reader.broken.is_empty(),
            lines: reader.lines,
            problems: reader.problems,
        }
    }

    /// Files to compare with their sum, or else with git HEAD: each needs an entry in [`Facts::protected`](super::Facts).
    pub fn protected(&self) -> &[RelativePath] {
        &self.protected
    }

    /// The SHA-256 that a protected file must have, if the manifest contains one.
    pub fn sum(&self, path: &RelativePath) -> Option<&FileSum> {
        self.sums.get(path)
    }

    /// The Dockerfile to look for, relative to the app directory.
    pub fn dockerfile<'a>(&'a self, overrides: &'a Overrides) -> &'a RelativePath {
        overrides.dockerfile.as_ref().unwrap_or(&self.dockerfile)
    }

    /// Whether a problem with this key has been reported already.
    pub(super) fn is_wrong(&self, key: &str) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.key.as_deref() == Some(key))
    }
}

/// Takes keys out of the table, noting where they stand and what is wrong with them.
struct Reader<'t> {
    text: &'t str,
    table: &'t DeTable<'t>,
    /// Lines that are no TOML: what the parser made of them is not to be trusted.
    broken: HashSet<usize>,
    lines: BTreeMap<&'static str, usize>,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, table: &'t DeTable<'t>) -> Reader<'t> {
        Reader {
            text,
            table,
            broken: HashSet::new(),
            lines: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// The line, counted from 1, that a byte of the text belongs to.
    fn line(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    fn report(&mut self, offset: usize, key: &str, invalid: Invalid) {
        let line = self.line(offset);
        self.problems.push(Problem::at(Some(line), key, invalid));
    }

    /// Reports each duplicate, and the first thing that is no TOML: what the parser finds after it
    /// is mostly a consequence.
    fn report_syntax(&mut self, errors: &[toml::de::Error]) {
        let mut reported = false;
        for error in errors {
            let span = error.span().unwrap_or_default();
            let line = self.line(span.start);
            if error.message() == DUPLICATE {
                let key = self.text.get(span).unwrap_or_default();
                let invalid = Invalid::new(
                    format!("{} is set twice", quoted(key)),
                    "a key can have one value only",
                    "keep one of the two lines",
                );
                self.problems.push(Problem::at(Some(line), key, invalid));
                continue;
            }
            // Below a broken `[header]` it is unknown which table a line belongs to.
            let line_text = self.text.lines().nth(line - 1).unwrap_or_default();
            let is_header = line_text.trim_start().starts_with('[');
            let last = if is_header {
                self.line(self.text.len())
            } else {
                line
            };
            self.broken.extend(line..=last);
            if !std::mem::replace(&mut reported, true) {
                self.problems.push(Problem {
                    line: Some(line),
                    key: None,
                    what: "this is not TOML".to_owned(),
                    why: error.message().to_owned(),
                    fix: "write `key = value`, strings in double quotes (https://toml.io)"
                        .to_owned(),
                });
            }
        }
    }

    fn report_unknown_keys(&mut self) {
        for (key, value) in self.table.iter() {
            let name = key.get_ref();
            if key::find(key::KEYS, name).is_none() && !self.is_broken(key.span().start, value) {
                self.report(key.span().start, name, key::unknown(name));
            }
        }
    }

    /// Whether the lines from an offset to the end of a value hold something that is no TOML.
    fn is_broken(&self, start: usize, value: &Value<'_>) -> bool {
        let lines = self.line(start)..=self.line(value.span().end.max(start));
        self.broken.iter().any(|line| lines.contains(line))
    }

    /// Finds a key and notes its line. What stands on a broken line counts as absent.
    fn find(&mut self, key: &'static str) -> Option<(usize, &'t Value<'t>)> {
        let (found, value) = self.table.get_key_value(key)?;
        let start = found.span().start;
        self.lines.insert(key, self.line(start));
        (!self.is_broken(start, value)).then_some((start, value))
    }

    /// A key with a single value.
    fn scalar<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&DeValue<'_>) -> Result<T, Invalid>,
    ) -> Option<T> {
        let (start, value) = self.find(key)?;
        parse(value.get_ref())
            .map_err(|invalid| self.report(start, key, invalid))
            .ok()
    }

    /// A key with a number of seconds, as of [`traffic::seconds`]; `usual` where it is missing or wrong.
    fn seconds(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
        because: &str,
        usual: u32,
    ) -> u32 {
        self.scalar(key, |v| {
            traffic::seconds(key, value::whole(key, v)?, &range, because)
        })
        .unwrap_or(usual)
    }

    /// A key with a string.
    fn text<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        self.scalar(key, |v| parse(value::text(key, v)?))
    }

    /// A key with a list of different strings.
    fn list<T: PartialEq + std::fmt::Display>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Vec<T> {
        let mut items = Vec::new();
        let Some((start, found)) = self.find(key) else {
            return items;
        };
        let DeValue::Array(array) = found.get_ref() else {
            let wrong = value::wrong_kind(key, found.get_ref(), "a list of strings");
            self.report(start, key, wrong);
            return items;
        };
        for element in array.iter() {
            let parsed = match element.get_ref().as_str() {
                Some(text) => parse(text),
                None => Err(Invalid::new(
                    format!("`{key}` holds {}", value::kind(element.get_ref())),
                    "it must be a list of strings",
                    format!("write it as `{}`", key::example(key)),
                )),
            };
            match parsed {
                Ok(item) if items.contains(&item) => {
                    let twice = Invalid::new(
                        format!("`{key}` holds {} twice", quoted(&item.to_string())),
                        "each entry counts once",
                        "remove one of the two",
                    );
                    self.report(element.span().start, key, twice);
                }
                Ok(item) => items.push(item),
                Err(invalid) => self.report(element.span().start, key, invalid),
            }
        }
        items
    }

    /// `protected = true` means `go.mod` and `main.go`; a table gives sums.
    fn protected(&mut self) -> (Vec<RelativePath>, BTreeMap<RelativePath, FileSum>) {
        let key = "protected";
        match self.table.get(key).map(Spanned::get_ref) {
            Some(DeValue::Boolean(all)) => {
                self.find(key);
                let files: &[&'static str] = if *all { &["main.go", "go.mod"] } else { &[] };
                let files = files.iter().map(|file| RelativePath::known(file));
                (files.collect(), BTreeMap::new())
            }
            Some(DeValue::Table(_)) => {
                let sums = self.sums(key);
                (sums.keys().cloned().collect(), sums)
            }
            _ => (self.list(key, RelativePath::parse), BTreeMap::new()),
        }
    }

    /// A table of files and their sums. A file whose sum is wrong is a problem, so that it is never
    /// treated as one that needs none.
    fn sums(&mut self, key: &'static str) -> BTreeMap<RelativePath, FileSum> {
        let mut sums = BTreeMap::new();
        let Some((_, found)) = self.find(key) else {
            return sums;
        };
        let DeValue::Table(table) = found.get_ref() else {
            return sums;
        };
        for (path, sum) in table.iter() {
            let key = format!("{key}.{:?}", path.get_ref());
            let read = value::text(&key, sum.get_ref()).and_then(FileSum::parse);
            match RelativePath::parse(path.get_ref()).and_then(|path| Ok((path, read?))) {
                Ok((path, sum)) => {
                    sums.insert(path, sum);
                }
                Err(invalid) => self.report(path.span().start, &key, invalid),
            }
        }
        sums
    }

    /// The table `container`, which has keys of its own.
    fn container(&mut self) -> Container {
        let usual = Container::default();
        let Some((start, found)) = self.find("container") else {
            return usual;
        };
        let DeValue::Table(table) = found.get_ref() else {
            let wrong = value::wrong_kind("container", found.get_ref(), "a table");
            self.report(start, "container", wrong);
            return usual;
        };
        let mut inner = Reader::new(self.text, table);
        inner.broken.clone_from(&self.broken);
        for (name, value) in table.iter() {
            let (start, name) = (name.span().start, name.get_ref());
            if key::find(key::CONTAINER_KEYS, name).is_none() && !inner.is_broken(start, value) {
                inner.report(start, name, key::unknown_in_container(name));
            }
        }
        let container = Container {
            user: inner.text("user", User::parse),
            read_only: inner
                .scalar("read_only", |v| value::truth("read_only", v))
                .unwrap_or(usual.read_only),
            writable: inner.list("writable", WritablePath::parse),
            capabilities: inner.list("capabilities", str::parse),
            no_new_privileges: inner
                .scalar("no_new_privileges", |v| {
                    value::truth("no_new_privileges", v)
                })
                .unwrap_or(usual.no_new_privileges),
        };
        self.problems
            .extend(inner.problems.into_iter().map(|problem| Problem {
                key: problem.key.map(|key| format!("container.{key}")),
                ..problem
            }));
        container
    }

    /// The table `tags`, whose keys the user invents. IAM compares them without regard to case.
    fn tags(&mut self) -> BTreeMap<String, String> {
        let mut tags: BTreeMap<String, String> = BTreeMap::new();
        let Some((start, found)) = self.find("tags") else {
            return tags;
        };
        let DeValue::Table(table) = found.get_ref() else {
            let wrong = value::wrong_kind("tags", found.get_ref(), "a table of strings");
            self.report(start, "tags", wrong);
            return tags;
        };
        for (name, value) in table.iter() {
            let start = name.span().start;
            if self.is_broken(start, value) {
                continue;
            }
            let (name, key) = (name.get_ref(), format!("tags.{}", name.get_ref()));
            let read = value::text(&key, value.get_ref()).and_then(|v| organization::tag(name, v));
            let twice = tags.keys().find(|one| one.eq_ignore_ascii_case(name));
            match (read, twice) {
                (Ok(text), None) => {
                    tags.insert(name.to_string(), text);
                }
                (Ok(_), Some(other)) => {
                    let invalid = Invalid::new(
                        format!(
                            "the tags {} and {} differ only in case",
                            quoted(other),
                            quoted(name)
                        ),
                        "IAM takes them for the same",
                        "remove one of the two",
                    );
                    self.report(start, &key, invalid);
                }
                (Err(invalid), _) => self.report(start, &key, invalid),
            }
        }
        if tags.len() > MAX_TAGS {
            let invalid = Invalid::new(
                format!("`tags` holds {} tags", tags.len()),
                format!(
                    "AWS allows 50 on a resource, and landfall keeps {} for itself",
                    50 - MAX_TAGS
                ),
                format!("keep at most {MAX_TAGS}"),
            );
            self.report(start, "tags", invalid);
        }
        tags
    }

    /// The table `env`, whose keys the user invents.
    fn variables(&mut self) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        let Some((start, found)) = self.find("env") else {
            return variables;
        };
        let DeValue::Table(table) = found.get_ref() else {
            let wrong = value::wrong_kind("env", found.get_ref(), "a table of strings");
            self.report(start, "env", wrong);
            return variables;
        };
        for (name, value) in table.iter() {
            let start = name.span().start;
            if self.is_broken(start, value) {
                continue;
            }
            // Inside `{ … }` or after `env.` a key of landfall is not there by mistake.
            let line_before = self.text[..start].rsplit('\n').next().unwrap_or_default();
            let under_header = line_before.trim().is_empty();
            let name = name.get_ref();
            match variables::check(name, value.get_ref(), under_header) {
                Ok(text) => {
                    variables.insert(name.to_string(), text);
                }
                Err(invalid) => self.report(start, &format!("env.{name}"), invalid),
            }
        }
        variables
    }
}
