//! Answers on their way to users.

use crate::app::Line;
use crate::edge::Edge;
use crate::ledger::Whose;
use crate::policy::monotonic::Moment;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use rules::edge_contract::bucket::Outcome;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum UserBody {
    /// The edge's own words.
    Own(Option<Bytes>),
    /// The app's.
    App(Box<AppAnswer>),
}

/// What is written into the books when the answer has ended.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) edge: Arc<Edge>,
    pub(crate) whose: Whose,
    pub(crate) second: u64,
    pub(crate) start: Moment,
    pub(crate) log: Option<Box<crate::access_log::Entry>>,
    pub(crate) is_open: bool,
}

impl Account {
    /// Closes the account. Only the first time counts.
    pub(crate) fn close(&mut self, outcome: Outcome, bytes: u64) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let took = self.edge.clock.now().since(self.start);
        self.edge
            .ledger
            .ends(self.second, self.whose, outcome, took);
        if let Some(entry) = self.log.take()
            && entry.is_wanted(outcome)
        {
            self.edge
                .console
                .record(entry.line(&self.edge, outcome, bytes, took));
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // Nobody took what was on its way.
        self.close(Outcome::Gone, 0);
    }
}

/// An answer of the app that is passed on.
#[derive(Debug)]
pub(crate) struct AppAnswer {
    pub(crate) from: Incoming,
    pub(crate) line: Option<Line>,
    pub(crate) account: Account,
    pub(crate) outcome: Outcome,
    pub(crate) silence: Option<Duration>,
    pub(crate) sleep: Option<Pin<Box<Sleep>>>,
    pub(crate) sent: u64,
    pub(crate) at_end: bool,
}

/// The app's answer broke off. The client's connection is broken off as well: half an answer must not
/// look like a whole one.
#[derive(Debug)]
pub(crate) struct CutOff;

impl std::fmt::Display for CutOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the app's answer broke off")
    }
}

impl std::error::Error for CutOff {}

impl AppAnswer {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.from).poll_frame(cx) else {
            let Some(limit) = self.silence else {
                return Poll::Pending;
            };
            let sleep = self
                .sleep
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
            std::task::ready!(sleep.as_mut().poll(cx));
            self.account.close(Outcome::Cut, self.sent);
            return Poll::Ready(Some(Err(CutOff)));
        };
        self.sleep = None;
        match frame {
            None => {
                self.at_end = true;
                Poll::Ready(None)
            }
            Some(Ok(frame)) => {
                self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(_)) => {
                self.account.close(Outcome::Cut, self.sent);
                Poll::Ready(Some(Err(CutOff)))
            }
        }
    }
}

impl Drop for AppAnswer {
    fn drop(&mut self) {
        // After the last byte of a known length nobody asks for the end.
        if self.at_end || self.from.is_end_stream() {
            self.account.close(self.outcome, self.sent);
            if let Some(line) = self.line.take() {
                self.account.edge.app.keep(line);
            }
        } else {
            self.account.close(Outcome::Gone, self.sent);
        }
    }
}

impl UserBody {
    /// The user does not get all of it.
    pub(crate) fn cut(&mut self) {
        if let UserBody::App(answer) = self {
            answer.account.close(Outcome::Cut, answer.sent);
        }
    }
}

impl Body for UserBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        match self.get_mut() {
            UserBody::Own(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            UserBody::App(answer) => answer.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            UserBody::Own(text) => text.is_none(),
            UserBody::App(answer) => answer.from.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            UserBody::Own(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |t| t.len() as u64))
            }
            UserBody::App(answer) => answer.from.size_hint(),
        }
    }
}
