//! Names of requests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use edge::policy::trace;

fuzz_target!(|text: &str| {
    let _ = (trace::is_traceparent(text), trace::is_request_id(text));
});
