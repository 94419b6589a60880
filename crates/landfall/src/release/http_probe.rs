//! HTTP requests to the app: as a user sends them, or to one slot.

use crate::failure::Failure;
use edge_contract::secret::Secret;
use edge_contract::summary::Summary;
use edge_contract::{PROBE_HEADER, SECRET_HEADER, SUMMARY_PATH};
use rules::app::names::SLOT_HEADER;
use rules::exit::Exit;
use std::time::Duration;

/// Time limit for the counts of an edge: a release looks every second.
const COUNTS_WITHIN: Duration = Duration::from_secs(3);

/// Sends requests to one URL.
#[derive(Debug, Clone)]
pub(crate) struct Prober {
    http: reqwest::Client,
    base: String,
    path: String,
}

/// Headers that route requests to one slot and authorize them at its edges.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlotRoute {
    /// The slot's token; empty, or [`None`], for requests as users send them.
    pub(crate) token: Option<String>,
    /// Marks requests as probes, and gives access to the counts.
    pub(crate) secret: Option<Secret>,
}

/// Every name below `localhost` is this machine (RFC 6761, 6.3), but not every resolver implements it.
fn local_names(base: &str, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    let url = reqwest::Url::parse(base).ok();
    let local = url.as_ref().and_then(|url| {
        let host = url.host_str().filter(|host| host.ends_with(".localhost"))?;
        Some((host, url.port_or_known_default()?))
    });
    match local {
        Some((host, port)) => builder.resolve(host, ([127, 0, 0, 1], port).into()),
        None => builder,
    }
}

/// Whether this is the answer of a location of CloudFront that does not know the distribution yet, and not
/// one of the app.
fn is_unknown_to_cdn(status: u16, server: Option<&str>, x_cache: Option<&str>) -> bool {
    status == 403
        && server == Some("CloudFront")
        && x_cache.is_some_and(|text| text.starts_with("Error from cloudfront"))
}

/// Whether this answer sends the client to the very address that it asked for: an app that takes its requests for
/// plain HTTP does so, and its users see an endless loop.
fn is_redirect_to_itself(asked: &reqwest::Url, status: u16, location: Option<&str>) -> bool {
    let target = location.and_then(|location| asked.join(location).ok());
    (300..400).contains(&status)
        && target.is_some_and(|mut target| {
            target.set_fragment(None);
            target == *asked
        })
}

/// The status under which such an answer counts: 508, Loop Detected.
const LOOP: u16 = 508;

impl Prober {
    /// Requests `path` at `base`.
    pub(crate) fn new(base: &str, path: &str) -> Result<Prober, Failure> {
        let http = local_names(base, reqwest::Client::builder())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            // A redirect is an answer of the app; its target is not checked.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("landfall/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Failure::new(Exit::Bug, "cannot create an HTTP client").why(error.to_string())
            })?;
        Ok(Prober {
            http,
            base: base.trim_end_matches('/').to_owned(),
            path: path.to_owned(),
        })
    }

    /// The status of one answer; [`None`] if there was none.
    pub(crate) async fn ask(&self, route: &SlotRoute) -> Option<u16> {
        let mut request = self.request(&self.path, route);
        if route.secret.is_some() {
            request = request.header(PROBE_HEADER, "1");
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let header = |name: &str| answer.headers().get(name)?.to_str().ok();
        let is_loop = is_redirect_to_itself(answer.url(), status, header("location"));
        let is_of_cdn = is_unknown_to_cdn(status, header("server"), header("x-cache"));
        // An incomplete answer is none.
        answer.bytes().await.ok()?;
        let status = if is_loop { LOOP } else { status };
        (!is_of_cdn).then_some(status)
    }

    /// The counts of one task of a slot, from the second `since` on. The load balancer chooses the task.
    /// [`None`] without an answer, or if it is not from an edge.
    pub(crate) async fn counts(&self, route: &SlotRoute, since: u64) -> Option<Summary> {
        let request = self
            .request(&format!("{SUMMARY_PATH}?since={since}"), route)
            .timeout(COUNTS_WITHIN);
        let answer = request.send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        Summary::parse(&answer.text().await.ok()?).ok()
    }

    fn request(&self, path: &str, route: &SlotRoute) -> reqwest::RequestBuilder {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(token) = route.token.as_ref().filter(|token| !token.is_empty()) {
            request = request.header(SLOT_HEADER, token);
        }
        if let Some(secret) = &route.secret {
            request = request.header(SECRET_HEADER, secret.reveal());
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_to_the_address_that_was_asked_for_is_a_loop() {
        let asked = reqwest::Url::parse("https://app.example.com/").expect("a URL");
        let of = |status, location| is_redirect_to_itself(&asked, status, location);
        for itself in [
            "https://app.example.com/",
            "https://app.example.com",
            "/",
            "",
            "#top",
        ] {
            assert!(of(301, Some(itself)), "{itself}");
        }
        for elsewhere in [
            "/login",
            "http://app.example.com/",
            "https://www.example.com/",
            "/?a=1",
        ] {
            assert!(!of(302, Some(elsewhere)), "{elsewhere}");
        }
        assert!(!of(200, Some("/")));
        assert!(!of(301, None));
    }

    #[test]
    fn a_location_that_does_not_know_the_distribution_is_no_answer() {
        let cached = Some("Error from cloudfront");
        assert!(is_unknown_to_cdn(403, Some("CloudFront"), cached));
        let by_app = is_unknown_to_cdn(403, Some("gunicorn"), cached);
        assert!(!by_app, "the app refuses");
        assert!(!is_unknown_to_cdn(502, Some("CloudFront"), cached));
        assert!(!is_unknown_to_cdn(403, Some("CloudFront"), None));
    }
}
