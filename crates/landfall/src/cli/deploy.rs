//! `landfall doctor`, `plan`, `up` and `move`.

use super::AppDir;
use super::values::{duration, usd};
use clap::{Args, ValueEnum};
use rules::app::manifest::{RelativePath, Target};
use rules::check::CheckId;
use rules::operate::ttl::TtlChange;
use std::path::PathBuf;
use std::time::Duration;

/// Where the image comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct Source {
    /// Use this image instead of building one
    #[arg(long, env = "LANDFALL_IMAGE", value_name = "REFERENCE")]
    pub(crate) image: Option<String>,
    /// Build with this Dockerfile, relative to the directory
    #[arg(
        long,
        env = "LANDFALL_DOCKERFILE",
        value_name = "FILE",
        conflicts_with = "image"
    )]
    pub(crate) dockerfile: Option<RelativePath>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) app: AppDir,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Target, instead of the manifest's `target`
    #[arg(long, env = "LANDFALL_TARGET")]
    pub(crate) target: Option<Target>,
    /// Neither build the image nor run it to see where it listens
    #[arg(long, env = "LANDFALL_NO_RUN")]
    pub(crate) no_run: bool,
    /// Check only this machine and the app; call nothing in AWS
    #[arg(long, env = "LANDFALL_OFFLINE")]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Limit in USD a month without traffic, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Target, instead of the manifest's `target`
    #[arg(long, env = "LANDFALL_TARGET")]
    pub(crate) target: Option<Target>,
    /// Also list free resources, and unit prices with all their digits
    #[arg(long, env = "LANDFALL_ALL")]
    pub(crate) all: bool,
    /// Plan with the newest AWS provider instead of the environment's
    #[arg(long, env = "LANDFALL_UPGRADE_PROVIDER")]
    pub(crate) upgrade_provider: bool,
    /// Also write the plan to this file, as a page for a browser
    #[arg(long, env = "LANDFALL_HTML", value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Confirm the plan and its price
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
    /// Change nothing; show what `landfall plan` shows
    #[arg(long, env = "LANDFALL_DRY_RUN")]
    pub(crate) dry_run: bool,
    /// Limit in USD a month without traffic, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
    /// Time until `landfall reap` destroys the environment: 90m, 2h, 3d; `never` removes the limit
    /// [default: unchanged]
    #[arg(long, env = "LANDFALL_TTL", value_name = "DURATION|never", value_parser = TtlChange::parse)]
    pub(crate) ttl: Option<TtlChange>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Target, instead of the manifest's `target`
    #[arg(long, env = "LANDFALL_TARGET")]
    pub(crate) target: Option<Target>,
    #[command(flatten)]
    pub(crate) tools: Tools,
    #[command(flatten)]
    pub(crate) start: Start,
    #[command(flatten)]
    pub(crate) pace: Pace,
}

/// What changes for every machine that deploys this environment.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Tools {
    /// Use the newest AWS provider from now on, instead of the environment's
    #[arg(long, env = "LANDFALL_UPGRADE_PROVIDER")]
    pub(crate) upgrade_provider: bool,
    /// Use this machine's OpenTofu or Terraform from now on, instead of the environment's
    #[arg(long, env = "LANDFALL_SWITCH_TOOL")]
    pub(crate) switch_tool: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Move {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// The new target
    #[arg(long, env = "LANDFALL_TO", value_name = "TARGET")]
    pub(crate) to: Target,
    /// Confirm the plan and its price
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
    /// Limit in USD a month without traffic, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) start: Start,
    #[command(flatten)]
    pub(crate) pace: Pace,
}

/// What has to hold before a new version gets traffic.
#[derive(Debug, Clone, Args)]
pub(crate) struct Start {
    /// Maximum time until a new version is healthy: 90s, 10m [default: 5m, more with a long
    /// `start_seconds`]
    #[arg(long, env = "LANDFALL_READY_TIMEOUT", value_name = "DURATION", value_parser = duration)]
    pub(crate) ready_timeout: Option<Duration>,
    /// Continue although this check of `landfall doctor --json` fails; several separated by commas
    #[arg(
        long,
        env = "LANDFALL_DESPITE",
        value_name = "CHECK",
        value_delimiter = ','
    )]
    pub(crate) despite: Vec<CheckId>,
}

/// How traffic moves to a new version.
#[derive(Debug, Clone, Args)]
pub(crate) struct Pace {
    /// How traffic moves to a new version [default: `strategy` of landfall.toml, otherwise canary]
    #[arg(long, env = "LANDFALL_STRATEGY", value_enum)]
    pub(crate) strategy: Option<Strategy>,
    /// Minimum time for the canary analysis [default: 15s; 4m without an edge, as the load
    /// balancer's metrics are late]
    #[arg(long, env = "LANDFALL_MINIMUM", value_name = "DURATION", value_parser = duration)]
    pub(crate) minimum: Option<Duration>,
    /// Maximum time for the canary analysis
    #[arg(long, env = "LANDFALL_MAXIMUM", default_value = "10m", value_name = "DURATION", value_parser = duration)]
    pub(crate) maximum: Duration,
    /// What to do when the canary analysis has no result by then
    #[arg(
        long,
        env = "LANDFALL_AT_MAXIMUM",
        value_name = "ACTION",
        value_enum,
        default_value_t
    )]
    pub(crate) at_maximum: AtMaximum,
    /// How long to keep the old version running, with 5% of the traffic, after a promotion
    /// [default: 60s; 4m without an edge]
    #[arg(long, env = "LANDFALL_BAKE", value_name = "DURATION", value_parser = duration)]
    pub(crate) bake: Option<Duration>,
    /// Stage the new version without traffic, and print how to reach it
    #[arg(long, env = "LANDFALL_NO_TRAFFIC")]
    pub(crate) no_traffic: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strategy {
    /// 10%, 50%, 100%, as far as the comparison with the old version allows
    Canary,
    /// 100% as soon as it is healthy and answers probes
    AllAtOnce,
    /// 10%, and 100% after `landfall promote`
    Manual,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AtMaximum {
    /// Change nothing and wait for `landfall promote` or `landfall abort`
    #[default]
    Hold,
    /// Promote, marked as unproven, unless the evidence is against it
    Promote,
    /// Roll back
    RollBack,
}

impl Move {
    /// The same as a deployment to that target.
    pub(crate) fn up(&self) -> Up {
        Up {
            app: self.app.clone(),
            yes: self.yes,
            dry_run: false,
            budget: self.budget,
            ttl: None,
            source: self.source.clone(),
            target: Some(self.to),
            tools: Tools::default(),
            start: self.start.clone(),
            pace: self.pace.clone(),
        }
    }
}
