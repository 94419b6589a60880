//! TOML values as plain ones, with one wording for every value of the wrong kind.

use super::key;
use super::problem::{Invalid, quoted};
use toml::de::DeValue;

/// The text of a string.
pub(super) fn text<'v>(key: &str, value: &'v DeValue<'_>) -> Result<&'v str, Invalid> {
    value
        .as_str()
        .ok_or_else(|| wrong_kind(key, value, "a string in quotes"))
}

/// The number of an integer, whatever its radix.
pub(super) fn whole(key: &str, value: &DeValue<'_>) -> Result<i64, Invalid> {
    let number = value
        .as_integer()
        .ok_or_else(|| wrong_kind(key, value, "a whole number"))?;
    i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| {
        Invalid::new(
            format!("`{key}` is {}", quoted(&number.to_string())),
            "no such number fits",
            format!("write it as `{}`", key::example(key)),
        )
    })
}

/// The number of an integer or a float.
pub(super) fn number(key: &str, value: &DeValue<'_>) -> Result<f64, Invalid> {
    match value {
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
        DeValue::Float(float) => float.as_str().parse().ok(),
        _ => None,
    }
    .ok_or_else(|| wrong_kind(key, value, "a number"))
}

/// The complaint about a value of the wrong kind.
pub(super) fn wrong_kind(key: &str, value: &DeValue<'_>, wanted: &str) -> Invalid {
    Invalid::new(
        format!("`{key}` is {}", kind(value)),
        format!("it must be {wanted}"),
        format!("write it as `{}`", key::example(key)),
    )
}

/// The kind of a value, in plain English rather than in terms of TOML.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(true) => "`true`",
        DeValue::Boolean(false) => "`false`",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Yes or no.
pub(super) fn truth(key: &str, value: &DeValue<'_>) -> Result<bool, Invalid> {
    match value {
        DeValue::Boolean(yes) => Ok(*yes),
        _ => Err(wrong_kind(key, value, "`true` or `false`")),
    }
}
