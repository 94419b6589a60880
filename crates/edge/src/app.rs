//! Connections to the app: kept ones first, the latest of them before all others.

use crate::clock::Clock;
use crate::policy::monotonic::Moment;
use crate::policy::settings::AppProtocol;
use crate::replay::AppBody;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

/// Kept connections at most. What is more was needed in a burst only.
const KEPT: usize = 256;
/// Longest head of an answer.
const ANSWER_HEAD: usize = 64 * 1024;
/// A request that cannot be repeated goes over connections that were used this recently: the app is
/// not about to close them.
const FRESH: Duration = Duration::from_millis(1_000);

/// A connection that a request can be sent over.
#[derive(Debug)]
pub(crate) enum Line {
    Http1(http1::SendRequest<AppBody>),
    Http2(http2::SendRequest<AppBody>),
}

impl Line {
    pub(crate) async fn send(
        &mut self,
        request: Request<AppBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<AppBody>>> {
        match self {
            Line::Http1(line) => line.try_send_request(request).await,
            Line::Http2(line) => line.try_send_request(request).await,
        }
    }
}

/// All connections to the app.
#[derive(Debug)]
pub(crate) struct App {
    clock: Clock,
    address: SocketAddr,
    protocol: AppProtocol,
    keep_for: Duration,
    kept: Mutex<Vec<Kept>>,
    shared: Mutex<Option<http2::SendRequest<AppBody>>>,
}

#[derive(Debug)]
struct Kept {
    line: http1::SendRequest<AppBody>,
    since: Moment,
}

impl App {
    pub(crate) fn new(
        clock: Clock,
        address: SocketAddr,
        protocol: AppProtocol,
        keep_for: Duration,
    ) -> App {
        App {
            clock,
            address,
            protocol,
            keep_for,
            kept: Mutex::default(),
            shared: Mutex::default(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kept connection, if there is a good one.
    pub(crate) fn kept(&self, repeatable: bool) -> Option<Line> {
        if self.protocol == AppProtocol::H2c {
            let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            return shared
                .as_ref()
                .filter(|line| line.is_ready())
                .cloned()
                .map(Line::Http2);
        }
        let now = self.clock.now();
        let oldest = if repeatable {
            self.keep_for
        } else {
            self.keep_for.min(FRESH)
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = kept.len();
        while let Some(before) = at.checked_sub(1) {
            at = before;
            let Some(candidate) = kept.get(at) else {
                continue;
            };
            if candidate.line.is_closed() || now.since(candidate.since) > self.keep_for {
                kept.swap_remove(at);
            } else if now.since(candidate.since) <= oldest && candidate.line.is_ready() {
                return Some(Line::Http1(kept.swap_remove(at).line));
            }
        }
        None
    }

    /// Takes a connection back after its answer has been read to the end. It may need a moment yet until
    /// it is ready for the next request.
    pub(crate) fn keep(&self, line: Line) {
        let Line::Http1(line) = line else { return };
        if line.is_closed() {
            return;
        }
        let since = self.clock.now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(Kept { line, since });
        }
    }

    /// Lets go of connections that nobody has used for long. The app may close them any time.
    pub(crate) fn tidy(&self) {
        let now = self.clock.now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|k| !k.line.is_closed() && now.since(k.since) <= self.keep_for);
    }

    /// Nobody looked after connections for so long: the app may be about to close them.
    pub(crate) fn rested(&self, pause: Duration) {
        if pause >= self.keep_for.min(FRESH) {
            self.forget();
        }
    }

    /// Lets go of all connections: the process at their other end is gone.
    pub(crate) fn forget(&self) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> std::io::Result<Line> {
        let stream = TcpStream::connect(self.address).await?;
        // An event of 20 bytes is not to wait for the next one.
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(stream);
        match self.protocol {
            AppProtocol::Http1 => {
                let (line, connection) = http1::Builder::new()
                    .max_buf_size(ANSWER_HEAD)
                    .handshake(io)
                    .await
                    .map_err(std::io::Error::other)?;
                tokio::spawn(connection.with_upgrades());
                Ok(Line::Http1(line))
            }
            AppProtocol::H2c => {
                let (line, connection) = http2::Builder::new(TokioExecutor::new())
                    .handshake(io)
                    .await
                    .map_err(std::io::Error::other)?;
                tokio::spawn(connection);
                let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
                *shared = Some(line.clone());
                Ok(Line::Http2(line))
            }
        }
    }
}
