//! Error answers of the edge itself.

use crate::error_pages::ErrorPages;
use crate::policy::accept::Page;
use crate::response_body::ResponseBody;
use http::{HeaderValue, Response, StatusCode, header};
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorResponse<'a> {
    pub(crate) status: u16,
    /// A sentence without its full stop, for the page.
    pub(crate) why: &'a str,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) page: Page,
    pub(crate) request_id: Option<&'a HeaderValue>,
}

/// The answer with its error page.
pub(crate) fn error_response(
    pages: &ErrorPages,
    error: &ErrorResponse<'_>,
) -> Response<ResponseBody> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let id = error.request_id.and_then(|id| id.to_str().ok());
    let text = pages.render(status, error.why, error.page, id.unwrap_or_default());
    let mut response = Response::new(ResponseBody::Own(Some(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let content_type = match error.page {
        Page::Html => "text/html; charset=utf-8",
        Page::Json => "application/json",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(after) = error.retry_after {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if let Some(id) = error.request_id {
        headers.insert("x-request-id", id.clone());
    }
    response
}
