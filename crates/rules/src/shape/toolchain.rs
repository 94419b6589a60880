//! Which program of the two, OpenTofu or Terraform, an environment uses, and which version of the AWS
//! provider: both belong to the environment, so that a laptop and a CI job plan the same.

pub mod lock_file;
pub mod provider;
pub mod record;

use crate::check::Failure;
use crate::exit::Exit;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// The AWS provider, without the registry's host.
pub const PROVIDER: &str = "hashicorp/aws";

/// OpenTofu or Terraform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Program {
    OpenTofu,
    Terraform,
}

impl Program {
    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Program::OpenTofu => "OpenTofu",
            Program::Terraform => "Terraform",
        }
    }

    /// The name of its file.
    pub fn file(self) -> &'static str {
        match self {
            Program::OpenTofu => "tofu",
            Program::Terraform => "terraform",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Program {
        match self {
            Program::OpenTofu => Program::Terraform,
            Program::Terraform => Program::OpenTofu,
        }
    }

    /// The address of the AWS provider in lock files and states. Each program has a registry of its own.
    pub fn provider(self) -> &'static str {
        match self {
            Program::OpenTofu => "registry.opentofu.org/hashicorp/aws",
            Program::Terraform => "registry.terraform.io/hashicorp/aws",
        }
    }
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Which one.
    pub program: Program,
    /// As `version -json` has it: `1.12.6`.
    pub version: String,
}

impl Tool {
    /// `OpenTofu 1.12.6`.
    pub fn describe(&self) -> String {
        format!("{} {}", self.program.name(), self.version)
    }

    /// The program of a state and the newest version that wrote it, from the state's text. [`None`] without resources
    /// of the AWS provider, or if the text cannot be parsed, because OpenTofu may encrypt it.
    pub fn of_state(state: &str) -> Option<Tool> {
        #[derive(Deserialize)]
        struct State {
            terraform_version: String,
            resources: Vec<Resource>,
        }
        #[derive(Deserialize)]
        struct Resource {
            provider: String,
        }
        let state: State = serde_json::from_str(state).ok()?;
        let has = |program: Program| {
            let mut providers = state.resources.iter();
            providers.any(|resource| resource.provider.contains(program.provider()))
        };
        // OpenTofu reads both addresses and writes its own; Terraform never writes OpenTofu's.
        let program = [Program::OpenTofu, Program::Terraform]
            .into_iter()
            .find(|program| has(*program))?;
        Some(Tool {
            program,
            version: state.terraform_version,
        })
    }
}

/// Compares two versions by their numbers. A version before a release, such as `1.13.0-beta1`, equals the release.
pub fn compare(one: &str, other: &str) -> Ordering {
    numbers(one).cmp(&numbers(other))
}

fn numbers(version: &str) -> [u64; 3] {
    let version = version.trim_start_matches('v');
    let release = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = release.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

/// How the program of this machine fits the environment's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It is the same one, or the environment has none yet.
    Same,
    /// The same program in an older version. The version is the newest that wrote the environment's states.
    Older(Tool),
    /// The other program. It is the environment's.
    Other(Tool),
}

/// How the program of this machine fits the one that the environment uses.
pub fn fit(used: Option<&Tool>, here: &Tool) -> Fit {
    match used {
        Some(used) if used.program != here.program => Fit::Other(used.clone()),
        Some(used) if compare(&used.version, &here.version) == Ordering::Greater => {
            Fit::Older(used.clone())
        }
        _ => Fit::Same,
    }
}

/// The program that CI jobs install: the environment's, in the version that this landfall is tested with or the newer one
/// that the environment has.
pub fn for_ci(used: Option<Tool>) -> Tool {
    let program = used.as_ref().map_or(Program::OpenTofu, |used| used.program);
    let tested = match program {
        Program::OpenTofu => "1.12.6",
        Program::Terraform => "1.15.5",
    };
    match used {
        Some(used) if compare(&used.version, tested) == Ordering::Greater => used,
        _ => Tool {
            program,
            version: tested.to_owned(),
        },
    }
}

/// The failure of a command on a machine that has the other program.
pub fn other_program(used: &Tool, here: &Tool) -> Failure {
    let (program, file) = (used.program.name(), used.program.file());
    Failure {
        exit: Exit::MissingTool,
        what: format!(
            "this environment uses {program}, and this machine has {}",
            here.describe()
        ),
        why: vec![format!(
            "{} wrote its state; each program has its own address for the AWS provider, and a state with both needs \
             both providers",
            used.describe()
        )],
        next: vec![
            format!(
                "install {program} {} or newer, or name one: LANDFALL_TERRAFORM=/path/to/{file}",
                used.version
            ),
            format!(
                "or change the environment to {} for everyone: `landfall up --switch-tool`",
                here.program.name()
            ),
        ],
    }
}

/// The warning for a machine whose program is older than the one that wrote the state.
pub fn older(used: &Tool, here: &Tool) -> String {
    format!(
        "{} here is older than {}, which wrote this environment's state; neither program promises to read what a newer \
         version of it wrote",
        here.describe(),
        used.version
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(program: Program, version: &str) -> Tool {
        Tool {
            program,
            version: version.to_owned(),
        }
    }

    fn state(addresses: &[&str]) -> String {
        let resources: Vec<serde_json::Value> = addresses
            .iter()
            .map(|address| serde_json::json!({ "provider": format!("provider[\"{address}\"]") }))
            .collect();
        serde_json::json!({ "version": 4, "terraform_version": "1.12.6", "resources": resources })
            .to_string()
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (one, other, order) in [
            ("1.9.8", "1.10.0", Ordering::Less),
            ("v1.12.6", "1.12.6", Ordering::Equal),
            ("1.13.0-beta1", "1.13.0", Ordering::Equal),
            ("6.62.0", "6.7.1", Ordering::Greater),
            ("2", "1.99", Ordering::Greater),
        ] {
            assert_eq!(compare(one, other), order, "{one} {other}");
        }
    }

    #[test]
    fn another_program_is_an_error_and_an_older_version_is_reported() {
        let used = tool(Program::OpenTofu, "1.12.6");
        for (here, expected) in [
            (tool(Program::OpenTofu, "1.12.6"), Fit::Same),
            (tool(Program::OpenTofu, "1.13.0"), Fit::Same),
            (tool(Program::OpenTofu, "1.11.9"), Fit::Older(used.clone())),
            (tool(Program::Terraform, "1.15.5"), Fit::Other(used.clone())),
        ] {
            assert_eq!(fit(Some(&used), &here), expected, "{here:?}");
            assert_eq!(fit(None, &here), Fit::Same);
        }
        let here = tool(Program::Terraform, "1.15.5");
        let failure = other_program(&used, &here);
        assert_eq!(failure.exit, Exit::MissingTool);
        for part in ["uses OpenTofu", "has Terraform 1.15.5"] {
            assert!(failure.what.contains(part), "{failure:?}");
        }
        assert!(failure.next[0].contains("LANDFALL_TERRAFORM=/path/to/tofu"));
        assert!(failure.next[1].contains("change the environment to Terraform"));
        let warning = older(&used, &tool(Program::OpenTofu, "1.11.9"));
        assert!(warning.starts_with("OpenTofu 1.11.9 here is older than 1.12.6"));
    }

    #[test]
    fn ci_uses_the_program_of_the_environment() {
        let [tofu, terraform] = [Program::OpenTofu, Program::Terraform];
        for (used, expected) in [
            (None, tool(tofu, "1.12.6")),
            (Some(tool(tofu, "1.10.0")), tool(tofu, "1.12.6")),
            (Some(tool(terraform, "1.11.4")), tool(terraform, "1.15.5")),
            (Some(tool(terraform, "1.16.1")), tool(terraform, "1.16.1")),
        ] {
            assert_eq!(for_ci(used), expected);
        }
    }

    #[test]
    fn a_state_shows_which_program_wrote_it() {
        let of = |addresses: &[&str]| Tool::of_state(&state(addresses)).map(|tool| tool.program);
        let [tofu, terraform] = [Program::OpenTofu, Program::Terraform];
        assert_eq!(of(&[terraform.provider()]), Some(terraform));
        assert_eq!(of(&[tofu.provider()]), Some(tofu));
        // A state of Terraform that OpenTofu has changed.
        assert_eq!(of(&[terraform.provider(), tofu.provider()]), Some(tofu));
        assert_eq!(of(&[]), None);
        assert_eq!(Tool::of_state("encrypted"), None);
        let found = Tool::of_state(&state(&[tofu.provider()]));
        assert_eq!(found, Some(tool(tofu, "1.12.6")));
    }
}
