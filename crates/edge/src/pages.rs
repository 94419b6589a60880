//! Error pages of the edge, or those that the image brings instead.

use crate::answer::UserBody;
use crate::policy::accept::Page;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// Longest page that is taken from the image.
const LONGEST: u64 = 256 * 1024;
/// Statuses of the edge's own answers.
const STATUSES: [u16; 9] = [400, 404, 408, 413, 431, 501, 502, 503, 504];

/// The pages that the image brings.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    own: HashMap<(u16, Page), Bytes>,
}

impl Pages {
    /// Reads `503.html`, `503.json` and so on, and `error.html` and `error.json` for the rest.
    pub(crate) fn read(directory: &str) -> Result<Pages, String> {
        let directory = Path::new(directory);
        if !directory.is_dir() {
            return Err(format!("there is no directory {}", directory.display()));
        }
        let mut pages = Pages::default();
        for (kind, ending) in [(Page::Html, "html"), (Page::Json, "json")] {
            let rest = read(&directory.join(format!("error.{ending}")))?;
            for status in STATUSES {
                let own = read(&directory.join(format!("{status}.{ending}")))?;
                if let Some(page) = own.or_else(|| rest.clone()) {
                    pages.own.insert((status, kind), page);
                }
            }
        }
        Ok(pages)
    }

    /// An answer of the edge itself.
    pub(crate) fn answer(
        &self,
        status: u16,
        why: &str,
        retry_after: Option<Duration>,
        page: Page,
        request_id: Option<&HeaderValue>,
    ) -> Response<UserBody> {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let id = request_id
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default();
        let text = self
            .own
            .get(&(status.as_u16(), page))
            .cloned()
            .unwrap_or_else(|| match page {
                Page::Html => html(status, why, id).into(),
                Page::Json => json(status, why, id).into(),
            });
        let mut answer = Response::new(UserBody::Own(Some(text)));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        let kind = match page {
            Page::Html => "text/html; charset=utf-8",
            Page::Json => "application/json",
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(id) = request_id {
            headers.insert("x-request-id", id.clone());
        }
        answer
    }
}

fn read(path: &Path) -> Result<Option<Bytes>, String> {
    match std::fs::metadata(path) {
        Ok(found) if found.len() > LONGEST => {
            Err(format!("{} is longer than {LONGEST} bytes", path.display()))
        }
        Ok(_) => std::fs::read(path)
            .map(|page| Some(page.into()))
            .map_err(|error| format!("{} can't be read: {error}", path.display())),
        Err(_) => Ok(None),
    }
}

// `why` is one of the edge's own fixed texts and `id` was checked: neither needs escaping.
fn html(status: StatusCode, why: &str, id: &str) -> String {
    let code = status.as_u16();
    let name = status.canonical_reason().unwrap_or("Error");
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{code} {name}</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:32em;margin:20vh auto;padding:0 1em}}\
         small{{color:#767676}}</style><h1>{name}</h1><p>{why}.</p><small>{code} {id}</small></html>\n"
    )
}

fn json(status: StatusCode, why: &str, id: &str) -> String {
    let code = status.as_u16();
    let name = status.canonical_reason().unwrap_or("Error");
    format!(
        "{{\"status\":{code},\"error\":\"{name}\",\"message\":\"{why}\",\"request_id\":\"{id}\"}}\n"
    )
}
