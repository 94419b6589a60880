//! What a client wants to read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use edge::policy::accept::page;

fuzz_target!(|text: &str| {
    let _ = page(Some(text));
});
