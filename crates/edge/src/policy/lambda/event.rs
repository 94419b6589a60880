//! Parsing of events.
//!
//! Requests have payload format 2.0, from HTTP APIs and from function URLs. What cannot be part of
//! a request as it is, such as a space in a path that was decoded on its way, is percent-encoded.
//! Valid text is not changed, so a signature over the query remains valid.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edge_contract::time::Timestamp;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The content of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A request of a user.
    Http(HttpEvent),
    /// A probe by landfall.
    Probe {
        /// Path and query, percent-encoded.
        target: String,
    },
}

/// A request whose parts can be sent to the app as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpEvent {
    /// A token.
    pub method: String,
    /// Path and query, printable ASCII.
    pub target: String,
    /// Names in lower case, each once; no framing headers, no control characters. Always contains
    /// `host`.
    pub headers: Vec<(String, String)>,
    /// Decoded.
    pub body: Vec<u8>,
    /// The address that connected to AWS.
    pub client: Option<IpAddr>,
    /// The service that sent the event.
    pub caller: Caller,
    /// When that service got the request.
    pub received_at: Option<Timestamp>,
}

/// The service that sends events. Events of both look alike, but the two accept different answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Caller {
    /// An HTTP API, or anything that is not certainly a function URL.
    #[default]
    HttpApi,
    /// A function URL.
    FunctionUrl,
}

/// Why an event cannot be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEvent(pub String);

impl std::fmt::Display for BadEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadEvent {}

/// The fields of both kinds that matter. Emulators omit or write `null` for some that AWS always
/// sends.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'e> {
    landfall: Option<String>,
    path: Option<String>,
    version: Option<String>,
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    cookies: Option<Vec<String>>,
    headers: Option<BTreeMap<String, Option<String>>>,
    request_context: Option<Context>,
    #[serde(borrow)]
    body: Option<Cow<'e, str>>,
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    http: Option<Http>,
    domain_name: Option<String>,
    time_epoch: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: Option<String>,
    source_ip: Option<String>,
}

/// Headers that frame a message or change its protocol: the edge has framing of its own, and there
/// is no connection that could be upgraded. And headers that an app may trust because adapters set
/// them: clients must not set them.
const DROPPED: [&str; 9] = [
    "x-amzn-lambda-context",
    "x-amzn-request-context",
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Parses an event.
///
/// # Errors
/// What is wrong with it, for its sender.
pub fn read(bytes: &[u8]) -> Result<Event, BadEvent> {
    let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(|error| {
        BadEvent(format!(
            "this event is not JSON that landfall reads: {error}"
        ))
    })?;
    match (wire.landfall.as_deref(), wire.version.as_deref()) {
        (Some("probe"), _) => Ok(Event::Probe {
            target: probe_target(wire.path.as_deref().unwrap_or("/"))?,
        }),
        (Some(_), _) => Err(BadEvent(
            "landfall knows one event of its own: {\"landfall\":\"probe\",\"path\":\"/\"}"
                .to_owned(),
        )),
        (None, Some("2.0")) => http(wire).map(Event::Http),
        (None, _) => Err(BadEvent(
            "this event is no request of payload format 2.0; set PayloadFormatVersion of the HTTP \
             API's integration to 2.0, or use a function URL"
                .to_owned(),
        )),
    }
}

fn probe_target(path: &str) -> Result<String, BadEvent> {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, query),
        None => (path, ""),
    };
    if path.starts_with('/') {
        Ok(target(path, query))
    } else {
        Err(BadEvent(
            "the path of a probe begins with a slash".to_owned(),
        ))
    }
}

fn http(wire: Wire<'_>) -> Result<HttpEvent, BadEvent> {
    let context = wire.request_context;
    let received_at = context.as_ref().and_then(|context| context.time_epoch);
    let (http, domain) = context.map_or((None, None), |c| (c.http, c.domain_name));
    let (method, client) = http.map_or((None, None), |http| (http.method, http.source_ip));
    let method = method
        .filter(|method| is_token(method))
        .ok_or_else(|| BadEvent("requestContext.http.method is no method".to_owned()))?;
    let caller = caller(domain.as_deref().unwrap_or_default());
    let mut headers = headers(wire.headers.unwrap_or_default())?;
    // Function URLs send cookies both here and as a header.
    if let Some(cookies) = wire.cookies.filter(|cookies| !cookies.is_empty()) {
        headers.insert("cookie".to_owned(), cookies.join("; "));
    }
    let host = headers.entry("host".to_owned()).or_default();
    if host.is_empty() {
        *host = domain.unwrap_or_else(|| "localhost".to_owned());
    }
    if let Some((name, _)) = headers.iter().find(|(_, value)| !is_value(value)) {
        return Err(BadEvent(format!(
            "the header {name} has control characters"
        )));
    }
    let body = wire.body.unwrap_or_default();
    let body = if wire.is_base64_encoded == Some(true) {
        let decoded = STANDARD.decode(body.as_bytes());
        decoded.map_err(|error| BadEvent(format!("the body is not Base64: {error}")))?
    } else {
        body.into_owned().into_bytes()
    };
    Ok(HttpEvent {
        received_at: received_at.map(Timestamp),
        method,
        target: target(
            wire.raw_path.as_deref().unwrap_or("/"),
            wire.raw_query_string.as_deref().unwrap_or_default(),
        ),
        headers: headers.into_iter().collect(),
        body,
        client: client.and_then(|ip| ip.parse().ok()),
        caller,
    })
}

/// Recognises the domain that AWS gives to every function URL: `ID.lambda-url.REGION.on.aws`. An
/// HTTP API may have any domain, but not one of these.
fn caller(domain: &str) -> Caller {
    let labels: Vec<&str> = domain.split('.').collect();
    match labels.as_slice() {
        [id, "lambda-url", region, "on", "aws"] if !id.is_empty() && !region.is_empty() => {
            Caller::FunctionUrl
        }
        _ => Caller::HttpApi,
    }
}

/// The headers that are kept; those whose names differ only in case are joined.
fn headers(given: BTreeMap<String, Option<String>>) -> Result<BTreeMap<String, String>, BadEvent> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in given {
        if !is_token(&name) {
            return Err(BadEvent(format!("{name:?} is no name of a header")));
        }
        let name = name.to_ascii_lowercase();
        if DROPPED.contains(&name.as_str()) {
            continue;
        }
        let value = value.unwrap_or_default();
        match headers.get_mut(&name) {
            Some(before) => {
                before.push_str(", ");
                before.push_str(&value);
            }
            None => drop(headers.insert(name, value)),
        }
    }
    Ok(headers)
}

/// Path and query for a request line.
fn target(path: &str, query: &str) -> String {
    let mut out = String::with_capacity(path.len() + query.len() + 2);
    if !path.starts_with('/') {
        out.push('/');
    }
    encode(path, b"\"#<>?`", &mut out);
    if !query.is_empty() {
        out.push('?');
        encode(query, b"\"#<>", &mut out);
    }
    out
}

/// Appends `text`, with everything percent-encoded that a request line must not contain.
fn encode(text: &str, also: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// Whether this is a token (RFC 9110, 5.6.2): a valid method or header name.
fn is_token(text: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_letter)
}

fn is_value(text: &str) -> bool {
    text.bytes().all(|b| b == b'\t' || (b >= b' ' && b != 127))
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
