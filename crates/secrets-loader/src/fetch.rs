//! Calls the stores, and repeats calls where that may help.

use crate::https::{self, Server};
use crate::signature::{Credentials, Request, headers};
use crate::store::{Call, calls};
use edge_contract::emulator::Endpoint;
use edge_contract::time::Timestamp;
use rules::app::manifest::SecretName;
use rules::release::secrets_loader::{ENDPOINT, parse};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Limit for all calls. The init phase has ten seconds, and the app needs most of them.
const LIMIT: Duration = Duration::from_secs(5);
/// Pause before the second attempt; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What is needed for every call.
struct Caller {
    region: String,
    credentials: Credentials,
    emulator: Option<Endpoint>,
    end: Instant,
}

/// The values of all references, with the names of their variables.
///
/// # Errors
/// A value cannot be fetched. The text contains no value.
pub(crate) async fn all(
    references: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Vec<(SecretName, String)>, String> {
    let references = parse(references)?;
    let required = |name: &str| variable(name).ok_or_else(|| format!("{name} is not set"));
    let emulator = match variable(ENDPOINT) {
        Some(url) => Some(
            Endpoint::parse(&url)
                .ok_or_else(|| format!("{ENDPOINT} is not the address of an emulator: {url}"))?,
        ),
        None => None,
    };
    let caller = Caller {
        region: required("AWS_REGION")?,
        credentials: Credentials {
            access_key: required("AWS_ACCESS_KEY_ID")?,
            secret_key: required("AWS_SECRET_ACCESS_KEY")?,
            session_token: variable("AWS_SESSION_TOKEN"),
        },
        emulator,
        end: Instant::now() + LIMIT,
    };
    let mut values = Vec::new();
    for call in calls(&references) {
        values.extend(caller.call(&call).await?);
    }
    Ok(values)
}

impl Caller {
    async fn call(&self, call: &Call) -> Result<Vec<(SecretName, String)>, String> {
        let server = match &self.emulator {
            Some(endpoint) => Server::Emulator(endpoint.clone()),
            None => Server::Aws {
                host: call.host(&self.region),
            },
        };
        let host = server.host();
        let mut pause = FIRST_PAUSE;
        loop {
            let request = Request {
                service: call.service,
                region: &self.region,
                host: &host,
                target: call.target,
                body: &call.body,
            };
            let headers = headers(&request, &self.credentials, now());
            let answer = https::post(&server, &headers, &call.body);
            let left = self.end.saturating_duration_since(Instant::now());
            let answer = match tokio::time::timeout(left, answer).await {
                Ok(answer) => answer,
                Err(_) => Err("it took too long".to_owned()),
            };
            let is_last = Instant::now() + pause >= self.end;
            match answer {
                Ok((status, body)) if is_last || !call.may_retry(status, &body) => {
                    return call.values(status, &body);
                }
                Err(why) if is_last => return Err(format!("{host} did not answer: {why}")),
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
