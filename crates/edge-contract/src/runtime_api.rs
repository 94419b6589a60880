//! The Runtime API of AWS Lambda
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>): where it is, and which names
//! come from it.

use std::net::{Ipv4Addr, SocketAddr};

/// Variable that Lambda sets for runtimes only.
pub const VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";

/// Address of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Where it listens.
    pub socket: SocketAddr,
    /// Precedes the documented paths; empty on AWS.
    pub prefix: String,
    /// Value of the `Host` header.
    pub host: String,
}

impl Address {
    /// Parses `127.0.0.1:9001`, and what emulators write: `http://[::1]:9000/prefix`.
    ///
    /// # Errors
    /// What the address should look like.
    pub fn parse(text: &str) -> Result<Address, String> {
        let rest = text.trim();
        let rest = rest.strip_prefix("http://").unwrap_or(rest);
        let (host, prefix) = match rest.split_once('/') {
            Some((host, prefix)) => (host, format!("/{prefix}")),
            None => (rest, String::new()),
        };
        let local = host.strip_prefix("localhost:").and_then(|port| {
            let port = port.parse().ok()?;
            Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        });
        let plain = prefix.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        match local.or_else(|| host.parse().ok()) {
            Some(socket) if plain => Ok(Address {
                socket,
                prefix: prefix.trim_end_matches('/').to_owned(),
                host: host.to_owned(),
            }),
            _ => Err(format!(
                "{VARIABLE} is not an address and a port like `127.0.0.1:9001`"
            )),
        }
    }
}

/// Whether the id of an invocation may be put into a path.
pub fn is_id(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=128).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// The name of a sandbox in summaries, which no other sandbox has: the last part of its log
/// stream's name, `2026/01/31/[7]0123abcd…`.
pub fn task_name(log_stream: &str) -> Option<String> {
    let name = log_stream.rsplit([']', '/']).next().unwrap_or_default();
    (is_id(name) && name.len() >= 8).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_of_lambda_and_of_emulators_are_parsed() {
        let parse = |text: &str| {
            let address = Address::parse(text).expect("an address");
            (address.socket.to_string(), address.prefix)
        };
        let plain = |socket: &str| (socket.to_owned(), String::new());
        assert_eq!(parse("169.254.100.1:9001"), plain("169.254.100.1:9001"));
        assert_eq!(parse("localhost:9001"), plain("127.0.0.1:9001"));
        assert_eq!(
            parse("http://[::]:9000/.rt/"),
            ("[::]:9000".to_owned(), "/.rt".to_owned())
        );
        for bad in [
            "",
            "127.0.0.1",
            "aws.example:80",
            "https://1.2.3.4:5",
            "1.2.3.4:5/a b",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_and_task_names_are_checked() {
        assert!(is_id("8476a536-e9f4-11e8-9739-2dfe598c3fcd"));
        assert!(!is_id("") && !is_id("a/b") && !is_id("a b") && !is_id(&"a".repeat(129)));
        assert_eq!(
            task_name("2026/11/23/[$LATEST]0123456789abcdef0123456789abcdef").as_deref(),
            Some("0123456789abcdef0123456789abcdef")
        );
        assert_eq!(task_name("$LATEST"), None);
        assert_eq!(task_name(""), None);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".*") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert!(address.prefix.is_empty() || address.prefix.starts_with('/'));
                prop_assert!(address.host.bytes().all(|b| b.is_ascii_graphic()));
            }
            if let Some(name) = task_name(&text) {
                prop_assert!(is_id(&name));
            }
        }
    }
}
