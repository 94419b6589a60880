//! Files of an ejected environment that were edited by hand.

use crate::app::manifest::FileSum;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Paths from the directory on (`lambda/api.tf`), each with its text.
pub type Texts = BTreeMap<String, String>;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Its text is another.
    Changed,
    /// landfall did not write it, and Terraform reads it.
    Added,
    /// It is not there any more.
    Removed,
}

/// A file that is not as landfall would have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Which, from the directory on.
    pub path: String,
    /// What became of it.
    pub fate: Fate,
}

impl std::fmt::Display for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fate = match self.fate {
            Fate::Changed => "was changed",
            Fate::Added => "was added",
            Fate::Removed => "was removed",
        };
        write!(f, "{} {fate}", self.path)
    }
}

/// Whether Terraform or OpenTofu reads a file of this name as configuration, or as variables without a flag
/// (<https://developer.hashicorp.com/terraform/language/files>,
/// <https://developer.hashicorp.com/terraform/language/values/variables#variable-definitions-tfvars-files>).
pub fn is_read(name: &str) -> bool {
    let endings = [
        ".tf",
        ".tf.json",
        ".tofu",
        ".tofu.json",
        ".auto.tfvars",
        ".auto.tfvars.json",
    ];
    !name.starts_with('.')
        && (endings.iter().any(|ending| name.ends_with(ending))
            || matches!(name, "terraform.tfvars" | "terraform.tfvars.json"))
}

/// The sum of each text.
pub fn sums(texts: &Texts) -> BTreeMap<String, String> {
    let sum =
        |(path, text): (&String, &String)| (path.clone(), FileSum::of(text.as_bytes()).to_string());
    texts.iter().map(sum).collect()
}

/// Which files would be lost if `wanted` were written over `found`: those edited by hand since they were
/// `written`.
pub fn lost(written: &BTreeMap<String, String>, wanted: &Texts, found: &Texts) -> Vec<Edit> {
    let is_somebodys = |(path, text): &(&String, &String)| {
        let Some(there) = found.get(*path) else {
            return false;
        };
        there != *text && written.get(*path) != Some(&FileSum::of(there.as_bytes()).to_string())
    };
    let edit = |(path, _): (&String, &String)| Edit {
        path: path.clone(),
        fate: Fate::Changed,
    };
    wanted.iter().filter(is_somebodys).map(edit).collect()
}

/// What was done to the files that Terraform reads, other than by a newer landfall: such a file is neither as it was
/// `written`, nor as this landfall has it (`ours`).
pub fn edits(written: &BTreeMap<String, String>, ours: &Texts, found: &Texts) -> Vec<Edit> {
    let all: BTreeSet<&String> = written.keys().chain(found.keys()).collect();
    let fate = |path: &String| match (written.get(path), found.get(path)) {
        (_, Some(text)) if ours.get(path) == Some(text) => None,
        (Some(sum), Some(text)) if *sum == FileSum::of(text.as_bytes()).to_string() => None,
        (Some(_), Some(_)) => Some(Fate::Changed),
        (None, Some(_)) => Some(Fate::Added),
        (Some(_), None) => Some(Fate::Removed),
        (None, None) => None,
    };
    all.into_iter()
        .filter(|path| is_read(path.rsplit('/').next().unwrap_or_default()))
        .filter_map(|path| {
            Some(Edit {
                path: path.clone(),
                fate: fate(path)?,
            })
        })
        .collect()
}

/// The number of files that were not edited and differ from those of this landfall: another version
/// wrote them.
pub fn other_version(written: &BTreeMap<String, String>, ours: &Texts, found: &Texts) -> usize {
    let sum = |path: &String| Some(FileSum::of(found.get(path)?.as_bytes()).to_string());
    ours.iter()
        .filter(|(path, text)| found.get(*path) != Some(text))
        .filter(|(path, _)| sum(path).as_ref() == written.get(*path))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[(&str, &str)]) -> Texts {
        all.iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn files_of_terraform_are_distinguished_from_other_files() {
        for read in [
            "api.tf",
            "x_override.tf",
            "more.tf.json",
            "terraform.tfvars",
            "terraform.tfvars.json",
            "my.auto.tfvars",
            "own.tofu",
        ] {
            assert!(is_read(read), "{read}");
        }
        for not in [
            "README.md",
            "terraform.tfstate",
            ".terraform.lock.hcl",
            "staging.tfvars",
            ".hidden.tf",
        ] {
            assert!(!is_read(not), "{not}");
        }
    }

    #[test]
    fn edits_are_those_of_people_not_those_of_another_version() {
        let before = texts(&[
            ("lambda/api.tf", "old"),
            ("lambda/logs.tf", "same"),
            ("lambda/gone.tf", "x"),
            ("lambda/README.md", "text"),
        ]);
        let written = sums(&before);
        let ours = texts(&[
            ("lambda/api.tf", "new"),
            ("lambda/logs.tf", "same"),
            ("lambda/gone.tf", "x"),
        ]);
        // As it was ejected by an older landfall.
        assert_eq!(edits(&written, &ours, &before), []);
        assert_eq!(other_version(&written, &ours, &before), 1);
        let found = texts(&[
            ("lambda/api.tf", "by hand"),
            ("lambda/logs.tf", "same"),
            ("lambda/mine.tf", "more"),
            ("lambda/README.md", "notes of mine"),
        ]);
        let lines: Vec<String> = edits(&written, &ours, &found)
            .iter()
            .map(Edit::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "lambda/api.tf was changed",
                "lambda/gone.tf was removed",
                "lambda/mine.tf was added"
            ]
        );
        assert_eq!(other_version(&written, &ours, &found), 0);
    }

    #[test]
    fn an_eject_over_an_earlier_one_loses_no_edits() {
        let before = texts(&[("README.md", "old"), ("lambda/api.tf", "old")]);
        let wanted = texts(&[("README.md", "new"), ("lambda/api.tf", "new")]);
        let written = sums(&before);
        assert_eq!(lost(&written, &wanted, &before), []);
        assert_eq!(lost(&written, &wanted, &Texts::new()), []);
        // Killed in the middle, the first time: the record knows nothing yet.
        let half = texts(&[("README.md", "new")]);
        assert_eq!(lost(&BTreeMap::new(), &wanted, &half), []);
        let edited = texts(&[("README.md", "old"), ("lambda/api.tf", "mine")]);
        let losses = lost(&written, &wanted, &edited);
        assert_eq!(losses.len(), 1);
        assert_eq!(losses[0].path, "lambda/api.tf");
    }
}
