//! `landfall policy …`, as it can be typed.

use super::AppDir;
use clap::{Args, Subcommand};
use rules::app::manifest::Target;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// For the first `up`, and every later one that changes the shape
    Setup(Flags),
    /// For releases, and what is asked for every day: status, logs, rollback, secrets
    Release(Flags),
    /// For `down`
    Teardown(Flags),
}

#[derive(Debug, Args)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// What it runs on, instead of the manifest's `target`
    #[arg(long, env = "LANDFALL_TARGET")]
    pub(crate) target: Option<Target>,
    /// The account, by its twelve digits, instead of the one that the credentials belong to
    #[arg(long, env = "LANDFALL_ACCOUNT", value_name = "ACCOUNT", value_parser = account)]
    pub(crate) account: Option<String>,
    /// Also what `landfall ci` needs, and what removes the roles that it makes
    #[arg(long, env = "LANDFALL_CI")]
    pub(crate) ci: bool,
    /// Write each document into a file in this directory, instead of printing it
    #[arg(long, env = "LANDFALL_WRITE", value_name = "DIRECTORY")]
    pub(crate) write: Option<PathBuf>,
}

fn account(text: &str) -> Result<String, String> {
    let is_account = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    is_account
        .then(|| text.to_owned())
        .ok_or_else(|| "twelve digits, for example 123456789012".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn help_of_policy() {
        let mut command = Cli::command().term_width(100);
        let policy = command.find_subcommand_mut("policy").expect("a command");
        let pages: Vec<String> = ["setup", "release", "teardown"]
            .map(|name| {
                let page = policy.find_subcommand_mut(name).expect("a command");
                format!("── {name}\n{}", page.render_help())
            })
            .to_vec();
        insta::assert_snapshot!("help_of_policy", pages.join("\n"));
    }
}
