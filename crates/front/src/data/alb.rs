//! The load balancer's listener.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html>

use crate::answer::Answer;
use crate::clock::Moment;
use http::{HeaderMap, HeaderValue};
use std::net::IpAddr;
use std::time::Duration;

/// How long no byte may pass.
pub const IDLE: Duration = Duration::from_secs(60);
/// The port of the listener that users' requests arrive at.
const PORT: &str = "80";

/// Writes the header fields that a target gets.
pub fn forward(headers: &mut HeaderMap, client: IpAddr, now: Moment, id: &str) {
    append(headers, client);
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    headers.insert("x-forwarded-port", HeaderValue::from_static(PORT));
    trace(headers, now, id);
}

/// Appends an address to `X-Forwarded-For`, and joins several fields into one.
pub(super) fn append(headers: &mut HeaderMap, client: IpAddr) {
    let claimed = headers.get_all("x-forwarded-for").iter();
    let mut all: Vec<String> = claimed
        .filter_map(|value| value.to_str().ok())
        .map(str::to_owned)
        .collect();
    all.push(client.to_string());
    if let Ok(value) = HeaderValue::from_str(&all.join(", ")) {
        headers.insert("x-forwarded-for", value);
    }
}

/// Adds `X-Amzn-Trace-Id`: `Root`, or `Self` before the client's own.
fn trace(headers: &mut HeaderMap, now: Moment, id: &str) {
    let digits: String = id
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(24)
        .collect();
    let own = format!("1-{:08x}-{digits:0<24}", now.0 / 1_000);
    let claimed = headers.get("x-amzn-trace-id");
    let value = match claimed.and_then(|value| value.to_str().ok()) {
        Some(claimed) if claimed.contains("Root=") => format!("Self={own};{claimed}"),
        Some(claimed) => format!("Root={own};{claimed}"),
        None => format!("Root={own}"),
    };
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert("x-amzn-trace-id", value);
    }
}

/// The load balancer's own response: 502 if the target's was none, 504 if it was late.
#[must_use]
pub fn error(status: u16) -> Answer {
    let title = match status {
        502 => "502 Bad Gateway",
        503 => "503 Service Temporarily Unavailable",
        _ => "504 Gateway Time-out",
    };
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>\
         </center>\r\n</body>\r\n</html>\r\n"
    );
    let mut answer = Answer::new(status, "text/html", body);
    let server = HeaderValue::from_static("awselb/2.0");
    answer.headers.insert("server", server);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
    const NOW: Moment = Moment(1_795_940_955_000);

    #[test]
    fn the_client_is_appended_and_proto_and_port_are_the_listeners() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "claimed.example"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        forward(
            &mut headers,
            CLIENT,
            NOW,
            "0123456789abcdef0123456789abcdef",
        );
        assert_eq!(headers["x-forwarded-for"], "198.51.100.1, 203.0.113.7");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(headers["x-forwarded-port"], "80");
        assert_eq!(headers["x-forwarded-host"], "claimed.example");
        let trace = headers["x-amzn-trace-id"].to_str().expect("text");
        assert_eq!(trace, "Root=1-6b0be25b-0123456789abcdef01234567");
    }

    #[test]
    fn a_trace_is_continued() {
        let mut headers = HeaderMap::new();
        let claimed = HeaderValue::from_static("Root=1-67891233-abcdef012345678912345678");
        headers.insert("x-amzn-trace-id", claimed);
        forward(&mut headers, CLIENT, NOW, "00");
        let trace = headers["x-amzn-trace-id"].to_str().expect("text");
        assert!(trace.starts_with("Self=1-6b0be25b-"), "{trace}");
        assert!(
            trace.ends_with(";Root=1-67891233-abcdef012345678912345678"),
            "{trace}"
        );
    }

    #[test]
    fn a_late_target_is_a_504() {
        let answer = error(504);
        assert_eq!((answer.status.as_u16(), IDLE.as_secs()), (504, 60));
        assert_eq!(answer.headers["server"], "awselb/2.0");
        assert!(answer.text().contains("504 Gateway Time-out"));
    }
}
