//! The address of a host, without the resolver of the C library: `/etc/hosts` is not asked, as nothing of AWS
//! stands there.

use rules::operate::dns::{Ask, question, read, resolvers};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Until the next server is asked, or the same one again.
const WITHIN: Duration = Duration::from_millis(1_500);
/// Longest answer by UDP without extensions.
const LONGEST: usize = 512;
/// Where servers of names listen.
const PORT: u16 = 53;

/// Addresses of a host.
///
/// # Errors
/// No server answers before the end, or none knows it.
pub(crate) fn addresses(host: &str, end: Instant) -> Result<Vec<IpAddr>, String> {
    let text = std::fs::read_to_string("/etc/resolv.conf")
        .map_err(|error| format!("/etc/resolv.conf cannot be read: {error}"))?;
    let servers: Vec<SocketAddr> = resolvers(&text)
        .into_iter()
        .map(|address| SocketAddr::new(address, PORT))
        .collect();
    if servers.is_empty() {
        return Err("/etc/resolv.conf names no server".to_owned());
    }
    let mut why = String::new();
    // Twice around: a packet may get lost.
    for server in servers.iter().chain(&servers) {
        if Instant::now() >= end {
            break;
        }
        match ask(*server, host) {
            Ok(found) => return Ok(found),
            Err(error) => why = error,
        }
    }
    Err(format!("{host} is not found: {why}"))
}

fn ask(server: SocketAddr, host: &str) -> Result<Vec<IpAddr>, String> {
    let said = |error: std::io::Error| format!("{server}: {error}");
    // An address, not its text: parsing one brings getaddrinfo into the program.
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    // A port of the kernel's choice and a connected socket: answers of others do not arrive. What the address
    // leads to has to show a certificate.
    let socket = UdpSocket::bind(any).map_err(said)?;
    socket.connect(server).map_err(said)?;
    socket.set_read_timeout(Some(WITHIN)).map_err(said)?;
    let id = socket.local_addr().map_err(said)?.port();
    let question =
        question(id, host, Ask::A).ok_or_else(|| format!("{host} is no name of a host"))?;
    socket.send(&question).map_err(said)?;
    let mut answer = [0; LONGEST];
    let length = socket.recv(&mut answer).map_err(said)?;
    let answer = answer.get(..length).unwrap_or_default();
    let found = read(answer, id, host, Ask::A).map_err(|why| format!("{server}: {why}"))?;
    match (found.code, found.addresses.is_empty()) {
        (0, false) => Ok(found.addresses.into_iter().map(IpAddr::V4).collect()),
        (0, true) => Err(format!("{server} tells no IPv4 address of it")),
        (3, _) => Err("there is no host of this name".to_owned()),
        (code, _) => Err(format!("{server} answers with error {code}")),
    }
}
