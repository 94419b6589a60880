//! What stands between an app and its deployment, judged from what was found: on this machine, in the
//! account, in the app itself. All of it at once, each problem with its fix.
//!
//! Whoever calls gathers [`Facts`]; what could not be gathered is a [`Unavailable`] and says why. A fact that
//! nobody asked for gives no check, so that `up` asks for the cheap ones only.

pub mod account;
pub mod app;
pub mod machine;
pub mod permissions;

use crate::app::manifest::{Manifest, Problem};
use crate::exit::Exit;
use crate::operate::domain;
use crate::operate::secrets::{self, Stored};
use serde::{Deserialize, Serialize};

/// What is looked at. The order is that of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckId {
    /// `landfall.toml`, the Dockerfile and protected files.
    App,
    /// Docker or Podman.
    Engine,
    /// Free space where the engine keeps images.
    Disk,
    /// Whether the engine can build for the app's processor.
    Emulation,
    /// OpenTofu or Terraform.
    Terraform,
    /// The directories that landfall and Terraform write to.
    Directories,
    /// The edge's program.
    Edge,
    /// Who calls AWS.
    Credentials,
    /// This machine's clock beside AWS's.
    Clock,
    /// Whether the account may use the region.
    Region,
    /// How many invocations the account may have at once.
    Concurrency,
    /// How many vCPUs Fargate gives the account.
    Vcpus,
    /// How many load balancers the account may have.
    LoadBalancers,
    /// Things of the environment's names that its state does not know.
    Names,
    /// Whether public DNS leads to the domain's zone, and the name is free.
    Domain,
    /// Whether the secrets that the manifest asks for are set.
    Secrets,
    /// Whether the caller may do what a deployment does.
    Permissions,
    /// The image: processor, size, form.
    Image,
    /// The port on which the container really listens.
    Port,
}

impl CheckId {
    /// Every check, in the order of the report.
    pub const ALL: [CheckId; 19] = [
        CheckId::App,
        CheckId::Engine,
        CheckId::Disk,
        CheckId::Emulation,
        CheckId::Terraform,
        CheckId::Directories,
        CheckId::Edge,
        CheckId::Credentials,
        CheckId::Clock,
        CheckId::Region,
        CheckId::Concurrency,
        CheckId::Vcpus,
        CheckId::LoadBalancers,
        CheckId::Names,
        CheckId::Domain,
        CheckId::Secrets,
        CheckId::Permissions,
        CheckId::Image,
        CheckId::Port,
    ];

    /// The check as one word, for scripts and `--despite`.
    pub fn word(self) -> String {
        let word = serde_json::to_value(self).unwrap_or_default();
        word.as_str().unwrap_or_default().to_owned()
    }

    /// Whether a failure of it is concluded and not seen: a person may know better.
    pub fn is_inferred(self) -> bool {
        matches!(
            self,
            CheckId::Disk
                | CheckId::Directories
                | CheckId::Clock
                | CheckId::Region
                | CheckId::Concurrency
                | CheckId::Vcpus
                | CheckId::LoadBalancers
                | CheckId::Names
                | CheckId::Domain
                | CheckId::Permissions
        )
    }

    /// The check in words.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckId::App => "app",
            CheckId::Engine => "container engine",
            CheckId::Disk => "disk",
            CheckId::Emulation => "emulation",
            CheckId::Terraform => "terraform",
            CheckId::Directories => "directories",
            CheckId::Edge => "edge",
            CheckId::Credentials => "credentials",
            CheckId::Clock => "clock",
            CheckId::Region => "region",
            CheckId::Concurrency => "lambda quota",
            CheckId::Vcpus => "fargate quota",
            CheckId::LoadBalancers => "load balancers",
            CheckId::Names => "names",
            CheckId::Domain => "domain",
            CheckId::Secrets => "secrets",
            CheckId::Permissions => "permissions",
            CheckId::Image => "image",
            CheckId::Port => "port",
        }
    }
}

impl std::str::FromStr for CheckId {
    type Err = String;

    /// Reads the word of `--json`: `load_balancers`.
    fn from_str(text: &str) -> Result<CheckId, String> {
        let word = text.replace(['-', ' '], "_");
        CheckId::ALL
            .into_iter()
            .find(|name| name.word() == word)
            .ok_or_else(|| {
                let all: Vec<String> = CheckId::ALL.iter().map(|name| name.word()).collect();
                format!("one of {}", all.join(", "))
            })
    }
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// All is well.
    Ok,
    /// A deployment goes on, but something may hurt later.
    Warning,
    /// A deployment would fail.
    Blocker {
        /// How it would end.
        exit: Exit,
    },
    /// It was not looked at, because something else is missing or nobody wanted it.
    Skipped,
    /// It was looked at in vain.
    Unknown,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at.
    pub check: CheckId,
    /// What it came to.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What was found, in one line.
    pub what: String,
    /// The evidence.
    pub why: Vec<String>,
    /// What to do about it, step by step.
    pub fix: Vec<String>,
}

impl Check {
    pub(crate) fn new(check: CheckId, outcome: Outcome, what: impl Into<String>) -> Check {
        Check {
            check,
            outcome,
            what: what.into(),
            why: Vec::new(),
            fix: Vec::new(),
        }
    }

    pub(crate) fn ok(check: CheckId, what: impl Into<String>) -> Check {
        Check::new(check, Outcome::Ok, what)
    }

    pub(crate) fn warning(check: CheckId, what: impl Into<String>) -> Check {
        Check::new(check, Outcome::Warning, what)
    }

    pub(crate) fn blocker(check: CheckId, exit: Exit, what: impl Into<String>) -> Check {
        Check::new(check, Outcome::Blocker { exit }, what)
    }

    pub(crate) fn why(mut self, line: impl Into<String>) -> Check {
        self.why.push(line.into());
        self
    }

    pub(crate) fn fix(mut self, line: impl Into<String>) -> Check {
        self.fix.push(line.into());
        self
    }

    /// How a deployment would end because of it; [`None`] if it would not.
    pub fn exit(&self) -> Option<Exit> {
        match self.outcome {
            Outcome::Blocker { exit } => Some(exit),
            _ => None,
        }
    }

    /// What, why and the first thing to do, for where there is one line only.
    pub fn in_one_line(&self) -> String {
        let mut text = self.what.clone();
        for line in &self.why {
            text.push_str("; ");
            text.push_str(line.trim());
        }
        if let Some(fix) = self.fix.first() {
            text.push_str(". ");
            text.push_str(fix);
        }
        text
    }

    /// Whether somebody should do something about it.
    pub fn is_problem(&self) -> bool {
        matches!(self.outcome, Outcome::Blocker { .. } | Outcome::Warning)
    }
}

/// Something that went wrong while facts were gathered, and is a problem by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// How a deployment would end because of it.
    pub exit: Exit,
    /// What.
    pub what: String,
    /// Evidence.
    pub why: Vec<String>,
    /// What to do.
    pub next: Vec<String>,
}

/// Why there is no fact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Unavailable {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// It was not looked at, and why.
    Skipped(String),
    /// It could not be seen, and why.
    Unknown(String),
    /// That it is not there is the problem.
    Trouble(Trouble),
}

/// A fact, or why there is none.
pub type Seen<T> = Result<T, Unavailable>;

/// Everything that was found. [`Facts::default`] has nothing asked for.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The app's settings, or what is wrong with them.
    pub app: Seen<Result<Manifest, Vec<Problem>>>,
    /// Container engine.
    pub engine: Seen<machine::Engine>,
    /// Where the engine keeps images.
    pub disk: Seen<machine::Disk>,
    /// OpenTofu or Terraform.
    pub terraform: Seen<machine::Tool>,
    /// Directories that are written to.
    pub directories: Seen<Vec<machine::Directory>>,
    /// Path of the edge's program, if it does; [`None`] where the app does without.
    pub edge: Seen<Option<String>>,
    /// Who calls.
    pub credentials: Seen<account::Identity>,
    /// How far this machine's clock is ahead of AWS's, milliseconds.
    pub clock: Seen<i64>,
    /// The region.
    pub region: Seen<account::Region>,
    /// Invocations that the account may have at once.
    pub concurrency: Seen<u32>,
    /// vCPUs that the account may have on Fargate at once.
    pub vcpus: Seen<f64>,
    /// Load balancers.
    pub load_balancers: Seen<account::LoadBalancers>,
    /// Things that the state does not know.
    pub names: Seen<account::Strangers>,
    /// The domain, if one is wanted.
    pub domain: Seen<domain::Survey>,
    /// Secrets of the environment, in either store.
    pub secrets: Seen<Vec<Stored>>,
    /// What the caller may do.
    pub permissions: Seen<Vec<permissions::Simulated>>,
    /// The image.
    pub image: Seen<app::Image>,
    /// What the image did when it was run.
    pub trial: Seen<app::Trial>,
}

impl Default for Facts {
    fn default() -> Facts {
        Facts {
            app: Err(Unavailable::NotAsked),
            engine: Err(Unavailable::NotAsked),
            disk: Err(Unavailable::NotAsked),
            terraform: Err(Unavailable::NotAsked),
            directories: Err(Unavailable::NotAsked),
            edge: Err(Unavailable::NotAsked),
            credentials: Err(Unavailable::NotAsked),
            clock: Err(Unavailable::NotAsked),
            region: Err(Unavailable::NotAsked),
            concurrency: Err(Unavailable::NotAsked),
            vcpus: Err(Unavailable::NotAsked),
            load_balancers: Err(Unavailable::NotAsked),
            names: Err(Unavailable::NotAsked),
            domain: Err(Unavailable::NotAsked),
            secrets: Err(Unavailable::NotAsked),
            permissions: Err(Unavailable::NotAsked),
            image: Err(Unavailable::NotAsked),
            trial: Err(Unavailable::NotAsked),
        }
    }
}

impl Facts {
    /// The app's settings, if they are in order.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.app.as_ref().ok()?.as_ref().ok()
    }
}

/// Judges what was found, in the order of the report.
pub fn examine(facts: &Facts) -> Vec<Check> {
    let mut checks = app::settings(&facts.app);
    checks.extend(machine::checks(facts));
    checks.extend(account::checks(facts));
    if let Some(manifest) = facts.manifest() {
        let set = judged(CheckId::Secrets, &facts.secrets, |stored| {
            secrets::checks(manifest, stored)
        });
        checks.extend(set);
    }
    checks.extend(app::checks(facts));
    checks.sort_by_key(|check| check.check);
    checks
}

/// The check of a fact that is not there; [`None`] if nobody asked for it.
pub(crate) fn gap(check: CheckId, gap: &Unavailable) -> Option<Check> {
    match gap {
        Unavailable::NotAsked => None,
        Unavailable::Skipped(why) => Some(Check::new(check, Outcome::Skipped, why.clone())),
        Unavailable::Unknown(why) => Some(Check::new(check, Outcome::Unknown, why.clone())),
        Unavailable::Trouble(trouble) => Some(Check {
            check,
            outcome: Outcome::Blocker { exit: trouble.exit },
            what: trouble.what.clone(),
            why: trouble.why.clone(),
            fix: trouble.next.clone(),
        }),
    }
}

/// The fact's own check, or that of its absence.
pub(crate) fn judged<T>(
    check: CheckId,
    fact: &Seen<T>,
    judge: impl FnOnce(&T) -> Vec<Check>,
) -> Vec<Check> {
    match fact {
        Ok(fact) => judge(fact),
        Err(missing) => gap(check, missing).into_iter().collect(),
    }
}

/// How many checks came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// All is well.
    pub ok: usize,
    /// Something may hurt later.
    pub warnings: usize,
    /// A deployment would fail.
    pub blockers: usize,
    /// Not looked at.
    pub skipped: usize,
    /// Looked at in vain.
    pub unknown: usize,
}

impl Summary {
    /// Counts them.
    pub fn of(checks: &[Check]) -> Summary {
        let mut summary = Summary::default();
        for check in checks {
            *match check.outcome {
                Outcome::Ok => &mut summary.ok,
                Outcome::Warning => &mut summary.warnings,
                Outcome::Blocker { .. } => &mut summary.blockers,
                Outcome::Skipped => &mut summary.skipped,
                Outcome::Unknown => &mut summary.unknown,
            } += 1;
        }
        summary
    }

    /// `12 well, 1 warning, 2 blockers, 1 unknown`: what there is none of is left out.
    pub fn describe(&self) -> String {
        let several = |count: usize, one: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {one}s")),
        };
        let plain = |count: usize, word: &str| (count > 0).then(|| format!("{count} {word}"));
        [
            plain(self.ok, "well"),
            several(self.warnings, "warning"),
            several(self.blockers, "blocker"),
            plain(self.skipped, "skipped"),
            plain(self.unknown, "unknown"),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
    }
}

/// All blockers as one failure; [`None`] if there are none. A single one speaks for itself; of several
/// the first decides how it ends.
pub fn verdict(checks: &[Check]) -> Option<Trouble> {
    let blockers: Vec<&Check> = checks
        .iter()
        .filter(|check| check.exit().is_some())
        .collect();
    let exit = blockers.first()?.exit()?;
    if let [one] = blockers.as_slice() {
        return Some(Trouble {
            exit,
            what: one.what.clone(),
            why: one.why.clone(),
            next: one.fix.clone(),
        });
    }
    let mut why = Vec::new();
    let mut next = Vec::new();
    for (number, check) in blockers.iter().enumerate() {
        let number = number + 1;
        why.push(format!(
            "{number}. {}: {}",
            check.check.as_str(),
            check.what
        ));
        why.extend(check.why.iter().map(|line| format!("   {line}")));
        next.extend(check.fix.iter().map(|line| format!("{number}. {line}")));
    }
    Some(Trouble {
        exit,
        what: format!("{} things stand in the way of a deployment", blockers.len()),
        why,
        next,
    })
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
mod tests;
