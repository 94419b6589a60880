//! Asking an address over HTTP, as a user would, or through the door of a slot.

use crate::failure::Failure;
use rules::app::names::SLOT_HEADER;
use rules::edge_contract::secret::Secret;
use rules::edge_contract::summary::Summary;
use rules::edge_contract::{PROBE_HEADER, SECRET_HEADER, SUMMARY_PATH};
use rules::exit::Exit;
use std::time::Duration;

/// How long the counts of an edge are waited for: a release looks every second.
const COUNTS_WITHIN: Duration = Duration::from_secs(3);

/// Asks one address.
#[derive(Debug, Clone)]
pub(crate) struct Prober {
    http: reqwest::Client,
    base: String,
    path: String,
}

/// What leads to one slot, and what its edges are shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlotRoute {
    /// The slot's token; empty, or [`None`], for the way of users.
    pub(crate) token: Option<String>,
    /// Marks requests as landfall's own, and opens the counts.
    pub(crate) secret: Option<Secret>,
}

/// Every name below `localhost` is this machine (RFC 6761, 6.3); not every resolver knows.
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

impl Prober {
    /// Asks for `path` at `base`.
    pub(crate) fn new(base: &str, path: &str) -> Result<Prober, Failure> {
        let http = local_names(base, reqwest::Client::builder())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            // A redirect is an answer of the app; where it leads is not ours to judge.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("landfall/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Failure::new(Exit::Bug, "no HTTP client could be made").why(error.to_string())
            })?;
        Ok(Prober {
            http,
            base: base.trim_end_matches('/').to_owned(),
            path: path.to_owned(),
        })
    }

    /// The status of one answer; [`None`] if there was none.
    pub(crate) async fn ask(&self, door: &SlotRoute) -> Option<u16> {
        let mut request = self.request(&self.path, door);
        if door.secret.is_some() {
            request = request.header(PROBE_HEADER, "1");
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        // An answer that breaks off is none.
        answer.bytes().await.ok()?;
        Some(status)
    }

    /// The counts of one task of a slot, from the second `since` on. Which task answers is up to the load
    /// balancer. [`None`] if none does, or what does is no edge.
    pub(crate) async fn counts(&self, door: &SlotRoute, since: u64) -> Option<Summary> {
        let request = self
            .request(&format!("{SUMMARY_PATH}?since={since}"), door)
            .timeout(COUNTS_WITHIN);
        let answer = request.send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        Summary::parse(&answer.text().await.ok()?).ok()
    }

    fn request(&self, path: &str, door: &SlotRoute) -> reqwest::RequestBuilder {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(token) = door.token.as_ref().filter(|token| !token.is_empty()) {
            request = request.header(SLOT_HEADER, token);
        }
        if let Some(secret) = &door.secret {
            request = request.header(SECRET_HEADER, secret.reveal());
        }
        request
    }
}
