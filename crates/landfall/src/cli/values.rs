//! Values of options, read from text.

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use std::ffi::OsStr;
use std::time::Duration;

/// An option without a value. Only its environment variable has a text to read.
#[derive(Clone)]
pub(super) struct Switch;

impl TypedValueParser for Switch {
    type Value = bool;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<bool, clap::Error> {
        switch(&value.to_string_lossy()).ok_or_else(|| {
            let variable = argument.and_then(clap::Arg::get_env).unwrap_or_default();
            let what = format!(
                "the variable {} is {value:?}: write 1/0, yes/no, true/false or on/off\n",
                variable.display()
            );
            clap::Error::raw(ErrorKind::InvalidValue, what).with_cmd(command)
        })
    }
}

/// An empty variable counts as one that is not set.
fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Some(true),
        "0" | "no" | "false" | "off" | "" => Some(false),
        _ => None,
    }
}

/// A share from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "a share from 0 to 1, for example 0.3".to_owned())
}

/// An amount of at least 0.
pub(super) fn usd(text: &str) -> Result<f64, String> {
    let amount: Option<f64> = text.parse().ok();
    amount
        .filter(|usd| usd.is_finite() && *usd >= 0.0)
        .ok_or_else(|| "an amount in USD, for example 40".to_owned())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    rules::time::parse_duration(text)
        .map_err(|why| format!("{why}; for example 90s, 10m, 2h or 1d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_reads_four_pairs_of_words() {
        for text in ["1", "yes", "true", "on", "YES", "True"] {
            assert_eq!(switch(text), Some(true), "{text}");
        }
        for text in ["0", "no", "false", "off", "Off", ""] {
            assert_eq!(switch(text), Some(false), "{text}");
        }
        for text in ["2", "maybe", "y", " yes", "enabled"] {
            assert_eq!(switch(text), None, "{text}");
        }
    }
}
