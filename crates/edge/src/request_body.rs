//! Request bodies: read from the client once, sent to the app with every attempt.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Sleep;

/// Why a body could not be read from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// The client broke the connection off, or violated the protocol.
    Broken,
    /// The client sent nothing for too long.
    TimedOut,
    TooLong,
}

/// An abandoned attempt asks for more of the body, or the body could not be read.
#[derive(Debug)]
pub(crate) struct BodyUnavailable;

impl std::fmt::Display for BodyUnavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request's body is not available")
    }
}

impl std::error::Error for BodyUnavailable {}

/// A body as it arrives: over a connection, or complete with an invocation.
#[derive(Debug)]
pub(crate) enum IncomingBody {
    Stream(Incoming),
    Complete(Option<Bytes>),
}

impl IncomingBody {
    pub(crate) fn complete(bytes: Vec<u8>) -> IncomingBody {
        IncomingBody::Complete(Some(Bytes::from(bytes)).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            IncomingBody::Stream(stream) => Pin::new(stream).poll_frame(cx),
            IncomingBody::Complete(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            IncomingBody::Stream(stream) => stream.is_end_stream(),
            IncomingBody::Complete(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            IncomingBody::Stream(stream) => stream.size_hint(),
            IncomingBody::Complete(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    /// Longest body, in bytes, that is kept for another attempt.
    pub(crate) keep: usize,
    /// Longest body in bytes.
    pub(crate) longest: Option<u64>,
    /// Longest pause between two pieces.
    pub(crate) silence: Duration,
}

/// The body of a request: what has been read is kept, so that it can be sent again.
#[derive(Debug, Clone)]
pub(crate) struct ReplayableBody(Option<Arc<Mutex<State>>>);

#[derive(Debug)]
struct State {
    from: IncomingBody,
    limits: BodyLimits,
    /// What has been read, as long as all of it is kept.
    kept: Vec<Bytes>,
    trailers: Option<http::HeaderMap>,
    /// Bytes read so far.
    read: u64,
    is_kept: bool,
    at_end: bool,
    error: Option<BodyError>,
    silence: Option<Pin<Box<Sleep>>>,
    /// The attempt that may read.
    reader: u32,
}

impl ReplayableBody {
    pub(crate) fn new(from: IncomingBody, mut limits: BodyLimits) -> ReplayableBody {
        if let IncomingBody::Complete(Some(bytes)) = &from {
            // It is in memory anyway.
            limits.keep = bytes.len();
        }
        if from.is_end_stream() {
            return ReplayableBody(None);
        }
        ReplayableBody(Some(Arc::new(Mutex::new(State {
            from,
            limits,
            kept: Vec::new(),
            trailers: None,
            read: 0,
            is_kept: true,
            at_end: false,
            error: None,
            silence: None,
            reader: 0,
        }))))
    }

    /// Whether it can be sent from its beginning.
    pub(crate) fn is_replayable(&self) -> bool {
        self.lock().is_none_or(|state| state.is_kept)
    }

    /// Why it could not be read from the client.
    pub(crate) fn error(&self) -> Option<BodyError> {
        self.lock().and_then(|state| state.error)
    }

    /// The body for a new attempt; earlier attempts can read no more of it. With `proceed`, it is
    /// not sent before a message arrives there.
    pub(crate) fn reader(&self, proceed: Option<oneshot::Receiver<()>>) -> AttemptBody {
        let Some(state) = &self.0 else {
            return AttemptBody::Empty;
        };
        let number = {
            let mut state = lock(state);
            state.reader += 1;
            state.reader
        };
        AttemptBody::Reader(Reader {
            state: Arc::clone(state),
            number,
            position: 0,
            done: false,
            proceed,
        })
    }

    fn lock(&self) -> Option<MutexGuard<'_, State>> {
        self.0.as_ref().map(|state| lock(state))
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyUnavailable>>> {
        if self.error.is_some() {
            return Poll::Ready(Some(Err(BodyUnavailable)));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.from).poll_frame(cx) else {
            let limit = self.limits.silence;
            let silence = self
                .silence
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
            ready!(silence.as_mut().poll(cx));
            return self.fail(BodyError::TimedOut);
        };
        self.silence = None;
        match frame {
            None => {
                self.at_end = true;
                Poll::Ready(None)
            }
            Some(Err(_)) => self.fail(BodyError::Broken),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.read = self.read.saturating_add(data.len() as u64);
                    if self
                        .limits
                        .longest
                        .is_some_and(|longest| self.read > longest)
                    {
                        return self.fail(BodyError::TooLong);
                    }
                    if self.is_kept && self.read <= self.limits.keep as u64 {
                        self.kept.push(data.clone());
                    } else {
                        self.is_kept = false;
                        self.kept = Vec::new();
                    }
                } else if let Some(trailers) = frame.trailers_ref() {
                    self.trailers = Some(trailers.clone());
                    self.at_end = true;
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn fail(&mut self, why: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyUnavailable>>> {
        self.error = Some(why);
        Poll::Ready(Some(Err(BodyUnavailable)))
    }
}

/// The body of one attempt.
#[derive(Debug)]
pub(crate) enum AttemptBody {
    Empty,
    Reader(Reader),
}

#[derive(Debug)]
pub(crate) struct Reader {
    state: Arc<Mutex<State>>,
    /// Number of the attempt.
    number: u32,
    /// How many kept pieces this attempt has sent.
    position: usize,
    done: bool,
    proceed: Option<oneshot::Receiver<()>>,
}

impl Body for AttemptBody {
    type Data = Bytes;
    type Error = BodyUnavailable;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyUnavailable>>> {
        let AttemptBody::Reader(reader) = self.get_mut() else {
            return Poll::Ready(None);
        };
        if reader.done {
            return Poll::Ready(None);
        }
        if let Some(proceed) = &mut reader.proceed {
            // A dropped sender will never send: proceed as well.
            let _ = ready!(Pin::new(proceed).poll(cx));
            reader.proceed = None;
        }
        let mut state = lock(&reader.state);
        if state.reader != reader.number {
            return Poll::Ready(Some(Err(BodyUnavailable)));
        }
        if let Some(piece) = state.kept.get(reader.position) {
            reader.position += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        if state.at_end {
            reader.done = true;
            return Poll::Ready(state.trailers.clone().map(|t| Ok(Frame::trailers(t))));
        }
        let more = ready!(state.poll_more(cx));
        match &more {
            Some(Ok(frame)) if frame.is_data() && state.is_kept => reader.position += 1,
            Some(Ok(frame)) if frame.is_trailers() => reader.done = true,
            None => reader.done = true,
            _ => {}
        }
        Poll::Ready(more)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AttemptBody::Empty => true,
            AttemptBody::Reader(reader) => reader.done,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AttemptBody::Empty => SizeHint::with_exact(0),
            AttemptBody::Reader(reader) => {
                let state = lock(&reader.state);
                let remaining = state.from.size_hint();
                // An attempt that has sent nothing yet sends what was read and what remains.
                match remaining.exact() {
                    Some(rest) if state.is_kept && reader.position == 0 => {
                        SizeHint::with_exact(rest.saturating_add(state.read))
                    }
                    _ => SizeHint::new(),
                }
            }
        }
    }
}
