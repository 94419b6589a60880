//! `landfall exec`.

use super::AppDir;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Program and its arguments; no shell reads them: `-- sh -c 'echo $HOME'` if one is to
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}
