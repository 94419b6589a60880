//! Calls of the emulator.

use crate::function::FunctionContext;
use bytes::Bytes;
use http::{header, request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// Sends a request to the function's emulator, over a connection of its own.
///
/// # Errors
/// There is no emulator, or no complete answer.
pub(crate) async fn call(
    function: &FunctionContext,
    request: request::Builder,
    body: impl Into<Bytes>,
) -> Result<Answer, String> {
    let endpoint = function.endpoint.as_ref().ok_or("there is no emulator")?;
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let address = endpoint
        .address(&hosts)
        .ok_or_else(|| format!("/etc/hosts has no entry for {}", endpoint.host))?;
    let stream = TcpStream::connect((address, endpoint.port));
    let stream = stream.await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let host = format!("{}:{}", endpoint.host, endpoint.port);
    let request = request
        .header(header::HOST, host)
        .body(Full::new(body.into()))
        .map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    Ok(Answer { status, body })
}
