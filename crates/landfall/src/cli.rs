//! What can be typed.

pub(crate) mod ci;
pub(crate) mod eject;
pub(crate) mod exec;
pub(crate) mod init;
pub(crate) mod policy;
pub(crate) mod reap;
pub(crate) mod secrets;

use crate::release::runner::ReleaseOptions;
use crate::report::Volume;
use clap::{Args, Parser, Subcommand, ValueEnum};
use rules::app::manifest::{AppName, EnvironmentName, Manifest, Region, RelativePath, Target};
use rules::operate::ttl::Wish;
use rules::release;
use std::path::PathBuf;
use std::time::Duration;

/// Runs a directory with a web app and a Dockerfile in your own AWS account.
#[derive(Debug, Parser)]
#[command(
    name = "landfall",
    version,
    max_term_width = 100,
    infer_subcommands = false
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Work against AWS emulators on this machine instead of AWS
    #[arg(long, global = true, env = "LANDFALL_REHEARSE")]
    pub(crate) rehearse: bool,
    /// Print one JSON event a line on standard output
    #[arg(long, global = true, env = "LANDFALL_JSON")]
    pub(crate) json: bool,
    /// Show what the tools say while they work
    #[arg(
        short,
        long,
        global = true,
        env = "LANDFALL_VERBOSE",
        conflicts_with = "quiet"
    )]
    pub(crate) verbose: bool,
    /// Show results, warnings and failures only
    #[arg(short, long, global = true, env = "LANDFALL_QUIET")]
    pub(crate) quiet: bool,
    /// Stop in order after this time, as Ctrl-C does: 20m, 2h
    #[arg(long, global = true, env = "LANDFALL_TIMEOUT", value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Which deployment of the app, instead of the manifest's `environment`
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
    /// How much is to be said.
    pub(crate) fn volume(&self) -> Volume {
        match (self.quiet, self.verbose) {
            (true, _) => Volume::Quiet,
            (false, true) => Volume::Verbose,
            (false, false) => Volume::Usual,
        }
    }
}

/// The app directory.
#[derive(Debug, Clone, Args)]
pub(crate) struct AppDir {
    /// Directory with the app and its Dockerfile
    #[arg(default_value = ".", value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a landfall.toml to begin with, with what was found
    Init(init::Init),
    /// Deploy the app, or release a new version of it
    Up(Up),
    /// Show what `up` would make, what it would cost and whether it is safe, without making it
    Plan(Plan),
    /// Show what costs money of what is deployed now, and what was spent this month
    Cost(AppDir),
    /// Hold AWS's price list against the table that comes with landfall
    #[command(hide = true)]
    Prices {
        #[command(subcommand)]
        action: PricesAction,
    },
    /// Look for everything that would make a deployment fail, and create nothing
    Doctor(Doctor),
    /// Remove everything that landfall made, and look whether anything is left
    Down(Down),
    /// Take down every environment whose time is over: what `up --ttl` made
    Reap(reap::Reap),
    /// Move the app to the other target: that one serves before this one goes
    Move(Move),
    /// Go back to an earlier version
    Rollback(Rollback),
    /// Let a release that waits for a person go on
    Promote(AppDir),
    /// Take a release back that waits for a person or was left in the middle
    Abort(AppDir),
    /// Go on with a release that was left in the middle
    Resume(AppDir),
    /// Give the release lock back that somebody holds who is not there any more
    Unlock(Unlock),
    /// List all releases, or show one
    History(History),
    /// Judge the counts of a release again, and print each step of the evidence
    Judge(Judge),
    /// Show what runs now
    Status(Status),
    /// Print the public address
    Url(AppDir),
    /// Open the public address in a browser
    Open(AppDir),
    /// Print what the app wrote
    Logs(Logs),
    /// Run a command once, in the app's image with all that the live version has
    Exec(exec::Exec),
    /// Run the app behind its edge on this machine
    Run(Run),
    /// Keep values that the app needs and nobody else may read
    Secrets {
        #[command(subcommand)]
        action: secrets::Secrets,
    },
    /// Deploy from GitHub Actions or GitLab CI
    Ci {
        #[command(subcommand)]
        action: ci::Ci,
    },
    /// Print what the deploying identity has to be allowed in AWS
    Policy {
        #[command(subcommand)]
        action: policy::Policy,
    },
    /// Write what is deployed as plain Terraform, to go on without landfall
    Eject(eject::Eject),
    /// Take an environment back that plain Terraform looked after
    Adopt(eject::Adopt),
    /// Start or stop the emulators of a rehearsal
    Rehearsal {
        #[command(subcommand)]
        action: RehearsalAction,
    },
    /// Print which landfall this is, and what it works with
    Version,
    /// Print the completions for a shell
    Completion {
        /// Whose
        shell: clap_complete::Shell,
    },
    /// Write the manual pages, one for each command
    Man {
        /// Directory to write them to
        #[arg(value_name = "DIRECTORY")]
        directory: PathBuf,
    },
    /// Print the JSON schema of landfall.toml
    Schema,
}

/// Where the image comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct Source {
    /// Take this image, which is already built, instead of building one
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
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Answer yes to the plan and its price
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
    /// Make nothing; show what `landfall plan` shows
    #[arg(long, env = "LANDFALL_DRY_RUN")]
    pub(crate) dry_run: bool,
    /// USD a month that it may cost without traffic, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
    /// How long the environment is to live until `landfall reap` takes it down: 90m, 2h, 3d; never
    /// takes that back [default: as it is]
    #[arg(long, env = "LANDFALL_TTL", value_name = "DURATION|never", value_parser = Wish::parse)]
    pub(crate) ttl: Option<Wish>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// What to run on, instead of the manifest's `target`
    #[arg(long, env = "LANDFALL_TARGET")]
    pub(crate) target: Option<Target>,
    /// How long a new version may take to become healthy: 90s, 10m
    #[arg(long, env = "LANDFALL_READY_TIMEOUT", default_value = "5m", value_name = "DURATION", value_parser = duration)]
    pub(crate) ready_timeout: Duration,
    /// Go on although this check fails, as `landfall doctor --json` names it; several with commas
    #[arg(
        long,
        env = "LANDFALL_DESPITE",
        value_name = "CHECK",
        value_delimiter = ','
    )]
    pub(crate) despite: Vec<rules::operate::doctor::CheckId>,
    #[command(flatten)]
    pub(crate) pace: Pace,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// USD a month that it may cost without traffic, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// What to run on, instead of the manifest's `target`
    #[arg(long, env = "LANDFALL_TARGET")]
    pub(crate) target: Option<Target>,
    /// Write it all into this file, as a page for a browser
    #[arg(long, env = "LANDFALL_HTML", value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) app: AppDir,
    #[command(flatten)]
    pub(crate) source: Source,
    /// What to run on, instead of the manifest's `target`
    #[arg(long, env = "LANDFALL_TARGET")]
    pub(crate) target: Option<Target>,
    /// Neither build the image nor run it to see where it listens
    #[arg(long, env = "LANDFALL_NO_RUN")]
    pub(crate) no_run: bool,
    /// Look at this machine and the app only, and ask AWS nothing
    #[arg(long, env = "LANDFALL_OFFLINE")]
    pub(crate) offline: bool,
}

/// How a new version gets its users.
#[derive(Debug, Clone, Args)]
pub(crate) struct Pace {
    /// How traffic moves to a new version: as the comparison with the old one allows, all at once, or
    /// when a person says so
    #[arg(long, env = "LANDFALL_STRATEGY", value_enum, default_value_t)]
    pub(crate) strategy: Strategy,
    /// Least time from the first users to a promotion [default: 15s; without an edge 4m, as the load
    /// balancer's counts come late]
    #[arg(long, env = "LANDFALL_MINIMUM", value_name = "DURATION", value_parser = duration)]
    pub(crate) minimum: Option<Duration>,
    /// Most time from the first users until the evidence must have spoken
    #[arg(long, env = "LANDFALL_MAXIMUM", default_value = "10m", value_name = "DURATION", value_parser = duration)]
    pub(crate) maximum: Duration,
    /// What to do when it has not
    #[arg(long, env = "LANDFALL_AT_MAXIMUM", value_enum, default_value_t)]
    pub(crate) at_maximum: AtMaximum,
    /// How long to keep the old version warm, with 5% of users, after a promotion [default: 60s; without
    /// an edge 4m]
    #[arg(long, env = "LANDFALL_BAKE", value_name = "DURATION", value_parser = duration)]
    pub(crate) bake: Option<Duration>,
    /// Stage the new version and print how to reach it, but send no users to it
    #[arg(long, env = "LANDFALL_NO_TRAFFIC")]
    pub(crate) no_traffic: bool,
}

/// How traffic moves to a new version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strategy {
    /// 10%, 50%, 100%, as far as the comparison with the old version allows
    #[default]
    Canary,
    /// Everything, once it is healthy and has answered probes
    AllAtOnce,
    /// 10%, and everything when a person says so
    Manual,
}

/// What to do when the evidence has not spoken in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AtMaximum {
    /// Leave everything as it is and ask a person
    #[default]
    Hold,
    /// Promote, labelled unproven, unless something speaks against it
    Promote,
    /// Take it back
    RollBack,
}

impl Up {
    /// What is asked of the release.
    pub(crate) fn terms(&self, manifest: &Manifest) -> ReleaseOptions {
        let pace = &self.pace;
        let usual = release::ReleaseTimings::of(manifest.target, manifest.edge);
        ReleaseOptions {
            count: manifest.count.get(),
            strategy: match pace.strategy {
                Strategy::Canary => release::Strategy::Canary,
                Strategy::AllAtOnce => release::Strategy::AllAtOnce,
                Strategy::Manual => release::Strategy::Manual,
            },
            purpose: release::Purpose::Deploy,
            no_traffic: pace.no_traffic,
            at_maximum: match pace.at_maximum {
                AtMaximum::Hold => release::AtMaximum::Hold,
                AtMaximum::Promote => release::AtMaximum::Promote,
                AtMaximum::RollBack => release::AtMaximum::RollBack,
            },
            timings: release::ReleaseTimings {
                ready: self.ready_timeout,
                minimum: pace.minimum.unwrap_or(usual.minimum),
                maximum: pace.maximum,
                bake: pace.bake.unwrap_or(usual.bake),
                ..usual
            },
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Move {
    /// Where to
    #[arg(long, env = "LANDFALL_TO", value_name = "TARGET")]
    pub(crate) to: Target,
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Answer yes to the plan and its price
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
    /// USD a month that it may cost without traffic, instead of the manifest's `budget`
    #[arg(long, env = "LANDFALL_BUDGET", value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// How long the app may take to become healthy there: 90s, 10m
    #[arg(long, env = "LANDFALL_READY_TIMEOUT", default_value = "5m", value_name = "DURATION", value_parser = duration)]
    pub(crate) ready_timeout: Duration,
    /// Go on although this check fails, as `landfall doctor --json` names it; several with commas
    #[arg(
        long,
        env = "LANDFALL_DESPITE",
        value_name = "CHECK",
        value_delimiter = ','
    )]
    pub(crate) despite: Vec<rules::operate::doctor::CheckId>,
    #[command(flatten)]
    pub(crate) pace: Pace,
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
            ready_timeout: self.ready_timeout,
            despite: self.despite.clone(),
            pace: self.pace.clone(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The revision to go back to, or its first letters, instead of the one that served before
    #[arg(value_name = "REVISION")]
    pub(crate) revision: Option<String>,
    /// Directory with the app and its Dockerfile
    #[arg(
        long = "directory",
        env = "LANDFALL_DIRECTORY",
        default_value = ".",
        value_name = "DIRECTORY"
    )]
    pub(crate) directory: PathBuf,
    /// Change nothing; print what would be done
    #[arg(long, env = "LANDFALL_DRY_RUN")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Unlock {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Give it back without asking
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Number of a release, instead of all
    #[arg(value_name = "RELEASE")]
    pub(crate) release: Option<u64>,
    /// Print what the release was judged on, in the form that `landfall judge` reads
    #[arg(long, env = "LANDFALL_EVIDENCE", requires = "release")]
    pub(crate) evidence: bool,
    /// Directory with the app and its Dockerfile
    #[arg(
        long = "directory",
        env = "LANDFALL_DIRECTORY",
        default_value = ".",
        value_name = "DIRECTORY"
    )]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Judge {
    /// File of counts, as `landfall history RELEASE --evidence` prints them; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Go on showing it until Ctrl-C
    #[arg(short, long, env = "LANDFALL_WATCH")]
    pub(crate) watch: bool,
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
    /// Port on 127.0.0.1, instead of the app's own if that is free
    #[arg(long, env = "LANDFALL_PORT")]
    pub(crate) port: Option<u16>,
    /// Kill the app again and again: 10s, 1m
    #[arg(long, env = "LANDFALL_KILL_EVERY", value_name = "DURATION", value_parser = duration)]
    pub(crate) kill_every: Option<Duration>,
    /// Let this share of tries fail before they reach the app: 0.3
    #[arg(long, env = "LANDFALL_FAIL", value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub(crate) fail: f64,
}

#[derive(Debug, Args)]
pub(crate) struct Down {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Remove without asking
    #[arg(short, long, env = "LANDFALL_YES")]
    pub(crate) yes: bool,
    /// Remove nothing; only look for what is left
    #[arg(long, env = "LANDFALL_VERIFY")]
    pub(crate) verify: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Go on printing new lines until Ctrl-C
    #[arg(short, long, env = "LANDFALL_FOLLOW")]
    pub(crate) follow: bool,
    /// How far back: 90s, 10m, 2h, 1d
    #[arg(long, env = "LANDFALL_SINCE", default_value = "10m", value_name = "DURATION", value_parser = duration)]
    pub(crate) since: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PricesAction {
    /// Fetch AWS's public price list, and show where it differs from the table
    Refresh(Refresh),
}

#[derive(Debug, Args)]
pub(crate) struct Refresh {
    /// Where the list is
    #[arg(
        long,
        env = "LANDFALL_PRICES_FROM",
        default_value = "https://pricing.us-east-1.amazonaws.com",
        value_name = "URL"
    )]
    pub(crate) from: String,
    /// Write a new table into this file
    #[arg(long, env = "LANDFALL_PRICES_WRITE", value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum RehearsalAction {
    /// Start the emulators, unless they run already, and print where they are
    Start,
    /// Stop the emulators and remove every container that they started
    Stop,
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "a share from 0 to 1, for example 0.3".to_owned())
}

fn usd(text: &str) -> Result<f64, String> {
    let amount: Option<f64> = text.parse().ok();
    amount
        .filter(|usd| usd.is_finite() && *usd >= 0.0)
        .ok_or_else(|| "an amount in USD, for example 40".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    rules::time::parse_duration(text)
        .ok_or_else(|| "a number with s, m, h or d, for example 90s, 10m, 2h or 1d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_name_of_a_secret_is_not_that_of_the_app() {
        let typed = ["landfall", "secrets", "set", "KEY", "--name", "shop"];
        let cli = Cli::try_parse_from(typed).expect("it can be typed");
        assert_eq!(cli.global.name.as_ref().map(AppName::as_str), Some("shop"));
        let Command::Secrets {
            action: secrets::Secrets::Set(set),
        } = cli.command
        else {
            panic!("{:?}", cli.command);
        };
        assert_eq!(set.secret.as_str(), "KEY");
        // A value is no argument.
        let typed = ["landfall", "secrets", "set", "KEY", ".", "value"];
        assert!(Cli::try_parse_from(typed).is_err());
        assert!(Cli::try_parse_from(["landfall", "secrets", "set", "A-B"]).is_err());
    }

    #[test]
    fn every_flag_has_its_variable() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments().filter(|a| a.get_long().is_some()) {
                let name = argument.get_id().as_str();
                if matches!(name, "help" | "version") {
                    continue;
                }
                let variable = argument
                    .get_env()
                    .map(|name| name.to_string_lossy().into_owned());
                assert!(
                    variable
                        .as_ref()
                        .is_some_and(|name| name.starts_with("LANDFALL_")),
                    "--{name} of {} has {variable:?}",
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn help_reads_well() {
        let mut command = Cli::command().term_width(100);
        let mut pages = vec![command.render_help().to_string()];
        let names: Vec<String> = command
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        for name in names {
            let page = command
                .find_subcommand_mut(&name)
                .expect("a command")
                .render_help();
            pages.push(format!("── {name}\n{page}"));
        }
        insta::assert_snapshot!("help", pages.join("\n"));
    }
}
