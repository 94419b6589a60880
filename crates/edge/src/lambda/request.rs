//! An invocation's event through the gateway and back.

use super::client::Invocation;
use super::stream::{Ended, Streamed};
use crate::answer::UserBody;
use crate::edge::Edge;
use crate::gateway::{self, FirstFailed, Visit};
use crate::head;
use crate::policy::accept::{Page, page};
use crate::policy::lambda::answer::{self, HttpAnswer, LONGEST};
use crate::policy::lambda::event::{self, BadEvent, Event, HttpEvent};
use crate::policy::lambda::stream;
use crate::replay::ClientBody;
use crate::supervisor;
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use rules::edge_contract::invocation_error::{self, NOT_READY, TOO_LONG};
use rules::edge_contract::probe::ProbeAnswer;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// What the error of an event is called that is none.
const BAD_EVENT: &str = "Landfall.BadEvent";
static TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");
static X_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What an invocation gets.
#[derive(Debug)]
pub(super) enum Reply {
    Answer {
        bytes: Vec<u8>,
        /// The app took all the time there was.
        is_stuck: bool,
    },
    /// An answer that has begun.
    Stream {
        body: Box<Streamed>,
        ended: oneshot::Receiver<Ended>,
        /// The app took all the time there was before it began.
        is_stuck: bool,
    },
    Error {
        kind: String,
        bytes: Vec<u8>,
    },
}

impl Reply {
    /// Whether the app took all the time there was.
    pub(super) fn is_stuck(&self) -> bool {
        match self {
            Reply::Answer { is_stuck, .. } | Reply::Stream { is_stuck, .. } => *is_stuck,
            Reply::Error { .. } => false,
        }
    }
}

/// Answers an invocation within `limit`; `is_ready` says whether the app has answered anything yet.
pub(super) async fn answer(
    edge: &Arc<Edge>,
    invocation: &Invocation,
    limit: Option<Duration>,
    is_ready: bool,
) -> Reply {
    let answered = match event::read(&invocation.event) {
        Ok(Event::Http(event)) => http(edge, invocation, event, limit).await,
        Ok(Event::Probe { .. }) if !is_ready => Ok(unready(edge)),
        Ok(Event::Probe { target }) => probe(edge, &target, limit).await,
        Err(bad) => Err(bad),
    };
    answered.unwrap_or_else(|BadEvent(why)| {
        edge.console
            .say(&format!("invocation {}: {why}", invocation.id));
        Reply::Error {
            kind: BAD_EVENT.to_owned(),
            bytes: invocation_error::to_json(BAD_EVENT, &why, &[]),
        }
    })
}

async fn http(
    edge: &Arc<Edge>,
    invocation: &Invocation,
    event: HttpEvent,
    limit: Option<Duration>,
) -> Result<Reply, BadEvent> {
    let visit = Visit {
        peer: event.client.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        guest: None,
        is_probe: false,
        limit,
    };
    let mut parts = parts(&event.method, &event.target)?;
    for (name, value) in &event.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(unfit)?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(unfit)?;
        parts.headers.append(name, value);
    }
    if let Some(trace) = &invocation.trace {
        parts.headers.insert(&TRACE, trace.clone());
    }
    // AWS passes this one on from whoever wrote it.
    if edge.settings.trusted_hops <= 1 {
        parts.headers.remove(&X_HOST);
    }
    let id = HeaderValue::from_str(&invocation.id).map_err(unfit)?;
    parts.headers.entry(&head::REQUEST_ID).or_insert(id);
    let kind = page(head::text(&parts.headers, &header::ACCEPT));
    let end = limit.map(|limit| Instant::now() + limit);
    let body = ClientBody::whole(event.body);
    let response = gateway::respond(edge, &visit, parts, body).await;
    if stream::is_streamed(edge.settings.stream, event.caller) {
        return Ok(stream(edge, &invocation.id, response, kind, end));
    }
    Ok(collect(edge, &invocation.id, response, kind, end).await)
}

/// What a probe gets as long as the app has never answered: the edge's own 504 would look like an answer of
/// an app that is there.
fn unready(edge: &Edge) -> Reply {
    let (address, hint) = (edge.settings.app, supervisor::hint(edge));
    let why = format!("the app has not answered on {address} yet{hint}");
    Reply::Error {
        kind: NOT_READY.to_owned(),
        bytes: invocation_error::to_json(NOT_READY, &why, &[]),
    }
}

async fn probe(edge: &Arc<Edge>, target: &str, limit: Option<Duration>) -> Result<Reply, BadEvent> {
    let visit = Visit {
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        guest: None,
        is_probe: true,
        limit,
    };
    let mut parts = parts("GET", target)?;
    let host = HeaderValue::from_static("localhost");
    parts.headers.insert(header::HOST, host);
    let begun = edge.clock.now();
    let end = limit.map(|limit| Instant::now() + limit);
    let body = ClientBody::Whole(None);
    let response = gateway::respond(edge, &visit, parts, body).await;
    let is_stuck = is_late(&response);
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    let failed = head.extensions.get() == Some(&FirstFailed(true));
    // Read to its end: half an answer is none.
    let read = read(body, end).await;
    // What no user can get is a failure, whatever its status.
    let excess = match &read {
        Read::TooLong(bytes) => Some(*bytes),
        Read::Whole { bytes, .. } => write(&head, bytes).err().map(|long| Some(long.bytes)),
        Read::Broken | Read::Late => None,
    };
    if let Some(bytes) = excess {
        let why = format!("{} (GET {target})", too_long(bytes));
        return Ok(Reply::Error {
            kind: TOO_LONG.to_owned(),
            bytes: invocation_error::to_json(TOO_LONG, &why, &[]),
        });
    }
    let probe = ProbeAnswer {
        status,
        error: failed || status >= 500 || !matches!(read, Read::Whole { .. }),
        ms: u64::try_from(edge.clock.now().since(begun).as_millis()).unwrap_or(u64::MAX),
    };
    Ok(Reply::Answer {
        bytes: probe.to_json(),
        is_stuck: is_stuck || matches!(read, Read::Late),
    })
}

fn parts(method: &str, target: &str) -> Result<Parts, BadEvent> {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = Method::from_bytes(method.as_bytes()).map_err(unfit)?;
    parts.uri = Uri::from(PathAndQuery::try_from(target).map_err(unfit)?);
    Ok(parts)
}

fn unfit(error: impl std::fmt::Display) -> BadEvent {
    BadEvent(format!("this event fits into no request: {error}"))
}

/// Whether this is the edge's own word for an app that took all the time.
fn is_late(response: &Response<UserBody>) -> bool {
    let is_own = matches!(response.body(), UserBody::Own(_));
    is_own && response.status() == StatusCode::GATEWAY_TIMEOUT
}

/// The whole answer: Lambda takes no half ones, so what breaks off becomes an error page.
async fn collect(
    edge: &Edge,
    id: &str,
    response: Response<UserBody>,
    kind: Page,
    end: Option<Instant>,
) -> Reply {
    let is_stuck = is_late(&response);
    let (parts, body) = response.into_parts();
    let request_id = parts.headers.get(&head::REQUEST_ID).cloned();
    let own = |status: u16, why: &str| {
        let page = edge
            .pages
            .answer(status, why, None, kind, request_id.as_ref());
        let (parts, body) = page.into_parts();
        let UserBody::Own(text) = body else {
            return Vec::new();
        };
        write(&parts, &text.unwrap_or_default()).unwrap_or_default()
    };
    let refuse = |bytes: Option<usize>| {
        let why = too_long(bytes);
        edge.console.say(&format!("invocation {id}: 413: {why}"));
        own(413, &why)
    };
    let bytes = match read(body, end).await {
        Read::Whole { bytes, mut body } => match write(&parts, &bytes) {
            Ok(bytes) => bytes,
            Err(answer::TooLong { bytes }) => {
                body.cut();
                refuse(Some(bytes))
            }
        },
        Read::TooLong(bytes) => refuse(bytes),
        Read::Broken => own(502, "The app broke off within its answer"),
        Read::Late => {
            return Reply::Answer {
                bytes: own(504, "The app took too long to answer"),
                is_stuck: true,
            };
        }
    };
    Reply::Answer { bytes, is_stuck }
}

fn too_long(bytes: Option<usize>) -> String {
    let takes = bytes.map_or_else(|| format!("more than {LONGEST}"), |bytes| bytes.to_string());
    format!("The app's answer takes {takes} bytes, and Lambda takes {LONGEST} at most")
}

/// The answer as it comes. An answer that is not whole when the time is over makes nobody stuck: it may
/// be one that never ends, and the app sees its user leave.
fn stream(
    edge: &Edge,
    id: &str,
    mut response: Response<UserBody>,
    kind: Page,
    end: Option<Instant>,
) -> Reply {
    use http_body::Body;
    let is_stuck = is_late(&response);
    if let Some(why) = stream::refusal(response.body().size_hint().exact()) {
        edge.console.say(&format!("invocation {id}: 413: {why}"));
        response.body_mut().cut();
        let request_id = response.headers().get(&head::REQUEST_ID);
        response = edge.pages.answer(413, &why, None, kind, request_id);
    }
    let (parts, body) = response.into_parts();
    let prelude = stream::prelude(&stream::Head {
        status: parts.status.as_u16(),
        headers: &headers(&parts),
    });
    let (body, ended) = Streamed::new(prelude, body, end);
    Reply::Stream {
        body: Box::new(body),
        ended,
        is_stuck,
    }
}

fn headers(parts: &http::response::Parts) -> Vec<(&str, &[u8])> {
    let headers = parts.headers.iter();
    headers
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}

fn write(parts: &http::response::Parts, body: &[u8]) -> Result<Vec<u8>, answer::TooLong> {
    answer::write(&HttpAnswer {
        status: parts.status.as_u16(),
        headers: &headers(parts),
        body,
    })
}

/// What became of an answer's body.
enum Read {
    /// All of it is there. The account closes with the body.
    Whole {
        bytes: Bytes,
        body: UserBody,
    },
    /// So many bytes, as far as the app says.
    TooLong(Option<usize>),
    Broken,
    Late,
}

async fn read(mut body: UserBody, end: Option<Instant>) -> Read {
    use http_body::Body;
    let hint = body.size_hint();
    if hint.lower() > LONGEST as u64 {
        body.cut();
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
                    body.cut();
                    return Read::Late;
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
            body.cut();
            return Read::TooLong(None);
        }
    }
    Read::Whole {
        bytes: whole.freeze(),
        body,
    }
}
