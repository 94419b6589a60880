//! Connections to the app. Idle ones are used again, the most recently used first.

use crate::clock::Clock;
use crate::policy::monotonic::Monotonic;
use crate::policy::settings::AppProtocol;
use crate::request_body::AttemptBody;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

/// Most idle connections. More were needed in a burst only.
const MAX_IDLE: usize = 256;
/// Longest head of an answer, in bytes.
const MAX_RESPONSE_HEAD: usize = 64 * 1024;
/// A request that cannot be repeated uses connections that were idle for no longer than this: the
/// app is not about to close them.
const FRESH: Duration = Duration::from_millis(1_000);

#[derive(Debug)]
pub(crate) enum AppConnection {
    Http1(http1::SendRequest<AttemptBody>),
    Http2(http2::SendRequest<AttemptBody>),
}

impl AppConnection {
    /// Sends a request. The error returns the request if no byte of it has left.
    pub(crate) async fn send(
        &mut self,
        request: Request<AttemptBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<AttemptBody>>> {
        match self {
            AppConnection::Http1(sender) => sender.try_send_request(request).await,
            AppConnection::Http2(sender) => sender.try_send_request(request).await,
        }
    }
}

#[derive(Debug)]
pub(crate) struct AppConnections {
    clock: Clock,
    address: SocketAddr,
    protocol: AppProtocol,
    /// How long a connection may be idle.
    idle_timeout: Duration,
    idle: Mutex<Vec<IdleConnection>>,
    /// The one HTTP/2 connection, which all requests share.
    shared: Mutex<Option<http2::SendRequest<AttemptBody>>>,
}

#[derive(Debug)]
struct IdleConnection {
    sender: http1::SendRequest<AttemptBody>,
    since: Monotonic,
}

impl AppConnections {
    pub(crate) fn new(
        clock: Clock,
        address: SocketAddr,
        protocol: AppProtocol,
        idle_timeout: Duration,
    ) -> AppConnections {
        AppConnections {
            clock,
            address,
            protocol,
            idle_timeout,
            idle: Mutex::default(),
            shared: Mutex::default(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// An idle connection that can take a request, if there is one.
    pub(crate) fn take_idle(&self, repeatable: bool) -> Option<AppConnection> {
        if self.protocol == AppProtocol::H2c {
            let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            return shared
                .as_ref()
                .filter(|sender| sender.is_ready())
                .cloned()
                .map(AppConnection::Http2);
        }
        let now = self.clock.now();
        let oldest = if repeatable {
            self.idle_timeout
        } else {
            self.idle_timeout.min(FRESH)
        };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = idle.len();
        while let Some(before) = at.checked_sub(1) {
            at = before;
            let Some(candidate) = idle.get(at) else {
                continue;
            };
            if candidate.sender.is_closed() || now.since(candidate.since) > self.idle_timeout {
                idle.swap_remove(at);
            } else if now.since(candidate.since) <= oldest && candidate.sender.is_ready() {
                return Some(AppConnection::Http1(idle.swap_remove(at).sender));
            }
        }
        None
    }

    /// Takes a connection back after its answer has been read to the end. It may not be ready for
    /// another request at once.
    pub(crate) fn put_back(&self, connection: AppConnection) {
        let AppConnection::Http1(sender) = connection else {
            return;
        };
        if sender.is_closed() {
            return;
        }
        let since = self.clock.now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(IdleConnection { sender, since });
        }
    }

    /// Closes connections that were idle for too long: the app may close them any time.
    pub(crate) fn close_stale(&self) {
        let now = self.clock.now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|one| !one.sender.is_closed() && now.since(one.since) <= self.idle_timeout);
    }

    /// Closes all connections if this process was frozen for so long that the app may be about to
    /// close them.
    pub(crate) fn resumed_after(&self, pause: Duration) {
        if pause >= self.idle_timeout.min(FRESH) {
            self.close_all();
        }
    }

    /// Closes all connections: the process at their other end is gone.
    pub(crate) fn close_all(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) async fn connect(&self) -> std::io::Result<AppConnection> {
        let stream = TcpStream::connect(self.address).await?;
        // Small pieces, such as server-sent events, must not wait for more data.
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(stream);
        match self.protocol {
            AppProtocol::Http1 => {
                let (sender, connection) = http1::Builder::new()
                    .max_buf_size(MAX_RESPONSE_HEAD)
                    .handshake(io)
                    .await
                    .map_err(std::io::Error::other)?;
                tokio::spawn(connection.with_upgrades());
                Ok(AppConnection::Http1(sender))
            }
            AppProtocol::H2c => {
                let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                    .handshake(io)
                    .await
                    .map_err(std::io::Error::other)?;
                tokio::spawn(connection);
                let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
                *shared = Some(sender.clone());
                Ok(AppConnection::Http2(sender))
            }
        }
    }
}
