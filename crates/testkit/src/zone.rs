//! A hosted zone in the emulator. Landfall creates none, so a test does it, as a user would.

use crate::sandbox::Sandbox;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// A public hosted zone.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Its ID in Route 53.
    pub id: String,
    emulator: String,
}

impl Zone {
    /// Creates a zone with this name.
    ///
    /// # Panics
    /// The emulator rejects it.
    pub fn create(sandbox: &Sandbox, name: &str) -> Zone {
        let (emulator, _) = sandbox.emulators();
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
             <Name>{name}</Name><CallerReference>{name}</CallerReference></CreateHostedZoneRequest>"
        );
        let answer = ask(&emulator, "POST", "", &body);
        let id = between(&answer, "/hostedzone/", "<").expect("an id");
        Zone {
            id: id.to_owned(),
            emulator,
        }
    }

    /// Adds an A record.
    ///
    /// # Panics
    /// The emulator rejects it.
    pub fn add(&self, name: &str, address: &str) {
        self.change("CREATE", name, address);
    }

    /// Removes an A record.
    ///
    /// # Panics
    /// The emulator rejects it.
    pub fn remove(&self, name: &str, address: &str) {
        self.change("DELETE", name, address);
    }

    fn change(&self, action: &str, name: &str, address: &str) {
        let body = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
             <Changes><Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name><Type>A</Type><TTL>60</TTL>\
             <ResourceRecords><ResourceRecord><Value>{address}</Value></ResourceRecord></ResourceRecords>\
             </ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        ask(
            &self.emulator,
            "POST",
            &format!("/{}/rrset", self.id),
            &body,
        );
    }

    /// Type and name of every record, sorted, without the zone's own NS and SOA records.
    ///
    /// # Panics
    /// The emulator does not answer.
    pub fn records(&self) -> Vec<String> {
        let answer = ask(&self.emulator, "GET", &format!("/{}/rrset", self.id), "");
        let mut records: Vec<String> = answer
            .split("<ResourceRecordSet>")
            .skip(1)
            .map(|set| {
                let of = |tag: &str| between(set, &format!("<{tag}>"), "<").expect("a record");
                format!("{} {}", of("Type"), of("Name").trim_end_matches('.'))
            })
            .filter(|record| !record.starts_with("NS ") && !record.starts_with("SOA "))
            .collect();
        records.sort();
        records
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

/// One request to Route 53. The emulator recognizes the service by the scope of the signature.
fn ask(emulator: &str, method: &str, path: &str, body: &str) -> String {
    let host = emulator.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("the emulator");
    let request = format!(
        "{method} /2013-04-01/hostedzone{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/route53/aws4_request, \
         SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).unwrap_or_default();
    assert!(status.starts_with('2'), "{method} {path}: {answer}");
    // The head contains the zone's ID too, without the text that ends it.
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    body.unwrap_or_default().to_owned()
}
