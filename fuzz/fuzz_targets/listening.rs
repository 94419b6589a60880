//! What the kernel says about sockets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use edge::policy::listening::ports;

fuzz_target!(|text: &str| {
    let _ = ports(text);
});
