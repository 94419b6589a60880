//! One request and its answer.

use crate::answer::{Read, read};
use crate::lookup;
use rules::edge_contract::emulator::Endpoint;
use rules::edge_contract::runtime_api::Address;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Port of HTTPS.
const PORT: u16 = 443;
/// One connection, and one silence, may take so long.
const WITHIN: Duration = Duration::from_secs(2);

/// How a store is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// By TLS, with a certificate that everyone trusts.
    Tls { host: String },
    /// In plain, to an emulator.
    Plain { endpoint: Endpoint, host: String },
}

impl Way {
    /// To AWS.
    pub(crate) fn aws(host: &str) -> Way {
        Way::Tls {
            host: host.to_owned(),
        }
    }

    /// To an emulator at `http://host:port`.
    pub(crate) fn emulator(url: &str) -> Option<Way> {
        let endpoint = Endpoint::parse(url)?;
        Some(Way::Plain {
            host: format!("{}:{}", endpoint.host, endpoint.port),
            endpoint,
        })
    }

    /// The header `Host`.
    pub(crate) fn host(&self) -> &str {
        match self {
            Way::Tls { host } | Way::Plain { host, .. } => host,
        }
    }
}

/// Status and body of the answer.
///
/// # Errors
/// There is none before the end.
pub(crate) fn post(
    way: &Way,
    path: &str,
    headers: &[(&str, String)],
    body: &[u8],
    end: Instant,
) -> Result<(u16, Vec<u8>), String> {
    let request = request(path, headers, body);
    match way {
        Way::Plain { endpoint, .. } => {
            let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
            let address = endpoint
                .address(&hosts)
                .ok_or_else(|| format!("/etc/hosts does not know {}", endpoint.host))?;
            talk(connect(&[address], endpoint.port)?, &request, end)
        }
        Way::Tls { host } => {
            let stream = connect(&lookup::addresses(host, end)?, PORT)?;
            talk(secure(stream, host, everyones())?, &request, end)
        }
    }
}

/// Tells the Runtime API that the start has failed.
///
/// # Errors
/// It was not taken.
pub(crate) fn tell_start_failed(api: &Address, kind: &str, body: &[u8]) -> Result<(), String> {
    let headers = [
        ("host", api.host.to_string()),
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-function-error-type", kind.to_owned()),
    ];
    let path = format!("{}/2018-06-01/runtime/init/error", api.prefix);
    let stream = connect(&[api.socket.ip()], api.socket.port())?;
    let request = request(&path, &headers, body);
    talk(stream, &request, Instant::now() + WITHIN).map(drop)
}

fn request(path: &str, headers: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\n{lines}content-length: {length}\r\nconnection: close\r\nuser-agent: landfall-secrets/{}\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, String> {
    let mut why = String::new();
    for address in addresses {
        let socket = SocketAddr::new(*address, port);
        let connected = TcpStream::connect_timeout(&socket, WITHIN).and_then(|stream| {
            stream.set_read_timeout(Some(WITHIN))?;
            stream.set_write_timeout(Some(WITHIN))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        });
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => why = format!("{socket}: {error}"),
        }
    }
    Err(why)
}

/// Mozilla's list: an image may hold no certificates.
fn everyones() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

fn secure(
    stream: TcpStream,
    host: &str,
    roots: RootCertStore,
) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection =
        ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    Ok(StreamOwned::new(connection, stream))
}

/// Sends a request, and reads its answer to the end.
fn talk(
    mut stream: impl std::io::Read + Write,
    request: &[u8],
    end: Instant,
) -> Result<(u16, Vec<u8>), String> {
    stream
        .write_all(request)
        .map_err(|error| error.to_string())?;
    stream.flush().map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let mut piece = [0; 8192];
    loop {
        let length = match stream.read(&mut piece) {
            Ok(length) => length,
            // Whoever has said all may hang up without a word.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(error.to_string()),
        };
        bytes.extend_from_slice(piece.get(..length).unwrap_or_default());
        if let Read::Whole { status, body } = read(&bytes, length == 0)? {
            return Ok((status, body));
        }
        if Instant::now() >= end {
            return Err("it took too long".to_owned());
        }
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
