//! `landfall init`.

use super::AppDir;
use clap::Args;
use rules::app::manifest::{Port, RelativePath};

#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Port that the app listens on, if the Dockerfile does not determine it
    #[arg(long, env = "LANDFALL_PORT", value_parser = port)]
    pub(crate) port: Option<Port>,
    /// Build with this Dockerfile, relative to the directory
    #[arg(long, env = "LANDFALL_DOCKERFILE", value_name = "FILE")]
    pub(crate) dockerfile: Option<RelativePath>,
    /// Overwrite an existing landfall.toml
    #[arg(long, env = "LANDFALL_FORCE")]
    pub(crate) force: bool,
    /// Write nothing; print the file
    #[arg(long, env = "LANDFALL_DRY_RUN")]
    pub(crate) dry_run: bool,
}

fn port(text: &str) -> Result<Port, String> {
    let number: Option<i64> = text.parse().ok();
    number
        .and_then(|number| Port::new(number).ok())
        .ok_or_else(|| "a port from 1 to 65535, for example 8080".to_owned())
}
