//! Turns an invocation's event into a request, and the answer into a reply.

use super::invocation::{Invocation, Reply};
use super::streamed_body::StreamedBody;
use crate::clock::wall_clock;
use crate::edge::Edge;
use crate::error_response::{ErrorResponse, error_response};
use crate::handler::{self, FirstAttemptFailed, RequestContext};
use crate::head;
use crate::policy::accept::{Page, page};
use crate::policy::lambda::event::{self, BadEvent, Event, HttpEvent};
use crate::policy::lambda::response::{self, HttpResponse, LONGEST, TooLong};
use crate::policy::lambda::{stream, timing};
use crate::port_hint::port_hint;
use crate::request_body::IncomingBody;
use crate::response_body::ResponseBody;
use bytes::{Bytes, BytesMut};
use edge_contract::invocation_error::{self, NOT_READY, TOO_LONG};
use edge_contract::probe::ProbeAnswer;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body::Body;
use http_body_util::BodyExt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Error type of an event that the edge does not understand.
const BAD_EVENT: &str = "Landfall.BadEvent";
static TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");
static X_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Handles an invocation within `limit`; `is_ready` is whether the app has answered anything yet.
pub(super) async fn handle(
    edge: &Arc<Edge>,
    invocation: &Invocation,
    limit: Option<Duration>,
    is_ready: bool,
) -> Reply {
    let handled = match event::read(&invocation.event) {
        Ok(Event::Http(event)) => http(edge, invocation, event, limit).await,
        Ok(Event::Probe { .. }) if !is_ready => Ok(not_ready(edge)),
        Ok(Event::Probe { target }) => probe(edge, &target, limit).await,
        Err(bad) => Err(bad),
    };
    handled.unwrap_or_else(|BadEvent(why)| {
        edge.stdio
            .log(&format!("invocation {}: {why}", invocation.id));
        error(BAD_EVENT, &why)
    })
}

fn error(error_type: &str, why: &str) -> Reply {
    Reply::Error {
        error_type: error_type.to_owned(),
        bytes: invocation_error::to_json(error_type, why, &[]),
    }
}

async fn http(
    edge: &Arc<Edge>,
    invocation: &Invocation,
    event: HttpEvent,
    limit: Option<Duration>,
) -> Result<Reply, BadEvent> {
    let of_api = timing::until_api_gives_up(event.received_at, wall_clock());
    let limit = timing::shorter(limit, of_api);
    let context = RequestContext {
        peer: event.client.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        client: None,
        is_probe: false,
        limit,
    };
    let mut parts = parts(&event.method, &event.target)?;
    for (name, value) in &event.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(unusable)?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(unusable)?;
        parts.headers.append(name, value);
    }
    if let Some(trace) = &invocation.trace {
        parts.headers.insert(&TRACE, trace.clone());
    }
    // AWS passes this header on from clients, so only further proxies in front could have set it.
    if edge.settings.trusted_hops <= 1 {
        parts.headers.remove(&X_HOST);
    }
    let id = HeaderValue::from_str(&invocation.id).map_err(unusable)?;
    parts.headers.entry(&head::REQUEST_ID).or_insert(id);
    let reply = ReplyWriter {
        edge,
        id: &invocation.id,
        page: page(head::text(&parts.headers, &header::ACCEPT)),
        end: limit.map(|limit| Instant::now() + limit),
    };
    let body = IncomingBody::complete(event.body);
    let response = handler::respond(edge, &context, parts, body).await;
    if stream::is_streamed(edge.settings.stream, event.caller) {
        return Ok(reply.stream(response));
    }
    Ok(reply.collect(response).await)
}

/// The reply to a probe while the app has never answered: the edge's own 504 would look like an
/// answer of an app that serves.
fn not_ready(edge: &Edge) -> Reply {
    let (address, hint) = (edge.settings.app, port_hint(&edge.settings));
    let why = format!("the app has not answered on {address} yet{hint}");
    error(NOT_READY, &why)
}

async fn probe(edge: &Arc<Edge>, target: &str, limit: Option<Duration>) -> Result<Reply, BadEvent> {
    let context = RequestContext {
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        client: None,
        is_probe: true,
        limit,
    };
    let mut parts = parts("GET", target)?;
    let host = HeaderValue::from_static("localhost");
    parts.headers.insert(header::HOST, host);
    let begun = edge.clock.now();
    let end = limit.map(|limit| Instant::now() + limit);
    let body = IncomingBody::Complete(None);
    let response = handler::respond(edge, &context, parts, body).await;
    let is_stuck = is_late(&response);
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    let failed = head.extensions.get() == Some(&FirstAttemptFailed(true));
    // To its end: an answer that breaks off is an error.
    let read = read(body, end).await;
    // An answer that no user can get is an error, whatever its status.
    let excess = match &read {
        Read::Complete { bytes, .. } => write(&head, bytes).err().map(|long| Some(long.bytes)),
        Read::TooLong(bytes) => Some(*bytes),
        Read::Broken | Read::TimedOut => None,
    };
    if let Some(bytes) = excess {
        let why = format!("{} (GET {target})", too_long(bytes));
        return Ok(error(TOO_LONG, &why));
    }
    let probe = ProbeAnswer {
        status,
        error: failed || status >= 500 || !matches!(read, Read::Complete { .. }),
        ms: u64::try_from(edge.clock.now().since(begun).as_millis()).unwrap_or(u64::MAX),
    };
    Ok(Reply::Response {
        bytes: probe.to_json(),
        is_stuck: is_stuck || matches!(read, Read::TimedOut),
    })
}

fn parts(method: &str, target: &str) -> Result<Parts, BadEvent> {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = Method::from_bytes(method.as_bytes()).map_err(unusable)?;
    parts.uri = Uri::from(PathAndQuery::try_from(target).map_err(unusable)?);
    Ok(parts)
}

fn unusable(error: impl std::fmt::Display) -> BadEvent {
    BadEvent(format!("this event cannot become a request: {error}"))
}

/// Whether this is the edge's own answer for an app that used up all the time.
fn is_late(response: &Response<ResponseBody>) -> bool {
    let is_own = matches!(response.body(), ResponseBody::Own(_));
    is_own && response.status() == StatusCode::GATEWAY_TIMEOUT
}

/// Writes the reply to a request.
struct ReplyWriter<'r> {
    edge: &'r Edge,
    /// Of the invocation.
    id: &'r str,
    page: Page,
    /// When the invocation's time is over.
    end: Option<Instant>,
}

impl ReplyWriter<'_> {
    /// The complete answer. Lambda accepts no partial one, so an answer that breaks off becomes an
    /// error page.
    async fn collect(&self, response: Response<ResponseBody>) -> Reply {
        let is_stuck = is_late(&response);
        let (parts, body) = response.into_parts();
        let request_id = parts.headers.get(&head::REQUEST_ID);
        let own = |status: u16, why: &str| {
            let (parts, body) = self.error(status, why, request_id).into_parts();
            let ResponseBody::Own(text) = body else {
                return Vec::new();
            };
            write(&parts, &text.unwrap_or_default()).unwrap_or_default()
        };
        let refuse = |bytes: Option<usize>| {
            let why = too_long(bytes);
            self.log_refusal(&why);
            own(413, &why)
        };
        let bytes = match read(body, self.end).await {
            Read::Complete { bytes, mut body } => match write(&parts, &bytes) {
                Ok(bytes) => bytes,
                Err(TooLong { bytes }) => {
                    body.mark_truncated();
                    refuse(Some(bytes))
                }
            },
            Read::TooLong(bytes) => refuse(bytes),
            Read::Broken => own(502, "The app broke off within its answer"),
            Read::TimedOut => {
                return Reply::Response {
                    bytes: own(504, "The app took too long to answer"),
                    is_stuck: true,
                };
            }
        };
        Reply::Response { bytes, is_stuck }
    }

    /// The answer as the app produces it. If it does not end in time, the app is not stuck: the
    /// answer may be endless, and the app sees the connection close.
    fn stream(&self, mut response: Response<ResponseBody>) -> Reply {
        let is_stuck = is_late(&response);
        if let Some(why) = stream::refusal(response.body().size_hint().exact()) {
            self.log_refusal(&why);
            response.body_mut().mark_truncated();
            let request_id = response.headers().get(&head::REQUEST_ID);
            response = self.error(413, &why, request_id);
        }
        let (parts, body) = response.into_parts();
        let prelude = stream::prelude(&stream::Head {
            status: parts.status.as_u16(),
            headers: &headers(&parts),
        });
        let (body, end) = StreamedBody::new(prelude, body, self.end);
        Reply::Stream {
            body: Box::new(body),
            end,
            is_stuck,
        }
    }

    fn error(
        &self,
        status: u16,
        why: &str,
        request_id: Option<&HeaderValue>,
    ) -> Response<ResponseBody> {
        let error = ErrorResponse {
            status,
            why,
            retry_after: None,
            page: self.page,
            request_id,
        };
        error_response(&self.edge.error_pages, &error)
    }

    fn log_refusal(&self, why: &str) {
        let id = self.id;
        self.edge.stdio.log(&format!("invocation {id}: 413: {why}"));
    }
}

fn too_long(bytes: Option<usize>) -> String {
    let takes = bytes.map_or_else(|| format!("more than {LONGEST}"), |bytes| bytes.to_string());
    format!("The app's answer takes {takes} bytes, and Lambda takes {LONGEST} at most")
}

fn headers(parts: &http::response::Parts) -> Vec<(&str, &[u8])> {
    let headers = parts.headers.iter();
    headers
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}

fn write(parts: &http::response::Parts, body: &[u8]) -> Result<Vec<u8>, TooLong> {
    response::write(&HttpResponse {
        status: parts.status.as_u16(),
        headers: &headers(parts),
        body,
    })
}

/// The result of reading an answer's body.
enum Read {
    /// `body` is at its end; its request is recorded when it is dropped.
    Complete {
        bytes: Bytes,
        body: ResponseBody,
    },
    /// Its length in bytes, if the app declares it.
    TooLong(Option<usize>),
    Broken,
    TimedOut,
}

async fn read(mut body: ResponseBody, end: Option<Instant>) -> Read {
    let hint = body.size_hint();
    if hint.lower() > LONGEST as u64 {
        body.mark_truncated();
        return Read::TooLong(hint.exact().and_then(|bytes| usize::try_from(bytes).ok()));
    }
    let mut whole = BytesMut::new();
    loop {
        let frame = body.frame();
        let frame = match end {
            None => frame.await,
            Some(end) => match tokio::time::timeout_at(end, frame).await {
                Ok(frame) => frame,
                Err(_) => {
                    body.mark_truncated();
                    return Read::TimedOut;
                }
            },
        };
        match frame {
            None => break,
            Some(Err(_)) => return Read::Broken,
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    whole.extend_from_slice(&data);
                }
            }
        }
        if whole.len() > LONGEST {
            body.mark_truncated();
            return Read::TooLong(None);
        }
    }
    Read::Complete {
        bytes: whole.freeze(),
        body,
    }
}
