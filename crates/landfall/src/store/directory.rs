//! A directory as a store that can compare and swap.
//!
//! Whoever writes is alone: it holds a lock of the kernel on one file, which ends with its process. A
//! text goes to a file beside, to the disk, and then by its new name into place, so a reader, who needs
//! no lock, sees the old text or the new one, and after a power cut one of them is there.

use aws::{ETag, Object, Written};
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Only the owner.
const DIRECTORY: u32 = 0o700;
const FILE: u32 = 0o600;

/// Keys are the paths of its files; names that begin with a dot are its own.
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

    /// Writes the object that still has `tag`, or that is not there yet if there is none.
    pub(super) fn write(&self, key: &str, text: &str, tag: Option<&ETag>) -> io::Result<Written> {
        let file = self.path.join(key);
        let (Some(parent), Some(name)) = (file.parent(), file.file_name()) else {
            return Err(io::Error::from(ErrorKind::InvalidInput));
        };
        make(&self.path)?;
        let lock = open(&self.path.join(".lock"))?;
        // Until `lock` is dropped.
        lock.lock()?;
        let found = self.read(key)?.map(|object| object.tag);
        if found.as_ref() != tag {
            return Ok(Written::Lost);
        }
        make(parent)?;
        // Whoever died here left it behind; nobody else is here now.
        let mut draft_name = std::ffi::OsString::from(".new-");
        draft_name.push(name);
        let draft = parent.join(draft_name);
        let mut out = open(&draft)?;
        out.set_len(0)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&draft, &file)?;
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

fn make(path: &Path) -> io::Result<()> {
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
