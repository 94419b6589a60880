//! `landfall eject` and `landfall adopt`, as they can be typed.

use super::AppDir;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Eject {
    /// Directory to write to: a new or empty one, or that of an earlier eject
    #[arg(value_name = "DIR")]
    pub(crate) into: PathBuf,
    #[command(flatten)]
    pub(crate) app: AppDir,
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
    /// Adopt although settings or files there are others than landfall's, which count from then on
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
}
