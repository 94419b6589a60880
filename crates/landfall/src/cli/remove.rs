//! `landfall down` and `landfall reap`.

use super::AppDir;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Down {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Remove nothing; only check for leftovers
    #[arg(long, env = "LANDFALL_VERIFY")]
    pub(crate) verify: bool,
}

/// All of the account and region; `--name` and `--env` narrow it down.
#[derive(Debug, Args)]
pub(crate) struct Reap {
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Destroy nothing; list the environments and when they expire
    #[arg(long, env = "LANDFALL_DRY_RUN")]
    pub(crate) dry_run: bool,
}
