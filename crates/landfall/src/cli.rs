//! The command line: commands, options, help.
//!
//! A command takes `[DIRECTORY]`, the app directory, as its first positional argument; what else it
//! is about comes second. Each option has an environment variable: `--dry-run` is
//! `LANDFALL_DRY_RUN`.

pub(crate) mod ci;
mod deploy;
pub(crate) mod eject;
pub(crate) mod exec;
mod global;
pub(crate) mod init;
mod inspect;
pub(crate) mod policy;
mod positional;
mod releases;
mod remove;
pub(crate) mod secrets;
mod values;

pub(crate) use deploy::{AtMaximum, Doctor, Move, Plan, Source, Strategy, Tools, Up};
pub(crate) use global::Global;
pub(crate) use inspect::{Cost, Logs, RehearsalAction, Run, Status};
pub(crate) use releases::{History, Judge, Rollback, Unlock};
pub(crate) use remove::{Down, Reap};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use values::Switch;

/// Runs a directory with a web app and a Dockerfile in your own AWS account.
#[derive(Debug, Parser)]
#[command(
    name = "landfall",
    version,
    max_term_width = 100,
    infer_subcommands = false,
    after_help = "Each option has an environment variable: --dry-run is LANDFALL_DRY_RUN. Those of \
                  options without a value accept 1/0, yes/no, true/false and on/off. LANDFALL_YES \
                  confirms `up` and `move` only."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

impl Cli {
    /// Reads the process's arguments and environment. Prints help or an error, and exits, where
    /// that is the answer.
    pub(crate) fn read() -> Cli {
        Cli::try_read(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    fn try_read(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Cli, clap::Error> {
        let mut command = Cli::definition();
        let matches = command.try_get_matches_from_mut(arguments)?;
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        // Not `conflicts_with`: a variable with the value "off" contradicts nothing.
        if cli.global.quiet && cli.global.verbose {
            let why = "--quiet and --verbose contradict each other";
            return Err(command.error(ErrorKind::ArgumentConflict, why));
        }
        Ok(cli)
    }

    /// The command line for clap. The global options are listed in the top-level help only; the
    /// other commands accept them as well.
    pub(crate) fn definition() -> clap::Command {
        let mut command = Cli::command().mut_args(common);
        let globals: Vec<clap::Arg> = command
            .get_arguments()
            .filter(|argument| argument.is_global_set())
            .map(|argument| argument.clone().hide(true))
            .collect();
        command = command.mut_subcommands(|sub| complete(sub, &globals));
        command
    }
}

/// What every command has: hidden global options, and a hint at where they are listed.
fn complete(command: clap::Command, globals: &[clap::Arg]) -> clap::Command {
    command
        .mut_args(common)
        .args(globals)
        .mut_subcommands(|sub| complete(sub, globals))
        .after_help("Global options: `landfall --help`")
}

/// What every option has. Help that repeats the name of each variable would be hard to read.
fn common(argument: clap::Arg) -> clap::Arg {
    let is_switch = matches!(argument.get_action(), clap::ArgAction::SetTrue);
    let argument = argument.hide_env(true);
    match is_switch {
        true => argument.value_parser(Switch),
        false => argument,
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
    /// Write a landfall.toml with the detected values
    Init(init::Init),
    /// Check for everything that would make a deployment fail; create nothing
    Doctor(Doctor),
    /// Show what `up` would create, its cost and whether it is safe; create nothing
    Plan(Plan),
    /// Deploy the app, or release a new version of it
    Up(Up),
    /// Move the app to the other target; the new one serves before the old one is removed
    Move(Move),
    /// Return to an earlier version
    Rollback(Rollback),
    /// Promote a held release
    Promote(AppDir),
    /// Roll back a held or interrupted release
    Abort(AppDir),
    /// Resume an interrupted release
    Resume(AppDir),
    /// Force-release a stale lock
    Unlock(Unlock),
    /// List all releases, or the steps of one
    History(History),
    /// Evaluate the recorded counts of a release again, window by window
    Judge(Judge),
    /// Show what runs now
    Status(Status),
    /// Print the public address
    Url(AppDir),
    /// Open the public address in a browser
    Open(AppDir),
    /// Print the app's log lines
    Logs(Logs),
    /// Show the cost of what is deployed, and this month's spend
    Cost(Cost),
    /// Run a command once in the app's image, with the settings of the live version
    Exec(exec::Exec),
    /// Run the app behind its edge on this machine
    Run(Run),
    /// Set, list and remove the app's secrets
    Secrets {
        #[command(subcommand)]
        action: secrets::Secrets,
    },
    /// Deploy from GitHub Actions or GitLab CI
    Ci {
        #[command(subcommand)]
        action: ci::Ci,
    },
    /// Print the IAM policies that the deploying identity needs
    Policy {
        #[command(subcommand)]
        action: policy::Policy,
    },
    /// Remove everything that landfall created, and check for leftovers
    Down(Down),
    /// Destroy environments whose TTL has expired
    Reap(Reap),
    /// Write what is deployed as plain Terraform, to continue without landfall
    Eject(eject::Eject),
    /// Take back an environment that was ejected
    Adopt(eject::Adopt),
    /// Start or stop the emulators of a rehearsal
    Rehearsal {
        #[command(subcommand)]
        action: RehearsalAction,
    },
    /// Print the versions of landfall and of its tools
    Version,
    /// Print the completions for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages, one per command
    Man {
        /// Directory to write them to
        #[arg(value_name = "DIRECTORY")]
        directory: PathBuf,
    },
    /// Print the JSON schema of landfall.toml
    Schema,
}

#[cfg(test)]
#[path = "cli/cli_tests.rs"]
mod tests;
