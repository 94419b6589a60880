//! `landfall exec`.

use super::AppDir;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Program and its arguments, without a shell; with one: `-- sh -c 'echo $HOME'`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}
