//! Host names to addresses, without the C library.

use hickory_net::proto::op::{DnsRequest, DnsRequestOptions, Query, ResponseCode};
use hickory_net::proto::rr::{Name, RData, RecordType};
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::udp::UdpClientStream;
use hickory_net::xfer::{DnsRequestSender as _, FirstAnswer as _};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Port of name servers.
const PORT: u16 = 53;
/// How long one name server is asked.
const TIMEOUT: Duration = Duration::from_millis(1_500);
/// Pause before a query is repeated within that time, as a packet may be lost.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// The IPv4 addresses of a host, from the first name server of `/etc/resolv.conf` that answers. Search
/// domains and `/etc/hosts` are not used: the hosts of AWS are in neither.
///
/// # Errors
/// There is no name server, none answers, or the host has no address.
pub(crate) async fn addresses(host: &str) -> Result<Vec<IpAddr>, String> {
    let text = std::fs::read("/etc/resolv.conf")
        .map_err(|error| format!("/etc/resolv.conf cannot be read: {error}"))?;
    // Invalid lines are ignored, as other resolvers do.
    let (config, _) = resolv_conf::Config::parse_with_errors(&text);
    let mut why = "/etc/resolv.conf names no server".to_owned();
    for server in &config.nameservers {
        match lookup(SocketAddr::new(server.into(), PORT), host).await {
            Ok(found) => return Ok(found),
            Err(error) => why = format!("{host} is not found: {error}"),
        }
    }
    Err(why)
}

/// Asks one server. Each query has a random id and a random port; other answers are ignored.
async fn lookup(server: SocketAddr, host: &str) -> Result<Vec<IpAddr>, String> {
    let mut name = Name::from_ascii(host).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    let mut options = DnsRequestOptions::default();
    options.retry_interval = RETRY_INTERVAL;
    let request = DnsRequest::from_query(Query::query(name, RecordType::A), options);
    let mut client = UdpClientStream::builder(server, TokioRuntimeProvider::default())
        .with_timeout(Some(TIMEOUT))
        .build();
    let answer = client.send_message(request).first_answer().await;
    let answer = answer.map_err(|error| format!("{server}: {error}"))?;
    let code = answer.metadata.response_code;
    let addresses: Vec<IpAddr> = answer
        .answers
        .iter()
        .filter_map(|record| match record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            _ => None,
        })
        .collect();
    match (code, addresses.is_empty()) {
        (ResponseCode::NoError, false) => Ok(addresses),
        (ResponseCode::NoError, true) => Err(format!("{server} returned no IPv4 address")),
        (code, _) => Err(format!("{server}: {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, UdpSocket};

    /// A name server that answers one query by turning it into an answer with `records`, or with an
    /// error code.
    fn server(records: &'static [[u8; 4]], code: u8) -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = socket.local_addr().expect("its address");
        std::thread::spawn(move || {
            let mut query = [0; 512];
            let (length, client) = socket.recv_from(&mut query).expect("a query");
            // Header of 12 bytes, then the name, and 4 bytes of type and class.
            let name = query[12..length].iter().position(|byte| *byte == 0);
            let question = &query[12..12 + name.expect("a name") + 5];
            let mut answer = query[..2].to_vec();
            let count = u8::try_from(records.len()).expect("few records");
            answer.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
            answer.extend(question);
            for record in records {
                // The question's name, type A, class IN, 60 s, 4 bytes.
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                answer.extend(record);
            }
            socket.send_to(&answer, client).expect("it is sent");
        });
        address
    }

    fn lookup_at(server: SocketAddr) -> Result<Vec<IpAddr>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(lookup(server, "ssm.eu-west-2.amazonaws.com"))
    }

    #[test]
    fn all_addresses_of_a_host_are_returned() {
        let found = lookup_at(server(&[[192, 0, 2, 1], [192, 0, 2, 2]], 0));
        let mut found = found.expect("addresses");
        found.sort();
        let expected: Vec<IpAddr> = vec![
            Ipv4Addr::new(192, 0, 2, 1).into(),
            Ipv4Addr::new(192, 0, 2, 2).into(),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_host_without_an_address_is_an_error() {
        let why = lookup_at(server(&[], 3)).expect_err("no such host");
        assert!(why.contains("Non-Existent Domain"), "{why}");
        let why = lookup_at(server(&[], 0)).expect_err("no address");
        assert!(why.contains("no IPv4 address"), "{why}");
    }

    #[test]
    fn a_silent_server_is_given_up() {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = socket.local_addr().expect("its address");
        assert!(lookup_at(address).is_err());
        // The query was repeated.
        let mut query = [0; 512];
        socket.set_nonblocking(true).expect("an option");
        let queries = std::iter::from_fn(|| socket.recv(&mut query).ok());
        assert!(queries.count() > 1);
    }
}
