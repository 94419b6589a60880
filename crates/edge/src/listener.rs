//! Accepts connections, and stops without losing one.

use crate::client::Client;
use crate::connection;
use crate::edge::Edge;
use crate::policy::drain::Phase;
use socket2::SockRef;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Pause after a failed accept: by then a file descriptor may be free again.
const PAUSE: Duration = Duration::from_millis(20);

/// Accepts connections until the task shuts down and no connection is left in the queue.
pub(crate) async fn run(edge: Arc<Edge>, listener: TcpListener) {
    let mut phase = edge.phase.subscribe();
    let mut closings = edge.connections.closings();
    let limit = edge.settings.clients.connections;
    let mut is_closing = false;
    loop {
        let current = *phase.borrow_and_update();
        if matches!(current, Phase::Closing { .. }) && !is_closing {
            is_closing = true;
            ignore_new_connections(&listener);
        }
        if matches!(
            current,
            Phase::Draining { .. } | Phase::StoppingApp { .. } | Phase::Done
        ) {
            break;
        }
        if edge.connections.count() >= limit {
            tokio::select! {
                _ = closings.changed() => {}
                _ = phase.changed() => {}
            }
            continue;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => spawn(&edge, stream, peer),
                Err(error) => pause(&edge, &error).await,
            },
            _ = phase.changed() => {}
        }
    }
    while let Some((stream, peer)) = accept_now(&listener).await {
        spawn(&edge, stream, peer);
    }
}

fn spawn(edge: &Arc<Edge>, stream: TcpStream, peer: SocketAddr) {
    let client = Arc::new(Client::new(Arc::clone(edge), peer));
    tokio::spawn(connection::serve(client, stream));
}

/// Accepts a connection without waiting; [`None`] if there is none.
async fn accept_now(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    poll_fn(|cx| match listener.poll_accept(cx) {
        Poll::Ready(Ok(accepted)) => Poll::Ready(Some(accepted)),
        Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn pause(edge: &Edge, error: &std::io::Error) {
    // The client left before it was accepted: the next one can be accepted at once.
    if error.kind() != std::io::ErrorKind::ConnectionAborted {
        edge.stdio
            .log(&format!("can't accept a connection: {error}"));
        tokio::time::sleep(PAUSE).await;
    }
}

/// Makes the kernel drop the SYN packets of new connections, while handshakes that have begun still
/// complete. Without this, a client could complete its handshake and send a request just before the
/// listener closes, and lose it. With it, the client's SYN seems lost: the client sends it again
/// after a second, and is refused before it has sent any request.
fn ignore_new_connections(listener: &TcpListener) {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    /// Offset of the flags in a TCP header.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    let step = socket2::SockFilter::new;
    let program = [
        step(LOAD_BYTE, 0, 0, FLAGS),
        step(JUMP_IF_SET, 0, 1, SYN),
        step(RETURN, 0, 0, 0),
        step(RETURN, 0, 0, u32::MAX),
    ];
    // Some kernels lack this (gVisor); the listener then closes as any other does.
    let _ = SockRef::from(listener).attach_filter(&program);
}
