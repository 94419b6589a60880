//! One request, as many tries as the rules allow.

use crate::answer::CutOff;
use crate::app::Line;
use crate::edge::Edge;
use crate::ledger::Whose;
use crate::policy::circuit::Admission;
use crate::policy::deadline::Deadline;
use crate::policy::monotonic::Moment;
use crate::policy::path_rules::Switches;
use crate::policy::retry::{Attempt, Ended, Failure, Verdict, verdict, without_token};
use crate::replay::{AppBody, KeptBody};
use crate::turnstile::Place;
use http::request::Parts;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a request body waits for the app's `100 Continue` (RFC 9110, 10.1.1 leaves it open).
const CONTINUE_WITHIN: Duration = Duration::from_secs(1);
/// What is read of an answer that nobody wants, to keep its connection.
const UNWANTED: usize = 64 * 1024;
/// A connection on the same machine is made at once or hangs in a full queue.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// A request on its way through the shield.
#[derive(Debug)]
pub(crate) struct Call<'c> {
    pub(crate) edge: &'c Arc<Edge>,
    pub(crate) parts: &'c Parts,
    pub(crate) body: &'c KeptBody,
    pub(crate) switches: Switches,
    pub(crate) whose: Whose,
    pub(crate) second: u64,
    pub(crate) start: Moment,
    /// How long it may take until the answer begins.
    pub(crate) limit: Option<Duration>,
    pub(crate) repeatable: bool,
    /// Set when the first attempt has ended in an error.
    pub(crate) first_failed: AtomicBool,
}

/// An answer of the app, and the connection it comes over.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response<Incoming>,
    pub(crate) line: Line,
}

/// A request without an answer of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// The app gave none.
    Failed(Failure),
    /// Its circuit is open for this long.
    FailedFast(Duration),
    /// It has enough to do.
    Shed,
    /// The client's body could not be read.
    Client,
}

/// One try.
enum Try {
    Answered(Box<Answer>),
    Ended(Ended),
}

/// A first attempt that has begun. A client that leaves drops it, wherever the request stands.
struct First<'f> {
    call: &'f Call<'f>,
    begun: Option<Moment>,
}

impl First<'_> {
    fn end(&mut self, ended: Option<Ended>) {
        if let Some(begun) = self.begun.take() {
            let took = self.call.edge.clock.now().since(begun);
            let failed = ended.is_some_and(Ended::is_error);
            self.call.first_failed.store(failed, Ordering::Relaxed);
            self.call
                .edge
                .ledger
                .first_ends(self.call.second, self.call.whose, ended, took);
        }
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl Call<'_> {
    /// Asks the app until the rules are content. The second number is that of the tries.
    pub(crate) async fn answer(&self) -> (Result<Answer, Unanswered>, u32) {
        let edge = self.edge;
        let deadline = Deadline::new(self.start, self.limit);
        if self.switches.circuit {
            let admission = edge.guard().circuit.admit(self.start);
            if let Admission::FailFast(wait) = admission {
                // It stands for the refused connection that it saves.
                edge.ledger.first_begins(self.second, self.whose);
                let ended = Some(Ended::Refused);
                self.first_failed.store(true, Ordering::Relaxed);
                edge.ledger
                    .first_ends(self.second, self.whose, ended, Duration::ZERO);
                return (Err(Unanswered::FailedFast(wait)), 0);
            }
        }
        let Some(place) = self.place(deadline).await else {
            return (Err(Unanswered::Shed), 0);
        };
        let (answer, tries) = self.tries(deadline, place).await;
        match &answer {
            Ok(_) => {
                edge.gate.answered();
                edge.guard().circuit.answered();
            }
            Err(Unanswered::Failed(_)) => edge.guard().circuit.unanswered(edge.clock.now()),
            Err(_) => {}
        }
        (answer, tries)
    }

    async fn tries(
        &self,
        deadline: Deadline,
        place: Place<'_>,
    ) -> (Result<Answer, Unanswered>, u32) {
        let edge = self.edge;
        let mut place = Some(place);
        let mut number = 1;
        // After a crash all kept connections are broken; one of them is enough to know it.
        let mut trusts_kept = true;
        let mut refused_until: Option<Deadline> = None;
        // The last answer of the app so far: if no better one comes, users get it.
        let mut last: Option<Box<Answer>> = None;
        edge.guard().budget.deposit();
        edge.ledger.first_begins(self.second, self.whose);
        let mut first = First {
            call: self,
            begun: Some(edge.clock.now()),
        };
        loop {
            let begun = edge.clock.now();
            let one = self.one_try(deadline, number > 1, trusts_kept).await;
            let (ended, answer) = match one {
                Try::Answered(answer) => (
                    Ended::Answered(answer.response.status().as_u16()),
                    Some(answer),
                ),
                Try::Ended(ended) => (ended, None),
            };
            if self.body.spoilt().is_some() && answer.is_none() {
                first.end(None);
                return (Err(Unanswered::Client), number);
            }
            trusts_kept &= ended != Ended::Reset;
            if ended != Ended::Unsent {
                first.end(Some(ended));
            }
            let now = edge.clock.now();
            if answer.is_some()
                && let Some(old) = last.take()
            {
                dispose(edge, *old);
            }
            last = answer.or(last);
            let attempt = Attempt {
                number,
                ended,
                repeatable: self.repeatable,
                replayable: self.body.is_replayable(),
                late: deadline.is_over(now),
            };
            let mut decided = verdict(&attempt, edge.settings.retry.tries);
            if decided == Verdict::Retry && !edge.guard().budget.withdraw(now) {
                edge.ledger.denied(self.second);
                decided = without_token(&attempt);
            }
            match decided {
                Verdict::Retry => {
                    number += 1;
                    edge.ledger.retried(self.second);
                }
                Verdict::Resend => {}
                Verdict::AwaitApp => {
                    edge.gate.close();
                    // Those who wait for the app keep no others from it when it is back.
                    drop(place.take());
                    let own = Deadline::new(now, Some(edge.settings.retry.connect_wait));
                    let until = *refused_until.get_or_insert(own);
                    let wait = deadline
                        .within(now, until.remaining(now))
                        .unwrap_or_default();
                    if wait.is_zero() || !edge.gate.wait(wait).await {
                        return (deliver(last, Failure::Unreachable), number);
                    }
                    place = self.place(deadline).await;
                    if place.is_none() {
                        return (last.map(|a| *a).ok_or(Unanswered::Shed), number);
                    }
                }
                Verdict::Deliver => {
                    if let Some(place) = place.take() {
                        place.finish(Some(now.since(begun)));
                    }
                    return (deliver(last, Failure::Broken), number);
                }
                Verdict::Fail(failure) => {
                    if failure == Failure::Late {
                        edge.gate.unanswered(begun);
                    }
                    if let (Failure::Late, Some(place)) = (failure, place.take()) {
                        place.finish(None);
                    }
                    return (deliver(last, failure), number);
                }
            }
        }
    }

    async fn place(&self, deadline: Deadline) -> Option<Place<'_>> {
        let edge = self.edge;
        if !self.switches.shed {
            return Some(Place::of_nobody(&edge.turnstile));
        }
        let wait = deadline.within(edge.clock.now(), Some(edge.settings.queue));
        edge.turnstile.enter(wait.unwrap_or_default()).await.ok()
    }

    async fn one_try(&self, deadline: Deadline, is_retry: bool, trusts_kept: bool) -> Try {
        let edge = self.edge;
        if crate::random::happens(edge.settings.faults.fail_share) {
            return Try::Ended(Ended::Reset);
        }
        let now = edge.clock.now();
        let (mut line, is_kept) = match trusts_kept
            .then(|| edge.app.kept(self.repeatable))
            .flatten()
        {
            Some(line) => (line, true),
            None => {
                let within = deadline
                    .within(now, Some(CONNECT_WITHIN))
                    .unwrap_or(CONNECT_WITHIN);
                match tokio::time::timeout(within, edge.app.connect()).await {
                    Ok(Ok(line)) => (line, false),
                    _ => return Try::Ended(Ended::Refused),
                }
            }
        };
        let request = self.request(is_retry);
        let sent = line.send(request);
        let answer = match deadline.within(now, edge.settings.retry.one_try) {
            None => sent.await,
            Some(within) => match tokio::time::timeout(within, sent).await {
                Ok(answer) => answer,
                Err(_) => return Try::Ended(Ended::Silent),
            },
        };
        match answer {
            Ok(response) => Try::Answered(Box::new(Answer { response, line })),
            Err(error) if error.message().is_none() => Try::Ended(Ended::Reset),
            Err(_) if is_kept => Try::Ended(Ended::Unsent),
            // Accepted and closed before a byte had left: nobody is behind that door yet.
            Err(_) => Try::Ended(Ended::Refused),
        }
    }

    fn request(&self, is_retry: bool) -> Request<AppBody> {
        let parts = self.parts;
        let waits = !is_retry && parts.headers.contains_key(header::EXPECT);
        let (go, may_go) = waits.then(oneshot::channel).unzip();
        let mut request = Request::new(self.body.reader(may_go));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = parts.uri.clone();
        *request.headers_mut() = parts.headers.clone();
        if let Some(go) = go {
            request
                .headers_mut()
                .insert(header::EXPECT, HeaderValue::from_static("100-continue"));
            await_continue(&mut request, go);
        } else {
            request.headers_mut().remove(header::EXPECT);
        }
        request
    }
}

/// Holds the body back until the app has said `100 Continue`, for a moment: many apps never do.
fn await_continue(request: &mut Request<AppBody>, go: oneshot::Sender<()>) {
    let go = Arc::new(std::sync::Mutex::new(Some(go)));
    let open = move |go: &std::sync::Mutex<Option<oneshot::Sender<()>>>| {
        let go = go
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        // Nobody waits any more: the try is over.
        let _ = go.map(|go| go.send(()));
    };
    let later = Arc::clone(&go);
    tokio::spawn(async move {
        tokio::time::sleep(CONTINUE_WITHIN).await;
        open(&later);
    });
    hyper::ext::on_informational(request, move |answer| {
        if answer.status() == http::StatusCode::CONTINUE {
            open(&go);
        }
    });
}

/// What the user gets if no try is left: the app's own last word, if it said anything.
fn deliver(last: Option<Box<Answer>>, failure: Failure) -> Result<Answer, Unanswered> {
    last.map(|answer| *answer)
        .ok_or(Unanswered::Failed(failure))
}

/// Reads an answer that nobody wants to its end, so that its connection can be used again.
fn dispose(edge: &Arc<Edge>, answer: Answer) {
    let Answer { response, line } = answer;
    let body = response.into_body();
    if body.is_end_stream() {
        edge.app.keep(line);
        return;
    }
    let edge = Arc::clone(edge);
    tokio::spawn(async move {
        let read = Limited::new(body.map_err(|_| CutOff), UNWANTED).collect();
        if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(1), read).await {
            edge.app.keep(line);
        }
    });
}
