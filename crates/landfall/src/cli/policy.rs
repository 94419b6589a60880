//! `landfall policy`.

use super::AppDir;
use clap::{Args, Subcommand};
use rules::app::manifest::Target;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// For the first `up`, and for later ones that change the infrastructure
    Setup(Flags),
    /// For releases, and for everyday commands: status, logs, rollback, secrets
    Release(Flags),
    /// For `down`
    Teardown(Flags),
}

#[derive(Debug, Args)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Target, instead of the manifest's `target`
    #[arg(long, env = "LANDFALL_TARGET")]
    pub(crate) target: Option<Target>,
    /// Number of the account [default: that of the credentials]
    #[arg(long, env = "LANDFALL_ACCOUNT", value_name = "ACCOUNT", value_parser = account)]
    pub(crate) account: Option<String>,
    /// Include what `landfall ci` needs, and what removes the roles that it creates
    #[arg(long, env = "LANDFALL_CI")]
    pub(crate) ci: bool,
    /// Write each policy to a file in this directory instead of printing it
    #[arg(long, env = "LANDFALL_WRITE", value_name = "DIRECTORY")]
    pub(crate) write: Option<PathBuf>,
}

fn account(text: &str) -> Result<String, String> {
    let is_account = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    is_account
        .then(|| text.to_owned())
        .ok_or_else(|| "twelve digits, for example 123456789012".to_owned())
}
