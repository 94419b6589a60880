//! The address of an emulator, as programs in a container are given it.

use std::net::IpAddr;

/// Host and port of an emulator, which speaks plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Endpoint {
    /// Parses `http://host:port`; [`None`] for anything else.
    pub fn parse(url: &str) -> Option<Endpoint> {
        let rest = url.trim().strip_prefix("http://")?;
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':')?;
        Some(Endpoint {
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }

    /// The endpoint's IP address, from the text of `/etc/hosts` unless the host is an address.
    /// Container engines write the host's name into that file, and an image may lack everything
    /// else that a resolver needs.
    pub fn address(&self, hosts: &str) -> Option<IpAddr> {
        let listed = || {
            hosts.lines().find_map(|line| {
                let mut words = line.split('#').next()?.split_whitespace();
                let address = words.next()?.parse().ok()?;
                words.any(|name| name == self.host).then_some(address)
            })
        };
        self.host.parse().ok().or_else(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_is_read() {
        let endpoint = |url: &str| Endpoint::parse(url).expect("an endpoint");
        let hosts = "127.0.0.1\tlocalhost\n# 10.0.0.1 host.docker.internal\n172.17.0.1 other host.docker.internal\n";
        let address = |url: &str| endpoint(url).address(hosts).map(|ip| ip.to_string());
        assert_eq!(
            address("http://host.docker.internal:4566/").as_deref(),
            Some("172.17.0.1")
        );
        assert_eq!(address("http://10.1.2.3:80").as_deref(), Some("10.1.2.3"));
        assert_eq!(address("http://elsewhere:80"), None);
        for bad in ["https://a:1", "a:1", "http://a", "http://a:b", ""] {
            assert_eq!(Endpoint::parse(bad), None, "{bad}");
        }
    }
}
