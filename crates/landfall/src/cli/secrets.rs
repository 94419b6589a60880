//! `landfall secrets`.

use super::AppDir;
use super::positional::{is_app, sort};
use super::values::usd;
use crate::failure::Failure;
use clap::{Args, Subcommand};
use rules::app::manifest::SecretName;
use rules::exit::Exit;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Set a secret; its value comes from standard input, a file or a prompt, never from an argument
    Set(Set),
    /// List what is set and what landfall.toml asks for, without values
    List(AppDir),
    /// Remove a secret for good
    Unset(Unset),
}

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Set {
    #[command(flatten)]
    pub(crate) secret: Secret,
    /// Read the value from this file instead of standard input
    #[arg(long, env = "LANDFALL_FROM_FILE", value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// Limit in USD a month for Secrets Manager, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
}

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Unset {
    #[command(flatten)]
    pub(crate) secret: Secret,
    /// Do not ask for confirmation, even if the live version needs the secret to start again
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// An app and one of its secrets.
#[derive(Debug, Args)]
pub(crate) struct Secret {
    /// Directory with the app and its Dockerfile [default: .]
    #[arg(value_name = "DIRECTORY")]
    first: Option<PathBuf>,
    /// Environment variable that holds the value in the app
    #[arg(value_name = "NAME", required = true)]
    second: String,
}

impl Secret {
    /// The app directory, and the name of the secret.
    pub(crate) fn read(&self) -> Result<(PathBuf, SecretName), Failure> {
        let is_name = |text: &str| SecretName::parse(text).is_ok();
        let sorted = sort(self.first.as_deref(), Some(&self.second), is_name, is_app);
        let (directory, name) = match sorted {
            Some((directory, Some(name))) => (directory, name),
            _ => (PathBuf::new(), self.second.clone()),
        };
        let name = SecretName::parse(&name).map_err(|invalid| {
            Failure::new(Exit::BadInput, invalid.what)
                .why(invalid.why)
                .next(invalid.fix)
        })?;
        Ok((directory, name))
    }
}
