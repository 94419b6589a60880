//! The environment of the edge: names and values, one a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use edge::policy::settings::Settings;

fuzz_target!(|text: &str| {
    let variables = text.lines().filter_map(|line| line.split_once('='));
    let _ = Settings::read(variables.map(|(name, value)| (format!("LANDFALL_EDGE_{name}"), value)));
});
