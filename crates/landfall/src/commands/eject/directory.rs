//! The directory that an environment is ejected into.

use crate::failure::Failure;
use rules::app::manifest::{FileSum, Invalid};
use rules::exit::Exit;
use rules::leave::eject::files::{Texts, is_read};
use rules::leave::eject::{Ejected, FILE, may_enter};
use rules::shape::contract::Root;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A directory, and what landfall noted in it.
pub(crate) struct Directory {
    path: PathBuf,
    /// As it was typed.
    pub(crate) name: String,
    pub(crate) record: Option<Ejected>,
}

pub(crate) fn invalid(invalid: Invalid) -> Failure {
    Failure::new(Exit::BadInput, invalid.what)
        .why(invalid.why)
        .next(invalid.fix)
}

impl Directory {
    /// One to write to: it is empty, not there, or of an earlier eject.
    pub(crate) fn to_write(path: &Path) -> Result<Directory, Failure> {
        let name = path.display().to_string();
        let mut names = Vec::new();
        match std::fs::read_dir(path) {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry.map_err(|error| unreadable(path, &error))?;
                    names.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(path, &error)),
        }
        names.sort_unstable();
        may_enter(&name, &names).map_err(invalid)?;
        Directory::open(path)
    }

    /// One that an eject wrote.
    pub(crate) fn to_read(path: &Path) -> Result<(Directory, Ejected), Failure> {
        let directory = Directory::open(path)?;
        match directory.record.clone() {
            Some(record) if !record.files.is_empty() => Ok((directory, record)),
            Some(_) => Err(Failure::new(
                Exit::BadInput,
                format!("the eject into {} is incomplete", directory.name),
            )
            .next(format!("`landfall eject {}` resumes it", directory.name))),
            None => Err(Failure::new(
                Exit::BadInput,
                format!("{} was not written by `landfall eject`", directory.name),
            )
            .why(format!("it has no {FILE}"))
            .next("name the directory of the eject with --from; nothing was changed")),
        }
    }

    fn open(path: &Path) -> Result<Directory, Failure> {
        let mut directory = Directory {
            path: path.to_owned(),
            name: path.display().to_string(),
            record: None,
        };
        if let Some(text) = directory.read(FILE)? {
            directory.record = Some(Ejected::parse(&text).map_err(invalid)?);
        }
        Ok(directory)
    }

    /// Whether it lies in that one.
    pub(crate) fn is_below(&self, directory: &Path) -> bool {
        let absolute = std::path::absolute(&self.path).unwrap_or_default();
        // It may not be there yet, or be led to by a link: of what is there the real path counts.
        let there = absolute
            .ancestors()
            .find_map(|up| std::fs::canonicalize(up).ok());
        there.is_some_and(|there| there.starts_with(directory))
    }

    /// A file's text; [`None`] if there is none.
    pub(crate) fn read(&self, path: &str) -> Result<Option<String>, Failure> {
        let path = self.path.join(path);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    /// The text of everything in it that landfall writes or Terraform reads, but for states.
    pub(crate) fn texts(&self) -> Result<Texts, Failure> {
        let mut texts = Texts::new();
        let mut add = |path: String| -> Result<(), Failure> {
            if let Some(text) = self.read(&path)? {
                texts.insert(path, text);
            }
            Ok(())
        };
        add("README.md".to_owned())?;
        for root in Root::ALL {
            let path = self.path.join(root.as_str());
            let entries = match std::fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(unreadable(&path, &error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| unreadable(&path, &error))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if entry.path().is_file() && (is_read(&name) || name == "README.md") {
                    add(format!("{root}/{name}"))?;
                }
            }
        }
        Ok(texts)
    }

    /// Writes a file whole: who is killed leaves the old one or the new one.
    pub(crate) fn write(&self, path: &str, text: &str) -> Result<(), Failure> {
        self.write_with(path, text, None)
    }

    /// The same, for its owner alone.
    pub(crate) fn write_private(&self, path: &str, text: &str) -> Result<(), Failure> {
        self.write_with(path, text, Some(0o600))
    }

    pub(crate) fn write_record(&self, record: &Ejected) -> Result<(), Failure> {
        self.write(FILE, &record.write())
    }

    fn write_with(&self, path: &str, text: &str, mode: Option<u32>) -> Result<(), Failure> {
        let path = self.path.join(path);
        replace(&path, text, mode).map_err(|error| {
            Failure::new(
                Exit::BadInput,
                format!("{} cannot be written", path.display()),
            )
            .why(error.to_string())
            .next("name another directory, or fix its permissions, and run the same command again")
        })
    }

    /// Removes a file of an earlier eject, unless somebody edited it.
    pub(crate) fn remove_unedited(&self, path: &str) -> Result<(), Failure> {
        let sum = self
            .record
            .as_ref()
            .and_then(|record| record.files.get(path));
        let text = self.read(path)?;
        if text
            .map(|text| FileSum::of(text.as_bytes()).to_string())
            .as_ref()
            != sum
        {
            return Ok(());
        }
        match std::fs::remove_file(self.path.join(path)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(unreadable(&self.path.join(path), &error))
            }
            _ => Ok(()),
        }
    }

    /// Takes a state out of Terraform's sight, and keeps it.
    pub(crate) fn put_away(&self, root: Root) -> Result<(), Failure> {
        let state = self.path.join(root.as_str()).join("terraform.tfstate");
        let kept = state.with_extension("tfstate.adopted");
        match std::fs::rename(&state, kept) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(unreadable(&state, &error))
            }
            _ => Ok(()),
        }
    }
}

/// Writes a file beside, and puts it in the place of the old one.
pub(crate) fn replace(path: &Path, text: &str, mode: Option<u32>) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let fresh = tempfile::NamedTempFile::new_in(dir)?;
    std::fs::write(fresh.path(), text)?;
    let mode = mode.unwrap_or(0o644);
    std::fs::set_permissions(fresh.path(), std::fs::Permissions::from_mode(mode))?;
    fresh.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::BadInput, format!("{} cannot be read", path.display()))
        .why(error.to_string())
        .next("fix its permissions, or name another directory")
}
