//! `landfall eject` and `landfall adopt`, as they can be typed.

use super::{AppDir, usd};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Eject {
    /// Directory to write to: a new or empty one, or that of an earlier eject
    #[arg(value_name = "DIR")]
    pub(crate) into: PathBuf,
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// USD a month that `up` was given on the command line, if it was, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
    /// Write although the plans say changes, or over files that were edited
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Adopt {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Directory that `landfall eject` wrote
    #[arg(long, env = "LANDFALL_FROM", value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// USD a month that `up` was given on the command line, if it was, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
    /// Adopt although settings or files there differ: landfall's own count from then on
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
}
