//! Exit codes: one number for each kind of ending, so that a script can distinguish them.

use serde::{Deserialize, Serialize};

/// How a command ended. The documentation's table is generated from [`Exit::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// The command did what it was asked for, and saw that it is so.
    Done,
    /// A defect of landfall itself.
    Bug,
    /// Wrong arguments, manifest or Dockerfile. Nothing was created.
    BadInput,
    /// A tool is missing or too old: Docker, Terraform, an emulator.
    MissingTool,
    /// No credentials, expired ones, or an action that they do not allow.
    Access,
    /// Terraform or AWS failed while the infrastructure was made or removed.
    Infrastructure,
    /// The image could not be built, or not be pushed.
    Image,
    /// The new version failed; the old one serves as before.
    RolledBack,
    /// The new version failed and no older one was there: nothing serves.
    NothingServing,
    /// Another process holds the lock of the state or of the release.
    Locked,
    /// After `down` something that costs money is left.
    Leftovers,
    /// Refused by a guardrail: the price, or a confirmation that was not given.
    Refused,
    /// The ending could not be observed: what runs now is unknown.
    Unknown,
    /// The release waits for a person; the output reports which version serves.
    Held,
    /// The new version was given up, and the old one was not seen to serve: users may be affected now.
    AtRisk,
    /// The command of `exec` failed; the process ends with the command's own code if it has one.
    Command,
    /// Interrupted by Ctrl-C or SIGTERM, after stopping in order.
    Interrupted,
}

impl Exit {
    /// Every ending, in the order of the table.
    pub const ALL: [Exit; 17] = [
        Exit::Done,
        Exit::Bug,
        Exit::BadInput,
        Exit::MissingTool,
        Exit::Access,
        Exit::Infrastructure,
        Exit::Image,
        Exit::RolledBack,
        Exit::NothingServing,
        Exit::Locked,
        Exit::Leftovers,
        Exit::Refused,
        Exit::Unknown,
        Exit::Held,
        Exit::AtRisk,
        Exit::Command,
        Exit::Interrupted,
    ];

    /// The process exit code. 130 is what shells expect of an interrupted command.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Bug => 1,
            Exit::BadInput => 2,
            Exit::MissingTool => 3,
            Exit::Access => 4,
            Exit::Infrastructure => 5,
            Exit::Image => 6,
            Exit::RolledBack => 10,
            Exit::NothingServing => 11,
            Exit::Locked => 12,
            Exit::Leftovers => 13,
            Exit::Refused => 14,
            Exit::Unknown => 15,
            Exit::Held => 16,
            Exit::AtRisk => 17,
            Exit::Command => 20,
            Exit::Interrupted => 130,
        }
    }

    /// One line for the documentation.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done, and observed to be so",
            Exit::Bug => "a defect of landfall",
            Exit::BadInput => "wrong arguments, manifest or Dockerfile; nothing was created",
            Exit::MissingTool => "Docker, Terraform or an emulator is missing or too old",
            Exit::Access => "credentials are missing or expired, or do not allow an action",
            Exit::Infrastructure => {
                "Terraform or AWS failed while making or removing infrastructure"
            }
            Exit::Image => "the image could not be built or pushed",
            Exit::RolledBack => "the new version failed; the old one serves as before",
            Exit::NothingServing => {
                "the new version failed and there was no older one: nothing serves"
            }
            Exit::Locked => "another process holds the lock",
            Exit::Leftovers => "after `down` something that costs money is left",
            Exit::Refused => "refused: the price, or a confirmation that was not given",
            Exit::Unknown => "what runs now could not be observed",
            Exit::Held => "the release waits for a person: `landfall promote` or `landfall abort`",
            Exit::AtRisk => {
                "the rollback failed, or the old version was not seen to serve: the service is at risk"
            }
            Exit::Command => {
                "the command of `exec` failed: the code is its own, and 20 only if it has none"
            }
            Exit::Interrupted => "interrupted, after stopping in order",
        }
    }
}

/// The table of exit codes in Markdown, as it stands in the documentation.
pub fn table() -> String {
    let mut out = String::from("| code | name | meaning |\n|---|---|---|\n");
    for exit in Exit::ALL {
        let name = serde_json::to_value(exit).unwrap_or_default();
        out.push_str(&format!(
            "| {} | `{}` | {} |\n",
            exit.code(),
            name.as_str().unwrap_or("?"),
            exit.meaning()
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_endings_share_a_code() {
        let mut codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Exit::ALL.len());
    }
}
