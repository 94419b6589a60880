//! `landfall rollback`, `unlock`, `history` and `judge`.

use super::AppDir;
use super::positional::{is_app, sort, unfit};
use crate::failure::Failure;
use clap::Args;
use rules::exit::Exit;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(override_usage = "landfall rollback [OPTIONS] [DIRECTORY] [REVISION]")]
pub(crate) struct Rollback {
    /// Directory with the app and its Dockerfile [default: .]
    #[arg(value_name = "DIRECTORY")]
    first: Option<PathBuf>,
    /// Revision to return to, or its first digits [default: the version that served before]
    #[arg(value_name = "REVISION")]
    second: Option<String>,
    #[command(flatten)]
    named: NamedDirectory,
    /// Change nothing; print the steps
    #[arg(long, env = "LANDFALL_DRY_RUN")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Unlock {
    #[command(flatten)]
    pub(crate) app: AppDir,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
#[command(override_usage = "landfall history [OPTIONS] [DIRECTORY] [RELEASE]")]
pub(crate) struct History {
    /// Directory with the app and its Dockerfile [default: .]
    #[arg(value_name = "DIRECTORY")]
    first: Option<PathBuf>,
    /// Number of a release [default: all releases]
    #[arg(value_name = "RELEASE")]
    second: Option<String>,
    #[command(flatten)]
    named: NamedDirectory,
    /// Print the counts that the release was judged on, as `landfall judge` reads them
    #[arg(long, env = "LANDFALL_EVIDENCE")]
    pub(crate) evidence: bool,
}

/// The directory as an option: the form of earlier versions.
#[derive(Debug, Args)]
struct NamedDirectory {
    #[arg(long = "directory", env = "LANDFALL_DIRECTORY", hide = true)]
    named: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Judge {
    /// File with the counts that `landfall history RELEASE --evidence` prints; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

impl Rollback {
    /// The app directory, and the first digits of the revision that is asked for.
    pub(crate) fn read(&self) -> Result<(PathBuf, Option<String>), Failure> {
        let is_revision = |text: &str| {
            let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
            !text.is_empty() && text.len() <= 12 && text.chars().all(is_digit)
        };
        let second = self.second.as_deref();
        let Some((directory, revision)) = sort(self.first.as_deref(), second, is_revision, is_app)
        else {
            let usage = "landfall rollback DIRECTORY 3f19814ec17c";
            return Err(unfit(second, "a revision, or its first digits", usage));
        };
        Ok((self.named.or(directory), revision))
    }
}

impl History {
    /// The app directory, and the number of the release that is asked for.
    pub(crate) fn read(&self) -> Result<(PathBuf, Option<u64>), Failure> {
        let number = |text: &str| text.parse::<u64>().ok();
        let second = self.second.as_deref();
        let sorted = sort(
            self.first.as_deref(),
            second,
            |text| number(text).is_some(),
            is_app,
        );
        let Some((directory, release)) = sorted else {
            let usage = "landfall history DIRECTORY 7";
            return Err(unfit(second, "the number of a release", usage));
        };
        if self.evidence && release.is_none() {
            return Err(
                Failure::new(Exit::BadInput, "--evidence needs the number of a release")
                    .next("`landfall history` lists all releases: `landfall history 7 --evidence`"),
            );
        }
        let release = release.as_deref().and_then(number);
        Ok((self.named.or(directory), release))
    }
}

impl NamedDirectory {
    /// A positional directory goes first.
    fn or(&self, positional: PathBuf) -> PathBuf {
        match &self.named {
            Some(named) if positional.as_os_str() == "." => named.clone(),
            _ => positional,
        }
    }
}
