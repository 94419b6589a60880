//! The app directory, read into a manifest.

use crate::cli::Global;
use crate::environment::place::Environment;
use crate::failure::Failure;
use rules::app::manifest::{
    Draft, FILE, Facts, FileSum, Manifest, Overrides, Problems, ProtectedFact, ProtectedState,
    Region, RelativePath,
};
use rules::exit::Exit;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory and what it asks for.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) directory: PathBuf,
    pub(crate) manifest: Manifest,
}

impl App {
    /// Reads the directory for a deployment: everything is checked.
    pub(crate) fn read(directory: &Path, overrides: &Overrides) -> Result<App, Failure> {
        App::check(directory, overrides)?.map_err(Failure::from)
    }

    /// The same, with the problems by themselves.
    pub(crate) fn check(
        directory: &Path,
        overrides: &Overrides,
    ) -> Result<Result<App, Problems>, Failure> {
        let directory = App::directory(directory)?;
        let text = read_if_there(&directory.join(FILE))?;
        let facts = App::facts(&directory, text.as_deref(), overrides)?;
        let manifest = Draft::read(text.as_deref()).resolve(&facts, overrides);
        Ok(manifest.map(|manifest| App {
            directory,
            manifest,
        }))
    }

    /// The app directory that is meant.
    pub(crate) fn directory(directory: &Path) -> Result<PathBuf, Failure> {
        let found = std::fs::canonicalize(directory)
            .ok()
            .filter(|found| found.is_dir());
        found.ok_or_else(|| {
            Failure::new(
                Exit::BadInput,
                format!("{} is not a directory", directory.display()),
            )
            .next("name the directory with the app and its Dockerfile: `landfall up DIRECTORY`")
        })
    }

    /// What there is to know of a directory whose landfall.toml has this text.
    pub(crate) fn facts(
        directory: &Path,
        text: Option<&str>,
        overrides: &Overrides,
    ) -> Result<Facts, Failure> {
        let draft = Draft::read(text);
        let dockerfile = read_if_there(&directory.join(draft.dockerfile(overrides).as_str()))?;
        // Of an image that is built already only its own settings count.
        let dockerfile = dockerfile.filter(|_| !overrides.prebuilt_image);
        let protected = if overrides.prebuilt_image {
            &[]
        } else {
            draft.protected()
        };
        Ok(Facts {
            directory_name: directory
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            dockerfile,
            protected: protected
                .iter()
                .map(|path| {
                    Ok(ProtectedFact {
                        path: path.clone(),
                        state: match draft.sum(path) {
                            Some(sum) => compare_with_sum(directory, path, sum)?,
                            None => compare_with_head(directory, path),
                        },
                    })
                })
                .collect::<Result<_, Failure>>()?,
        })
    }

    /// An app of which there is only an image: its name is made from the image's, its port is the one
    /// that the image exposes.
    pub(crate) fn of_image(
        reference: &str,
        exposed: &[u16],
        overrides: &Overrides,
    ) -> Result<App, Failure> {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        let name = name.split([':', '@']).next().unwrap_or(name);
        let facts = Facts {
            directory_name: name.to_owned(),
            ..Facts::default()
        };
        let overrides = Overrides {
            prebuilt_image: true,
            ..overrides.clone()
        };
        let text = match exposed {
            [] => String::new(),
            [port] => format!("port = {port}\n"),
            several => {
                return Err(Failure::new(
                    Exit::BadInput,
                    format!("{reference} exposes several ports"),
                )
                .why(format!("{several:?}"))
                .next(
                    "name a directory whose landfall.toml says `port`, and the image with --image",
                ));
            }
        };
        let manifest = Draft::read(Some(&text)).resolve(&facts, &overrides)?;
        Ok(App {
            directory: PathBuf::from("."),
            manifest,
        })
    }

    /// An app of which only the names are known: enough to take an environment of it down.
    pub(crate) fn of_names(place: &Environment) -> Result<App, Failure> {
        let region = Region::parse(place.session.region())
            .map_err(|invalid| Failure::new(Exit::BadInput, invalid.what).why(invalid.why))?;
        let overrides = Overrides {
            name: Some(place.names.app.clone()),
            environment: Some(place.names.environment.clone()),
            region: Some(region),
            prebuilt_image: true,
            ..Overrides::default()
        };
        let manifest = Draft::read(None).resolve(&Facts::default(), &overrides)?;
        Ok(App {
            directory: PathBuf::from("."),
            manifest,
        })
    }

    /// Reads the directory for a command that builds nothing: neither the Dockerfile nor protected
    /// files have to be in order for `status` or `down`.
    pub(crate) fn read_settings(directory: &Path, global: &Global) -> Result<App, Failure> {
        App::read(
            directory,
            &Overrides {
                prebuilt_image: true,
                ..overrides(global)
            },
        )
    }
}

/// What the global flags say instead of the manifest.
pub(crate) fn overrides(global: &Global) -> Overrides {
    Overrides {
        name: global.name.clone(),
        environment: global.environment.clone(),
        region: global.region.clone(),
        ..Overrides::default()
    }
}

fn read_if_there(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::BadInput, format!("{} cannot be read", path.display()))
        .why(error.to_string())
        .next("mend its permissions; nothing was created")
}

fn compare_with_sum(
    directory: &Path,
    path: &RelativePath,
    expected: &FileSum,
) -> Result<ProtectedState, Failure> {
    let file = directory.join(path.as_str());
    let content = match std::fs::read(&file) {
        Ok(content) => content,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(ProtectedState::Absent);
        }
        Err(error) => return Err(unreadable(&file, &error)),
    };
    let found = FileSum::of(&content);
    Ok(match found == *expected {
        true => ProtectedState::Unchanged,
        false => ProtectedState::SumDiffers {
            expected: expected.clone(),
            found,
        },
    })
}

/// Compares a file with HEAD by git's own content hashes, so that line-ending filters do not count
/// as changes.
fn compare_with_head(directory: &Path, path: &RelativePath) -> ProtectedState {
    let git = |args: &[&str]| -> Option<String> {
        let output = Command::new("git")
            .arg("-C")
            .arg(directory)
            .args(args)
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if git(&["rev-parse", "--git-dir"]).is_none() {
        return ProtectedState::NotARepository;
    }
    let Some(head) = git(&[
        "rev-parse",
        "--verify",
        "--quiet",
        &format!("HEAD:./{path}"),
    ]) else {
        return ProtectedState::NotInHead;
    };
    match git(&["hash-object", "--", path.as_str()]) {
        None => ProtectedState::MissingInTree,
        Some(working) if working == head => ProtectedState::Unchanged,
        Some(working) => ProtectedState::Changed { head, working },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        let git = |args: &[&str]| {
            let done = Command::new("git")
                .arg("-C")
                .arg(dir.path())
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
                .args(args)
                .output()
                .expect("git runs");
            assert!(
                done.status.success(),
                "git {args:?}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        };
        std::fs::write(dir.path().join("main.go"), "package main\n").expect("write");
        git(&["init", "-q"]);
        git(&["add", "."]);
        git(&["commit", "-qm", "one"]);
        dir
    }

    fn state(dir: &Path, path: &str) -> ProtectedState {
        compare_with_head(dir, &RelativePath::parse(path).expect("a path"))
    }

    #[test]
    fn a_protected_file_is_compared_with_head() {
        let dir = repository();
        assert_eq!(state(dir.path(), "main.go"), ProtectedState::Unchanged);
        std::fs::write(dir.path().join("main.go"), "package other\n").expect("write");
        assert!(matches!(
            state(dir.path(), "main.go"),
            ProtectedState::Changed { .. }
        ));
        std::fs::remove_file(dir.path().join("main.go")).expect("remove");
        assert_eq!(state(dir.path(), "main.go"), ProtectedState::MissingInTree);
        std::fs::write(dir.path().join("new.go"), "").expect("write");
        assert_eq!(state(dir.path(), "new.go"), ProtectedState::NotInHead);
    }

    #[test]
    fn a_sum_needs_no_repository() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |text: &str| {
            std::fs::write(dir.path().join("main.go"), text).expect("write");
            let path = RelativePath::parse("main.go").expect("a path");
            compare_with_sum(dir.path(), &path, &FileSum::of(b"one")).expect("readable")
        };
        assert_eq!(at("one"), ProtectedState::Unchanged);
        assert!(matches!(at("two"), ProtectedState::SumDiffers { .. }));
        let gone = RelativePath::parse("go.mod").expect("a path");
        let state = compare_with_sum(dir.path(), &gone, &FileSum::of(b"")).expect("readable");
        assert_eq!(state, ProtectedState::Absent);
    }

    #[test]
    fn a_changed_protected_file_and_a_missing_dockerfile_are_one_error() {
        let dir = repository();
        std::fs::write(
            dir.path().join("landfall.toml"),
            "name = \"a\"\nprotected = true\nprot = 1\n",
        )
        .expect("write");
        std::fs::write(dir.path().join("main.go"), "package other\n").expect("write");
        let failure = App::read(dir.path(), &Overrides::default()).expect_err("three problems");
        assert_eq!(failure.exit, Exit::BadInput);
        let text = failure.why.join("\n");
        for part in ["main.go", "Dockerfile", "prot"] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
    }
}
