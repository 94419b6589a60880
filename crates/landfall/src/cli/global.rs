//! Options of every command.

use super::values::duration;
use crate::report::Volume;
use clap::Args;
use rules::app::manifest::{AppName, EnvironmentName, Region};
use std::time::Duration;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Use AWS emulators on this machine instead of AWS
    #[arg(long, global = true, env = "LANDFALL_REHEARSE")]
    pub(crate) rehearse: bool,
    /// Print one JSON event per line on standard output
    #[arg(long, global = true, env = "LANDFALL_JSON")]
    pub(crate) json: bool,
    /// Also print the output of the tools
    #[arg(short, long, global = true, env = "LANDFALL_VERBOSE")]
    pub(crate) verbose: bool,
    /// Print results, warnings and errors only
    #[arg(short, long, global = true, env = "LANDFALL_QUIET")]
    pub(crate) quiet: bool,
    /// Stop cleanly after this time, as Ctrl-C does: 20m, 2h
    #[arg(long, global = true, env = "LANDFALL_TIMEOUT", value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Environment of the app, instead of the manifest's `environment`
    #[arg(
        short,
        long = "env",
        global = true,
        env = "LANDFALL_ENV",
        value_name = "ENVIRONMENT"
    )]
    pub(crate) environment: Option<EnvironmentName>,
    /// AWS region, instead of the manifest's or the profile's
    #[arg(long, global = true, env = "LANDFALL_REGION")]
    pub(crate) region: Option<Region>,
    /// AWS profile
    #[arg(long, global = true, env = "LANDFALL_PROFILE")]
    pub(crate) profile: Option<String>,
    /// Name of the app, instead of the manifest's or the directory's
    #[arg(long, global = true, env = "LANDFALL_NAME")]
    pub(crate) name: Option<AppName>,
}

impl Global {
    /// How much the command prints.
    pub(crate) fn volume(&self) -> Volume {
        match (self.quiet, self.verbose) {
            (true, _) => Volume::Quiet,
            (false, true) => Volume::Verbose,
            (false, false) => Volume::Usual,
        }
    }
}
