//! What happens to a request from its head to the answer's head.

use crate::access_log::{self, Entry};
use crate::answer::{Account, AppAnswer, UserBody};
use crate::connection::Guest;
use crate::edge::Edge;
use crate::ledger::Whose;
use crate::policy::accept::{Page, page};
use crate::policy::lambda::pace::shorter;
use crate::replay::{BodyLimits, ClientBody, KeptBody, Spoilt};
use crate::shield::{Answer, Call, Unanswered};
use crate::{endpoints, head, tunnel};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use rules::edge_contract::bucket::Outcome;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How a request came in.
#[derive(Debug)]
pub(crate) struct Visit<'v> {
    /// Who sent it to this side of the network.
    pub(crate) peer: IpAddr,
    /// Its connection, which may become a tunnel; an invocation has none.
    pub(crate) guest: Option<&'v Arc<Guest>>,
    /// landfall asks by itself, without a secret: nobody else gets in this way.
    pub(crate) is_probe: bool,
    /// What is left for it, whatever the environment says.
    pub(crate) limit: Option<Duration>,
}

/// Whether the first attempt counts as an error; with every answer that the app was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstFailed(pub(crate) bool);

/// The answer to a request. There always is one: what goes wrong becomes an error page.
pub(crate) async fn serve(guest: Arc<Guest>, request: Request<Incoming>) -> Response<UserBody> {
    let edge = Arc::clone(&guest.edge);
    let version = request.version();
    // A length that stood beside it is gone when the parser is done, and a proxy in front may have gone
    // by it. So nothing is read behind such a body (RFC 9112, 6.1).
    let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let visit = Visit {
        peer: guest.peer.ip(),
        guest: Some(&guest),
        is_probe: false,
        limit: None,
    };
    let (parts, body) = request.into_parts();
    let mut response = respond(&edge, &visit, parts, ClientBody::Stream(body)).await;
    // HTTP/2 has GOAWAY for this.
    if version < Version::HTTP_2
        && (is_chunked || edge.is_draining())
        && response.status() != StatusCode::SWITCHING_PROTOCOLS
    {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The answer to a request that is not framed by a connection of ours.
pub(crate) async fn respond(
    edge: &Arc<Edge>,
    visit: &Visit<'_>,
    mut parts: Parts,
    body: ClientBody,
) -> Response<UserBody> {
    let kind = page(head::text(&parts.headers, &header::ACCEPT));
    if let Err(refusal) = head::check(&parts) {
        let mut answer = edge
            .pages
            .answer(refusal.status, refusal.why, None, kind, None);
        // Whatever follows on this connection may be the other half of the trick.
        if parts.version < Version::HTTP_2 {
            answer
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        return answer;
    }
    let is_trusted = is_trusted(edge, &parts);
    if let Some(answer) = endpoints::answer(edge, &parts, is_trusted) {
        return answer;
    }
    let too_long = edge
        .settings
        .clients
        .body_bytes
        .is_some_and(|most| body.size_hint().lower() > most);
    if too_long {
        return edge
            .pages
            .answer(413, "This request's body is too long", None, kind, None);
    }
    let is_probe = visit.is_probe || is_trusted && parts.headers.contains_key(&head::PROBE);
    let whose = if is_probe { Whose::Probe } else { Whose::User };
    let upgrade = head::upgrade(&parts);
    let on_upgrade = parts
        .extensions
        .remove::<OnUpgrade>()
        .filter(|_| upgrade.is_some())
        .zip(visit.guest);
    let front = head::Front {
        hops: edge.settings.trusted_hops,
        proto: edge.settings.forwarded_proto,
    };
    let id = head::prepare(&mut parts, upgrade.as_ref(), visit.peer, front);
    let switches = edge.settings.rules.of(parts.uri.path());
    let second = edge.ledger.begin(whose);
    let start = edge.clock.now();
    let mut account = Account {
        edge: Arc::clone(edge),
        whose,
        second,
        start,
        log: entry(edge, &parts, &id, switches.log),
        is_open: true,
    };
    let limits = BodyLimits {
        keep: edge.settings.retry.replay_bytes,
        longest: edge.settings.clients.body_bytes,
        silence: edge.settings.clients.body,
    };
    let body = KeptBody::new(body, limits);
    let call = Call {
        edge,
        parts: &parts,
        body: &body,
        switches,
        whose,
        second,
        start,
        limit: shorter(
            edge.settings.deadline.filter(|_| switches.deadline),
            visit.limit,
        ),
        // One that is told what happened is not told what would have happened with luck.
        repeatable: switches.retry && !visit.is_probe && head::is_repeatable(&parts),
        first_failed: AtomicBool::new(false),
    };
    let (answer, tries) = call.answer().await;
    let first_failed = FirstFailed(call.first_failed.load(Ordering::Relaxed));
    if let Some(entry) = &mut account.log {
        entry.tries = tries;
    }
    let mut response = match answer {
        Ok(answer) => match (answer.response.status(), on_upgrade) {
            (StatusCode::SWITCHING_PROTOCOLS, Some((client, guest))) => {
                tunnel::open(guest, client, answer, account)
            }
            (StatusCode::SWITCHING_PROTOCOLS, None) => {
                // The app changes to a protocol that nobody has asked for.
                refuse(
                    account,
                    502,
                    "The app gave no valid answer",
                    None,
                    kind,
                    &id,
                    Outcome::Unanswered,
                )
            }
            _ => pass(edge, answer, account, &id),
        },
        Err(unanswered) => explain(unanswered, &body, account, kind, &id),
    };
    response.extensions_mut().insert(first_failed);
    response
}

/// The app's answer, on its way.
fn pass(
    edge: &Arc<Edge>,
    answer: Answer,
    mut account: Account,
    id: &HeaderValue,
) -> Response<UserBody> {
    let (mut parts, body) = answer.response.into_parts();
    head::finish(&mut parts.headers, id);
    parts.version = Version::HTTP_11;
    // What hyper noted about the app's connection is nothing for the client's.
    parts.extensions.clear();
    let status = parts.status.as_u16();
    if let Some(entry) = &mut account.log {
        entry.status = status;
    }
    let outcome = if status >= 500 {
        Outcome::App
    } else {
        Outcome::Good
    };
    let body = AppAnswer {
        from: body,
        line: Some(answer.line),
        account,
        outcome,
        silence: edge.settings.clients.stream_idle,
        sleep: None,
        sent: 0,
        at_end: false,
    };
    Response::from_parts(parts, UserBody::App(Box::new(body)))
}

/// An error page for a request that the app did not answer.
fn explain(
    unanswered: Unanswered,
    body: &KeptBody,
    account: Account,
    kind: Page,
    id: &HeaderValue,
) -> Response<UserBody> {
    let (status, why, retry_after, outcome) = match unanswered {
        Unanswered::Failed(failure) => {
            let status = failure.status();
            let (why, retry_after) = match status {
                504 => ("The app took too long to answer", None),
                502 => ("The app broke off before it answered", None),
                _ => (
                    "The app is not available at the moment",
                    Some(Duration::from_secs(1)),
                ),
            };
            (status, why, retry_after, Outcome::Unanswered)
        }
        Unanswered::FailedFast(wait) => (
            503,
            "The app is not available at the moment",
            Some(wait),
            Outcome::Circuit,
        ),
        Unanswered::Shed => {
            let after = Some(Duration::from_secs(1));
            (
                503,
                "The app has more to do than it can at the moment",
                after,
                Outcome::Shed,
            )
        }
        Unanswered::Client => match body.spoilt() {
            Some(Spoilt::TooLong) => (413, "This request's body is too long", None, Outcome::Good),
            Some(Spoilt::Slow) => (
                408,
                "This request's body took too long",
                None,
                Outcome::Gone,
            ),
            _ => (400, "This request's body broke off", None, Outcome::Gone),
        },
    };
    let mut answer = refuse(account, status, why, retry_after, kind, id, outcome);
    if unanswered == Unanswered::Client {
        // The rest of the body stands between this answer and the next request.
        answer
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

fn refuse(
    mut account: Account,
    status: u16,
    why: &'static str,
    retry_after: Option<Duration>,
    kind: Page,
    id: &HeaderValue,
    outcome: Outcome,
) -> Response<UserBody> {
    if let Some(entry) = &mut account.log {
        entry.status = status;
    }
    let answer = account
        .edge
        .pages
        .answer(status, why, retry_after, kind, Some(id));
    account.close(outcome, answer.body().size_hint().lower());
    answer
}

/// Whether the request carries the secret.
fn is_trusted(edge: &Edge, parts: &Parts) -> bool {
    let given = parts.headers.get(&head::SECRET);
    match (&edge.settings.secret, given) {
        (Some(secret), Some(given)) => secret.is(given.as_bytes()),
        _ => false,
    }
}

fn entry(edge: &Edge, parts: &Parts, id: &HeaderValue, is_on: bool) -> Option<Box<Entry>> {
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
