//! The edge's error pages, or those of the image instead.

use crate::policy::accept::Page;
use bytes::Bytes;
use http::StatusCode;
use std::collections::HashMap;
use std::path::Path;

/// Longest page that the image may bring, in bytes.
const LONGEST: u64 = 256 * 1024;
/// Statuses of the edge's own answers.
const STATUSES: [u16; 9] = [400, 404, 408, 413, 431, 501, 502, 503, 504];

/// The pages of the image, by status and kind.
#[derive(Debug, Default)]
pub(crate) struct ErrorPages {
    own: HashMap<(u16, Page), Bytes>,
}

impl ErrorPages {
    /// Reads `503.html`, `503.json` and so on, and `error.html` and `error.json` for all other
    /// statuses.
    pub(crate) fn read(directory: &str) -> Result<ErrorPages, String> {
        let directory = Path::new(directory);
        if !directory.is_dir() {
            return Err(format!("there is no directory {}", directory.display()));
        }
        let mut pages = ErrorPages::default();
        for (kind, extension) in [(Page::Html, "html"), (Page::Json, "json")] {
            let fallback = read(&directory.join(format!("error.{extension}")))?;
            for status in STATUSES {
                let own = read(&directory.join(format!("{status}.{extension}")))?;
                if let Some(page) = own.or_else(|| fallback.clone()) {
                    pages.own.insert((status, kind), page);
                }
            }
        }
        Ok(pages)
    }

    /// The page for a status. `why` is a sentence without its full stop; `request_id` may be empty.
    /// Neither is escaped: `why` is one of the edge's own texts, and the id has been checked.
    pub(crate) fn render(
        &self,
        status: StatusCode,
        why: &str,
        page: Page,
        request_id: &str,
    ) -> Bytes {
        let own = self.own.get(&(status.as_u16(), page));
        own.cloned().unwrap_or_else(|| match page {
            Page::Html => html(status, why, request_id).into(),
            Page::Json => json(status, why, request_id).into(),
        })
    }
}

/// A page of the image; [`None`] if there is no such file.
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
