//! Sends one request to the app, with as many attempts as the policy allows.

use crate::app_connections::AppConnection;
use crate::concurrency_limit::Permit;
use crate::counters::Source;
use crate::edge::Edge;
use crate::policy::circuit::Admission;
use crate::policy::deadline::Deadline;
use crate::policy::monotonic::Monotonic;
use crate::policy::path_rules::Switches;
use crate::policy::retry::{AttemptEnd, EndedAttempt, Failure, Verdict, verdict, without_token};
use crate::request_body::{AttemptBody, ReplayableBody};
use crate::response_body::Truncated;
use http::request::Parts;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a request's body waits for the app's `100 Continue` (RFC 9110, 10.1.1 does not specify it).
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);
/// Most bytes that are read of an unwanted answer to keep its connection.
const UNWANTED: usize = 64 * 1024;
/// A local connection is made at once, or not at all because the app's queue is full.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A request on its way to the app.
#[derive(Debug)]
pub(crate) struct ForwardedRequest<'r> {
    pub(crate) edge: &'r Arc<Edge>,
    pub(crate) parts: &'r Parts,
    pub(crate) body: &'r ReplayableBody,
    pub(crate) switches: Switches,
    pub(crate) source: Source,
    /// The second in which it began, for the counts.
    pub(crate) second: u64,
    pub(crate) start: Monotonic,
    /// Longest time until the answer begins, over all attempts.
    pub(crate) limit: Option<Duration>,
    /// Whether the app may see it twice.
    pub(crate) repeatable: bool,
    /// Set when the first attempt has ended with an error.
    pub(crate) first_failed: AtomicBool,
}

/// The app's answer, and the connection that it arrives on.
#[derive(Debug)]
pub(crate) struct AppResponse {
    pub(crate) response: Response<Incoming>,
    pub(crate) connection: AppConnection,
}

/// Why there is no answer of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoResponse {
    /// The attempts failed.
    Failed(Failure),
    /// The circuit is open, for this long.
    CircuitOpen(Duration),
    /// The app is at its concurrency limit.
    Shed,
    /// The body could not be read from the client.
    BadRequestBody,
}

/// The result of one attempt.
enum Attempt {
    Answered(Box<AppResponse>),
    Ended(AttemptEnd),
}

/// The first attempt. If the client leaves, this is dropped, and counted as such.
struct FirstAttempt<'f> {
    request: &'f ForwardedRequest<'f>,
    begun: Option<Monotonic>,
}

impl FirstAttempt<'_> {
    fn end(&mut self, end: Option<AttemptEnd>) {
        if let Some(begun) = self.begun.take() {
            let ForwardedRequest {
                edge,
                second,
                source,
                ..
            } = *self.request;
            let took = edge.clock.now().since(begun);
            let failed = end.is_some_and(AttemptEnd::is_error);
            self.request.first_failed.store(failed, Ordering::Relaxed);
            edge.counters.first_attempt_ended(second, source, end, took);
        }
    }
}

impl Drop for FirstAttempt<'_> {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl ForwardedRequest<'_> {
    /// Asks the app until the policy accepts the result. Also returns the number of attempts.
    pub(crate) async fn send(&self) -> (Result<AppResponse, NoResponse>, u32) {
        let edge = self.edge;
        let deadline = Deadline::new(self.start, self.limit);
        if self.switches.circuit {
            let admission = edge.retry_state().circuit.admit(self.start);
            if let Admission::FailFast(wait) = admission {
                self.count_refused();
                return (Err(NoResponse::CircuitOpen(wait)), 0);
            }
        }
        let Some(permit) = self.permit(deadline).await else {
            return (Err(NoResponse::Shed), 0);
        };
        let (answer, attempts) = self.attempts(deadline, permit).await;
        match &answer {
            Ok(_) => {
                edge.readiness.answered();
                edge.retry_state().circuit.answered();
            }
            Err(NoResponse::Failed(_)) => {
                edge.retry_state().circuit.unanswered(edge.clock.now());
            }
            Err(_) => {}
        }
        (answer, attempts)
    }

    /// Counts a first attempt that an open circuit prevents: without the circuit, its connection
    /// would be refused.
    fn count_refused(&self) {
        let (second, source) = (self.second, self.source);
        self.edge.counters.first_attempt_started(second, source);
        self.first_failed.store(true, Ordering::Relaxed);
        let end = Some(AttemptEnd::Refused);
        self.edge
            .counters
            .first_attempt_ended(second, source, end, Duration::ZERO);
    }

    async fn attempts(
        &self,
        deadline: Deadline,
        permit: Permit<'_>,
    ) -> (Result<AppResponse, NoResponse>, u32) {
        let edge = self.edge;
        let mut permit = Some(permit);
        let mut number = 1;
        // After a crash all idle connections are broken; one of them is enough to know it.
        let mut use_idle = true;
        let mut refused_until: Option<Deadline> = None;
        // The app's last answer so far: users get it if no later attempt is better.
        let mut last: Option<Box<AppResponse>> = None;
        edge.retry_state().budget.deposit();
        edge.counters
            .first_attempt_started(self.second, self.source);
        let mut first = FirstAttempt {
            request: self,
            begun: Some(edge.clock.now()),
        };
        loop {
            let begun = edge.clock.now();
            let (end, answer) = match self.attempt(deadline, number > 1, use_idle).await {
                Attempt::Answered(answer) => {
                    let status = answer.response.status().as_u16();
                    (AttemptEnd::Answered(status), Some(answer))
                }
                Attempt::Ended(end) => (end, None),
            };
            if self.body.error().is_some() && answer.is_none() {
                first.end(None);
                return (Err(NoResponse::BadRequestBody), number);
            }
            use_idle &= end != AttemptEnd::Reset;
            if end != AttemptEnd::Unsent {
                first.end(Some(end));
            }
            let now = edge.clock.now();
            if answer.is_some()
                && let Some(old) = last.take()
            {
                discard(edge, *old);
            }
            last = answer.or(last);
            match self.verdict(number, end, deadline, now) {
                Verdict::Retry => {
                    number += 1;
                    edge.counters.retried(self.second);
                }
                Verdict::Resend => {}
                Verdict::AwaitApp => {
                    edge.readiness.mark_down();
                    // A request that waits for the app must not take up its limit.
                    drop(permit.take());
                    if !self.await_app(now, deadline, &mut refused_until).await {
                        return (last_or(last, Failure::Unreachable), number);
                    }
                    permit = self.permit(deadline).await;
                    if permit.is_none() {
                        return (last.map(|a| *a).ok_or(NoResponse::Shed), number);
                    }
                }
                Verdict::Deliver => {
                    if let Some(permit) = permit.take() {
                        permit.finish(Some(now.since(begun)));
                    }
                    return (last_or(last, Failure::Broken), number);
                }
                Verdict::Fail(failure) => {
                    if failure == Failure::Late {
                        edge.readiness.unanswered(begun);
                    }
                    if let (Failure::Late, Some(permit)) = (failure, permit.take()) {
                        permit.finish(None);
                    }
                    return (last_or(last, failure), number);
                }
            }
        }
    }

    /// What to do after an attempt. Takes a token from the budget for a retry.
    fn verdict(&self, number: u32, end: AttemptEnd, deadline: Deadline, now: Monotonic) -> Verdict {
        let edge = self.edge;
        let attempt = EndedAttempt {
            number,
            end,
            repeatable: self.repeatable,
            replayable: self.body.is_replayable(),
            late: deadline.is_over(now),
        };
        let verdict = verdict(&attempt, edge.settings.retry.tries);
        if verdict == Verdict::Retry && !edge.retry_state().budget.withdraw(now) {
            edge.counters.retry_denied(self.second);
            return without_token(&attempt);
        }
        verdict
    }

    /// Waits until the app accepts connections; false if that takes too long. The limit counts from
    /// the first refused connection.
    async fn await_app(
        &self,
        now: Monotonic,
        deadline: Deadline,
        refused_until: &mut Option<Deadline>,
    ) -> bool {
        let own = Deadline::new(now, Some(self.edge.settings.retry.connect_wait));
        let until = *refused_until.get_or_insert(own);
        let wait = deadline
            .within(now, until.remaining(now))
            .unwrap_or_default();
        !wait.is_zero() && self.edge.readiness.wait_until_up(wait).await
    }

    async fn permit(&self, deadline: Deadline) -> Option<Permit<'_>> {
        let edge = self.edge;
        if !self.switches.shed {
            return Some(Permit::unlimited(&edge.concurrency_limit));
        }
        let wait = deadline.within(edge.clock.now(), Some(edge.settings.queue));
        edge.concurrency_limit
            .acquire(wait.unwrap_or_default())
            .await
            .ok()
    }

    async fn attempt(&self, deadline: Deadline, is_retry: bool, use_idle: bool) -> Attempt {
        let edge = self.edge;
        if crate::random::happens(edge.settings.faults.fail_share) {
            return Attempt::Ended(AttemptEnd::Reset);
        }
        let now = edge.clock.now();
        let idle = use_idle.then(|| edge.app.take_idle(self.repeatable));
        let (mut connection, was_idle) = match idle.flatten() {
            Some(connection) => (connection, true),
            None => {
                let within = deadline
                    .within(now, Some(CONNECT_TIMEOUT))
                    .unwrap_or(CONNECT_TIMEOUT);
                match tokio::time::timeout(within, edge.app.connect()).await {
                    Ok(Ok(connection)) => (connection, false),
                    _ => return Attempt::Ended(AttemptEnd::Refused),
                }
            }
        };
        let request = self.request(is_retry);
        let sent = connection.send(request);
        let answer = match deadline.within(now, edge.settings.retry.one_try) {
            None => sent.await,
            Some(within) => match tokio::time::timeout(within, sent).await {
                Ok(answer) => answer,
                Err(_) => return Attempt::Ended(AttemptEnd::Silent),
            },
        };
        match answer {
            Ok(response) => Attempt::Answered(Box::new(AppResponse {
                response,
                connection,
            })),
            Err(error) if error.message().is_none() => Attempt::Ended(AttemptEnd::Reset),
            Err(_) if was_idle => Attempt::Ended(AttemptEnd::Unsent),
            // Accepted, then closed before a byte was sent: the app is not serving yet.
            Err(_) => Attempt::Ended(AttemptEnd::Refused),
        }
    }

    fn request(&self, is_retry: bool) -> Request<AttemptBody> {
        let parts = self.parts;
        let waits = !is_retry && parts.headers.contains_key(header::EXPECT);
        let (proceed, may_proceed) = waits.then(oneshot::channel).unzip();
        let mut request = Request::new(self.body.reader(may_proceed));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = parts.uri.clone();
        *request.headers_mut() = parts.headers.clone();
        if let Some(proceed) = proceed {
            request
                .headers_mut()
                .insert(header::EXPECT, HeaderValue::from_static("100-continue"));
            await_continue(&mut request, proceed);
        } else {
            request.headers_mut().remove(header::EXPECT);
        }
        request
    }
}

/// Holds the body back until the app has sent `100 Continue`, for a while: many apps never do.
fn await_continue(request: &mut Request<AttemptBody>, proceed: oneshot::Sender<()>) {
    let proceed = Arc::new(Mutex::new(Some(proceed)));
    let release = move |proceed: &Mutex<Option<oneshot::Sender<()>>>| {
        let proceed = proceed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Without a receiver, the attempt has ended already.
        let _ = proceed.map(|proceed| proceed.send(()));
    };
    let later = Arc::clone(&proceed);
    tokio::spawn(async move {
        tokio::time::sleep(CONTINUE_TIMEOUT).await;
        release(&later);
    });
    hyper::ext::on_informational(request, move |answer| {
        if answer.status() == http::StatusCode::CONTINUE {
            release(&proceed);
        }
    });
}

/// What the user gets if there are no more attempts: the app's last answer, if it gave one.
fn last_or(last: Option<Box<AppResponse>>, failure: Failure) -> Result<AppResponse, NoResponse> {
    last.map(|answer| *answer)
        .ok_or(NoResponse::Failed(failure))
}

/// Reads an unwanted answer to its end, so that its connection can be used again.
fn discard(edge: &Arc<Edge>, answer: AppResponse) {
    let AppResponse {
        response,
        connection,
    } = answer;
    let body = response.into_body();
    if body.is_end_stream() {
        edge.app.put_back(connection);
        return;
    }
    let edge = Arc::clone(edge);
    tokio::spawn(async move {
        let read = Limited::new(body.map_err(|_| Truncated), UNWANTED).collect();
        if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(1), read).await {
            edge.app.put_back(connection);
        }
    });
}
