//! Headers of proxies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use edge::policy::forwarded::{Received, forwarded_headers};
use std::net::{IpAddr, Ipv4Addr};

fuzz_target!(|input: (&str, &str, &str, &str, u8)| {
    let (x_for, x_proto, x_host, x_port, hops) = input;
    let received = Received {
        x_for: Some(x_for),
        x_proto: Some(x_proto),
        x_host: Some(x_host),
        x_port: Some(x_port),
        host: None,
    };
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let headers = forwarded_headers(&received, peer, usize::from(hops), None);
    assert!(!headers.forwarded.contains(['\r', '\n']));
});
