//! One connection of a user, from its first byte to its last.

use crate::client::Client;
use crate::client_io::{Activity, ClientIo, ConnectionState, has_unread};
use crate::edge::Edge;
use crate::handler;
use crate::policy::drain::Phase;
use crate::policy::monotonic::Monotonic;
use crate::response_body::{ResponseBody, Truncated};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;

/// The beginning of HTTP/2 without TLS (RFC 9113, 3.4), which no HTTP/1 request begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";
/// Most concurrent requests on one HTTP/2 connection.
const STREAMS: u32 = 256;
/// How long a new connection may still send its request when the task shuts down.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a connection is checked that is about to be closed.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// A request that is open on a connection.
struct OpenRequest(Arc<Activity>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.request_ended();
    }
}

/// Serves one connection until it ends.
pub(crate) async fn serve(client: Arc<Client>, stream: TcpStream) {
    // Small pieces, such as server-sent events, must not wait for more data.
    let _ = stream.set_nodelay(true);
    let edge = Arc::clone(&client.edge);
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
            activity.request_began();
            let open = OpenRequest(Arc::clone(&activity));
            let client = Arc::clone(&client);
            async move {
                let response = handler::serve(client, request).await;
                Ok::<_, Infallible>(response.map(|body| TrackedBody { body, _open: open }))
            }
        })
    };
    let timeouts = Timeouts {
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
        timeouts
            .apply_to(std::pin::pin!(connection), |connection| {
                connection.graceful_shutdown()
            })
            .await;
    } else {
        let connection = http1::Builder::new()
            .max_buf_size(edge.settings.clients.header_bytes)
            .half_close(false)
            .serve_connection(io, service)
            .with_upgrades();
        timeouts
            .apply_to(std::pin::pin!(connection), |connection| {
                connection.graceful_shutdown()
            })
            .await;
    }
}

/// A body whose request is open until it is dropped.
struct TrackedBody {
    body: ResponseBody,
    _open: OpenRequest,
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = Truncated;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Truncated>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Peeks at the first bytes. [`None`]: the connection ended before there were any.
async fn speaks_http2(stream: &TcpStream) -> Option<bool> {
    let mut first = [0; PREFACE.len()];
    loop {
        let count = stream
            .peek(&mut first)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        let (seen, wanted) = (first.get(..count)?, PREFACE.get(..count)?);
        // Three bytes are enough: no method begins with PRI.
        if seen != wanted || count >= 3 {
            return Some(seen == wanted);
        }
        // With only a byte or two, `peek` would return the same ones at once.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The timeouts of a connection, and its end when the task shuts down.
struct Timeouts<'t> {
    edge: &'t Edge,
    stream: &'t TcpStream,
    activity: &'t Activity,
    is_http2: bool,
}

impl Timeouts<'_> {
    async fn apply_to<C, E>(&self, mut connection: Pin<&mut C>, close: impl Fn(Pin<&mut C>))
    where
        C: Future<Output = Result<(), E>>,
    {
        let mut phase = self.edge.phase.subscribe();
        let mut is_closing = false;
        let mut check_at = self
            .edge
            .clock
            .now()
            .plus(self.edge.settings.clients.header);
        loop {
            tokio::select! {
                biased;
                _ = connection.as_mut() => return,
                () = tokio::time::sleep_until(self.edge.clock.instant(check_at)) => {}
                _ = phase.changed() => {}
            }
            let now = self.edge.clock.now();
            let current = *phase.borrow_and_update();
            match self.due(current, now) {
                Due::CheckAt(next) => check_at = next,
                // The client may have sent something at this very moment.
                Due::Close if self.is_overdue(now) && self.may_have_sent() => {
                    check_at = now.plus(CHECK_INTERVAL);
                }
                Due::Close if self.is_overdue(now) => return,
                Due::Close => {
                    if !is_closing {
                        is_closing = true;
                        close(connection.as_mut());
                    }
                    check_at = now.plus(self.edge.settings.clients.header);
                }
                Due::Abort => return,
            }
        }
    }

    /// Whether a timeout of the client has expired.
    fn is_overdue(&self, now: Monotonic) -> bool {
        self.timeout_at().is_some_and(|until| until <= now)
    }

    /// Whether the client has sent something that has not been read yet. While it has to read an
    /// answer, what it sends does not count.
    fn may_have_sent(&self) -> bool {
        self.activity.state() != ConnectionState::Busy && has_unread(self.stream)
    }

    fn timeout_at(&self) -> Option<Monotonic> {
        let clients = &self.edge.settings.clients;
        match self.activity.state() {
            ConnectionState::New(since) => Some(since.plus(clients.header)),
            // On HTTP/2 these bytes may be a ping.
            ConnectionState::Head(since) if self.is_http2 => Some(since.plus(clients.idle)),
            ConnectionState::Head(since) => Some(since.plus(clients.header)),
            ConnectionState::Idle(since) => Some(since.plus(clients.idle)),
            ConnectionState::Busy => self
                .activity
                .stalled_since()
                .map(|since| since.plus(clients.send)),
        }
    }

    fn due(&self, phase: Phase, now: Monotonic) -> Due {
        let header = self.edge.settings.clients.header;
        match phase {
            Phase::Serving | Phase::Closing { .. } | Phase::Lead { .. }
                if !(self.is_http2 && phase.is_draining()) =>
            {
                match self.timeout_at() {
                    Some(until) if until <= now => Due::Close,
                    // At the latest after a head's timeout: a head may begin any time.
                    Some(until) => Due::CheckAt(until.min(now.plus(header))),
                    None => Due::CheckAt(now.plus(header)),
                }
            }
            // HTTP/2 loses nothing by GOAWAY: send it at once.
            Phase::Serving | Phase::Closing { .. } | Phase::Lead { .. } => Due::Close,
            Phase::Draining { .. } => match self.activity.state() {
                // The answer announces that the connection closes after it.
                ConnectionState::Busy => Due::Close,
                ConnectionState::Head(_) => Due::CheckAt(now.plus(CHECK_INTERVAL)),
                ConnectionState::New(since) if now.since(since) < FIRST_REQUEST_TIMEOUT => {
                    Due::CheckAt(now.plus(CHECK_INTERVAL))
                }
                _ if has_unread(self.stream) => Due::CheckAt(now.plus(CHECK_INTERVAL)),
                ConnectionState::New(_) | ConnectionState::Idle(_) => Due::Close,
            },
            Phase::StoppingApp { .. } | Phase::Done => Due::Abort,
        }
    }
}

enum Due {
    CheckAt(Monotonic),
    /// Close it after the answers that are in progress.
    Close,
    /// Drop it at once.
    Abort,
}
