//! `landfall secrets …`, as it can be typed.

use super::{AppDir, usd};
use clap::{Args, Subcommand};
use rules::app::manifest::SecretName;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Set a secret: its value comes from standard input, a file or a prompt, never from an argument
    Set(Set),
    /// List what is set and what landfall.toml asks for, without values
    List(AppDir),
    /// Remove a secret for good
    Unset(Unset),
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Environment variable that the app gets it in
    #[arg(value_name = "NAME")]
    pub(crate) secret: SecretName,
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Take the value from this file, instead of standard input
    #[arg(long, env = "LANDFALL_FROM_FILE", value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// USD a month that secrets in Secrets Manager may cost, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct Unset {
    /// Environment variable that the app gets it in
    #[arg(value_name = "NAME")]
    pub(crate) secret: SecretName,
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Remove it without asking, even if what runs needs it to start again
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
}
