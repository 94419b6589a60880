//! `landfall reap`.

use clap::Args;

/// All of the account and region; `--name` and `--env` narrow it down.
#[derive(Debug, Args)]
pub(crate) struct Reap {
    /// Take down without asking
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
    /// Take nothing down; show which environments there are, and when they end
    #[arg(long, env = "LANDFALL_DRY_RUN")]
    pub(crate) dry_run: bool,
}
