//! Reading an app directory: its manifest, its Dockerfile and its protected files.

use crate::cli::Global;
use crate::failure::Failure;
use rules::app::manifest::{
    Draft, FILE, Facts, FileSum, Manifest, Overrides, Problems, ProtectedFact, ProtectedState,
    Region, RelativePath,
};
use rules::app::names::Names;
use rules::exit::Exit;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An app directory with its manifest.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) directory: PathBuf,
    pub(crate) manifest: Manifest,
}

impl App {
    /// Reads the directory for a deployment, and checks everything in it.
    ///
    /// # Errors
    /// Every problem of the manifest, or a file that cannot be read.
    pub(crate) fn read(directory: &Path, overrides: &Overrides) -> Result<App, Failure> {
        App::check(directory, overrides)?.map_err(Failure::from)
    }

    /// As [`App::read`], with the problems of the manifest as data.
    ///
    /// # Errors
    /// The directory or a file cannot be read.
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

    /// The absolute path of an app directory.
    ///
    /// # Errors
    /// There is no such directory.
    pub(crate) fn directory(directory: &Path) -> Result<PathBuf, Failure> {
        let found = std::fs::canonicalize(directory)
            .ok()
            .filter(|found| found.is_dir());
        found.ok_or_else(|| {
            Failure::new(
                Exit::BadInput,
                format!("{} is not a directory", directory.display()),
            )
            .next("name the directory of the app and its Dockerfile: `landfall up DIRECTORY`")
        })
    }

    /// The facts about a directory whose landfall.toml has this text.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn facts(
        directory: &Path,
        text: Option<&str>,
        overrides: &Overrides,
    ) -> Result<Facts, Failure> {
        let draft = Draft::read(text);
        let dockerfile = read_if_there(&directory.join(draft.dockerfile(overrides).as_str()))?;
        // For an image that is already built the Dockerfile does not matter.
        let is_built = !overrides.prebuilt_image && !overrides.settings_only;
        let dockerfile = dockerfile.filter(|_| is_built);
        Ok(Facts {
            directory_name: directory
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            dockerfile,
            protected: match overrides.settings_only {
                true => Vec::new(),
                false => protected(directory, &draft)?,
            },
        })
    }

    /// The app of an image without a directory. Its name is derived from the image's, its port is
    /// the one that the image exposes.
    ///
    /// # Errors
    /// The image exposes several ports, or no valid name can be derived.
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
                    "name a directory whose landfall.toml sets `port`, and the image with --image",
                ));
            }
        };
        let manifest = Draft::read(Some(&text)).resolve(&facts, &overrides)?;
        Ok(App {
            directory: PathBuf::from("."),
            manifest,
        })
    }

    /// An app of which only the names are known, which is enough to destroy an environment of it.
    ///
    /// # Errors
    /// The region is not valid.
    pub(crate) fn of_names(names: &Names, region: &str) -> Result<App, Failure> {
        let region = Region::parse(region)
            .map_err(|invalid| Failure::new(Exit::BadInput, invalid.what).why(invalid.why))?;
        let overrides = Overrides {
            name: Some(names.app.clone()),
            environment: Some(names.environment.clone()),
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

    /// Reads the directory for a command that deploys nothing: `status` and `down` need neither a
    /// Dockerfile nor unchanged protected files.
    ///
    /// # Errors
    /// As of [`App::read`].
    pub(crate) fn read_settings(directory: &Path, global: &Global) -> Result<App, Failure> {
        App::settings(directory, overrides(global))
    }

    /// The same with more settings.
    pub(crate) fn settings(directory: &Path, overrides: Overrides) -> Result<App, Failure> {
        let overrides = Overrides {
            settings_only: true,
            ..overrides
        };
        App::read(directory, &overrides)
    }
}

/// Whether the protected files of a directory are unchanged. With an image that is built already,
/// too: it is deployed as the image of these files.
fn protected(directory: &Path, draft: &Draft) -> Result<Vec<ProtectedFact>, Failure> {
    let fact = |path: &RelativePath| {
        Ok(ProtectedFact {
            path: path.clone(),
            state: match draft.sum(path) {
                Some(sum) => compare_with_sum(directory, path, sum)?,
                None => compare_with_head(directory, path),
            },
        })
    };
    draft.protected().iter().map(fact).collect()
}

/// The settings that global flags override.
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
        .next("fix its permissions; nothing was created")
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
    fn a_file_with_a_sum_needs_no_repository() {
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
    fn protected_files_count_for_a_deployment_of_an_image_and_for_nothing_else() {
        let dir = repository();
        let manifest = "name = \"a\"\nport = 80\nprotected = [\"main.go\"]\n";
        std::fs::write(dir.path().join("landfall.toml"), manifest).expect("write");
        let of_image = Overrides {
            prebuilt_image: true,
            ..Overrides::default()
        };
        let _ = App::read(dir.path(), &of_image).expect("unchanged");
        std::fs::write(dir.path().join("main.go"), "package other\n").expect("write");
        let failure = App::read(dir.path(), &of_image).expect_err("changed");
        assert_eq!(failure.exit, Exit::BadInput);
        assert!(failure.why.join("\n").contains("main.go"), "{failure:?}");
        let _ = App::settings(dir.path(), Overrides::default()).expect("nothing is deployed");
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
