//! Forwards connections, byte for byte.

use std::ffi::OsString;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

/// Accepts connections on the first address and connects each to the second, until SIGTERM.
pub(crate) async fn run(addresses: &[OsString]) -> Result<(), String> {
    let address = |at: usize| -> Result<SocketAddr, String> {
        let text = addresses.get(at).and_then(|text| text.to_str());
        let text = text.unwrap_or_default();
        text.parse()
            .map_err(|_| format!("{text:?} is not an address"))
    };
    let (from, to) = (address(0)?, address(1)?);
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(from).await;
    let listener = listener.map_err(|error| format!("can't listen on {from}: {error}"))?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = terminate.recv() => return Ok(()),
        };
        if let Ok((mut near, _)) = accepted {
            tokio::spawn(async move {
                if let Ok(mut far) = TcpStream::connect(to).await {
                    // An error means that one side closed.
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    }
}
