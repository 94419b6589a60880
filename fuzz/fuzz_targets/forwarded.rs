//! Headers that say who the client is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use edge::policy::forwarded::{Claimed, tell};
use std::net::{IpAddr, Ipv4Addr};

fuzz_target!(|input: (&str, &str, &str, &str, u8)| {
    let (x_for, x_proto, x_host, x_port, hops) = input;
    let claimed = Claimed {
        x_for: Some(x_for),
        x_proto: Some(x_proto),
        x_host: Some(x_host),
        x_port: Some(x_port),
        host: None,
    };
    let told = tell(&claimed, IpAddr::V4(Ipv4Addr::LOCALHOST), usize::from(hops), None);
    assert!(!told.forwarded.contains(['\r', '\n']));
});
