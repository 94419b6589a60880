//! The Runtime API (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>): where it is, and
//! what to do when it does not do as it should.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The variable that Lambda sets for a runtime, and nobody else.
pub const VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";

/// Where the API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Its socket.
    pub socket: SocketAddr,
    /// What stands before the paths of the documentation; empty at AWS.
    pub prefix: String,
    /// For the `Host` header.
    pub host: String,
}

impl Address {
    /// Reads `127.0.0.1:9001`; emulators also write `http://[::1]:9000/prefix`.
    ///
    /// # Errors
    /// What it should look like.
    pub fn read(text: &str) -> Result<Address, String> {
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

/// What to do when the API was asked for the next invocation in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// Ask again after this long.
    Again(Duration),
    /// Lambda starts another runtime when this one ends.
    End,
}

/// Failures in a row after which asking again makes no sense.
const MOST: u32 = 5;

/// Decides by the number of failures in a row, and by the status if there was one. A status of 4xx will
/// not change, and 500 means that the container is beyond recovery; both ask the runtime to end.
pub fn failed(in_a_row: u32, status: Option<u16>) -> Failed {
    if status.is_some() || in_a_row >= MOST {
        Failed::End
    } else {
        Failed::Again(Duration::from_millis(10 << in_a_row.min(MOST)))
    }
}

/// Whether the id of an invocation may be put into a path.
pub fn is_id(text: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=128).contains(&text.len()) && text.bytes().all(is_letter)
}

/// A name that no two sandboxes share: the end of their log stream, `2026/01/31/[7]0123abcd…`.
pub fn task_name(log_stream: &str) -> Option<String> {
    let name = log_stream.rsplit([']', '/']).next().unwrap_or_default();
    (is_id(name) && name.len() >= 8).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses() {
        let read = |text: &str| {
            let address = Address::read(text).expect("an address");
            (address.socket.to_string(), address.prefix)
        };
        let plain = |socket: &str| (socket.to_owned(), String::new());
        assert_eq!(read("169.254.100.1:9001"), plain("169.254.100.1:9001"));
        assert_eq!(read("localhost:9001"), plain("127.0.0.1:9001"));
        assert_eq!(
            read("http://[::]:9000/.rt/"),
            ("[::]:9000".to_owned(), "/.rt".to_owned())
        );
        for bad in [
            "",
            "127.0.0.1",
            "aws.example:80",
            "https://1.2.3.4:5",
            "1.2.3.4:5/a b",
        ] {
            assert!(Address::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_api_that_is_gone_is_not_asked_for_ever() {
        let waits: Vec<Failed> = (0..7).map(|n| failed(n, None)).collect();
        assert_eq!(waits[0], Failed::Again(Duration::from_millis(10)));
        assert_eq!(waits[4], Failed::Again(Duration::from_millis(160)));
        assert_eq!(waits[5..], [Failed::End; 2]);
        assert_eq!(failed(0, Some(500)), Failed::End);
        assert_eq!(failed(0, Some(403)), Failed::End);
    }

    #[test]
    fn names() {
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
        fn whatever_it_is_set_to(text in ".*") {
            if let Ok(address) = Address::read(&text) {
                prop_assert!(address.prefix.is_empty() || address.prefix.starts_with('/'));
                prop_assert!(address.host.bytes().all(|b| b.is_ascii_graphic()));
            }
            if let Some(name) = task_name(&text) {
                prop_assert!(is_id(&name));
            }
        }
    }
}
