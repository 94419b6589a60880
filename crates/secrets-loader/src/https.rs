//! One request and its answer.

use crate::resolver;
use bytes::Bytes;
use edge_contract::emulator::Endpoint;
use edge_contract::runtime_api::Address;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

const HTTPS_PORT: u16 = 443;
/// Timeout of a connection with its TLS handshake, and of an answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Longest answer in bytes: ten parameters of 4 KB, or a secret of 64 KB, escaped as JSON.
const LONGEST: usize = 1024 * 1024;

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Server {
    /// AWS, over TLS.
    Aws { host: String },
    /// An emulator, in plain text.
    Emulator(Endpoint),
}

impl Server {
    /// The value of the `Host` header.
    pub(crate) fn host(&self) -> String {
        match self {
            Server::Aws { host } => host.clone(),
            Server::Emulator(endpoint) => format!("{}:{}", endpoint.host, endpoint.port),
        }
    }
}

/// Sends a `POST /`; returns the status and the body of the answer.
///
/// # Errors
/// There is no complete answer. The text contains nothing of the answer.
pub(crate) async fn post(
    server: &Server,
    headers: &[(&str, String)],
    body: &str,
) -> Result<(u16, Bytes), String> {
    let request = request("/", headers, body.to_owned().into())?;
    match server {
        Server::Emulator(endpoint) => {
            let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
            let address = endpoint
                .address(&hosts)
                .ok_or_else(|| format!("/etc/hosts has no entry for {}", endpoint.host))?;
            send(connect(&[address], endpoint.port).await?, request).await
        }
        Server::Aws { host } => {
            let addresses = resolver::addresses(host).await?;
            let stream = connect(&addresses, HTTPS_PORT).await?;
            send(tls(stream, host, trusted_roots()).await?, request).await
        }
    }
}

/// Reports to the Runtime API that the start has failed.
///
/// # Errors
/// There is no answer.
pub(crate) async fn report_failed_start(
    api: &Address,
    error_type: &str,
    body: Vec<u8>,
) -> Result<(), String> {
    let headers = [
        ("host", api.host.clone()),
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-function-error-type", error_type.to_owned()),
    ];
    let path = format!("{}/2018-06-01/runtime/init/error", api.prefix);
    let request = request(&path, &headers, body.into())?;
    let stream = connect(&[api.socket.ip()], api.socket.port()).await?;
    send(stream, request).await.map(drop)
}

fn request(
    path: &str,
    headers: &[(&str, String)],
    body: Bytes,
) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::post(path)
        .header(header::CONNECTION, "close")
        .header(
            header::USER_AGENT,
            concat!("landfall-secrets/", env!("CARGO_PKG_VERSION")),
        );
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(body));
    request.map_err(|error| error.to_string())
}

/// Connects to the first address that accepts.
async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, String> {
    let mut why = "the host has no address".to_owned();
    for address in addresses {
        let socket = SocketAddr::new(*address, port);
        match timeout(TIMEOUT, TcpStream::connect(socket)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => why = format!("{socket}: {error}"),
            Err(_) => why = format!("{socket}: timed out"),
        }
    }
    Err(why)
}

/// Mozilla's certificate authorities: an image may contain none.
fn trusted_roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

async fn tls(
    stream: TcpStream,
    host: &str,
    roots: RootCertStore,
) -> Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    match timeout(TIMEOUT, connector.connect(name, stream)).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err("the TLS handshake timed out".to_owned()),
    }
}

async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let exchange = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), LONGEST).collect().await;
        connection.abort();
        let body = body.map_err(|error| format!("the answer cannot be read: {error}"))?;
        Ok((status, body.to_bytes()))
    };
    match timeout(TIMEOUT, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err("the answer took too long".to_owned()),
    }
}

#[cfg(test)]
#[path = "https_tests.rs"]
mod tests;
