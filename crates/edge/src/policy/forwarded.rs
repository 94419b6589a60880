//! Who the client is: `X-Forwarded-*` and `Forwarded` (RFC 7239).
//!
//! Anyone can send these headers. Each proxy appends an entry, so with `hops` trusted proxies in
//! front, the last `hops` entries are trustworthy; all others are dropped. Without trusted proxies
//! the peer of the connection is the client.
//!
//! The edge is in the same container as the app and adds no entry: the app sees the list that it
//! would see without the edge.

use std::net::IpAddr;

/// Longest list of addresses that is read.
const LONGEST: usize = 4_096;

/// The headers of a request as received.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs)]
pub struct Received<'r> {
    /// `X-Forwarded-For`; several lines are joined by commas.
    pub x_for: Option<&'r str>,
    pub x_proto: Option<&'r str>,
    pub x_host: Option<&'r str>,
    pub x_port: Option<&'r str>,
    /// `Host`, or the authority of the request.
    pub host: Option<&'r str>,
}

/// The headers that the app gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Forwarded {
    /// `X-Forwarded-For`, the client first.
    pub x_for: String,
    pub x_proto: String,
    pub x_host: Option<String>,
    pub x_port: Option<String>,
    pub forwarded: String,
}

/// Keeps what trusted proxies wrote. `proto` is the protocol of users, if the settings name it.
pub fn forwarded_headers(
    received: &Received<'_>,
    peer: IpAddr,
    hops: usize,
    proto: Option<&str>,
) -> Forwarded {
    let peer = peer.to_canonical().to_string();
    let addresses = if hops == 0 {
        Vec::new()
    } else {
        last_entries(received.x_for, hops)
    };
    let x_for = if addresses.is_empty() {
        peer
    } else {
        addresses.join(", ")
    };
    let trusted = hops > 0;
    let received_proto = received
        .x_proto
        .filter(|_| trusted)
        .map(last_of)
        .filter(|p| is_scheme(p));
    let x_proto = proto.or(received_proto).unwrap_or("http").to_owned();
    let x_host = received
        .x_host
        .filter(|_| trusted)
        .map(last_of)
        .filter(|host| is_host(host))
        .or(received.host)
        .map(str::to_owned);
    let x_port = received
        .x_port
        .filter(|_| trusted)
        .map(last_of)
        .filter(|port| port.parse::<u16>().is_ok())
        .map(str::to_owned);
    let forwarded = forwarded(&x_for, &x_proto, x_host.as_deref());
    Forwarded {
        x_for,
        x_proto,
        x_host,
        x_port,
        forwarded,
    }
}

/// The last `hops` entries, oldest first. Stops at the first entry from the end that is not an
/// address: no correct proxy appends to such an entry.
fn last_entries(list: Option<&str>, hops: usize) -> Vec<&str> {
    let list = list.unwrap_or_default();
    let list = if list.len() > LONGEST { "" } else { list };
    let mut entries: Vec<&str> = list
        .rsplit(',')
        .map(str::trim)
        .take(hops)
        .take_while(|entry| is_node(entry))
        .collect();
    entries.reverse();
    entries
}

fn last_of(list: &str) -> &str {
    list.rsplit(',').next().unwrap_or_default().trim()
}

fn is_scheme(text: &str) -> bool {
    matches!(text, "http" | "https")
}

/// Whether this is an address, with or without a port, as proxies write it.
fn is_node(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match bare {
        Some((address, port)) => {
            address.parse::<std::net::Ipv6Addr>().is_ok()
                && (port.is_empty()
                    || port
                        .strip_prefix(':')
                        .is_some_and(|p| p.parse::<u16>().is_ok()))
        }
        None => text.parse::<IpAddr>().is_ok() || text.parse::<std::net::SocketAddrV4>().is_ok(),
    }
}

/// Whether all characters can occur in a host name, an address or a port. This does not check the
/// name; it keeps out what would change the meaning of a header or a URL.
pub fn is_host(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~%:[]!$&'()*+;=".contains(&b);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(is_plain)
}

fn forwarded(x_for: &str, proto: &str, host: Option<&str>) -> String {
    let mut out = String::with_capacity(64);
    for (number, node) in x_for.split(", ").enumerate() {
        if number > 0 {
            out.push_str(", ");
        }
        out.push_str("for=");
        // A colon requires quotes, and IPv6 requires brackets inside them (RFC 7239, 6).
        if node.parse::<std::net::Ipv6Addr>().is_ok() {
            out.push_str("\"[");
            out.push_str(node);
            out.push_str("]\"");
        } else if node.contains(':') {
            out.push('"');
            out.push_str(node);
            out.push('"');
        } else {
            out.push_str(node);
        }
        if number == 0 {
            if let Some(host) = host.filter(|host| is_host(host)) {
                out.push_str(";host=\"");
                out.push_str(host);
                out.push('"');
            }
            out.push_str(";proto=");
            out.push_str(proto);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));

    fn list(x_for: &str, hops: usize) -> String {
        forwarded_headers(
            &Received {
                x_for: Some(x_for),
                ..Received::default()
            },
            PEER,
            hops,
            None,
        )
        .x_for
    }

    #[test]
    fn only_entries_of_trusted_proxies_are_forwarded() {
        assert_eq!(list("6.6.6.6, 203.0.113.7", 0), "10.0.0.9");
        assert_eq!(list("6.6.6.6, 203.0.113.7", 1), "203.0.113.7");
        assert_eq!(
            list("6.6.6.6, 203.0.113.7,64.252.0.1", 2),
            "203.0.113.7, 64.252.0.1"
        );
        assert_eq!(list("203.0.113.7", 2), "203.0.113.7");
        assert_eq!(list("203.0.113.7:4711", 1), "203.0.113.7:4711");
        assert_eq!(list("evil\", 203.0.113.7", 2), "203.0.113.7");
        assert_eq!(list("unknown", 1), "10.0.0.9");
        assert_eq!(list("", 1), "10.0.0.9");
    }

    #[test]
    fn headers_of_untrusted_peers_are_dropped() {
        let received = Received {
            x_for: Some("1.2.3.4"),
            x_proto: Some("https"),
            x_host: Some("bank.example"),
            x_port: Some("443"),
            host: Some("app.example"),
        };
        let stranger = forwarded_headers(&received, PEER, 0, None);
        assert_eq!(stranger.x_proto, "http");
        assert_eq!(stranger.x_host.as_deref(), Some("app.example"));
        assert_eq!(stranger.x_port, None);
        assert_eq!(
            stranger.forwarded,
            "for=10.0.0.9;host=\"app.example\";proto=http"
        );
        let proxy = forwarded_headers(&received, PEER, 1, None);
        assert_eq!(proxy.x_proto, "https");
        assert_eq!(proxy.x_host.as_deref(), Some("bank.example"));
        assert_eq!(proxy.x_port.as_deref(), Some("443"));
        assert_eq!(
            forwarded_headers(&received, PEER, 0, Some("https")).x_proto,
            "https"
        );
    }

    #[test]
    fn ipv6_is_quoted_as_rfc_7239_requires() {
        let received = Received {
            x_for: Some("2001:db8::7"),
            ..Received::default()
        };
        assert_eq!(
            forwarded_headers(&received, PEER, 1, None).forwarded,
            "for=\"[2001:db8::7]\";proto=http"
        );
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().expect("address");
        assert_eq!(
            forwarded_headers(&Received::default(), mapped, 0, None).x_for,
            "192.0.2.1"
        );
    }

    proptest! {
        /// Whatever was received: at most the trusted entries, and nothing that ends a header.
        #[test]
        fn any_headers_are_handled(x_for in ".*", x_proto in ".*", x_host in ".*", x_port in ".*", hops in 0..4_usize) {
            let received = Received {
                x_for: Some(&x_for), x_proto: Some(&x_proto), x_host: Some(&x_host), x_port: Some(&x_port), host: None,
            };
            let forwarded = forwarded_headers(&received, PEER, hops, None);
            prop_assert!(forwarded.x_for.split(", ").count() <= hops.max(1));
            prop_assert!(is_scheme(&forwarded.x_proto));
            for text in [&forwarded.x_for, &forwarded.forwarded, forwarded.x_host.as_ref().unwrap_or(&forwarded.x_for)] {
                prop_assert!(text.bytes().all(|b| (b' '..0x7f).contains(&b)), "{text:?}");
            }
        }
    }
}
