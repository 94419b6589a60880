//! One connection of a user, from its first byte to its last.

use crate::client_io::{Activity, ClientIo, Doing, has_unread};
use crate::edge::Edge;
use crate::gateway;
use crate::policy::drain::Phase;
use crate::policy::monotonic::Moment;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// What HTTP/2 without TLS begins with (RFC 9113, 3.4); no request of HTTP/1 does.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 256;
/// A connection that has just been made gets this long for its request when the task ends.
const GREETING: Duration = Duration::from_secs(2);
/// How often an ending connection is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Whoever is at the other end. Counts as an open connection until the last part of it is dropped.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) edge: Arc<Edge>,
    pub(crate) peer: SocketAddr,
}

impl Guest {
    pub(crate) fn new(edge: Arc<Edge>, peer: SocketAddr) -> Guest {
        edge.connections.begin();
        Guest { edge, peer }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.edge.connections.end();
    }
}

/// A request that is open on a connection.
struct OpenRequest(Arc<Activity>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.request_ends();
    }
}

/// Serves one connection until it ends.
pub(crate) async fn serve(guest: Arc<Guest>, stream: TcpStream) {
    // Events of a few bytes are not to wait for more.
    let _ = stream.set_nodelay(true);
    let edge = Arc::clone(&guest.edge);
    let header = edge.settings.clients.header;
    let Ok(Some(is_http2)) = tokio::time::timeout(header, speaks_http2(&stream)).await else {
        return;
    };
    let stream = Arc::new(stream);
    let activity = Arc::new(Activity::new(edge.clock));
    let io = TokioIo::new(ClientIo::new(Arc::clone(&stream), Arc::clone(&activity)));
    let service = {
        let activity = Arc::clone(&activity);
        service_fn(move |request| {
            activity.request_begins();
            let open = OpenRequest(Arc::clone(&activity));
            let guest = Arc::clone(&guest);
            async move {
                let response = gateway::serve(guest, request).await;
                Ok::<_, Infallible>(response.map(|body| Counted { body, _open: open }))
            }
        })
    };
    let watch = Watch {
        edge: &edge,
        stream: &stream,
        activity: &activity,
        is_http2,
    };
    if is_http2 {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(
                u32::try_from(edge.settings.clients.header_bytes).unwrap_or(u32::MAX),
            )
            .keep_alive_interval(Duration::from_secs(30))
            .serve_connection(io, service);
        watch
            .over(std::pin::pin!(connection), |connection| {
                connection.graceful_shutdown()
            })
            .await;
    } else {
        let connection = http1::Builder::new()
            .max_buf_size(edge.settings.clients.header_bytes)
            .half_close(false)
            .serve_connection(io, service)
            .with_upgrades();
        watch
            .over(std::pin::pin!(connection), |connection| {
                connection.graceful_shutdown()
            })
            .await;
    }
}

/// A body that keeps its request open.
struct Counted {
    body: crate::answer::UserBody,
    _open: OpenRequest,
}

impl http_body::Body for Counted {
    type Data = bytes::Bytes;
    type Error = crate::answer::CutOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// Looks at the first bytes without taking them. [`None`]: the connection ended before there were any.
async fn speaks_http2(stream: &TcpStream) -> Option<bool> {
    let mut first = [0; PREFACE.len()];
    loop {
        let count = stream
            .peek(&mut first)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        let (seen, wanted) = (first.get(..count)?, PREFACE.get(..count)?);
        // Three letters are enough: no method begins with PRI.
        if seen != wanted || count >= 3 {
            return Some(seen == wanted);
        }
        // A byte or two: `peek` would come back at once with the same ones.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Watches over a connection: its silences, and the end of the task.
struct Watch<'w> {
    edge: &'w Edge,
    stream: &'w TcpStream,
    activity: &'w Activity,
    is_http2: bool,
}

impl Watch<'_> {
    async fn over<C, E>(&self, mut connection: Pin<&mut C>, close: impl Fn(Pin<&mut C>))
    where
        C: Future<Output = Result<(), E>>,
    {
        let mut phase = self.edge.phase.subscribe();
        let mut is_closing = false;
        let mut look_at = self
            .edge
            .clock
            .now()
            .plus(self.edge.settings.clients.header);
        loop {
            tokio::select! {
                biased;
                _ = connection.as_mut() => return,
                () = tokio::time::sleep_until(self.edge.clock.instant(look_at)) => {}
                _ = phase.changed() => {}
            }
            let now = self.edge.clock.now();
            let stage = *phase.borrow_and_update();
            match self.due(stage, now) {
                Due::At(next) => look_at = next,
                // It may have spoken at this very moment.
                Due::Now if self.is_overdue(now) && self.may_have_spoken() => {
                    look_at = now.plus(LOOK)
                }
                Due::Now if self.is_overdue(now) => return,
                Due::Now => {
                    if !is_closing {
                        is_closing = true;
                        close(connection.as_mut());
                    }
                    look_at = now.plus(self.edge.settings.clients.header);
                }
                Due::CutOff => return,
            }
        }
    }

    /// Whether the client has been silent for longer than it may.
    fn is_overdue(&self, now: Moment) -> bool {
        self.silent_until().is_some_and(|until| until <= now)
    }

    /// Whether it has said something that nobody has read yet. While it is to take an answer, what it
    /// says does not count.
    fn may_have_spoken(&self) -> bool {
        self.activity.doing() != Doing::Busy && has_unread(self.stream)
    }

    fn silent_until(&self) -> Option<Moment> {
        let clients = &self.edge.settings.clients;
        match self.activity.doing() {
            Doing::New(since) => Some(since.plus(clients.header)),
            // On HTTP/2 these bytes may be a ping.
            Doing::Head(since) if self.is_http2 => Some(since.plus(clients.idle)),
            Doing::Head(since) => Some(since.plus(clients.header)),
            Doing::Idle(since) => Some(since.plus(clients.idle)),
            Doing::Busy => self
                .activity
                .stalled_since()
                .map(|since| since.plus(clients.send)),
        }
    }

    /// When this connection has to be looked at next, or what is due.
    fn due(&self, phase: Phase, now: Moment) -> Due {
        let header = self.edge.settings.clients.header;
        match phase {
            Phase::Serving | Phase::Closing { .. } | Phase::Lead { .. }
                if !(self.is_http2 && phase.is_draining()) =>
            {
                match self.silent_until() {
                    Some(until) if until <= now => Due::Now,
                    // Not later than a head may take: one may begin any time.
                    Some(until) => Due::At(until.min(now.plus(header))),
                    None => Due::At(now.plus(header)),
                }
            }
            // HTTP/2 has a word for it that loses nothing: say it at once.
            Phase::Serving | Phase::Closing { .. } | Phase::Lead { .. } => Due::Now,
            Phase::Ending { .. } => match self.activity.doing() {
                // The answer will say that it is the last one.
                Doing::Busy => Due::Now,
                Doing::Head(_) => Due::At(now.plus(LOOK)),
                Doing::New(since) if now.since(since) < GREETING => Due::At(now.plus(LOOK)),
                _ if has_unread(self.stream) => Due::At(now.plus(LOOK)),
                Doing::New(_) | Doing::Idle(_) => Due::Now,
            },
            Phase::StoppingApp { .. } | Phase::Gone => Due::CutOff,
        }
    }
}

enum Due {
    /// Look again.
    At(Moment),
    /// Close it politely.
    Now,
    /// Its time is over.
    CutOff,
}
