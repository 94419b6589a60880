//! Who can connect from outside.

use super::{Findings, Rule, Seen, seen};
use rules::shape::plan::Resource;
use serde_json::Value;

/// Attributes with addresses of callers: of rules in a group's own blocks and of standalone rules.
const CIDRS: [&str; 4] = ["cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6"];

pub(super) fn examine(resource: &Resource, all: &[Resource], found: &mut Findings) {
    match resource.kind.as_str() {
        "aws_security_group" | "aws_default_security_group" => {
            if Seen::at(resource, "ingress") == Seen::Later {
                found.later(Rule::OpenIngress, &resource.address, "ingress");
            }
            for i in 0..seen::count(resource, "ingress") {
                let inside = |name| format!("ingress.{i}.{name}");
                callers(resource, &CIDRS.map(inside), all, found);
            }
        }
        "aws_security_group_rule" => match Seen::at(resource, "type") {
            Seen::Known(Value::String(kind)) if kind != "ingress" => {}
            _ => callers(resource, &CIDRS.map(str::to_owned), all, found),
        },
        "aws_vpc_security_group_ingress_rule" => {
            callers(resource, &CIDRS.map(str::to_owned), all, found);
        }
        "aws_instance" | "aws_launch_template" => metadata(resource, found),
        _ => {}
    }
}

/// Judges the addresses that one rule lets in.
fn callers(resource: &Resource, paths: &[String], all: &[Resource], found: &mut Findings) {
    for path in paths {
        let (cidrs, later) = seen::texts(resource, path);
        if later {
            found.later(Rule::OpenIngress, &resource.address, path);
        }
        for cidr in cidrs {
            match reach(cidr) {
                Reach::Everyone => found.add(
                    Rule::OpenIngress,
                    &resource.address,
                    format!("ingress from {cidr}"),
                ),
                Reach::Internet if has_public_load_balancer(all) => found.add(
                    Rule::BesideFrontDoor,
                    &resource.address,
                    format!("ingress from {cidr}, which is not CloudFront's prefix list"),
                ),
                Reach::Internet | Reach::Private => {}
            }
        }
    }
}

fn has_public_load_balancer(all: &[Resource]) -> bool {
    all.iter().any(|r| {
        matches!(r.kind.as_str(), "aws_lb" | "aws_alb") && !Seen::at(r, "internal").is_true()
    })
}

/// From where a block of addresses comes.
#[derive(Debug, PartialEq)]
enum Reach {
    /// All addresses, or nearly all: `0.0.0.0/0`, and its halves.
    Everyone,
    /// Some addresses of the internet.
    Internet,
    /// Addresses that no router of the internet leads to.
    Private,
}

fn reach(cidr: &str) -> Reach {
    let (address, length) = cidr.split_once('/').unwrap_or((cidr, ""));
    let length = length.parse::<u8>().ok();
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(v4)) => match length {
            Some(length) if length < 8 => Reach::Everyone,
            _ if v4.is_private() || v4.is_loopback() || v4.is_link_local() => Reach::Private,
            _ => Reach::Internet,
        },
        Ok(std::net::IpAddr::V6(v6)) => match length {
            // Unique local addresses are fc00::/7; the internet is 2000::/3 as a whole.
            _ if v6.segments()[0] & 0xfe00 == 0xfc00 && length.is_some_and(|l| l >= 7) => {
                Reach::Private
            }
            Some(length) if length < 16 => Reach::Everyone,
            _ => Reach::Internet,
        },
        // AWS refuses what is no address; it is not ours to call it safe.
        Err(_) => Reach::Internet,
    }
}

/// The first version of the instance metadata service answers to anyone who can make the app fetch a URL.
fn metadata(resource: &Resource, found: &mut Findings) {
    let at = |name| Seen::at(resource, &format!("metadata_options.0.{name}"));
    if at("http_endpoint").text() == Some("disabled") {
        return;
    }
    match at("http_tokens") {
        Seen::Later => found.later(Rule::Metadata, &resource.address, "metadata_options"),
        seen if seen.text() == Some("required") => {}
        _ => found.add(
            Rule::Metadata,
            &resource.address,
            "`http_tokens` is not \"required\"",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_everyone_is_everyone() {
        for cidr in [
            "0.0.0.0/0",
            "::/0",
            "128.0.0.0/1",
            "10.0.0.0/0",
            "2000::/3",
            "fc00::/0",
        ] {
            assert_eq!(reach(cidr), Reach::Everyone, "{cidr}");
        }
        for cidr in ["203.0.113.7/32", "8.0.0.0/8", "2001:db8::/32", "nonsense"] {
            assert_eq!(reach(cidr), Reach::Internet, "{cidr}");
        }
        for cidr in ["10.0.0.0/8", "172.16.0.0/12", "192.168.1.0/24", "fd00::/8"] {
            assert_eq!(reach(cidr), Reach::Private, "{cidr}");
        }
    }
}
