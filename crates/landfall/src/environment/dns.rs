//! Asks public DNS, by the servers that this machine asks. The standard library resolves names to addresses and
//! nothing else.

use rules::operate::dns::{Answer, Ask, question, read, resolvers};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// How long a server may take.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How often each is asked: a packet may be lost.
const TRIES: u32 = 2;
/// The port of DNS.
const PORT: u16 = 53;

/// The servers to ask, in order.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    servers: Vec<SocketAddr>,
}

impl Resolver {
    /// Those of this machine.
    ///
    /// # Errors
    /// Why there are none.
    pub(crate) fn of_machine() -> Result<Resolver, String> {
        const FILE: &str = "/etc/resolv.conf";
        let text = std::fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
        let servers: Vec<SocketAddr> = resolvers(&text)
            .into_iter()
            .map(|ip| (ip, PORT).into())
            .collect();
        match servers.is_empty() {
            true => Err(format!("{FILE} names no server")),
            false => Ok(Resolver { servers }),
        }
    }

    /// The first of them, in words.
    pub(crate) fn describe(&self) -> String {
        self.servers
            .first()
            .map_or_else(String::new, |server| match server.port() {
                PORT => server.ip().to_string(),
                _ => server.to_string(),
            })
    }

    /// Asks about a name, one server after the other until one answers.
    ///
    /// # Errors
    /// Why nobody did.
    pub(crate) async fn ask(&self, name: &str, ask: Ask) -> Result<Answer, String> {
        let (servers, name) = (self.servers.clone(), name.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            let mut why = "there is nobody to ask".to_owned();
            for _ in 0..TRIES {
                for server in &servers {
                    match ask_one(*server, &name, ask) {
                        Ok(answer) => return Ok(answer),
                        Err(error) => {
                            why = format!("{} was asked about {name}: {error}", server.ip())
                        }
                    }
                }
            }
            Err(why)
        });
        asked.await.map_err(|error| error.to_string())?
    }
}

fn ask_one(server: SocketAddr, name: &str, ask: Ask) -> std::io::Result<Answer> {
    let invalid = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidInput, why.to_owned());
    let mut id = [0u8; 2];
    getrandom::fill(&mut id).map_err(|_| invalid("no random numbers"))?;
    let id = u16::from_be_bytes(id);
    let question = question(id, name, ask).ok_or_else(|| invalid("no name of DNS"))?;
    let answer = by_packet(server, &question, |packet| read(packet, id, name, ask).ok())?;
    if !answer.truncated {
        return Ok(answer);
    }
    let message = by_stream(server, &question)?;
    read(&message, id, name, ask)
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()))
}

/// One packet there, one back. What is no answer to the question is not waited for less: anybody may have sent it.
fn by_packet(
    server: SocketAddr,
    question: &[u8],
    read: impl Fn(&[u8]) -> Option<Answer>,
) -> std::io::Result<Answer> {
    let own: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(own)?;
    socket.connect(server)?;
    socket.send(question)?;
    let end = Instant::now() + PATIENCE;
    let mut packet = [0u8; 4096];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let silent = format!("no answer within {} ms", PATIENCE.as_millis());
            return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, silent));
        }
        socket.set_read_timeout(Some(left))?;
        let length = match socket.recv(&mut packet) {
            Ok(length) => length,
            // The time is up, which the next round says.
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        };
        if let Some(answer) = read(&packet[..length]) {
            return Ok(answer);
        }
    }
}

/// The same over TCP, where each message has its length before it (RFC 1035, 4.2.2).
fn by_stream(server: SocketAddr, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
    stream.write_all(&[&length.to_be_bytes()[..], question].concat())?;
    let mut length = [0u8; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0u8; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What a server says to a question.
    type Says = fn(&[u8]) -> Vec<Vec<u8>>;
    /// What it says over TCP.
    type Streams = fn(&[u8]) -> Vec<u8>;

    /// A server of DNS on this machine: `says` gives the packets it sends back for each question, and `streams`
    /// the message it gives over TCP.
    fn server(says: Says, streams: Option<Streams>) -> Resolver {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = socket.local_addr().expect("an address");
        if let Some(streams) = streams {
            let listener = TcpListener::bind(address).expect("the same port over TCP");
            std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut length = [0u8; 2];
                stream.read_exact(&mut length).expect("a length");
                let mut question = vec![0u8; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).expect("a question");
                let answer = streams(&question);
                let length = u16::try_from(answer.len()).expect("short").to_be_bytes();
                stream
                    .write_all(&[&length[..], &answer].concat())
                    .expect("answered");
            });
        }
        std::thread::spawn(move || {
            let mut packet = [0u8; 512];
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                for answer in says(&packet[..length]) {
                    socket.send_to(&answer, from).expect("sent");
                }
            }
        });
        Resolver {
            servers: vec![address],
        }
    }

    /// An answer with one name server, whose name is `ns.` and the name that was asked about.
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
    async fn a_real_server_is_asked() {
        let resolver = server(|question| vec![answer(question)], None);
        let found = resolver
            .ask("example.com", Ask::Ns)
            .await
            .expect("an answer");
        assert_eq!(found.servers, ["ns.example.com"]);
    }

    #[tokio::test]
    async fn a_packet_of_somebody_else_is_passed_over() {
        let resolver = server(
            |question| {
                let mut forged = answer(question);
                forged[0] ^= 0xff;
                vec![b"nonsense".to_vec(), forged, answer(question)]
            },
            None,
        );
        let found = resolver
            .ask("example.com", Ask::Ns)
            .await
            .expect("an answer");
        assert_eq!(found.servers, ["ns.example.com"]);
    }

    #[tokio::test]
    async fn what_does_not_fit_into_a_packet_is_asked_for_again() {
        let resolver = server(
            |question| {
                let mut cut = of_code(question, 0);
                cut[2] |= 0x02;
                vec![cut]
            },
            Some(answer),
        );
        let found = resolver
            .ask("example.com", Ask::Ns)
            .await
            .expect("an answer");
        assert_eq!(found.servers, ["ns.example.com"]);
    }

    #[tokio::test]
    async fn that_there_is_nothing_is_an_answer_and_silence_is_none() {
        let resolver = server(|question| vec![of_code(question, 3)], None);
        let found = resolver
            .ask("example.com", Ask::Ns)
            .await
            .expect("an answer");
        assert_eq!((found.servers.len(), found.code), (0, 3));

        let silent = server(|_| Vec::new(), None);
        let why = silent
            .ask("example.com", Ask::Ns)
            .await
            .expect_err("silence");
        assert!(why.contains("no answer within"), "{why}");

        // The next one is asked instead.
        let both = Resolver {
            servers: [silent.servers, resolver.servers].concat(),
        };
        assert!(both.ask("example.com", Ask::Ns).await.is_ok());
    }
}
