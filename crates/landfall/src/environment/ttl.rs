//! When an environment expires: a tag of its state bucket, or a file next to a local state.

use crate::environment::Environment;
use crate::failure::Failure;
use crate::report::now;
use rules::exit::Exit;
use rules::operate::expiry::LocalExpiry;
use rules::operate::ttl::{ObservedExpiry, TAG_EXPIRES_AT, tag_value};
use rules::time::Timestamp;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The file in the directory of an environment with local state.
const FILE: &str = "end.json";

/// When the environment expires.
///
/// # Errors
/// The tags or the file cannot be read.
pub(crate) async fn read(environment: &Environment) -> Result<ObservedExpiry, Failure> {
    let tag = match environment.bucket() {
        Some(bucket) => {
            let mut tags = bucket.tags().await?.unwrap_or_default();
            tags.remove(TAG_EXPIRES_AT)
        }
        None => read_file(environment.directory())?.map(|end| end.expires_at),
    };
    Ok(ObservedExpiry::read(now(), tag.as_deref()))
}

/// Sets when the environment expires; [`None`]: never.
///
/// # Errors
/// The tags or the file cannot be written.
pub(crate) async fn write(
    environment: &Environment,
    end: Option<Timestamp>,
) -> Result<(), Failure> {
    let value = end.map(tag_value);
    match environment.bucket() {
        Some(bucket) => Ok(bucket.set_end(value.as_deref()).await?),
        None => write_file(environment, value),
    }
}

/// The expiry that a directory records; [`None`] if it records none.
///
/// # Errors
/// The file cannot be read, or was not written by landfall.
pub(crate) fn read_file(directory: &Path) -> Result<Option<LocalExpiry>, Failure> {
    let path = directory.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Failure::io(format!("{} cannot be read", path.display())))?,
    };
    let end = serde_json::from_str(&text).map_err(|error| {
        Failure::new(
            Exit::BadInput,
            format!("{} was not written by landfall", path.display()),
        )
        .why(error.to_string())
        .next("remove the file; `landfall up --ttl 2h` sets the expiry again")
    })?;
    Ok(Some(end))
}

fn write_file(environment: &Environment, value: Option<String>) -> Result<(), Failure> {
    let path = environment.directory().join(FILE);
    let unwritable = || Failure::io(format!("{} cannot be written", path.display()));
    let Some(value) = value else {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(unwritable()(error)),
            _ => Ok(()),
        };
    };
    let text = serde_json::to_string(&LocalExpiry::new(&environment.names, value))
        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    // Renamed into place, so that a killed command leaves the old file or the new one.
    let temporary = path.with_extension("new");
    std::fs::create_dir_all(environment.directory())
        .and_then(|()| std::fs::write(&temporary, text))
        .and_then(|()| std::fs::rename(&temporary, &path))
        .map_err(unwritable())
}

/// Directories below `above` that record an expiry, in the order of their names.
///
/// # Errors
/// `above` cannot be read.
pub(crate) fn directories(above: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = || Failure::io(format!("{} cannot be read", above.display()));
    let entries = match std::fs::read_dir(above) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(unreadable())?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable())?.path();
        if path.join(FILE).is_file() {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}
