//! What the edge answers itself, below `/.landfall/`.

use crate::answer::UserBody;
use crate::edge::Edge;
use crate::metrics;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::json;

/// Everything below is the edge's and never reaches the app.
const PREFIX: &str = "/.landfall/";

/// The edge's own answer, if the path is one of its own. To strangers private paths do not exist.
pub(crate) fn answer(edge: &Edge, parts: &Parts, is_trusted: bool) -> Option<Response<UserBody>> {
    let name = parts.uri.path().strip_prefix(PREFIX)?;
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return Some(text(
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            "GET or HEAD\n".to_owned(),
        ));
    }
    Some(match name {
        "health" => health(edge),
        "summary" if is_trusted => {
            let summary = edge.ledger.summary(since(parts.uri.query()));
            text(StatusCode::OK, "application/json", summary.to_line())
        }
        "metrics" if is_trusted => text(
            StatusCode::OK,
            "text/plain; version=0.0.4",
            metrics::render(edge),
        ),
        _ => text(
            StatusCode::NOT_FOUND,
            "text/plain",
            "not found\n".to_owned(),
        ),
    })
}

fn health(edge: &Edge) -> Response<UserBody> {
    let health = edge.health();
    let status = StatusCode::from_u16(health.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let body = json!({ "health": health.as_str(), "restarts": edge.ledger.restarts() });
    text(status, "application/json", body.to_string())
}

/// `since=SECOND` in a query; anything else asks for everything.
fn since(query: Option<&str>) -> u64 {
    let pairs = query.unwrap_or_default().split('&');
    let found = pairs.filter_map(|pair| pair.strip_prefix("since=")).next();
    found.and_then(|second| second.parse().ok()).unwrap_or(0)
}

fn text(status: StatusCode, kind: &'static str, text: String) -> Response<UserBody> {
    let mut answer = Response::new(UserBody::Own(Some(text.into())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
