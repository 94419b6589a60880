//! `landfall status`, `logs`, `cost`, `run` and `rehearsal`.

use super::values::{duration, share};
use super::{AppDir, Source};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Keep showing it until Ctrl-C
    #[arg(short, long, env = "LANDFALL_WATCH")]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Keep printing new lines until Ctrl-C
    #[arg(short, long, env = "LANDFALL_FOLLOW")]
    pub(crate) follow: bool,
    /// Also print what the edge and Lambda write: messages, access log, summaries [env:
    /// LANDFALL_LOGS_EDGE]
    #[arg(long, env = "LANDFALL_LOGS_EDGE")]
    pub(crate) edge: bool,
    /// How far to go back: 90s, 10m, 2h, 1d
    #[arg(long, env = "LANDFALL_SINCE", default_value = "10m", value_name = "DURATION", value_parser = duration)]
    pub(crate) since: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Cost {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Also list free resources, and unit prices with all their digits
    #[arg(long, env = "LANDFALL_ALL")]
    pub(crate) all: bool,
}

/// What to run.
#[derive(Debug, Clone, Args)]
pub(crate) struct Subject {
    /// Directory with the app and its Dockerfile, or an image
    #[arg(default_value = ".", value_name = "DIRECTORY|IMAGE")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) app: Subject,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Port on 127.0.0.1 [default: the app's own if it is free]
    #[arg(long, env = "LANDFALL_PORT")]
    pub(crate) port: Option<u16>,
    /// Kill the app repeatedly: 10s, 1m
    #[arg(long, env = "LANDFALL_KILL_EVERY", value_name = "DURATION", value_parser = duration)]
    pub(crate) kill_every: Option<Duration>,
    /// Make this share of attempts fail before they reach the app: 0.3
    #[arg(long, env = "LANDFALL_FAIL", value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub(crate) fail: f64,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum RehearsalAction {
    /// Start the emulators, unless they are running, and print their addresses
    Start,
    /// Stop the emulators and remove every container that they started
    Stop,
}
