//! A check: one thing that was looked at before a deployment, what was found, and how to fix it.
//!
//! `doctor` reports checks; the domain, the secrets and other subjects make their own.

use crate::exit::Exit;
use serde::{Deserialize, Serialize};

/// What a check looks at, in the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckId {
    /// `landfall.toml`, the Dockerfile and protected files.
    App,
    /// Docker or Podman.
    Engine,
    /// Free space where the engine keeps images.
    Disk,
    /// Whether the engine can build for the app's CPU architecture.
    Emulation,
    /// OpenTofu or Terraform.
    Terraform,
    /// The directories that landfall and Terraform write to.
    Directories,
    /// The edge's program.
    Edge,
    /// The identity that calls AWS.
    Credentials,
    /// The difference between this machine's clock and AWS's.
    Clock,
    /// Whether the account may use the region.
    Region,
    /// The account's quota of concurrent Lambda invocations.
    Concurrency,
    /// The account's quota of Fargate vCPUs.
    Vcpus,
    /// The account's quota of VPCs.
    Vpcs,
    /// Whether AWS permits the account a budget.
    Budget,
    /// The account's quota of load balancers.
    LoadBalancers,
    /// Resources with the environment's names that its state does not contain.
    Names,
    /// Whether public DNS delegates to the domain's hosted zone, and whether the name is free.
    Domain,
    /// Whether the secrets that the manifest names are set.
    Secrets,
    /// Whether the caller has the permissions that a deployment needs.
    Permissions,
    /// The image: architecture, size, format.
    Image,
    /// The port on which the container listens.
    Port,
}

impl CheckId {
    /// Every check, in the order of the report.
    pub const ALL: [CheckId; 21] = [
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
        CheckId::Vpcs,
        CheckId::Budget,
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

    /// Whether a failure of it is inferred and not observed: a person may know better.
    pub fn is_inferred(self) -> bool {
        matches!(
            self,
            CheckId::Disk
                | CheckId::Directories
                | CheckId::Clock
                | CheckId::Region
                | CheckId::Concurrency
                | CheckId::Vcpus
                | CheckId::Vpcs
                | CheckId::LoadBalancers
                | CheckId::Names
                | CheckId::Domain
                | CheckId::Permissions
        )
    }

    /// The check as text.
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
            CheckId::Vpcs => "vpc quota",
            CheckId::Budget => "budget",
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

    /// Parses the word that `--json` has: `load_balancers`.
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

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Nothing is wrong.
    Ok,
    /// A deployment goes on, but something may cause problems later.
    Warning,
    /// A deployment would fail.
    Blocker {
        /// The exit code that it would end with.
        exit: Exit,
    },
    /// It was not checked, because something else is missing or was not asked for.
    Skipped,
    /// It could not be determined.
    Unknown,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at.
    pub check: CheckId,
    /// The result.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What was found, in one line.
    pub what: String,
    /// The evidence.
    pub why: Vec<String>,
    /// How to fix it, step by step.
    pub fix: Vec<String>,
}

/// A failure while facts were gathered that is a problem by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code that a deployment would end with because of it.
    pub exit: Exit,
    /// What failed, in one sentence.
    pub what: String,
    /// The evidence.
    pub why: Vec<String>,
    /// What to do next.
    pub next: Vec<String>,
}

/// Why a fact is not available.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Unavailable {
    /// This command does not need it. It gives no check.
    #[default]
    NotAsked,
    /// It was not looked at, and why.
    Skipped(String),
    /// It could not be determined, and why.
    Unknown(String),
    /// That it is not there is the problem.
    Failed(Failure),
}

/// A fact, or why it is not available.
pub type Seen<T> = Result<T, Unavailable>;

/// How many checks had which result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each field is named like its outcome")]
pub struct Summary {
    pub ok: usize,
    pub warnings: usize,
    pub blockers: usize,
    pub skipped: usize,
    pub unknown: usize,
}

impl Check {
    /// A check without evidence so far.
    pub fn new(check: CheckId, outcome: Outcome, what: impl Into<String>) -> Check {
        Check {
            check,
            outcome,
            what: what.into(),
            why: Vec::new(),
            fix: Vec::new(),
        }
    }

    /// Nothing is wrong.
    pub fn ok(check: CheckId, what: impl Into<String>) -> Check {
        Check::new(check, Outcome::Ok, what)
    }

    /// Something may cause problems later.
    pub fn warning(check: CheckId, what: impl Into<String>) -> Check {
        Check::new(check, Outcome::Warning, what)
    }

    /// A deployment would fail with `exit`.
    pub fn blocker(check: CheckId, exit: Exit, what: impl Into<String>) -> Check {
        Check::new(check, Outcome::Blocker { exit }, what)
    }

    /// The check of a fact that is not available; [`None`] if it was not asked for.
    pub fn unavailable(check: CheckId, why: &Unavailable) -> Option<Check> {
        match why {
            Unavailable::NotAsked => None,
            Unavailable::Skipped(why) => Some(Check::new(check, Outcome::Skipped, why.clone())),
            Unavailable::Unknown(why) => Some(Check::new(check, Outcome::Unknown, why.clone())),
            Unavailable::Failed(failure) => Some(Check {
                check,
                outcome: Outcome::Blocker { exit: failure.exit },
                what: failure.what.clone(),
                why: failure.why.clone(),
                fix: failure.next.clone(),
            }),
        }
    }

    /// Adds a line of evidence.
    #[must_use]
    pub fn why(mut self, line: impl Into<String>) -> Check {
        self.why.push(line.into());
        self
    }

    /// Adds a step of the fix.
    #[must_use]
    pub fn fix(mut self, line: impl Into<String>) -> Check {
        self.fix.push(line.into());
        self
    }

    /// The exit code that a deployment would end with because of it; [`None`] if it would not fail.
    pub fn exit(&self) -> Option<Exit> {
        match self.outcome {
            Outcome::Blocker { exit } => Some(exit),
            _ => None,
        }
    }

    /// What, why and the first step of the fix, where there is room for one line only.
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

    /// Whether a person should do something about it.
    pub fn is_problem(&self) -> bool {
        matches!(self.outcome, Outcome::Blocker { .. } | Outcome::Warning)
    }
}

/// The checks that follow from a fact, or the one check that reports why it is not available.
pub fn judged<T>(
    check: CheckId,
    fact: &Seen<T>,
    judge: impl FnOnce(&T) -> Vec<Check>,
) -> Vec<Check> {
    match fact {
        Ok(fact) => judge(fact),
        Err(why) => Check::unavailable(check, why).into_iter().collect(),
    }
}

impl Summary {
    /// Counts `checks`.
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

    /// `12 ok, 1 warning, 2 blockers, 1 unknown`, without those that are 0.
    pub fn describe(&self) -> String {
        let several = |count: usize, one: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {one}s")),
        };
        let plain = |count: usize, word: &str| (count > 0).then(|| format!("{count} {word}"));
        [
            plain(self.ok, "ok"),
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

/// All blockers as one failure; [`None`] if there are none. A single one is reported as it is; of several
/// the first selects the exit code.
pub fn verdict(checks: &[Check]) -> Option<Failure> {
    let blockers: Vec<&Check> = checks
        .iter()
        .filter(|check| check.exit().is_some())
        .collect();
    let exit = blockers.first()?.exit()?;
    if let [one] = blockers.as_slice() {
        return Some(Failure {
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
    Some(Failure {
        exit,
        what: format!("{} problems block a deployment", blockers.len()),
        why,
        next,
    })
}
