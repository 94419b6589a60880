//! Routes events to the alias `live`. An HTTP API of fakecloud invokes `$LATEST` whatever alias its
//! integration names, so the alias's weights would have no effect; fakecloud's Lambda API respects
//! them.

use crate::emulator;
use crate::errors::error;
use crate::function::{FunctionContext, LATEST};
use bytes::Bytes;
use rules::release::published_versions::LIVE;
use std::time::Duration;

/// Added to the function's timeout: a container may have to be started first.
const START_TIMEOUT: Duration = Duration::from_secs(30);
const BRIDGE_FAILED: &str = "Landfall.BridgeFailed";

/// The alias's answer to an event that was sent to `$LATEST`; [`None`] if this container has to
/// answer.
pub(crate) async fn route(function: &FunctionContext, event: &Bytes) -> Option<Bytes> {
    if function.endpoint.is_none() || function.version != LATEST {
        return None;
    }
    let failed = |why: &str| Bytes::from(error(BRIDGE_FAILED, why));
    let path = format!("/2015-03-31/functions/{}/aliases/{LIVE}", function.name);
    let request = signed(function, http::Request::get(path));
    let live = match emulator::call(function, request, "").await {
        Ok(answer) if answer.status == 200 => {
            let alias: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            alias["FunctionVersion"].as_str().map(str::to_owned)
        }
        Ok(answer) if answer.status == 404 => None,
        Ok(answer) => return Some(failed(&describe(&answer))),
        Err(why) => return Some(failed(&why)),
    };
    if !function.must_route_to(live.as_deref()) {
        return None;
    }
    let path = format!(
        "/2015-03-31/functions/{}/invocations?Qualifier={LIVE}",
        function.name
    );
    let request = signed(function, http::Request::post(path));
    let answer = emulator::call(function, request, event.clone());
    let answer = match tokio::time::timeout(function.timeout + START_TIMEOUT, answer).await {
        Ok(Ok(answer)) if answer.status < 300 => answer.body,
        Ok(Ok(answer)) => failed(&describe(&answer)),
        Ok(Err(why)) => failed(&why),
        Err(_) => failed("the emulator does not answer"),
    };
    Some(answer)
}

fn signed(function: &FunctionContext, request: http::request::Builder) -> http::request::Builder {
    request.header("authorization", function.authorization("lambda"))
}

fn describe(answer: &emulator::Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    format!("the emulator answered {}: {text}", answer.status)
}
