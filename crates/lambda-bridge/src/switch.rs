//! Follows the alias `live`. An HTTP API of fakecloud invokes `$LATEST` whatever alias its integration
//! names, so that no weight would ever count; its Lambda API does what the alias says.

use crate::client;
use crate::function::{self, Place};
use bytes::Bytes;
use rules::release::published_versions::LIVE;
use std::time::Duration;

/// What an invocation takes beside the function's own time: a container may have to be started first.
const AROUND: Duration = Duration::from_secs(30);

/// The answer of the alias to an event that came to `$LATEST`; [`None`] if this container has to answer
/// by itself.
pub(crate) async fn pass_on(place: &Place, event: &Bytes) -> Option<Bytes> {
    if place.endpoint.is_none() || place.version != function::LATEST {
        return None;
    }
    let (function, failure) = (&place.function, "Landfall.BridgeFailed");
    let path = format!("/2015-03-31/functions/{function}/aliases/{LIVE}");
    let live = match client::call(place, signed(place, http::Request::get(path)), "").await {
        Ok(answer) if answer.status == 200 => {
            let alias: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            alias["FunctionVersion"].as_str().map(str::to_owned)
        }
        Ok(answer) if answer.status == 404 => None,
        Ok(answer) => {
            return Some(function::failure(failure, &said(&answer)).into());
        }
        Err(why) => return Some(function::failure(failure, &why).into()),
    };
    if !function::goes_on(&place.version, live.as_deref()) {
        return None;
    }
    let path = format!("/2015-03-31/functions/{function}/invocations?Qualifier={LIVE}");
    let request = signed(place, http::Request::post(path));
    let answer = client::call(place, request, event.clone());
    let answer = match tokio::time::timeout(place.timeout + AROUND, answer).await {
        Ok(Ok(answer)) if answer.status < 300 => answer.body,
        Ok(Ok(answer)) => function::failure(failure, &said(&answer)).into(),
        Ok(Err(why)) => function::failure(failure, &why).into(),
        Err(_) => function::failure(failure, "the emulator does not answer").into(),
    };
    Some(answer)
}

fn signed(place: &Place, request: http::request::Builder) -> http::request::Builder {
    request.header("authorization", place.authorization("lambda"))
}

fn said(answer: &client::Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    format!("the emulator answered {}: {text}", answer.status)
}
