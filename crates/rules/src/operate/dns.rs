//! DNS messages (RFC 1035, section 4): one question, and as much of an answer as tells a delegation, or the
//! address of a host.
//!
//! The standard library cannot ask for name servers, and the resolver of the C library needs files that an
//! image `FROM scratch` does not have.

use std::net::{IpAddr, Ipv4Addr};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// IPv4 addresses of a host.
    A,
    /// Name servers of a zone.
    Ns,
    /// Who may make certificates (RFC 8659).
    Caa,
}

impl Ask {
    fn code(self) -> u16 {
        match self {
            Ask::A => 1,
            Ask::Ns => 2,
            Ask::Caa => 257,
        }
    }
}

/// Whom a domain lets make certificates for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caa {
    /// `issue`, `issuewild`, `iodef`, …, in lower case.
    pub tag: String,
    /// For `issue` a certificate authority, maybe with parameters after a semicolon.
    pub value: String,
}

/// What a server answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Addresses of the name, or of what it is an alias of.
    pub addresses: Vec<Ipv4Addr>,
    /// Name servers of the name that was asked about, in lower case, without a dot at the end, sorted.
    pub servers: Vec<String>,
    /// Who may make certificates.
    pub caa: Vec<Caa>,
    /// Response code: 0 is fine, 3 says that there is no such name.
    pub code: u8,
    /// Whether it did not fit into the packet: it has to be asked for over TCP.
    pub truncated: bool,
}

/// Why a message is no answer to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable(&'static str);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the answer {}", self.0)
    }
}

impl std::error::Error for Unreadable {}

/// Class Internet.
const INTERNET: u16 = 1;
/// Longest name, in bytes of the message.
const NAME_LENGTH: usize = 255;

/// The question, to be sent as it is. `id` comes back in the answer; [`None`] if the name is none that DNS
/// can hold.
pub fn question(id: u16, name: &str, ask: Ask) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(name.len() + 18);
    message.extend(id.to_be_bytes());
    // Recursion desired; one question, nothing else.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let start = message.len();
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|n| (1..64).contains(n))?;
        message.push(length);
        message.extend(label.bytes());
    }
    message.push(0);
    if message.len() - start > NAME_LENGTH {
        return None;
    }
    message.extend(ask.code().to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    Some(message)
}

/// Reads what came back for [`question`].
///
/// # Errors
/// It is no answer to that question, or breaks off.
pub fn read(message: &[u8], id: u16, name: &str, ask: Ask) -> Result<Answer, Unreadable> {
    let mut reader = Reader { message, at: 0 };
    if reader.number()? != id {
        return Err(Unreadable("is to another question"));
    }
    let flags = reader.number()?;
    if flags & 0x8000 == 0 {
        return Err(Unreadable("is a question"));
    }
    let questions = reader.number()?;
    let answers = reader.number()?;
    reader.skip(4)?;
    if questions != 1 {
        return Err(Unreadable("does not repeat the question"));
    }
    let asked = reader.name()?;
    let same = asked.eq_ignore_ascii_case(name.trim_end_matches('.'));
    if !same || reader.number()? != ask.code() || reader.number()? != INTERNET {
        return Err(Unreadable("is to another question"));
    }
    let mut answer = Answer {
        code: (flags & 0x000f) as u8,
        truncated: flags & 0x0200 != 0,
        ..Answer::default()
    };
    // What was cut off is asked for again.
    if answer.truncated {
        return Ok(answer);
    }
    for _ in 0..answers {
        let owner = reader.name()?;
        let kind = reader.number()?;
        let class = reader.number()?;
        reader.skip(4)?;
        let length = usize::from(reader.number()?);
        let end = reader.at + length;
        let data = message
            .get(reader.at..end)
            .ok_or(Unreadable("breaks off"))?;
        if class == INTERNET && kind == ask.code() {
            match ask {
                // Whatever stands there is what an alias leads to.
                Ask::A => answer.addresses.extend(address(data)),
                // Of another name it is what an alias leads to, and no zone begins at an alias.
                Ask::Ns if owner == asked => answer.servers.push(reader.name()?),
                Ask::Ns => {}
                Ask::Caa => answer.caa.extend(caa(data)),
            }
        }
        reader.at = end;
    }
    answer.servers.sort();
    answer.servers.dedup();
    Ok(answer)
}

fn address(data: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(data).ok().map(Ipv4Addr::from)
}

/// Flags, the tag's length, the tag, the value (RFC 8659, 4.1).
fn caa(data: &[u8]) -> Option<Caa> {
    let (_, rest) = data.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (tag, value) = rest.split_at_checked(usize::from(*length))?;
    Some(Caa {
        tag: String::from_utf8_lossy(tag).to_ascii_lowercase(),
        value: String::from_utf8_lossy(value).into_owned(),
    })
}

/// Reads a message from front to back.
struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, Unreadable> {
        let byte = *self.message.get(self.at).ok_or(Unreadable("breaks off"))?;
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u16, Unreadable> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Unreadable> {
        self.at += bytes;
        match self.at <= self.message.len() {
            true => Ok(()),
            false => Err(Unreadable("breaks off")),
        }
    }

    /// A name in lower case. A pointer leads to the rest of it, and only ever back, so that it ends.
    fn name(&mut self) -> Result<String, Unreadable> {
        let mut name = String::new();
        let mut after = None;
        let mut before = self.at;
        loop {
            let length = self.byte()?;
            match length {
                0 => break,
                1..=63 => {
                    let end = self.at + usize::from(length);
                    let label = self.message.get(self.at..end);
                    let label = label.ok_or(Unreadable("breaks off"))?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    // What is no letter, digit or sign stays apart from what is: a dot inside a label, for one.
                    for byte in label {
                        match byte {
                            b'.' | b'\\' | 0..=32 | 127..=255 => {
                                name.push_str(&format!("\\{byte:03}"))
                            }
                            byte => name.push(char::from(byte.to_ascii_lowercase())),
                        }
                    }
                    self.at = end;
                }
                0xc0..=0xff => {
                    let target = usize::from(length & 0x3f) << 8 | usize::from(self.byte()?);
                    after.get_or_insert(self.at);
                    if target >= before {
                        return Err(Unreadable("has a name that leads nowhere"));
                    }
                    before = target;
                    self.at = target;
                }
                _ => return Err(Unreadable("has a name of an unknown form")),
            }
            if name.len() > 4 * NAME_LENGTH {
                return Err(Unreadable("has a name that is too long"));
            }
        }
        if let Some(after) = after {
            self.at = after;
        }
        Ok(name)
    }
}

/// The servers that a machine asks, as its `resolv.conf` says.
pub fn resolvers(resolv_conf: &str) -> Vec<IpAddr> {
    resolv_conf
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("nameserver")).then(|| words.next())?
        })
        // `fe80::1%eth0` names an interface as well, which nothing here can choose.
        .filter_map(|address| address.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer as a server writes it: every owner points back to the question.
    fn answer(question: &[u8], records: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] = 0x81;
        message[3] = 0x80;
        message[6..8].copy_from_slice(&u16::try_from(records.len()).expect("few").to_be_bytes());
        for (kind, data) in records {
            message.extend([0xc0, 12]);
            message.extend(kind.to_be_bytes());
            message.extend(INTERNET.to_be_bytes());
            message.extend([0, 0, 0, 60]);
            message.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
            message.extend(data);
        }
        message
    }

    fn wire(name: &str) -> Vec<u8> {
        let mut data = Vec::new();
        for label in name.split('.') {
            data.push(u8::try_from(label.len()).expect("a label"));
            data.extend(label.bytes());
        }
        data.push(0);
        data
    }

    #[test]
    fn the_servers_of_a_zone_are_read() {
        let question = question(7, "Example.com", Ask::Ns).expect("a question");
        let mut second = wire("NS-2");
        // The rest of the name is that of the question.
        second.pop();
        second.extend([0xc0, 12]);
        let records = [(2, wire("ns-1.awsdns-00.org")), (2, second), (5, wire("x"))];
        let read =
            read(&answer(&question, &records), 7, "example.com", Ask::Ns).expect("an answer");
        assert_eq!(read.servers, ["ns-1.awsdns-00.org", "ns-2.example.com"]);
        assert_eq!((read.code, read.truncated), (0, false));
    }

    #[test]
    fn an_alias_may_stand_before_the_addresses() {
        let host = "ssm.eu-west-2.amazonaws.com";
        let asked = question(7, host, Ask::A).expect("a question");
        let records = [
            (5, wire("x.example")),
            (1, vec![52, 94, 1, 2]),
            (1, vec![9]),
        ];
        let read = read(&answer(&asked, &records), 7, host, Ask::A).expect("an answer");
        assert_eq!(read.addresses, [Ipv4Addr::new(52, 94, 1, 2)]);
    }

    #[test]
    fn who_may_certify_is_read() {
        let question = question(7, "example.com", Ask::Caa).expect("a question");
        let records = [
            (257, b"\0\x05issueletsencrypt.org".to_vec()),
            (257, b"\0\xff".to_vec()),
        ];
        let read =
            read(&answer(&question, &records), 7, "example.com", Ask::Caa).expect("an answer");
        let expected = Caa {
            tag: "issue".to_owned(),
            value: "letsencrypt.org".to_owned(),
        };
        assert_eq!(read.caa, [expected]);
    }

    #[test]
    fn what_answers_another_question_is_none() {
        let asked = question(7, "example.com", Ask::Ns).expect("a question");
        let good = answer(&asked, &[]);
        assert!(read(&good, 7, "example.com", Ask::Ns).is_ok());
        assert!(read(&good, 8, "example.com", Ask::Ns).is_err());
        assert!(read(&good, 7, "example.org", Ask::Ns).is_err());
        assert!(read(&good, 7, "example.com", Ask::Caa).is_err());
        assert!(read(&asked, 7, "example.com", Ask::Ns).is_err());
        assert!(read(&good[..good.len() - 1], 7, "example.com", Ask::Ns).is_err());
    }

    #[test]
    fn a_name_that_points_to_itself_ends() {
        let asked = question(7, "example.com", Ask::Ns).expect("a question");
        let mut message = answer(&asked, &[(2, Vec::new())]);
        let here = u8::try_from(message.len()).expect("short");
        let length = message.len() - 1;
        message[length] = 2;
        message.extend([0xc0, here]);
        assert!(read(&message, 7, "example.com", Ask::Ns).is_err());
    }

    #[test]
    fn no_question_is_made_of_what_is_no_name() {
        for name in ["", "a..b", &"a".repeat(64), &"a.".repeat(128)] {
            assert_eq!(question(1, name, Ask::Ns), None, "{name}");
        }
    }

    #[test]
    fn the_machines_servers_are_those_of_its_file() {
        let text = "# nameserver 1.1.1.1\nsearch lan\nnameserver 192.0.2.1\n  nameserver\t2001:db8::1 \n\
                    nameserver fe80::1%eth0\nnameserver\n";
        let found: Vec<String> = resolvers(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1", "2001:db8::1"]);
    }

    proptest! {
        #[test]
        fn no_message_breaks_the_reader(
            message in proptest::collection::vec(any::<u8>(), 0..600),
            name in "[a-z]{1,10}(\\.[a-z]{1,10}){0,3}",
        ) {
            let _ = read(&message, 7, &name, Ask::Ns);
            // Past the header: what an answer of a hostile server would be.
            for ask in [Ask::A, Ask::Ns, Ask::Caa] {
                let asked = question(7, &name, ask).expect("a question");
                let mut reply = answer(&asked, &[(ask.code(), message.clone())]);
                let _ = read(&reply, 7, &name, ask);
                reply[7] = 9;
                reply.extend(&message);
                let _ = read(&reply, 7, &name, ask);
            }
        }

        #[test]
        fn servers_come_out_as_they_went_in(
            name in "[a-z0-9-]{1,63}(\\.[a-z0-9]{1,20}){1,4}",
            mut servers in proptest::collection::vec("[a-z0-9-]{1,20}(\\.[a-z]{1,10}){1,4}", 0..6),
        ) {
            let asked = question(9, &name, Ask::Ns).expect("a question");
            let records: Vec<(u16, Vec<u8>)> = servers.iter().map(|one| (2, wire(one))).collect();
            let read = read(&answer(&asked, &records), 9, &name, Ask::Ns).expect("an answer");
            servers.sort();
            servers.dedup();
            prop_assert_eq!(read.servers, servers);
        }
    }
}
