//! What happens to a request from its head to the head of its answer.

use crate::access_log::{self, Entry};
use crate::client::Client;
use crate::counters::Source;
use crate::edge::Edge;
use crate::error_response::{ErrorResponse, error_response};
use crate::policy::accept::{Page, page};
use crate::policy::lambda::timing::shorter;
use crate::request_body::{BodyError, BodyLimits, IncomingBody, ReplayableBody};
use crate::request_record::RequestRecord;
use crate::response_body::{AppResponseBody, ResponseBody};
use crate::retry::{AppResponse, ForwardedRequest, NoResponse};
use crate::{endpoints, head, tunnel};
use edge_contract::bucket::Outcome;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How a request arrived.
#[derive(Debug)]
pub(crate) struct RequestContext<'c> {
    /// The address that connected to the edge, or to AWS.
    pub(crate) peer: IpAddr,
    /// Its connection, which may become a tunnel. Invocations have none.
    pub(crate) client: Option<&'c Arc<Client>>,
    /// Whether it is a probe that needs no secret, as no one but landfall can send it.
    pub(crate) is_probe: bool,
    /// The time that remains for it, in addition to the settings.
    pub(crate) limit: Option<Duration>,
}

/// Extension of an answer: whether the first attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstAttemptFailed(pub(crate) bool);

/// The answer to a request on a connection. There always is one: errors become error pages.
pub(crate) async fn serve(
    client: Arc<Client>,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let edge = Arc::clone(&client.edge);
    let version = request.version();
    // The parser drops a Content-Length next to Transfer-Encoding, but a proxy in front may have
    // used it. So nothing is read after such a body (RFC 9112, 6.1).
    let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let context = RequestContext {
        peer: client.peer.ip(),
        client: Some(&client),
        is_probe: false,
        limit: None,
    };
    let (parts, body) = request.into_parts();
    let mut response = respond(&edge, &context, parts, IncomingBody::Stream(body)).await;
    // HTTP/2 has GOAWAY for this.
    if version < Version::HTTP_2
        && (is_chunked || edge.is_draining())
        && response.status() != StatusCode::SWITCHING_PROTOCOLS
    {
        close_after(&mut response);
    }
    response
}

/// The answer to a request, whether it came over a connection or with an invocation.
pub(crate) async fn respond(
    edge: &Arc<Edge>,
    context: &RequestContext<'_>,
    mut parts: Parts,
    body: IncomingBody,
) -> Response<ResponseBody> {
    let page = page(head::text(&parts.headers, &header::ACCEPT));
    let is_trusted = is_trusted(edge, &parts);
    if let Some(response) = respond_early(edge, &parts, &body, page, is_trusted) {
        return response;
    }
    let is_probe = context.is_probe || is_trusted && parts.headers.contains_key(&head::PROBE);
    let source = if is_probe {
        Source::Probe
    } else {
        Source::User
    };
    let upgrade = head::upgrade(&parts);
    let on_upgrade = parts
        .extensions
        .remove::<OnUpgrade>()
        .filter(|_| upgrade.is_some())
        .zip(context.client);
    let proxies = head::Proxies {
        hops: edge.settings.trusted_hops,
        proto: edge.settings.forwarded_proto,
    };
    let id = head::prepare(&mut parts, upgrade.as_ref(), context.peer, proxies);
    let switches = edge.settings.rules.of(parts.uri.path());
    let second = edge.counters.request_started(source);
    let start = edge.clock.now();
    let record = RequestRecord {
        edge: Arc::clone(edge),
        source,
        second,
        start,
        log: log_entry(edge, &parts, &id, switches.log),
        is_open: true,
    };
    let limits = BodyLimits {
        keep: edge.settings.retry.replay_bytes,
        longest: edge.settings.clients.body_bytes,
        silence: edge.settings.clients.body,
    };
    let body = ReplayableBody::new(body, limits);
    let request = ForwardedRequest {
        edge,
        parts: &parts,
        body: &body,
        switches,
        source,
        second,
        start,
        limit: shorter(
            edge.settings.deadline.filter(|_| switches.deadline),
            context.limit,
        ),
        // A probe asks how the app is, not how it would be after retries.
        repeatable: switches.retry && !context.is_probe && head::is_repeatable(&parts),
        first_failed: AtomicBool::new(false),
    };
    let (answer, attempts) = request.send().await;
    let first_failed = FirstAttemptFailed(request.first_failed.load(Ordering::Relaxed));
    let exchange = Exchange {
        record,
        page,
        id: &id,
    };
    let mut response = exchange.finish(answer, attempts, on_upgrade, &body);
    response.extensions_mut().insert(first_failed);
    response
}

/// The answer to a request that does not go to the app: one that is refused, or asks the edge
/// itself.
fn respond_early(
    edge: &Edge,
    parts: &Parts,
    body: &IncomingBody,
    page: Page,
    is_trusted: bool,
) -> Option<Response<ResponseBody>> {
    let refuse = |status: u16, why: &str| {
        let error = ErrorResponse {
            status,
            why,
            retry_after: None,
            page,
            request_id: None,
        };
        error_response(&edge.error_pages, &error)
    };
    if let Err(refusal) = head::check(parts) {
        let mut response = refuse(refusal.status, refusal.why);
        // What follows on this connection may be the second half of a request smuggling attack.
        if parts.version < Version::HTTP_2 {
            close_after(&mut response);
        }
        return Some(response);
    }
    if let Some(response) = endpoints::respond(edge, parts, is_trusted) {
        return Some(response);
    }
    let longest = edge.settings.clients.body_bytes;
    let is_too_long = longest.is_some_and(|longest| body.size_hint().lower() > longest);
    is_too_long.then(|| refuse(413, "This request's body is too long"))
}

/// A request that the app was asked about.
struct Exchange<'e> {
    record: RequestRecord,
    page: Page,
    id: &'e HeaderValue,
}

impl Exchange<'_> {
    fn finish(
        mut self,
        answer: Result<AppResponse, NoResponse>,
        attempts: u32,
        on_upgrade: Option<(OnUpgrade, &Arc<Client>)>,
        body: &ReplayableBody,
    ) -> Response<ResponseBody> {
        if let Some(entry) = &mut self.record.log {
            entry.tries = attempts;
        }
        match answer {
            Ok(answer) => match (answer.response.status(), on_upgrade) {
                (StatusCode::SWITCHING_PROTOCOLS, Some((upgrade, client))) => {
                    tunnel::open(client, upgrade, answer, self.record)
                }
                (StatusCode::SWITCHING_PROTOCOLS, None) => {
                    // The app switches to a protocol that the client has not asked for.
                    let why = "The app gave no valid answer";
                    self.fail(502, why, None, Outcome::Unanswered)
                }
                _ => self.forward(answer),
            },
            Err(reason) => self.explain(reason, body),
        }
    }

    /// The app's answer.
    fn forward(mut self, answer: AppResponse) -> Response<ResponseBody> {
        let silence = self.record.edge.settings.clients.stream_idle;
        let (mut parts, body) = answer.response.into_parts();
        head::finish(&mut parts.headers, self.id);
        parts.version = Version::HTTP_11;
        // What hyper noted about the app's connection does not apply to the client's.
        parts.extensions.clear();
        let status = parts.status.as_u16();
        if let Some(entry) = &mut self.record.log {
            entry.status = status;
        }
        let body = AppResponseBody {
            from: body,
            connection: Some(answer.connection),
            record: self.record,
            outcome: match status {
                500.. => Outcome::App,
                _ => Outcome::Good,
            },
            silence,
            sleep: None,
            sent: 0,
            at_end: false,
        };
        Response::from_parts(parts, ResponseBody::App(Box::new(body)))
    }

    /// The error page of a request that the app did not answer.
    fn explain(self, reason: NoResponse, body: &ReplayableBody) -> Response<ResponseBody> {
        const UNAVAILABLE: &str = "The app is not available at the moment";
        const SOON: Option<Duration> = Some(Duration::from_secs(1));
        let (status, why, retry_after, outcome) = match reason {
            NoResponse::Failed(failure) => {
                let status = failure.status();
                let (why, retry_after) = match status {
                    504 => ("The app took too long to answer", None),
                    502 => ("The app broke off before it answered", None),
                    _ => (UNAVAILABLE, SOON),
                };
                (status, why, retry_after, Outcome::Unanswered)
            }
            NoResponse::CircuitOpen(wait) => (503, UNAVAILABLE, Some(wait), Outcome::Circuit),
            NoResponse::Shed => {
                let why = "The app has more to do than it can at the moment";
                (503, why, SOON, Outcome::Shed)
            }
            NoResponse::BadRequestBody => {
                let (status, why, outcome) = match body.error() {
                    Some(BodyError::TooLong) => {
                        (413, "This request's body is too long", Outcome::Good)
                    }
                    Some(BodyError::TimedOut) => {
                        (408, "This request's body took too long", Outcome::Gone)
                    }
                    _ => (400, "This request's body broke off", Outcome::Gone),
                };
                (status, why, None, outcome)
            }
        };
        let mut response = self.fail(status, why, retry_after, outcome);
        if reason == NoResponse::BadRequestBody {
            // The rest of the body would be read as the next request.
            close_after(&mut response);
        }
        response
    }

    fn fail(
        mut self,
        status: u16,
        why: &str,
        retry_after: Option<Duration>,
        outcome: Outcome,
    ) -> Response<ResponseBody> {
        if let Some(entry) = &mut self.record.log {
            entry.status = status;
        }
        let error = ErrorResponse {
            status,
            why,
            retry_after,
            page: self.page,
            request_id: Some(self.id),
        };
        let response = error_response(&self.record.edge.error_pages, &error);
        self.record
            .finish(outcome, response.body().size_hint().lower());
        response
    }
}

fn close_after(response: &mut Response<ResponseBody>) {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
}

/// Whether the request has the secret.
fn is_trusted(edge: &Edge, parts: &Parts) -> bool {
    let given = parts.headers.get(&head::SECRET);
    match (&edge.settings.secret, given) {
        (Some(secret), Some(given)) => secret.is(given.as_bytes()),
        _ => false,
    }
}

fn log_entry(edge: &Edge, parts: &Parts, id: &HeaderValue, is_on: bool) -> Option<Box<Entry>> {
    let is_sampled = access_log::sample(edge.settings.access_log).filter(|_| is_on)?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let x_for = parts
        .headers
        .get("x-forwarded-for")
        .and_then(|x| x.to_str().ok());
    Some(Box::new(Entry {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        client: text(x_for.and_then(|x| x.split(", ").next())),
        request_id: text(id.to_str().ok()),
        status: 0,
        tries: 0,
        is_sampled,
    }))
}
