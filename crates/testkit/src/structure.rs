//! The structure of this repository's own sources: lines, functions, modules and module cycles.
//! `scripts/structure.sh` prints it; `tests/architecture.rs` asserts it.

mod cycles;
mod modules;
mod report;
mod scan;
#[cfg(test)]
#[path = "structure/structure_tests.rs"]
mod tests;

pub use cycles::Cycle;
pub use modules::{Modules, Reference};

use modules::Modules as Tree;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A function longer than this is too long.
pub const LONGEST_FUNCTION: usize = 100;

/// The repository as its sources show it.
#[derive(Debug)]
pub struct Structure {
    crates: Vec<Crate>,
    snapshots: usize,
    snapshot_lines: usize,
}

/// One package of the workspace.
#[derive(Debug)]
struct Crate {
    /// The package's name without `landfall-`.
    name: String,
    targets: Vec<Target>,
    /// In `tests/`, and in modules that are compiled for tests alone.
    test_lines: usize,
}

/// A library or a program of a package.
#[derive(Debug)]
struct Target {
    name: String,
    modules: Modules,
}

/// A function that is too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongFunction {
    /// File and line.
    pub place: String,
    /// Its name.
    pub name: String,
    /// Its lines, from `fn` to the closing brace.
    pub lines: usize,
}

/// The repository that this crate belongs to.
pub fn repository() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_owned()
}

/// What `cargo metadata` prints for a workspace, without its dependencies.
///
/// # Errors
/// Cargo's own message, or that its output is not JSON.
pub fn metadata(repository: &Path) -> Result<Value, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(repository)
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

impl Structure {
    /// Reads every crate of the workspace at `repository`.
    ///
    /// # Errors
    /// A file that cannot be read or is not Rust, with the reason.
    pub fn read(repository: &Path) -> Result<Structure, String> {
        let metadata = metadata(repository)?;
        let packages = metadata["packages"].as_array().ok_or("no packages")?;
        let crates: Result<Vec<Crate>, String> = packages
            .iter()
            .map(|package| Crate::read(repository, package))
            .collect();
        let mut snapshots = Vec::new();
        files(&repository.join("crates"), "snap", &mut snapshots);
        let mut snapshot_lines = 0;
        for snapshot in &snapshots {
            snapshot_lines += text(snapshot)?.lines().count();
        }
        Ok(Structure {
            crates: crates?,
            snapshots: snapshots.len(),
            snapshot_lines,
        })
    }

    /// Every module cycle, with the crate that it is in.
    pub fn cycles(&self) -> Vec<(&str, Cycle)> {
        let mut all = Vec::new();
        for (one, target) in self.targets() {
            let found = cycles::find(&target.modules);
            all.extend(found.into_iter().map(|cycle| (one.name.as_str(), cycle)));
        }
        all
    }

    /// Every function of more than [`LONGEST_FUNCTION`] lines, tests left out.
    pub fn long_functions(&self) -> Vec<LongFunction> {
        let functions = self
            .targets()
            .flat_map(|(_, target)| &target.modules.functions);
        functions
            .filter(|(_, function)| function.lines > LONGEST_FUNCTION)
            .map(|(file, function)| LongFunction {
                place: format!("{}:{}", file.display(), function.line),
                name: function.name.clone(),
                lines: function.lines,
            })
            .collect()
    }

    fn targets(&self) -> impl Iterator<Item = (&Crate, &Target)> {
        self.crates
            .iter()
            .flat_map(|one| one.targets.iter().map(move |target| (one, target)))
    }
}

impl Crate {
    fn read(repository: &Path, package: &Value) -> Result<Crate, String> {
        let name = package["name"].as_str().unwrap_or_default();
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let directory = manifest.parent().unwrap_or(repository);
        let mut targets = Vec::new();
        for target in package["targets"].as_array().into_iter().flatten() {
            let kind = target["kind"][0].as_str().unwrap_or_default();
            if kind == "lib" || kind == "bin" {
                let root = Path::new(target["src_path"].as_str().unwrap_or_default());
                targets.push(Target {
                    name: target["name"].as_str().unwrap_or_default().to_owned(),
                    modules: Tree::read(repository, root)?,
                });
            }
        }
        let test_lines = test_lines(repository, directory, &targets)?;
        Ok(Crate {
            name: name.strip_prefix("landfall-").unwrap_or(name).to_owned(),
            targets,
            test_lines,
        })
    }

    /// Lines of code by file; a file that two targets share counts once.
    fn code(&self) -> BTreeMap<&PathBuf, usize> {
        let files = self.targets.iter().flat_map(|one| &one.modules.code_lines);
        files.map(|(path, lines)| (path, *lines)).collect()
    }

    fn code_lines(&self) -> usize {
        self.code().values().sum()
    }
}

/// Lines of test code in a package: what its targets leave out, and its `tests` directory.
fn test_lines(repository: &Path, directory: &Path, targets: &[Target]) -> Result<usize, String> {
    let read: BTreeSet<&PathBuf> = targets
        .iter()
        .flat_map(|target| target.modules.code_lines.keys())
        .collect();
    let mut lines: usize = targets.iter().map(|one| one.modules.test_lines).sum();
    let mut sources = Vec::new();
    for folder in ["src", "tests"] {
        files(&directory.join(folder), "rs", &mut sources);
    }
    for path in sources {
        let shown = path.strip_prefix(repository).unwrap_or(&path).to_owned();
        if !read.contains(&shown) {
            let file = scan::File::read(&text(&path)?)
                .map_err(|error| format!("{}: {error}", shown.display()))?;
            lines += file.code_lines.union(&file.test_lines).count();
        }
    }
    Ok(lines)
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Files below a directory with this extension.
fn files(directory: &Path, extension: &str, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, extension, into);
        } else if path.extension().is_some_and(|one| one == extension) {
            into.push(path);
        }
    }
}
