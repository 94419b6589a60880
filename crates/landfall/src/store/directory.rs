//! A directory as a store with compare-and-swap.
//!
//! Writers exclude each other by a kernel lock on one file, which ends with the process. A text is
//! written to a temporary file, synced to disk and renamed, so a reader, which needs no lock, sees
//! the old text or the new one, and so does a reader after a power failure.

use aws::{ETag, Object, Written};
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Modes that admit only the owner.
const DIRECTORY: u32 = 0o700;
const FILE: u32 = 0o600;

/// A key is the path of a file. File names that begin with a dot are internal.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

impl Directory {
    pub(super) fn new(path: &Path) -> Directory {
        Directory {
            path: path.to_owned(),
        }
    }

    pub(super) fn read(&self, key: &str) -> io::Result<Option<Object>> {
        match std::fs::read_to_string(self.path.join(key)) {
            Ok(text) => Ok(Some(Object {
                tag: tag_of(&text),
                text,
            })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the object if it still has `tag`, or creates it if there is no tag.
    pub(super) fn write(&self, key: &str, text: &str, tag: Option<&ETag>) -> io::Result<Written> {
        let file = self.path.join(key);
        let (Some(parent), Some(name)) = (file.parent(), file.file_name()) else {
            return Err(io::Error::from(ErrorKind::InvalidInput));
        };
        create(&self.path)?;
        let lock = open(&self.path.join(".lock"))?;
        // Released when `lock` is dropped.
        lock.lock()?;
        let found = self.read(key)?.map(|object| object.tag);
        if found.as_ref() != tag {
            return Ok(Written::Lost);
        }
        create(parent)?;
        // A killed writer may have left it; under the lock no other writer uses it.
        let mut temporary_name = std::ffi::OsString::from(".new-");
        temporary_name.push(name);
        let temporary = parent.join(temporary_name);
        let mut out = open(&temporary)?;
        out.set_len(0)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&temporary, &file)?;
        File::open(parent)?.sync_all()?;
        Ok(Written::Won(tag_of(text)))
    }

    pub(super) fn keys(&self, prefix: &str) -> io::Result<Vec<String>> {
        let mut keys = Vec::new();
        collect(&self.path, "", &mut keys)?;
        keys.retain(|key| key.starts_with(prefix));
        keys.sort_unstable();
        Ok(keys)
    }
}

fn collect(path: &Path, above: &str, keys: &mut Vec<String>) -> io::Result<()> {
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let key = format!("{above}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{key}/"), keys)?;
        } else {
            keys.push(key);
        }
    }
    Ok(())
}

fn create(path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY)
        .create(path)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE)
        .open(path)
}

fn tag_of(text: &str) -> ETag {
    ETag::new(format!("{:x}", Sha256::digest(text.as_bytes())))
}
