//! Rules that are switched off below paths.
#![no_main]

use libfuzzer_sys::fuzz_target;
use edge::policy::path_rules::PathRules;

fuzz_target!(|input: (&str, &str)| {
    if let Ok(rules) = PathRules::parse(input.0) {
        let _ = rules.of(input.1);
    }
});
