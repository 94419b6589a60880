//! The endpoints of the edge itself, below `/.landfall/`.

use crate::edge::Edge;
use crate::metrics;
use crate::response_body::ResponseBody;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::json;

/// Requests below this path never reach the app.
const PREFIX: &str = "/.landfall/";

/// The edge's own answer; [`None`] for requests to the app. Without the secret, private endpoints
/// do not exist.
pub(crate) fn respond(
    edge: &Edge,
    parts: &Parts,
    is_trusted: bool,
) -> Option<Response<ResponseBody>> {
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
            let summary = edge.counters.summary(since(parts.uri.query()));
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

fn health(edge: &Edge) -> Response<ResponseBody> {
    let health = edge.health();
    let status = StatusCode::from_u16(health.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let body = json!({ "health": health.as_str(), "restarts": edge.counters.restarts() });
    text(status, "application/json", body.to_string())
}

/// `since=SECOND` of a query; 0, which means everything, if it is missing or not a number.
fn since(query: Option<&str>) -> u64 {
    let pairs = query.unwrap_or_default().split('&');
    let found = pairs.filter_map(|pair| pair.strip_prefix("since=")).next();
    found.and_then(|second| second.parse().ok()).unwrap_or(0)
}

fn text(status: StatusCode, content_type: &'static str, text: String) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Own(Some(text.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
