//! Sums of files that are not to change.

use super::problem::{Invalid, quoted};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a file's content, as `sha256sum` prints it: 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FileSum(String);

impl FileSum {
    /// Checks a sum; capital letters are accepted.
    ///
    /// # Errors
    /// It is not 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<FileSum, Invalid> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(FileSum(text.to_ascii_lowercase()));
        }
        Err(Invalid::new(
            format!("{} is no SHA-256 sum", quoted(text)),
            "it must be 64 hexadecimal digits",
            "take what `sha256sum FILE` prints",
        ))
    }

    /// The sum of this content.
    pub fn of(content: &[u8]) -> FileSum {
        let sum = Sha256::digest(content);
        FileSum(sum.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl std::fmt::Display for FileSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_what_sha256sum_prints() {
        // printf abc | sha256sum; FIPS 180-4's first example.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(FileSum::of(b"abc").to_string(), abc);
        assert_eq!(
            FileSum::parse(&abc.to_uppercase()).ok(),
            Some(FileSum::of(b"abc"))
        );
        for bad in ["", "abc", &abc[1..], &format!("{}g", &abc[1..])] {
            assert!(FileSum::parse(bad).is_err(), "{bad}");
        }
    }
}
