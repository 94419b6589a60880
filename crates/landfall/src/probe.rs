//! Asking an address over HTTP, as a user would.

use crate::failure::Failure;
use rules::exit::Exit;
use rules::names::CANDIDATE_HEADER;
use std::time::Duration;

/// Asks one address.
#[derive(Debug, Clone)]
pub(crate) struct Prober {
    http: reqwest::Client,
    url: String,
}

impl Prober {
    /// Asks for `path` at `base`.
    pub(crate) fn new(base: &str, path: &str) -> Result<Prober, Failure> {
        let http = reqwest::Client::builder()
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
            url: format!("{}{path}", base.trim_end_matches('/')),
        })
    }

    /// The status of one answer; [`None`] if there was none. `token` leads to the candidate.
    pub(crate) async fn ask(&self, token: Option<&str>) -> Option<u16> {
        let mut request = self.http.get(&self.url);
        if let Some(token) = token {
            request = request.header(CANDIDATE_HEADER, token);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        // An answer that breaks off is none.
        answer.bytes().await.ok()?;
        Some(status)
    }
}
