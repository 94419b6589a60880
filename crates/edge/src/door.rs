//! The listener: takes connections, and closes without losing one.

use crate::connection::{self, Guest};
use crate::edge::Edge;
use crate::policy::drain::Phase;
use socket2::SockRef;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// When there are no file descriptors left, one may be free after this.
const PAUSE: Duration = Duration::from_millis(20);

/// Takes connections until the task ends and the last one that was on its way is in.
pub(crate) async fn keep(edge: Arc<Edge>, listener: TcpListener) {
    let mut phase = edge.phase.subscribe();
    let mut connections = edge.connections.changes();
    let most = edge.settings.clients.connections;
    let mut is_closing = false;
    loop {
        let stage = *phase.borrow_and_update();
        if matches!(stage, Phase::Closing { .. }) && !is_closing {
            is_closing = true;
            refuse_new(&listener);
        }
        if matches!(
            stage,
            Phase::Ending { .. } | Phase::StoppingApp { .. } | Phase::Gone
        ) {
            break;
        }
        if edge.connections.open() >= most {
            tokio::select! {
                _ = connections.changed() => {}
                _ = phase.changed() => {}
            }
            continue;
        }
        tokio::select! {
            taken = listener.accept() => match taken {
                Ok((stream, peer)) => welcome(&edge, stream, peer),
                Err(error) => pause(&edge, &error).await,
            },
            _ = phase.changed() => {}
        }
    }
    while let Some((stream, peer)) = waiting(&listener).await {
        welcome(&edge, stream, peer);
    }
}

fn welcome(edge: &Arc<Edge>, stream: TcpStream, peer: SocketAddr) {
    let guest = Arc::new(Guest::new(Arc::clone(edge), peer));
    tokio::spawn(connection::serve(guest, stream));
}

/// A connection that is ready to be taken now.
async fn waiting(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    poll_fn(|cx| match listener.poll_accept(cx) {
        Poll::Ready(Ok(taken)) => Poll::Ready(Some(taken)),
        Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn pause(edge: &Edge, error: &std::io::Error) {
    // The client left before it was taken: nothing to wait for.
    if error.kind() != std::io::ErrorKind::ConnectionAborted {
        edge.console
            .say(&format!("can't take a connection: {error}"));
        tokio::time::sleep(PAUSE).await;
    }
}

/// Makes the kernel pass over the first packet of new connections, while those that are half made still
/// complete. A client in between would be connected, send its request and lose it when the listener
/// closes; so it is as if the packet had been lost: the client repeats it after a second, and finds the
/// door closed, with nothing sent.
fn refuse_new(listener: &TcpListener) {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    /// The byte of a TCP header that holds its flags, and SYN among them.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    let step = socket2::SockFilter::new;
    let program = [
        step(LOAD_BYTE, 0, 0, FLAGS),
        step(JUMP_IF_SET, 0, 1, SYN),
        step(RETURN, 0, 0, 0),
        step(RETURN, 0, 0, u32::MAX),
    ];
    // Where the kernel does not do this (gVisor), the door closes as any other does.
    let _ = SockRef::from(listener).attach_filter(&program);
}
