//! When an environment ends: a tag of its state bucket, or a file beside a state that is kept on this
//! machine.

use crate::environment::place::Environment;
use crate::failure::Failure;
use crate::report::now;
use rules::exit::Exit;
use rules::operate::expiry::LocalEnd;
use rules::operate::ttl::{Lifetime, TAG_EXPIRES_AT, tag_value};
use rules::time::Timestamp;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The file in an environment's directory.
const FILE: &str = "end.json";

/// When the environment ends, as it is written down now.
pub(crate) async fn read(place: &Environment) -> Result<Lifetime, Failure> {
    let tag = match place.bucket() {
        Some(bucket) => {
            let mut tags = bucket.tags().await?.unwrap_or_default();
            tags.remove(TAG_EXPIRES_AT)
        }
        None => read_file(place.directory())?.map(|end| end.expires_at),
    };
    Ok(Lifetime::read(now(), tag.as_deref()))
}

/// Writes down when it ends; [`None`]: never.
pub(crate) async fn write(place: &Environment, end: Option<Timestamp>) -> Result<(), Failure> {
    let value = end.map(tag_value);
    match place.bucket() {
        Some(bucket) => Ok(bucket.set_end(value.as_deref()).await?),
        None => write_file(place, value),
    }
}

/// What stands in an environment's directory of its end; [`None`] if nothing does.
pub(crate) fn read_file(directory: &Path) -> Result<Option<LocalEnd>, Failure> {
    let path = directory.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Failure::io(format!("{} cannot be read", path.display())))?,
    };
    let end = serde_json::from_str(&text).map_err(|error| {
        Failure::new(
            Exit::BadInput,
            format!("{} is not what landfall wrote", path.display()),
        )
        .why(error.to_string())
        .next("remove the file, and say `landfall up --ttl 2h` if the environment is to end")
    })?;
    Ok(Some(end))
}

fn write_file(place: &Environment, value: Option<String>) -> Result<(), Failure> {
    let path = place.directory().join(FILE);
    let unwritable = || Failure::io(format!("{} cannot be written", path.display()));
    let Some(value) = value else {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(unwritable()(error)),
            _ => Ok(()),
        };
    };
    let text = serde_json::to_string(&LocalEnd::of(&place.names, value))
        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    // The old file or the new one, whenever it is cut off.
    let draft = path.with_extension("new");
    std::fs::create_dir_all(place.directory())
        .and_then(|()| std::fs::write(&draft, text))
        .and_then(|()| std::fs::rename(&draft, &path))
        .map_err(unwritable())
}

/// Directories of environments on this machine that say when they end, in the order of their names.
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
