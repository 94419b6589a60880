//! The git repository that the app is in.

use crate::failure::Failure;
use rules::exit::Exit;
use rules::leave::ci::origin::Branch;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository, and the app's directory in it.
pub(super) struct Checkout {
    /// The repository's root; without a repository, the app's directory.
    pub(super) root: PathBuf,
    /// The app's directory within it, with a slash at the end; empty for the repository itself.
    pub(super) prefix: String,
    /// URL of the remote `origin`. It may contain a password, so it is never printed.
    pub(super) origin: Option<String>,
    /// The default branch of `origin` when it was cloned, if git noted it.
    pub(super) default_branch: Option<Branch>,
}

impl Checkout {
    pub(super) fn of(directory: &Path) -> Result<Checkout, Failure> {
        let found = std::fs::canonicalize(directory)
            .ok()
            .filter(|found| found.is_dir());
        let Some(directory) = found else {
            return Err(Failure::new(
                Exit::BadInput,
                format!("{} is not a directory", directory.display()),
            )
            .next("name the directory with the app"));
        };
        let git = |arguments: &[&str]| -> Option<String> {
            let output = Command::new("git")
                .arg("-C")
                .arg(&directory)
                .args(arguments)
                .output()
                .ok()?;
            let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            output.status.success().then_some(text)
        };
        Ok(Checkout {
            prefix: git(&["rev-parse", "--show-prefix"]).unwrap_or_default(),
            origin: git(&["remote", "get-url", "origin"]),
            default_branch: git(&["symbolic-ref", "--short", "refs/remotes/origin/HEAD"])
                .and_then(|name| name.strip_prefix("origin/")?.parse().ok()),
            root: git(&["rev-parse", "--show-toplevel"])
                .map_or_else(|| directory.clone(), PathBuf::from),
        })
    }
}
