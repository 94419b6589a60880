//! Leaving landfall, and coming back.
//!
//! `landfall eject` writes an environment's roots into a directory of the user's, together with everything that plain
//! Terraform needs ([`readme`] is its documentation). `landfall adopt` looks at such a directory
//! again: whose it is ([`Ejected`]), which files were edited ([`files`]), whether the states belong to it ([`state`]), and
//! which settings landfall.toml would have to have ([`settings`]).

pub mod files;
pub mod settings;
pub mod state;

mod roles;

use crate::app::manifest::{Invalid, StateBackend};
use crate::app::names::Names;
use crate::shape::contract::Root;
use serde::{Deserialize, Serialize};
use state::Stamp;
use std::collections::BTreeMap;

/// What landfall writes of itself into such a directory: nothing that Terraform reads.
pub const FILE: &str = "ejected.json";

/// The format of [`Ejected`]; raised when a field changes its meaning or disappears.
pub const VERSION: u32 = 1;

/// One environment in one account: what a directory is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whose {
    /// The app's name.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// AWS account.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// Whether it is a rehearsal's.
    pub rehearsal: bool,
}

impl Whose {
    /// The environment of `names` there.
    pub fn of(names: &Names, account: &str, region: &str, rehearsal: bool) -> Whose {
        Whose {
            name: names.app.to_string(),
            environment: names.environment.to_string(),
            account: account.to_owned(),
            region: region.to_owned(),
            rehearsal,
        }
    }

    /// In what another one is not this one: `environment prod, and here staging`.
    pub fn differences(&self, here: &Whose) -> Vec<String> {
        let kind = |whose: &Whose| match whose.rehearsal {
            true => "a rehearsal".to_owned(),
            false => "AWS".to_owned(),
        };
        [
            ("app", self.name.clone(), here.name.clone()),
            (
                "environment",
                self.environment.clone(),
                here.environment.clone(),
            ),
            ("account", self.account.clone(), here.account.clone()),
            ("region", self.region.clone(), here.region.clone()),
            ("in", kind(self), kind(here)),
        ]
        .into_iter()
        .filter(|(_, theirs, ours)| theirs != ours)
        .map(|(what, theirs, ours)| format!("{what} {theirs} there, {ours} here"))
        .collect()
    }
}

impl std::fmt::Display for Whose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Whose {
            name,
            environment,
            account,
            region,
            ..
        } = self;
        write!(
            f,
            "{name} ({environment}) in account {account}, {region}{}",
            if self.rehearsal { ", a rehearsal" } else { "" }
        )
    }
}

/// The record of an eject: [`FILE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ejected {
    /// [`VERSION`].
    pub version: u32,
    /// Version of the landfall that wrote it.
    pub landfall: String,
    /// What it is about.
    pub whose: Whose,
    /// Where the state was kept.
    pub state: StateBackend,
    /// Which state each root had then. The keys are the directories next to the record.
    pub roots: BTreeMap<Root, Stamp>,
    /// SHA-256 of each file as it was written, by its path from here. Empty while the first eject is under way.
    pub files: BTreeMap<String, String>,
}

impl Ejected {
    /// Reads a record.
    ///
    /// # Errors
    /// It is none, or a newer landfall wrote it.
    pub fn parse(text: &str) -> Result<Ejected, Invalid> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let unreadable = |why: String| {
            Invalid::new(
                format!("{FILE} cannot be read"),
                why,
                "bring it back as `landfall eject` wrote it, or eject into another directory",
            )
        };
        let read: Versioned =
            serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        if read.version != VERSION {
            return Err(Invalid::new(
                format!("{FILE} is of format {}", read.version),
                format!("this landfall knows format {VERSION}"),
                "take the landfall that wrote it, or a newer one",
            ));
        }
        serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))
    }

    /// The record as it is written.
    pub fn write(&self) -> String {
        // A struct of words and numbers: it is always JSON.
        let json = serde_json::to_value(self).unwrap_or_default();
        format!("{json:#}\n")
    }
}

/// Whether a directory with these names in it may be written to: it is empty or absent, or it contains a
/// record.
///
/// # Errors
/// It holds files that are not from `landfall eject`.
pub fn may_enter(directory: &str, names: &[String]) -> Result<(), Invalid> {
    if names.is_empty() || names.iter().any(|name| name == FILE) {
        return Ok(());
    }
    let mut shown: Vec<&str> = names.iter().map(String::as_str).take(5).collect();
    if names.len() > shown.len() {
        shown.push("…");
    }
    Err(Invalid::new(
        format!("{directory} is not empty"),
        format!(
            "it holds {}, and no {FILE} of an earlier eject",
            shown.join(", ")
        ),
        "name another directory: it is made if it is not there; nothing was written",
    ))
}

/// Whether what was ejected there is the environment at hand.
///
/// # Errors
/// It is another one.
pub fn same(directory: &str, there: &Whose, here: &Whose) -> Result<(), Invalid> {
    let differences = there.differences(here);
    if differences.is_empty() {
        return Ok(());
    }
    Err(Invalid::new(
        format!("{directory} is about another environment: {there}"),
        differences.join("; "),
        "name another directory, or the environment that it is about (--name, --env, --region, --profile, --rehearse); nothing was changed",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{AppName, EnvironmentName};

    fn whose(environment: &str, rehearsal: bool) -> Whose {
        let names = Names::new(
            AppName::parse("hello").expect("a name"),
            EnvironmentName::parse(environment).expect("an environment"),
        );
        Whose::of(&names, "123456789012", "eu-west-2", rehearsal)
    }

    #[test]
    fn a_directory_with_other_files_is_left_alone() {
        assert!(may_enter("out", &[]).is_ok());
        assert!(may_enter("out", &["foundation".into(), FILE.into()]).is_ok());
        let names: Vec<String> = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).into();
        let error = may_enter("out", &names).expect_err("not ours");
        assert!(error.why.contains("a, b, c, d, e, …"), "{error}");
    }

    #[test]
    fn another_environment_is_identified_by_its_differences() {
        let prod = whose("prod", false);
        assert!(same("out", &prod, &prod.clone()).is_ok());
        let error = same("out", &prod, &whose("staging", true)).expect_err("another");
        assert_eq!(
            error.why,
            "environment prod there, staging here; in AWS there, a rehearsal here"
        );
    }

    #[test]
    fn a_record_comes_back_and_a_newer_one_is_not_guessed_at() {
        let record = Ejected {
            version: VERSION,
            landfall: "0.1.0".into(),
            whose: whose("prod", false),
            state: StateBackend::S3,
            roots: BTreeMap::from([(
                Root::Lambda,
                Stamp {
                    lineage: "l".into(),
                    serial: 3,
                },
            )]),
            files: BTreeMap::from([("lambda/api.tf".into(), "00".into())]),
        };
        let text = record.write();
        assert_eq!(Ejected::parse(&text), Ok(record));
        let newer = text.replace("\"version\": 1", "\"version\": 2");
        let error = Ejected::parse(&newer).expect_err("newer");
        assert!(error.what.contains("format 2"), "{error}");
        assert!(Ejected::parse("{}").is_err());
    }
}
