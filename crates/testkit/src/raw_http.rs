//! An HTTP/1.1 client that sends the given bytes and shows every byte of the answer.

use crate::process::TIMEOUT;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// One connection.
#[derive(Debug)]
pub struct Client {
    /// For tests that write or read bytes themselves.
    pub stream: BufReader<TcpStream>,
    is_head: bool,
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
    pub trailers: String,
    /// Whether the body ended at the end of its framing.
    pub is_whole: bool,
}

impl Answer {
    /// The value of a header; names are compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

/// The value of a header in the text of a head.
pub fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// No one listens there.
    pub fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).expect("a connection")
    }

    /// Connects; [`None`] if no one listens there.
    pub fn try_connect(address: SocketAddr) -> Option<Client> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(TIMEOUT)).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Client {
            stream: BufReader::new(stream),
            is_head: false,
        })
    }

    /// `GET path` with a `Host` header only.
    pub fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: app\r\n\r\n"))
    }

    /// Writes the text as it is.
    pub fn write(&mut self, text: &str) {
        // The server may have refused and closed already.
        let _ = self.stream.get_mut().write_all(text.as_bytes());
    }

    /// Writes a request and reads its answer.
    ///
    /// # Panics
    /// The connection ends before the answer.
    pub fn send(&mut self, text: &str) -> Answer {
        self.is_head = text.starts_with("HEAD ");
        self.write(text);
        self.answer()
            .unwrap_or_else(|| panic!("no answer to {text:?}"))
    }

    /// The next head, with its empty line; [`None`] if the connection ends before it.
    pub fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        loop {
            let before = head.len();
            if self.stream.read_line(&mut head).ok()? == 0 {
                return None;
            }
            if head[before..].trim().is_empty() {
                return Some(head);
            }
        }
    }

    /// The next answer; [`None`] if the connection ends before it.
    pub fn answer(&mut self) -> Option<Answer> {
        let head = self.head()?;
        let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
        let mut answer = Answer {
            status,
            head,
            body: String::new(),
            trailers: String::new(),
            is_whole: true,
        };
        if self.is_head || status == 204 || status == 304 || status < 200 {
            return Some(answer);
        }
        if answer.header("transfer-encoding").is_some() {
            answer.is_whole = self.chunks(&mut answer).is_some();
        } else if let Some(length) = answer.header("content-length") {
            let length: usize = length.parse().ok()?;
            let mut body = Vec::new();
            let _ = self
                .stream
                .by_ref()
                .take(length as u64)
                .read_to_end(&mut body);
            answer.is_whole = body.len() == length;
            answer.body = String::from_utf8_lossy(&body).into_owned();
        } else {
            let _ = self.stream.read_to_string(&mut answer.body);
        }
        Some(answer)
    }

    /// The next chunk of a chunked body; the last one is empty.
    pub fn chunk(&mut self) -> Option<String> {
        let mut size = String::new();
        self.stream.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let mut chunk = vec![0; size];
        self.stream.read_exact(&mut chunk).ok()?;
        if size > 0 {
            self.stream.read_line(&mut String::new()).ok()?;
        }
        Some(String::from_utf8_lossy(&chunk).into_owned())
    }

    fn chunks(&mut self, answer: &mut Answer) -> Option<()> {
        loop {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                break;
            }
            answer.body.push_str(&chunk);
        }
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).ok()?;
            if line.trim().is_empty() {
                return Some(());
            }
            answer.trailers.push_str(&line);
        }
    }

    /// Reads exactly `count` bytes.
    ///
    /// # Panics
    /// The connection ends before.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).expect("bytes");
        bytes
    }

    /// Waits for the end of the connection; whether it came without another byte.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}
