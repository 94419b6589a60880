//! `landfall eject` and `landfall adopt`.

use super::AppDir;
use super::positional::{Sorted, is_app, sort};
use super::values::usd;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Eject {
    /// Directory with the app and its Dockerfile [default: .]
    #[arg(value_name = "DIRECTORY")]
    first: Option<PathBuf>,
    /// Directory to write to: new, empty, or written by an earlier eject
    #[arg(value_name = "DIR", required = true)]
    second: String,
    /// Limit in USD a month that `up --budget` was given, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
    /// Write although the plans show changes, and overwrite edited files
    #[arg(short, long)]
    pub(crate) yes: bool,
}

impl Eject {
    /// The app directory, and the directory to write to.
    pub(crate) fn read(&self) -> (PathBuf, PathBuf) {
        let sorted = sort(self.first.as_deref(), Some(&self.second), |_| true, is_app);
        let (directory, into): Sorted = sorted.unwrap_or_default();
        (directory, into.map(PathBuf::from).unwrap_or_default())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Adopt {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Directory that `landfall eject` wrote
    #[arg(long, env = "LANDFALL_FROM", value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// Limit in USD a month that `up --budget` was given, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
    /// Adopt although settings or files differ; landfall's own replace them at the next `up`
    #[arg(short, long)]
    pub(crate) yes: bool,
}
