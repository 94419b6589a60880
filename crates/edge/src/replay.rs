//! Request bodies: read from the client once, sent to the app as often as it takes.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Sleep;

/// Why a body cannot be sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoilt {
    /// The client broke off, or sent nonsense.
    Client,
    /// The client was silent for too long.
    Slow,
    /// More than the limit.
    TooLong,
}

/// A try that was given up asks for more, or the body cannot be had.
#[derive(Debug)]
pub(crate) struct Unavailable;

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request's body is not available")
    }
}

impl std::error::Error for Unavailable {}

/// A body as it comes in: over a connection, or with an invocation as a whole.
#[derive(Debug)]
pub(crate) enum ClientBody {
    Stream(Incoming),
    Whole(Option<Bytes>),
}

impl ClientBody {
    pub(crate) fn whole(bytes: Vec<u8>) -> ClientBody {
        ClientBody::Whole(Some(Bytes::from(bytes)).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            ClientBody::Stream(stream) => Pin::new(stream).poll_frame(cx),
            ClientBody::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ClientBody::Stream(stream) => stream.is_end_stream(),
            ClientBody::Whole(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ClientBody::Stream(stream) => stream.size_hint(),
            ClientBody::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
        }
    }
}

/// Limits of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    /// What is kept for another try.
    pub(crate) keep: usize,
    /// Longest body.
    pub(crate) longest: Option<u64>,
    /// Longest silence.
    pub(crate) silence: Duration,
}

/// The body of a request, on the edge's side.
#[derive(Debug, Clone)]
pub(crate) struct KeptBody(Option<Arc<Mutex<Source>>>);

#[derive(Debug)]
struct Source {
    from: ClientBody,
    limits: BodyLimits,
    /// What has been read, as long as all of it is kept.
    kept: Vec<Bytes>,
    trailers: Option<http::HeaderMap>,
    read: u64,
    is_kept: bool,
    at_end: bool,
    spoilt: Option<Spoilt>,
    silence: Option<Pin<Box<Sleep>>>,
    /// The try that may read.
    reader: u32,
}

impl KeptBody {
    pub(crate) fn new(from: ClientBody, mut limits: BodyLimits) -> KeptBody {
        if let ClientBody::Whole(Some(bytes)) = &from {
            // It is there already.
            limits.keep = bytes.len();
        }
        if from.is_end_stream() {
            return KeptBody(None);
        }
        KeptBody(Some(Arc::new(Mutex::new(Source {
            from,
            limits,
            kept: Vec::new(),
            trailers: None,
            read: 0,
            is_kept: true,
            at_end: false,
            spoilt: None,
            silence: None,
            reader: 0,
        }))))
    }

    /// Whether it can be sent from its beginning.
    pub(crate) fn is_replayable(&self) -> bool {
        self.lock().is_none_or(|source| source.is_kept)
    }

    /// What went wrong on the client's side.
    pub(crate) fn spoilt(&self) -> Option<Spoilt> {
        self.lock().and_then(|source| source.spoilt)
    }

    /// The body for one more try; readers of earlier ones get nothing any more. With `go`, nothing is
    /// read before it is given.
    pub(crate) fn reader(&self, go: Option<oneshot::Receiver<()>>) -> AppBody {
        let Some(source) = &self.0 else {
            return AppBody::Empty;
        };
        let number = {
            let mut source = lock(source);
            source.reader += 1;
            source.reader
        };
        AppBody::Reader(Reader {
            source: Arc::clone(source),
            number,
            position: 0,
            done: false,
            go,
        })
    }

    fn lock(&self) -> Option<MutexGuard<'_, Source>> {
        self.0.as_ref().map(|source| lock(source))
    }
}

fn lock(source: &Mutex<Source>) -> MutexGuard<'_, Source> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Source {
    fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unavailable>>> {
        if self.spoilt.is_some() {
            return Poll::Ready(Some(Err(Unavailable)));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.from).poll_frame(cx) else {
            let limit = self.limits.silence;
            let silence = self
                .silence
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
            ready!(silence.as_mut().poll(cx));
            return self.spoil(Spoilt::Slow);
        };
        self.silence = None;
        match frame {
            None => {
                self.at_end = true;
                Poll::Ready(None)
            }
            Some(Err(_)) => self.spoil(Spoilt::Client),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.read = self.read.saturating_add(data.len() as u64);
                    if self
                        .limits
                        .longest
                        .is_some_and(|longest| self.read > longest)
                    {
                        return self.spoil(Spoilt::TooLong);
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

    fn spoil(&mut self, why: Spoilt) -> Poll<Option<Result<Frame<Bytes>, Unavailable>>> {
        self.spoilt = Some(why);
        Poll::Ready(Some(Err(Unavailable)))
    }
}

/// A body on its way to the app.
#[derive(Debug)]
pub(crate) enum AppBody {
    Empty,
    Reader(Reader),
}

/// One try's view of the body.
#[derive(Debug)]
pub(crate) struct Reader {
    source: Arc<Mutex<Source>>,
    number: u32,
    /// Kept pieces that this try has sent.
    position: usize,
    done: bool,
    go: Option<oneshot::Receiver<()>>,
}

impl Body for AppBody {
    type Data = Bytes;
    type Error = Unavailable;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unavailable>>> {
        let AppBody::Reader(reader) = self.get_mut() else {
            return Poll::Ready(None);
        };
        if reader.done {
            return Poll::Ready(None);
        }
        if let Some(go) = &mut reader.go {
            // A sender that was dropped will not say anything else: go as well.
            let _ = ready!(Pin::new(go).poll(cx));
            reader.go = None;
        }
        let mut source = lock(&reader.source);
        if source.reader != reader.number {
            return Poll::Ready(Some(Err(Unavailable)));
        }
        if let Some(piece) = source.kept.get(reader.position) {
            reader.position += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        if source.at_end {
            reader.done = true;
            return Poll::Ready(source.trailers.clone().map(|t| Ok(Frame::trailers(t))));
        }
        let more = ready!(source.poll_more(cx));
        match &more {
            Some(Ok(frame)) if frame.is_data() && source.is_kept => reader.position += 1,
            Some(Ok(frame)) if frame.is_trailers() => reader.done = true,
            None => reader.done = true,
            _ => {}
        }
        Poll::Ready(more)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AppBody::Empty => true,
            AppBody::Reader(reader) => reader.done,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AppBody::Empty => SizeHint::with_exact(0),
            AppBody::Reader(reader) => {
                let source = lock(&reader.source);
                let to_come = source.from.size_hint();
                // Only before anything was read is what is to come the whole body.
                match to_come.exact() {
                    Some(rest) if source.is_kept && reader.position == 0 => {
                        SizeHint::with_exact(rest.saturating_add(source.read))
                    }
                    _ => SizeHint::new(),
                }
            }
        }
    }
}
