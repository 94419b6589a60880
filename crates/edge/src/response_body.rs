//! Bodies of answers, on their way to the client.

use crate::app_connections::AppConnection;
use crate::request_record::RequestRecord;
use bytes::Bytes;
use edge_contract::bucket::Outcome;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// Of the edge itself.
    Own(Option<Bytes>),
    /// Of the app.
    App(Box<AppResponseBody>),
}

/// The body of the app's answer.
#[derive(Debug)]
pub(crate) struct AppResponseBody {
    pub(crate) from: Incoming,
    /// Where it comes from, to be kept for another request.
    pub(crate) connection: Option<AppConnection>,
    pub(crate) record: RequestRecord,
    /// The outcome of the request if the body is complete.
    pub(crate) outcome: Outcome,
    /// Longest pause between two pieces.
    pub(crate) silence: Option<Duration>,
    pub(crate) sleep: Option<Pin<Box<Sleep>>>,
    /// Bytes so far.
    pub(crate) sent: u64,
    pub(crate) at_end: bool,
}

/// The app's answer ended early. The client's connection is broken off too, so that the client
/// cannot take half an answer for a complete one.
#[derive(Debug)]
pub(crate) struct Truncated;

impl std::fmt::Display for Truncated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the app's answer broke off")
    }
}

impl std::error::Error for Truncated {}

impl AppResponseBody {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Truncated>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.from).poll_frame(cx) else {
            let Some(limit) = self.silence else {
                return Poll::Pending;
            };
            let sleep = self
                .sleep
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
            std::task::ready!(sleep.as_mut().poll(cx));
            self.record.finish(Outcome::Cut, self.sent);
            return Poll::Ready(Some(Err(Truncated)));
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
                self.record.finish(Outcome::Cut, self.sent);
                Poll::Ready(Some(Err(Truncated)))
            }
        }
    }
}

impl Drop for AppResponseBody {
    fn drop(&mut self) {
        // A body of known length is not polled again after its last byte.
        if self.at_end || self.from.is_end_stream() {
            self.record.finish(self.outcome, self.sent);
            if let Some(connection) = self.connection.take() {
                self.record.edge.app.put_back(connection);
            }
        } else {
            self.record.finish(Outcome::Gone, self.sent);
        }
    }
}

impl ResponseBody {
    /// Records that the user does not get all of it.
    pub(crate) fn mark_truncated(&mut self) {
        if let ResponseBody::App(body) = self {
            body.record.finish(Outcome::Cut, body.sent);
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Truncated;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Truncated>>> {
        match self.get_mut() {
            ResponseBody::Own(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            ResponseBody::App(body) => body.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Own(text) => text.is_none(),
            ResponseBody::App(body) => body.from.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Own(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |t| t.len() as u64))
            }
            ResponseBody::App(body) => body.from.size_hint(),
        }
    }
}
