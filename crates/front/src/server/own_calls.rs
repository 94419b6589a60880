//! Calls that the front makes to the emulator itself, one after the other.

use super::forward::{send, whole};
use super::shared::Shared;
use crate::clock::Moment;
use crate::world::Outgoing;
use http::Request;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;

/// How often the clock is read.
const STEP: Duration = Duration::from_millis(20);

/// Makes the calls that the rules ask for, without waiting for them.
pub(super) fn make(shared: &Arc<Shared>, upstream: &str) {
    let calls = shared.front().own_calls();
    if calls.is_empty() {
        return;
    }
    let (shared, upstream) = (Arc::clone(shared), upstream.to_owned());
    tokio::spawn(async move {
        for call in calls {
            until(&shared, call.due).await;
            if let Err(why) = one(&shared, &upstream, call).await {
                eprintln!("landfall-front: {why}");
            }
        }
    });
}

/// Waits for a time of the clock, which a test may turn.
async fn until(shared: &Shared, due: Moment) {
    loop {
        let wait = due.since(shared.now());
        if wait.is_zero() {
            return;
        }
        tokio::time::sleep(wait.min(STEP)).await;
    }
}

async fn one(shared: &Shared, upstream: &str, call: Outgoing) -> Result<(), String> {
    let host = upstream.trim_start_matches("http://");
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{}/aws4_request, SignedHeaders=host, \
         Signature=0",
        call.identity, call.region, call.service
    );
    let mut request = Request::post("/")
        .header("host", host)
        .header("authorization", scope)
        .header("content-type", call.content_type);
    if let Some(target) = call.target {
        request = request.header("x-amz-target", target);
    }
    let request = request.body(()).map_err(|error| error.to_string())?;
    let (parts, ()) = request.into_parts();
    let response = send(&shared.client, upstream, parts, whole(call.body), None).await?;
    // Read to the end, so that the connection can be used again.
    response
        .into_body()
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    Ok(())
}
