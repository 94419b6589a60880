//! The app's environment variables.

use super::problem::Invalid;
use super::variable_name::check_name;
use super::{key, value};
use toml::de::DeValue;

/// The text of one variable in `landfall.toml`. `under_header` is true if it stands on a line of its
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
