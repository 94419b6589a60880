//! Accepting connections.

use super::forward::Body;
use super::shared::Shared;
use super::users::Users;
use super::{control, traffic, users};
use crate::options::Kind;
use crate::state::requests::Counted;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};

/// What a listener is for.
pub(super) enum Role {
    /// Calls of AWS's API.
    Calls {
        /// URL of the emulator.
        upstream: String,
    },
    /// Users' requests.
    Users(Box<Users>),
    /// The control endpoint.
    Control,
}

impl Role {
    pub(super) fn users(kind: Kind, upstream: String, balancer: Option<Counted>) -> Role {
        Role::Users(Box::new(Users::new(kind, upstream, balancer)))
    }
}

/// Listens, and returns the address and what accepts connections.
pub(super) async fn open(
    shared: &Arc<Shared>,
    address: &str,
    role: Role,
) -> Result<(SocketAddr, impl Future<Output = ()> + Send + use<>), String> {
    let failed = |error: std::io::Error| format!("{address}: {error}");
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let accept = accept(Arc::clone(shared), listener, Arc::new(role));
    Ok((bound, accept))
}

async fn accept(shared: Arc<Shared>, listener: TcpListener, role: Arc<Role>) {
    loop {
        if let Ok((stream, client)) = listener.accept().await {
            let (shared, role) = (Arc::clone(&shared), Arc::clone(&role));
            tokio::spawn(serve(shared, stream, client.ip(), role));
        }
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream, client: IpAddr, role: Arc<Role>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let (shared, role) = (Arc::clone(&shared), Arc::clone(&role));
        async move { Ok::<_, Infallible>(handle(shared, role, client, request).await) }
    });
    let mut builder = http1::Builder::new();
    if let Role::Users(users) = &*role
        && let Some(idle) = users.idle(&shared)
    {
        builder.timer(TokioTimer::new());
        builder.header_read_timeout(idle);
    }
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    // A connection ends however it likes.
    let _ = connection.with_upgrades().await;
}

async fn handle(
    shared: Arc<Shared>,
    role: Arc<Role>,
    client: IpAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    match &*role {
        Role::Calls { upstream } => traffic::handle(&shared, upstream, client, request).await,
        Role::Users(users) => users::handle(&shared, users, client, request).await,
        Role::Control => control::handle(&shared, request).await,
    }
}
