//! Queries public DNS through this machine's name servers for NS and CAA records, which the
//! standard library cannot look up.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use rules::operate::domain::{Caa, Public};
use std::time::Duration;

/// How long a server may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_millis(1500);
/// Queries to each server, since a packet may be lost.
const TRIES: usize = 2;
const PORT: u16 = 53;

/// This machine's name servers, in the order in which they are asked.
pub(crate) struct Resolver {
    servers: Vec<Server>,
}

/// One name server. It has a resolver of its own, because a resolver with several servers spends the whole
/// timeout on the first one that is silent.
struct Server {
    address: String,
    resolver: TokioResolver,
}

/// A response code, with the records if there are any.
struct Answer {
    code: u16,
    found: Option<Lookup>,
}

impl Resolver {
    /// The name servers of this machine.
    ///
    /// # Errors
    /// Why there are none.
    pub(crate) fn of_machine() -> Result<Resolver, String> {
        let (config, _) =
            read_system_conf().map_err(|error| format!("/etc/resolv.conf: {error}"))?;
        Resolver::new(config.name_servers())
    }

    fn new(servers: &[NameServerConfig]) -> Result<Resolver, String> {
        let servers: Result<Vec<Server>, String> = servers.iter().map(Server::new).collect();
        Ok(Resolver { servers: servers? })
    }

    /// The address of the first server.
    pub(crate) fn describe(&self) -> String {
        let first = self.servers.first();
        first.map_or_else(String::new, |server| server.address.clone())
    }

    /// The name servers of the zone that begins at a name.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn name_servers(&self, name: &str) -> Result<Public, String> {
        let Answer { code, found } = self.ask(name, RecordType::NS).await?;
        let records = found.iter().flat_map(|found| {
            let asked = found.query().name();
            // Records of another name belong to what an alias points to, and no zone begins at an alias.
            let own = found.answers().iter();
            own.filter(move |record| record.name == *asked)
        });
        let servers = records.filter_map(|record| match &record.data {
            RData::NS(server) => Some(without_dot(&server.to_lowercase())),
            _ => None,
        });
        let public = Public::from_answer(code, servers.collect());
        public.ok_or_else(|| format!("{} refuses to answer", self.describe()))
    }

    /// The CAA records of a name.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn caa(&self, name: &str) -> Result<Vec<Caa>, String> {
        let Answer { found, .. } = self.ask(name, RecordType::CAA).await?;
        let records = found.iter().flat_map(|found| found.answers());
        let caa = records.filter_map(|record| match &record.data {
            RData::CAA(caa) => Some(Caa {
                tag: caa.tag.to_ascii_lowercase(),
                value: String::from_utf8_lossy(&caa.value).into_owned(),
            }),
            _ => None,
        });
        Ok(caa.collect())
    }

    /// Asks one server after the other until one answers.
    async fn ask(&self, name: &str, kind: RecordType) -> Result<Answer, String> {
        let invalid = |error| format!("{name} is not a valid DNS name: {error}");
        let mut full = Name::from_ascii(name).map_err(invalid)?;
        // Without it the search domains of this machine would be tried too.
        full.set_fqdn(true);
        let mut why = "there is no name server".to_owned();
        for _ in 0..TRIES {
            for server in &self.servers {
                match server.ask(&full, kind).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => {
                        why = format!("{} does not answer for {name}: {error}", server.address);
                    }
                }
            }
        }
        Err(why)
    }
}

impl Server {
    fn new(server: &NameServerConfig) -> Result<Server, String> {
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server.clone()]);
        let provider = TokioRuntimeProvider::default();
        let mut builder = TokioResolver::builder_with_config(config, provider);
        let options = builder.options_mut();
        options.timeout = ANSWERS_WITHIN;
        options.attempts = 0;
        // What public DNS answers, not what this machine has in a file.
        options.use_hosts_file = ResolveHosts::Never;
        options.edns0 = false;
        let resolver = builder.build().map_err(|error| error.to_string())?;
        let address = match server.connections.first().map(|one| one.port) {
            Some(port) if port != PORT => format!("{}:{port}", server.ip),
            _ => server.ip.to_string(),
        };
        Ok(Server { address, resolver })
    }

    async fn ask(&self, name: &Name, kind: RecordType) -> Result<Answer, String> {
        let (code, found) = match self.resolver.lookup(name.clone(), kind).await {
            Ok(found) => (found.message().response_code, Some(found)),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => (none.response_code, None),
            Err(NetError::Dns(DnsError::ResponseCode(code))) => (code, None),
            Err(NetError::Timeout) => {
                return Err(format!(
                    "no answer within {} ms",
                    ANSWERS_WITHIN.as_millis()
                ));
            }
            Err(error) => return Err(error.to_string()),
        };
        let code = code.into();
        Ok(Answer { code, found })
    }
}

fn without_dot(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener, UdpSocket};

    /// The packets that a server sends for a query.
    type Packets = fn(&[u8]) -> Vec<Vec<u8>>;
    /// The message that it sends over TCP.
    type Message = fn(&[u8]) -> Vec<u8>;

    /// A DNS server on this machine.
    fn server(packets: Packets, message: Option<Message>) -> Resolver {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = socket.local_addr().expect("an address");
        if let Some(message) = message {
            let listener = TcpListener::bind(address).expect("the same port over TCP");
            std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut length = [0u8; 2];
                stream.read_exact(&mut length).expect("a length");
                let mut question = vec![0u8; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).expect("a question");
                let answer = message(&question);
                let length = u16::try_from(answer.len()).expect("short").to_be_bytes();
                stream
                    .write_all(&[&length[..], &answer].concat())
                    .expect("answered");
            });
        }
        std::thread::spawn(move || {
            let mut packet = [0u8; 512];
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                for answer in packets(&packet[..length]) {
                    socket.send_to(&answer, from).expect("sent");
                }
            }
        });
        Resolver::new(&[at(address)]).expect("a resolver")
    }

    fn at(address: SocketAddr) -> NameServerConfig {
        let mut server = NameServerConfig::udp_and_tcp(address.ip());
        for connection in &mut server.connections {
            connection.port = address.port();
        }
        server
    }

    fn servers(names: &[&str]) -> Public {
        Public::Servers(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// An answer with one NS record: `ns.` below the name of the query.
    fn answer(question: &[u8]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] = 0x81;
        message[3] = 0x80;
        message[7] = 1;
        message.extend([0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 60, 0, 5]);
        message.extend(b"\x02ns\xc0\x0c");
        message
    }

    fn of_code(question: &[u8], code: u8) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] = 0x81;
        message[3] = 0x80 | code;
        message
    }

    #[tokio::test]
    async fn a_server_is_queried() {
        let resolver = server(|question| vec![answer(question)], None);
        let found = resolver.name_servers("example.com").await;
        assert_eq!(found, Ok(servers(&["ns.example.com"])));
    }

    #[tokio::test]
    async fn a_forged_packet_is_ignored() {
        let resolver = server(
            |question| {
                let mut forged = answer(question);
                forged[0] ^= 0xff;
                vec![b"nonsense".to_vec(), forged, answer(question)]
            },
            None,
        );
        let found = resolver.name_servers("example.com").await;
        assert_eq!(found, Ok(servers(&["ns.example.com"])));
    }

    #[tokio::test]
    async fn a_truncated_answer_is_queried_again_over_tcp() {
        let resolver = server(
            |question| {
                let mut cut = of_code(question, 0);
                cut[2] |= 0x02;
                vec![cut]
            },
            Some(answer),
        );
        let found = resolver.name_servers("example.com").await;
        assert_eq!(found, Ok(servers(&["ns.example.com"])));
    }

    #[tokio::test]
    async fn a_response_code_is_an_answer_and_silence_is_an_error() {
        let nxdomain = server(|question| vec![of_code(question, 3)], None);
        let found = nxdomain.name_servers("example.com").await;
        assert_eq!(found, Ok(Public::Nothing));
        assert_eq!(nxdomain.caa("example.com").await, Ok(Vec::new()));

        let servfail = server(|question| vec![of_code(question, 2)], None);
        let found = servfail.name_servers("example.com").await;
        assert_eq!(found, Ok(Public::Fails("SERVFAIL".to_owned())));

        let refused = server(|question| vec![of_code(question, 5)], None);
        let why = refused.name_servers("example.com").await;
        assert!(why.expect_err("refused").ends_with("refuses to answer"));

        let silent = server(|_| Vec::new(), None);
        let why = silent.name_servers("example.com").await;
        let why = why.expect_err("silence");
        assert!(why.contains("no answer within"), "{why}");

        // The next server is asked instead.
        let mut both = silent;
        both.servers.extend(nxdomain.servers);
        let found = both.name_servers("example.com").await;
        assert_eq!(found, Ok(Public::Nothing));
    }

    #[tokio::test]
    async fn servers_of_what_an_alias_points_to_are_not_its_own() {
        let resolver = server(
            |question| {
                // CNAME to `www.` below the name, and an NS record of that.
                let mut message = of_code(question, 0);
                message[7] = 2;
                let www = u8::try_from(message.len() + 12).expect("short");
                message.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 6]);
                message.extend(b"\x03www\xc0\x0c");
                message.extend([0xc0, www, 0, 2, 0, 1, 0, 0, 0, 60, 0, 5]);
                message.extend(b"\x02ns\xc0\x0c");
                vec![message]
            },
            None,
        );
        let found = resolver.name_servers("example.com").await;
        assert_eq!(found, Ok(Public::Nothing));
    }

    #[tokio::test]
    async fn certificate_authorities_are_read() {
        let resolver = server(
            |question| {
                let mut message = of_code(question, 0);
                message[7] = 1;
                message.extend([0xc0, 12, 1, 1, 0, 1, 0, 0, 0, 60, 0, 17]);
                message.extend(b"\x00\x05IssueamazonX.cx");
                vec![message]
            },
            None,
        );
        let found = resolver.caa("example.com").await.expect("an answer");
        let amazon = Caa {
            tag: "issue".to_owned(),
            value: "amazonX.cx".to_owned(),
        };
        assert_eq!(found, [amazon]);
    }
}
