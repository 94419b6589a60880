//! Heads of requests and answers: which are refused, and which headers are dropped or added.

use crate::policy::forwarded::{Forwarded, Received, forwarded_headers};
use crate::policy::framing::{self, HOP_BY_HOP, Head, Refusal};
use crate::policy::trace;
use crate::random;
use edge_contract::{PROBE_HEADER, SECRET_HEADER};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Uri, Version};
use std::net::IpAddr;

/// Selects a slot at the load balancer; the app must not see it.
static SLOT: HeaderName = HeaderName::from_static("x-landfall-slot");
pub(crate) static SECRET: HeaderName = HeaderName::from_static(SECRET_HEADER);
pub(crate) static PROBE: HeaderName = HeaderName::from_static(PROBE_HEADER);
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
static X_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The settings for proxies in front of the edge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proxies {
    /// Number of trusted proxies.
    pub(crate) hops: usize,
    /// The protocol of users, if it does not depend on what proxies report.
    pub(crate) proto: Option<&'static str>,
}

/// Refuses heads that two readers could understand differently.
pub(crate) fn check(parts: &Parts) -> Result<(), Refusal> {
    let headers = &parts.headers;
    let count = |name: HeaderName| headers.get_all(name).iter().count();
    let lengths = headers.get_all(header::CONTENT_LENGTH);
    let is_number =
        |value: &HeaderValue| !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit);
    let host = headers.get(header::HOST);
    framing::check(&Head {
        is_http2: parts.version == Version::HTTP_2,
        is_http10: parts.version <= Version::HTTP_10,
        method: parts.method.as_str(),
        authority: parts.uri.authority().map(http::uri::Authority::as_str),
        hosts: count(header::HOST),
        // A host that is not text is checked as one that is not valid.
        host: host.map(|host| host.to_str().unwrap_or("\0")),
        content_lengths: lengths.iter().count(),
        odd_content_length: !lengths.iter().all(is_number),
        transfer_encodings: count(header::TRANSFER_ENCODING),
        transfer_encoding: text(headers, &header::TRANSFER_ENCODING),
    })
}

/// Whether the app may see the request twice.
pub(crate) fn is_repeatable(parts: &Parts) -> bool {
    let has_key = parts.headers.contains_key(&IDEMPOTENCY_KEY);
    crate::policy::retry::is_repeatable(parts.method.as_str(), has_key)
}

/// The protocol that the client asks to upgrade to. Not `h2c`: its requests would bypass the edge.
pub(crate) fn upgrade(parts: &Parts) -> Option<HeaderValue> {
    let is_upgrade = parts.version == Version::HTTP_11
        && has_token(&parts.headers, &header::CONNECTION, "upgrade");
    let to = parts.headers.get(header::UPGRADE)?;
    let is_h2 = to
        .to_str()
        .is_ok_and(|to| to.to_ascii_lowercase().contains("h2c"));
    (is_upgrade && !is_h2).then(|| to.clone())
}

/// Turns a client's head into the one that the app gets. Returns the request id.
pub(crate) fn prepare(
    parts: &mut Parts,
    upgrade: Option<&HeaderValue>,
    peer: IpAddr,
    proxies: Proxies,
) -> HeaderValue {
    let takes_trailers = has_token(&parts.headers, &header::TE, "trailers");
    strip(&mut parts.headers);
    let headers = &mut parts.headers;
    headers.remove(&SECRET);
    headers.remove(&PROBE);
    headers.remove(&SLOT);
    if takes_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if let Some(to) = upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, to.clone());
    }
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(header::HOST, host);
    }
    join_cookies(headers, parts.version);
    set_forwarded(headers, peer, proxies);
    let id = set_ids(headers);
    let path = parts.uri.path_and_query().cloned();
    if parts.uri.authority().is_some() {
        let path = path.unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
        parts.uri = Uri::from(path);
    }
    parts.version = Version::HTTP_11;
    id
}

/// Turns the head of the app's answer into the one that the client gets.
pub(crate) fn finish(headers: &mut HeaderMap, id: &HeaderValue) {
    strip(headers);
    headers.entry(&REQUEST_ID).or_insert_with(|| id.clone());
}

/// Drops headers that concern one connection only.
fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|name| framing::may_be_named_by_connection(name))
            .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// HTTP/2 may send each cookie in a header of its own; HTTP/1.1 may not (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap, version: Version) {
    if version != Version::HTTP_2 || headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let all: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

fn set_forwarded(headers: &mut HeaderMap, peer: IpAddr, proxies: Proxies) {
    let joined;
    let x_for = match headers.get_all(&X_FOR).iter().nth(1) {
        None => text(headers, &X_FOR),
        Some(_) => {
            let lines = headers
                .get_all(&X_FOR)
                .iter()
                .map(|v| v.to_str().unwrap_or("?"));
            joined = lines.collect::<Vec<_>>().join(",");
            Some(joined.as_str())
        }
    };
    let received = Received {
        x_for,
        x_proto: text(headers, &X_PROTO),
        x_host: text(headers, &X_HOST),
        x_port: text(headers, &X_PORT),
        host: text(headers, &header::HOST),
    };
    let Forwarded {
        x_for,
        x_proto,
        x_host,
        x_port,
        forwarded,
    } = forwarded_headers(&received, peer, proxies.hops, proxies.proto);
    set(headers, &X_FOR, Some(x_for));
    set(headers, &X_PROTO, Some(x_proto));
    set(headers, &X_HOST, x_host);
    set(headers, &X_PORT, x_port);
    set(headers, &header::FORWARDED, Some(forwarded));
}

/// Sets trace context and request id unless valid ones are there; returns the request id.
fn set_ids(headers: &mut HeaderMap) -> HeaderValue {
    if !text(headers, &TRACEPARENT).is_some_and(trace::is_traceparent) {
        let traceparent = trace::traceparent(random::id(), random::bits());
        set(headers, &TRACEPARENT, Some(traceparent));
        // It would belong to another traceparent.
        headers.remove(&TRACESTATE);
    }
    let valid = headers
        .get(&REQUEST_ID)
        .filter(|id| id.to_str().is_ok_and(trace::is_request_id));
    match valid {
        Some(id) => id.clone(),
        None => {
            let id = trace::request_id(random::id());
            let id = HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("none"));
            headers.insert(&REQUEST_ID, id.clone());
            id
        }
    }
}

/// Sets a header; removes it if there is no value, or one that no header can have.
fn set(headers: &mut HeaderMap, name: &HeaderName, value: Option<String>) {
    match value.and_then(|value| HeaderValue::from_maybe_shared(bytes::Bytes::from(value)).ok()) {
        Some(value) => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
    }
}

/// The first value of a header, if it is text.
pub(crate) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a list of tokens contains `token`.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|word| {
            word.trim()
                .split(';')
                .next()
                .is_some_and(|w| w.eq_ignore_ascii_case(token))
        })
}
