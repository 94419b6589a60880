//! The app's environment variables.

use super::problem::{Invalid, quoted};
use super::{key, value};
use toml::de::DeValue;

/// The text of one variable in `landfall.toml`. `under_header` tells that it stands on a line of its
/// own below `[env]`, where a key of landfall may have been put by mistake.
pub(super) fn check(
    name: &str,
    value: &DeValue<'_>,
    under_header: bool,
) -> Result<String, Invalid> {
    if under_header && key::find(key::KEYS, name).is_some() {
        return Err(Invalid::new(
            format!("`{name}` stands under `[env]`"),
            "there it would only set an environment variable, not landfall's key",
            format!(
                "move the line above `[env]`; for a variable, write `env = {{ {name} = \"…\" }}`"
            ),
        ));
    }
    check_name(&format!("`env.{name}`"), name)?;
    let Some(text) = value.as_str() else {
        // The value itself is not shown: it may be secret.
        return Err(Invalid::new(
            format!("`env.{name}` is {}", value::kind(value)),
            "environment variables are strings",
            format!("put the value in quotes: `{name} = \"…\"`"),
        ));
    };
    if text.contains('\0') {
        return Err(Invalid::new(
            format!("`env.{name}` holds a NUL character"),
            "no program can be given such a variable",
            "remove `\\u0000` from the value",
        ));
    }
    Ok(text.to_owned())
}

/// Checks the name of a variable, which `shown` says where it stands.
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
