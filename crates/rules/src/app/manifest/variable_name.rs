//! Names that an environment variable may have.

use super::problem::{Invalid, quoted};

/// Checks the name of a variable; `shown` describes it in messages.
pub(super) fn check_name(shown: &str, name: &str) -> Result<(), Invalid> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(Invalid::new(
            format!("{} is no name of an environment variable", quoted(name)),
            "names hold letters a-z, digits and underscores, and start with no digit",
            "rename it, such as `LOG_LEVEL`",
        ));
    }
    for (prefix, owner) in [("LANDFALL_", "landfall"), ("AWS_", "AWS")] {
        if name.starts_with(prefix) {
            return Err(Invalid::new(
                format!("{shown} is reserved"),
                format!("{owner} itself sets variables that begin with `{prefix}`"),
                "rename it, or remove the line",
            ));
        }
    }
    Ok(())
}
