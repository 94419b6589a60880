//! Which kind of error page a client accepts, by its `Accept` header.

/// The kinds of pages that the edge writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Page {
    /// For people.
    Html,
    /// For programs.
    Json,
}

/// The kind with the higher quality. JSON unless the client names HTML: browsers name `text/html`,
/// `curl` and most programs send `*/*`.
pub fn page(accept: Option<&str>) -> Page {
    let (mut html, mut json) = (0_u32, 0_u32);
    for range in accept.unwrap_or_default().split(',') {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let quality = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(1_000, thousandths);
        if kind.eq_ignore_ascii_case("text/html")
            || kind.eq_ignore_ascii_case("application/xhtml+xml")
        {
            html = html.max(quality);
        } else if kind.eq_ignore_ascii_case("application/json")
            || kind.len() > 5 && kind.as_bytes()[kind.len() - 5..].eq_ignore_ascii_case(b"+json")
        {
            json = json.max(quality);
        }
    }
    if html > json { Page::Html } else { Page::Json }
}

/// `0.8` as 800; 0 for text that is not a quality.
fn thousandths(quality: &str) -> u32 {
    let quality: f64 = quality.parse().unwrap_or(0.0);
    if (0.0..=1.0).contains(&quality) {
        (quality * 1_000.0) as u32
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn browsers_get_html_and_programs_json() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        assert_eq!(page(Some(browser)), Page::Html);
        assert_eq!(
            page(Some("text/html;q=0.5, application/json;q=0.4")),
            Page::Html
        );
        for program in [
            "*/*",
            "application/json",
            "application/json, text/html;q=0.9",
            "text/html;q=0",
            "x+json",
        ] {
            assert_eq!(page(Some(program)), Page::Json, "{program}");
        }
        assert_eq!(page(None), Page::Json);
    }

    proptest! {
        #[test]
        fn any_header_is_accepted(text in ".*") {
            let _ = page(Some(&text));
        }
    }
}
