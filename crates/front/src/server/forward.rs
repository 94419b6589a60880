//! Sending requests on.

use super::idle::{IdleBody, copy};
use crate::answer::Answer;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::error::Error;
use std::time::Duration;

/// A body, streamed or not.
pub(super) type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Fields that belong to one connection.
const OF_CONNECTION: [&str; 4] = ["keep-alive", "proxy-connection", "te", "trailer"];

pub(super) fn client() -> Client<HttpConnector, Body> {
    Client::builder(TokioExecutor::new())
        // Emulators close idle connections, some after five seconds.
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(2))
        .build_http()
}

pub(super) fn streamed(body: Incoming) -> Body {
    body.map_err(Into::into).boxed_unsync()
}

pub(super) fn whole(body: Bytes) -> Body {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A response that is not streamed. To HEAD its length is that of the body that it lacks.
pub(super) fn response(answer: Answer) -> Response<Body> {
    let mut response = Response::new(whole(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// A whole response, with header fields that fit its body.
pub(super) async fn read(response: Response<Body>) -> Result<Answer, String> {
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?;
    remove_framing(&mut parts.headers);
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.to_bytes(),
    })
}

pub(super) fn remove_framing(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
}

/// Removes the fields that belong to one connection.
fn remove_hops(headers: &mut HeaderMap) {
    let named = headers.get_all(CONNECTION).iter();
    let named: Vec<HeaderName> = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in OF_CONNECTION {
        headers.remove(name);
    }
    headers.remove(CONNECTION);
    headers.remove(TRANSFER_ENCODING);
    headers.remove(UPGRADE);
}

/// The response of `upstream` to a request. A connection that it upgrades is carried on; where
/// `idle` is given, it ends when no byte passes for that long, and so does the response.
///
/// # Errors
/// It cannot be reached, or sends no response.
pub(super) async fn send(
    client: &Client<HttpConnector, Body>,
    upstream: &str,
    mut parts: Parts,
    body: Body,
    idle: Option<Duration>,
) -> Result<Response<Body>, String> {
    let target = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri: Uri = format!("{upstream}{target}")
        .parse()
        .map_err(|error| format!("{upstream}{target}: {error}"))?;
    let wanted = parts.headers.get(UPGRADE).cloned();
    let users = parts.extensions.remove::<OnUpgrade>();
    remove_hops(&mut parts.headers);
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = parts.headers;
    if let Some(protocol) = wanted {
        request.headers_mut().insert(UPGRADE, protocol);
        let upgrade = http::HeaderValue::from_static("upgrade");
        request.headers_mut().insert(CONNECTION, upgrade);
    }
    let mut response = client.request(request).await.map_err(|error| {
        let source = error.source().map(ToString::to_string);
        format!("{upstream}: {error}: {}", source.unwrap_or_default())
    })?;
    if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
        if let Some(users) = users {
            let origins = hyper::upgrade::on(&mut response);
            tokio::spawn(carry_on(users, origins, idle));
        }
        return Ok(response.map(streamed));
    }
    remove_hops(response.headers_mut());
    Ok(response.map(|body| match idle {
        Some(idle) => IdleBody::new(streamed(body), idle).boxed_unsync(),
        None => streamed(body),
    }))
}

async fn carry_on(users: OnUpgrade, origins: OnUpgrade, idle: Option<Duration>) {
    if let (Ok(user), Ok(origin)) = tokio::join!(users, origins) {
        let _ = copy(TokioIo::new(user), TokioIo::new(origin), idle).await;
    }
}
