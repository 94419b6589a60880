//! An answer on its way to Lambda while the app still gives it.

use crate::answer::UserBody;
use crate::policy::lambda::stream::{Cut, Tally};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

/// How a streamed answer ended. An error of the receiver: it was dropped before its end.
pub(super) type Ended = Result<(), (Cut, u64)>;

/// The prelude, then the app's answer piece by piece. Nothing is kept here: the next piece is asked for when
/// the connection has room for it.
#[derive(Debug)]
pub(super) struct Streamed {
    prelude: Option<Bytes>,
    /// Until the end, whatever end it is.
    from: Option<UserBody>,
    tally: Tally,
    time: Option<Pin<Box<Sleep>>>,
    told: Option<oneshot::Sender<Ended>>,
}

impl Streamed {
    /// The body that brings `from`, for no longer than until `end`, and what becomes of it.
    pub(super) fn new(
        prelude: Vec<u8>,
        from: UserBody,
        end: Option<Instant>,
    ) -> (Streamed, oneshot::Receiver<Ended>) {
        let (told, ended) = oneshot::channel();
        // The edge's own word is there as a whole; often it is about the time that is over.
        let end = end.filter(|_| matches!(from, UserBody::App(_)));
        let streamed = Streamed {
            prelude: Some(Bytes::from(prelude)),
            from: Some(from),
            tally: Tally::default(),
            time: end.map(|end| Box::pin(tokio::time::sleep_until(end))),
            told: Some(told),
        };
        (streamed, ended)
    }

    /// The next piece of the body; [`None`] at its end.
    fn poll_piece(
        &mut self,
        from: &mut UserBody,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Cut>> {
        // First: an app that never pauses has to end as well.
        if let Some(time) = &mut self.time
            && time.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(Cut::OutOfTime));
        }
        loop {
            match ready!(Pin::new(&mut *from).poll_frame(cx)) {
                None => return Poll::Ready(Ok(None)),
                Some(Err(_)) => return Poll::Ready(Err(Cut::BrokeOff)),
                Some(Ok(frame)) => {
                    // Trailers of the app have no way to its user.
                    if let Ok(piece) = frame.into_data() {
                        let passed = self.tally.pass(piece.len());
                        return Poll::Ready(passed.map(|()| Some(piece)));
                    }
                }
            }
        }
    }

    fn tell(&mut self, ended: Ended) {
        if let Some(told) = self.told.take() {
            // Who does not wait for it does not need it.
            let _ = told.send(ended);
        }
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(prelude) = this.prelude.take() {
            return Poll::Ready(Some(Ok(Frame::data(prelude))));
        }
        let Some(mut from) = this.from.take() else {
            return Poll::Ready(None);
        };
        match this.poll_piece(&mut from, cx) {
            Poll::Pending => {
                this.from = Some(from);
                Poll::Pending
            }
            Poll::Ready(Ok(Some(piece))) => {
                this.from = Some(from);
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Poll::Ready(Ok(None)) => {
                drop(from);
                this.tell(Ok(()));
                Poll::Ready(None)
            }
            Poll::Ready(Err(cut)) => {
                // The app sees its user leave.
                from.cut();
                drop(from);
                let sent = this.tally.sent();
                this.tell(Err((cut, sent)));
                Poll::Ready(Some(Ok(Frame::trailers(trailers(cut, sent)))))
            }
        }
    }
}

fn trailers(cut: Cut, sent: u64) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    for (name, value) in cut.trailers(sent) {
        if let Ok(value) = HeaderValue::try_from(value) {
            trailers.insert(name, value);
        }
    }
    trailers
}
