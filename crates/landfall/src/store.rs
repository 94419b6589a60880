//! Where landfall keeps its own data about an environment: objects that are only replaced if they
//! have not changed since they were read. They are in the bucket of the Terraform state, or in a
//! directory of this machine, with the same semantics: `store/tests.rs` runs the same tests on
//! both.
//!
//! Two rules of the bucket (`aws::StateBucket`) apply to both: every text is unique, that is, it
//! contains something random; and no object is deleted. What the objects mean is not known here:
//! the ledger is in `release`, the lock in `lock`.

mod directory;
pub(crate) mod random;

use crate::failure::Failure;
use aws::{ETag, Object, StateBucket, Written};
use directory::Directory;
use rules::exit::Exit;
use std::path::PathBuf;

/// The objects of one environment. A key is a relative path with `/` as separator. No part of it
/// begins with a dot, and no key is a prefix path of another.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    /// In the bucket of the state, which has to exist before anything is written.
    Bucket(StateBucket),
    /// In this directory, which is created on the first write. Only its owner may enter it.
    Local(PathBuf),
}

impl Store {
    /// An object with the tag that [`Store::replace`] takes; [`None`] if it does not exist.
    ///
    /// # Errors
    /// The store cannot be read, or the object is not UTF-8.
    pub(crate) async fn read(&self, key: &str) -> Result<Option<Object>, Failure> {
        match self {
            Store::Bucket(bucket) => Ok(bucket.read_tagged(checked(key)?).await?),
            Store::Local(path) => {
                let key = checked(key)?.to_owned();
                blocking(path, "read", move |directory| directory.read(&key)).await
            }
        }
    }

    /// Writes an object that does not exist yet.
    ///
    /// # Errors
    /// The store cannot be written. The write may still take effect, even later.
    pub(crate) async fn create(&self, key: &str, text: &str) -> Result<Written, Failure> {
        self.write(key, text, None).await
    }

    /// Replaces the object if it still has `tag`.
    ///
    /// # Errors
    /// As of [`Store::create`].
    pub(crate) async fn replace(
        &self,
        key: &str,
        text: &str,
        tag: &ETag,
    ) -> Result<Written, Failure> {
        self.write(key, text, Some(tag)).await
    }

    async fn write(&self, key: &str, text: &str, tag: Option<&ETag>) -> Result<Written, Failure> {
        let key = checked(key)?;
        match (self, tag) {
            (Store::Bucket(bucket), None) => Ok(bucket.create(key, text).await?),
            (Store::Bucket(bucket), Some(tag)) => Ok(bucket.replace(key, text, tag).await?),
            (Store::Local(path), tag) => {
                let (key, text, tag) = (key.to_owned(), text.to_owned(), tag.cloned());
                blocking(path, "written", move |directory| {
                    directory.write(&key, &text, tag.as_ref())
                })
                .await
            }
        }
    }

    /// The keys that begin with `prefix`, in byte order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn keys(&self, prefix: &str) -> Result<Vec<String>, Failure> {
        match self {
            Store::Bucket(bucket) => Ok(bucket.keys(prefix).await?),
            Store::Local(path) => {
                let prefix = prefix.to_owned();
                blocking(path, "read", move |directory| directory.keys(&prefix)).await
            }
        }
    }
}

/// Refuses keys that would not mean the same in a bucket and in a directory.
fn checked(key: &str) -> Result<&str, Failure> {
    let is_name = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\0');
    if key.split('/').all(is_name) {
        Ok(key)
    } else {
        Err(Failure::new(
            Exit::Bug,
            format!("{key:?} is not a valid key of a store"),
        ))
    }
}

/// Runs file operations on a thread where they may block.
async fn blocking<T: Send + 'static>(
    path: &std::path::Path,
    done: &str,
    work: impl FnOnce(&Directory) -> std::io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let what = format!("{} cannot be {done}", path.display());
    let directory = Directory::new(path);
    match tokio::task::spawn_blocking(move || work(&directory)).await {
        Ok(result) => result.map_err(Failure::io(what)),
        Err(error) => Err(Failure::new(Exit::Bug, what).why(error.to_string())),
    }
}

#[cfg(test)]
pub(crate) mod tests;
