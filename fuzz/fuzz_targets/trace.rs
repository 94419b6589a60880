//! Names of requests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rules::edge_contract::trace;

fuzz_target!(|text: &str| {
    let _ = (trace::is_traceparent(text), trace::is_request_id(text));
});
