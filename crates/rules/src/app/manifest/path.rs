//! Paths of files inside the app directory.

use super::newtype::text_value;
use super::problem::{Invalid, quoted};
use serde::Serialize;

/// A file inside the app directory: components between slashes, none of them `..`. From the keys
/// `protected` and `dockerfile`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RelativePath(String);

text_value!(RelativePath);

impl RelativePath {
    /// Checks a path; a leading `./` is dropped, so that one file has one name.
    pub fn parse(text: &str) -> Result<RelativePath, Invalid> {
        let path = text.strip_prefix("./").unwrap_or(text);
        let why = if path.is_empty() {
            "it names no file"
        } else if path.starts_with('/') {
            "it starts at the root of the file system"
        } else if path.contains('\\') {
            "directories are separated by `/`"
        } else if path.starts_with('-') {
            // `docker build --file -` reads standard input, and git takes `-x` for an option.
            "tools take a leading hyphen for an option"
        } else if path.chars().any(char::is_control) {
            "it holds a control character"
        } else if path.split('/').any(|part| part == "..") {
            "it leads out of the app directory"
        } else if path.split('/').any(|part| part.is_empty() || part == ".") {
            "it has an empty component"
        } else {
            return Ok(RelativePath(path.to_owned()));
        };
        Err(Invalid::new(
            format!("{} is no path of a file in the app directory", quoted(text)),
            why,
            "write it relative to the app directory, such as `cmd/main.go`",
        ))
    }

    /// A path that is known to be right.
    pub(super) fn known(text: &'static str) -> RelativePath {
        RelativePath(text.to_owned())
    }
}
