//! Calls of AWS's API, and other requests to the emulators.

use super::balancers;
use super::forward::{self, Body, remove_framing, streamed, whole};
use super::own_calls;
use super::shared::Shared;
use super::users::{self, Users};
use crate::answer::Answer;
use crate::data::api;
use crate::front::Decision;
use crate::options::Kind;
use crate::request::Call;
use http::header::ACCEPT_ENCODING;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::net::IpAddr;
use std::sync::Arc;

/// Tells the front that a forwarded call has ended, also if the client goes away.
struct InFlight<'a> {
    shared: &'a Shared,
    call: &'a Call,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.shared.front().ended(self.call);
    }
}

pub(super) async fn handle(
    shared: &Arc<Shared>,
    upstream: &str,
    client: IpAddr,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let host = request.headers().get("host");
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    if api::is_of_user(host, request.uri().path()) {
        let users = Users::new(Kind::Api, upstream.to_owned(), None);
        return users::handle(shared, &users, client, request).await;
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(upgrade);
    let target = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let call = Call::of_head(parts.method.as_str(), target, &parts.headers);
    if call.method == "GET" && call.path == balancers::LIST {
        return balancers::list(shared, upstream, parts).await;
    }
    if !call.is_read() {
        return decide(shared, upstream, &call, parts, streamed(body)).await;
    }
    match body.collect().await {
        Ok(body) => {
            let call = call.with_body(body.to_bytes());
            let body = whole(call.body.clone());
            decide(shared, upstream, &call, parts, body).await
        }
        Err(error) => bad_gateway(&format!("the request is incomplete: {error}")),
    }
}

async fn decide(
    shared: &Arc<Shared>,
    upstream: &str,
    call: &Call,
    mut parts: Parts,
    body: Body,
) -> Response<Body> {
    let decision = shared.front().decide(call, shared.now());
    let body = match decision {
        Decision::Answer(answer) => {
            record(shared, call, answer.status.as_u16());
            return forward::response(answer);
        }
        Decision::Forward { body: None } => body,
        Decision::Forward {
            body: Some(changed),
        } => {
            remove_framing(&mut parts.headers);
            whole(changed)
        }
    };
    let _in_flight = InFlight { shared, call };
    let is_read = shared.front().reads_response(call);
    if is_read {
        parts.headers.remove(ACCEPT_ENCODING);
    }
    let gate = shared.gate(upstream);
    let response = match forward::send(&shared.client, &gate, parts, body, None).await {
        Ok(response) => response,
        Err(why) => return bad_gateway(&why),
    };
    record(shared, call, response.status().as_u16());
    if !is_read {
        return response;
    }
    match forward::read(response).await {
        Ok(answer) => {
            let now = shared.now();
            let answer = shared.front().answered(call, answer, now);
            own_calls::make(shared, upstream);
            forward::response(answer)
        }
        Err(why) => bad_gateway(&why),
    }
}

fn record(shared: &Shared, call: &Call, status: u16) {
    if let Some(record) = &shared.record {
        record.add(call, status);
    }
}

fn bad_gateway(why: &str) -> Response<Body> {
    let text = format!("landfall-front: {why}\n");
    forward::response(Answer::new(502, "text/plain", text))
}
