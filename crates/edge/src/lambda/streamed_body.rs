//! An answer that is sent to Lambda while the app produces it.

use crate::policy::lambda::stream::{SizeLimit, Truncation};
use crate::response_body::ResponseBody;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

/// How a streamed answer ended: completely, or why it was truncated and after how many bytes.
pub(super) type StreamEnd = Result<(), (Truncation, u64)>;

/// The prelude, then the app's answer piece by piece. Nothing is buffered: the next piece is
/// requested when the connection has room for it.
#[derive(Debug)]
pub(super) struct StreamedBody {
    prelude: Option<Bytes>,
    /// [`None`] after its end.
    from: Option<ResponseBody>,
    size: SizeLimit,
    timeout: Option<Pin<Box<Sleep>>>,
    end: Option<oneshot::Sender<StreamEnd>>,
}

impl StreamedBody {
    /// The body, and a receiver of how it ended. The receiver fails if the body is dropped before
    /// its end. At `end` the answer is truncated.
    pub(super) fn new(
        prelude: Vec<u8>,
        from: ResponseBody,
        end: Option<Instant>,
    ) -> (StreamedBody, oneshot::Receiver<StreamEnd>) {
        let (sender, receiver) = oneshot::channel();
        // The edge's own answers are complete; often they report a timeout.
        let end = end.filter(|_| matches!(from, ResponseBody::App(_)));
        let body = StreamedBody {
            prelude: Some(Bytes::from(prelude)),
            from: Some(from),
            size: SizeLimit::default(),
            timeout: end.map(|end| Box::pin(tokio::time::sleep_until(end))),
            end: Some(sender),
        };
        (body, receiver)
    }

    /// The next piece of the body; [`None`] at its end.
    fn poll_piece(
        &mut self,
        from: &mut ResponseBody,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Truncation>> {
        // Before the data: an app that never pauses has to end as well.
        if let Some(timeout) = &mut self.timeout
            && timeout.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(Truncation::OutOfTime));
        }
        loop {
            match ready!(Pin::new(&mut *from).poll_frame(cx)) {
                None => return Poll::Ready(Ok(None)),
                Some(Err(_)) => return Poll::Ready(Err(Truncation::BrokeOff)),
                Some(Ok(frame)) => {
                    // Lambda does not pass trailers of the app on.
                    if let Ok(piece) = frame.into_data() {
                        let added = self.size.add(piece.len());
                        return Poll::Ready(added.map(|()| Some(piece)));
                    }
                }
            }
        }
    }

    fn report(&mut self, end: StreamEnd) {
        if let Some(sender) = self.end.take() {
            // The receiver may not be interested any more.
            let _ = sender.send(end);
        }
    }
}

impl Body for StreamedBody {
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
                this.report(Ok(()));
                Poll::Ready(None)
            }
            Poll::Ready(Err(why)) => {
                // Dropping it closes the app's connection.
                from.mark_truncated();
                drop(from);
                let sent = this.size.sent();
                this.report(Err((why, sent)));
                Poll::Ready(Some(Ok(Frame::trailers(trailers(why, sent)))))
            }
        }
    }
}

fn trailers(why: Truncation, sent: u64) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    for (name, value) in why.trailers(sent) {
        if let Ok(value) = HeaderValue::try_from(value) {
            trailers.insert(name, value);
        }
    }
    trailers
}
