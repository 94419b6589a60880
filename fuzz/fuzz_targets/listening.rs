//! What the kernel says about sockets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rules::edge_contract::listening::ports;

fuzz_target!(|text: &str| {
    let _ = ports(text);
});
