//! Asks the stores for all values, and again where that may help.

use crate::signature::{Credentials, Request, headers};
use crate::store::{Ask, asks};
use crate::wire::{self, Way};
use rules::app::manifest::SecretName;
use rules::release::secrets_loader::{ENDPOINT, parse};
use rules::time::Timestamp;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The init phase has ten seconds, and the app is to have most of them.
const PATIENCE: Duration = Duration::from_secs(5);
/// Before the second try; each later one waits twice as long.
const PAUSE: Duration = Duration::from_millis(100);

/// The values of all references in a text, by the names of their variables.
///
/// # Errors
/// One cannot be had; the sentence holds none of the values.
pub(crate) fn all(
    text: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Vec<(SecretName, String)>, String> {
    let references = parse(text)?;
    let needed = |name: &str| variable(name).ok_or_else(|| format!("{name} is not set"));
    let region = needed("AWS_REGION")?;
    let credentials = Credentials {
        access_key: needed("AWS_ACCESS_KEY_ID")?,
        secret_key: needed("AWS_SECRET_ACCESS_KEY")?,
        session_token: variable("AWS_SESSION_TOKEN"),
    };
    let emulator = match variable(ENDPOINT) {
        Some(url) => Some(
            Way::emulator(&url)
                .ok_or_else(|| format!("{ENDPOINT} is no address of an emulator: {url}"))?,
        ),
        None => None,
    };
    let end = Instant::now() + PATIENCE;
    let mut values = Vec::new();
    for ask in asks(&references) {
        let way = match &emulator {
            Some(way) => way.clone(),
            None => Way::aws(&ask.host(&region)),
        };
        values.extend(one(&ask, &way, &region, &credentials, end)?);
    }
    Ok(values)
}

fn one(
    ask: &Ask,
    way: &Way,
    region: &str,
    credentials: &Credentials,
    end: Instant,
) -> Result<Vec<(SecretName, String)>, String> {
    let mut pause = PAUSE;
    loop {
        let request = Request {
            service: ask.service,
            region,
            host: way.host(),
            target: ask.target,
            body: &ask.body,
        };
        let headers = headers(&request, credentials, now());
        let asked = wire::post(way, "/", &headers, ask.body.as_bytes(), end);
        let is_last = Instant::now() + pause >= end;
        match asked {
            Ok((status, body)) if is_last || !ask.may_pass(status, &body) => {
                return ask.values(status, &body);
            }
            Err(why) if is_last => return Err(format!("{} did not answer: {why}", way.host())),
            Ok(_) | Err(_) => {}
        }
        std::thread::sleep(pause);
        pause *= 2;
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
