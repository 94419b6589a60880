//! Just enough of DNS to find a service of AWS (<https://www.rfc-editor.org/rfc/rfc1035#section-4>): one
//! question for IPv4 addresses to the server that `/etc/resolv.conf` names.
//!
//! The resolver of the C library needs files that an image `FROM scratch` does not have, in the version that
//! this program was built with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Type and class: an IPv4 address, the internet.
const A_IN: [u8; 4] = [0, 1, 0, 1];
/// Where servers of names listen.
const PORT: u16 = 53;

/// The servers in the text of `/etc/resolv.conf`.
pub fn servers(resolv_conf: &str) -> Vec<SocketAddr> {
    resolv_conf
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let address: IpAddr = match words.next() {
                Some("nameserver") => words.next()?.parse().ok()?,
                _ => return None,
            };
            Some(SocketAddr::new(address, PORT))
        })
        .collect()
}

/// The question for a host's addresses; [`None`] if it is no name of a host.
pub fn question(id: u16, host: &str) -> Option<Vec<u8>> {
    let mut message = id.to_be_bytes().to_vec();
    // Recursion desired; one question.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in host.split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|n| (1..=63).contains(n))?;
        message.push(length);
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(A_IN);
    (host.len() <= 253).then_some(message)
}

/// The addresses in the answer to a question.
///
/// # Errors
/// It answers another question, or with an error, or cannot be read.
pub fn addresses(question: &[u8], answer: &[u8]) -> Result<Vec<Ipv4Addr>, String> {
    let broken = || "the answer of the name server cannot be read".to_owned();
    let id = answer.get(..2).ok_or_else(broken)?;
    let flags = answer.get(2..4).ok_or_else(broken)?;
    let asked = question.get(12..).ok_or_else(broken)?;
    let repeated = answer.get(12..12 + asked.len()).ok_or_else(broken)?;
    let is_ours = question.get(..2) == Some(id) && flags[0] & 0x80 != 0;
    if !is_ours || !repeated.eq_ignore_ascii_case(asked) {
        return Err("the name server answered another question".to_owned());
    }
    match flags[1] & 0x0f {
        0 => {}
        3 => return Err("there is no host of this name".to_owned()),
        code => return Err(format!("the name server answered with error {code}")),
    }
    let count = u16::from_be_bytes([answer[6], answer[7]]);
    let mut rest = answer.get(12 + asked.len()..).ok_or_else(broken)?;
    let mut found = Vec::new();
    for _ in 0..count {
        rest = after_name(rest).ok_or_else(broken)?;
        let (head, data) = rest.split_at_checked(10).ok_or_else(broken)?;
        let length = usize::from(u16::from_be_bytes([head[8], head[9]]));
        let (data, after) = data.split_at_checked(length).ok_or_else(broken)?;
        if head[..4] == A_IN
            && let Ok(octets) = <[u8; 4]>::try_from(data)
        {
            found.push(Ipv4Addr::from(octets));
        }
        rest = after;
    }
    match found.is_empty() {
        true => Err("the name server knows no IPv4 address of it".to_owned()),
        false => Ok(found),
    }
}

/// What follows a name, which ends with nothing or with a pointer to an earlier one.
fn after_name(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        match *bytes.first()? {
            0 => return bytes.get(1..),
            pointer if pointer & 0xc0 == 0xc0 => return bytes.get(2..),
            length => bytes = bytes.get(1 + usize::from(length)..)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answered(question: &[u8], flags: [u8; 2], records: &[&[u8]]) -> Vec<u8> {
        let mut answer = question.to_vec();
        answer[2..4].copy_from_slice(&flags);
        answer[7] = u8::try_from(records.len()).expect("few");
        for record in records {
            // A pointer to the name in the question.
            answer.extend([0xc0, 12]);
            answer.extend(*record);
        }
        answer
    }

    const ADDRESS: &[u8] = &[0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 52, 94, 1, 2];
    const ALIAS: &[u8] = &[0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12];

    #[test]
    fn an_alias_may_stand_before_the_addresses() {
        let asked = question(7, "ssm.eu-west-2.amazonaws.com").expect("a name");
        let answer = answered(&asked, [0x81, 0x80], &[ALIAS, ADDRESS]);
        assert_eq!(
            addresses(&asked, &answer),
            Ok(vec![Ipv4Addr::new(52, 94, 1, 2)])
        );
    }

    #[test]
    fn what_is_no_answer_is_said() {
        let asked = question(7, "ssm.eu-west-2.amazonaws.com").expect("a name");
        let says = |answer: &[u8]| addresses(&asked, answer).expect_err("no address");
        assert!(says(&answered(&asked, [0x81, 0x83], &[])).contains("no host"));
        assert!(says(&answered(&asked, [0x81, 0x82], &[])).contains("error 2"));
        assert!(says(&answered(&asked, [0x81, 0x80], &[ALIAS])).contains("no IPv4"));
        let other = question(8, "ssm.eu-west-2.amazonaws.com").expect("a name");
        assert!(says(&answered(&other, [0x81, 0x80], &[ADDRESS])).contains("another question"));
        // The question itself is no answer.
        assert!(says(&asked).contains("another question"));
        assert_eq!(question(1, "a..b"), None);
        assert_eq!(question(1, &"a".repeat(64)), None);
    }

    #[test]
    fn servers_stand_in_resolv_conf() {
        let text = "# Lambda\noptions timeout:1\nnameserver 169.254.78.1\nnameserver fd00::1\nnameserver x\n";
        let found: Vec<String> = servers(text).iter().map(SocketAddr::to_string).collect();
        assert_eq!(found, ["169.254.78.1:53", "[fd00::1]:53"]);
    }

    proptest! {
        #[test]
        fn no_answer_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..200), flags in any::<u8>()) {
            let asked = question(7, "a.example").expect("a name");
            let mut answer = answered(&asked, [0x81, flags], &[]);
            answer[6] = flags;
            answer.extend(bytes);
            let _ = addresses(&asked, &answer);
            let _ = addresses(&asked, &answer[..answer.len().min(usize::from(flags))]);
        }
    }
}
