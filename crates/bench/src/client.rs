//! An HTTP/1.1 client without retries: it shows exactly what a user of the proxy gets.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any proxy here waits for the app.
const PATIENCE: Duration = Duration::from_secs(15);

/// Marks requests of the bench: the counting app counts these only, and no health checks.
const REQUEST_TAIL: &[u8] = b" HTTP/1.1\r\nhost: app\r\nx-bench: 1\r\n\r\n";

/// A connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    bytes: Vec<u8>,
}

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether the connection closes after it.
    pub(crate) closes: bool,
    pub(crate) body: Vec<u8>,
}

/// How the length of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunked,
    UntilEnd,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> std::io::Result<Client> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client {
            stream,
            bytes: Vec::with_capacity(1024),
        })
    }

    /// Sends `GET path`, and returns its answer.
    pub(crate) fn get(&mut self, path: &str) -> std::io::Result<Answer> {
        self.send(path)?;
        self.answer()
    }

    pub(crate) fn send(&mut self, path: &str) -> std::io::Result<()> {
        let mut request = Vec::with_capacity(64);
        request.extend_from_slice(b"GET ");
        request.extend_from_slice(path.as_bytes());
        request.extend_from_slice(REQUEST_TAIL);
        self.stream.write_all(&request)
    }

    /// Writes bytes that are not a complete request.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next answer, with its whole body.
    pub(crate) fn answer(&mut self) -> std::io::Result<Answer> {
        let end = self.until(b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(self.bytes.get(..end).unwrap_or_default()).into_owned();
        self.bytes.drain(..end);
        let (status, length, mut closes) = read_head(&head)?;
        let body = match length {
            Length::Known(length) => self.take(length)?,
            Length::Chunked => self.chunks()?,
            Length::UntilEnd => {
                closes = true;
                while self.fill()? > 0 {}
                std::mem::take(&mut self.bytes)
            }
        };
        Ok(Answer {
            status,
            closes,
            body,
        })
    }

    /// The next line without its line feed.
    pub(crate) fn line(&mut self) -> std::io::Result<String> {
        let end = self.until(b"\n")?;
        let line = self.take(end)?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// Waits at most `within` for the end of the connection; whether it came.
    pub(crate) fn is_closed_within(&mut self, within: Duration) -> bool {
        let within = within.max(Duration::from_millis(1));
        if self.stream.set_read_timeout(Some(within)).is_err() {
            return false;
        }
        loop {
            match self.fill() {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => {
                    let waits = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    return !waits;
                }
            }
        }
    }

    fn chunks(&mut self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| broken("a bad chunk size"))?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.take(size)?);
            self.line()?;
        }
    }

    /// Reads until `mark` has arrived; returns the position after it.
    fn until(&mut self, mark: &[u8]) -> std::io::Result<usize> {
        loop {
            let found = self.bytes.windows(mark.len()).position(|w| w == mark);
            if let Some(at) = found {
                return Ok(at + mark.len());
            }
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn take(&mut self, length: usize) -> std::io::Result<Vec<u8>> {
        while self.bytes.len() < length {
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.bytes.drain(..length).collect())
    }

    fn fill(&mut self) -> std::io::Result<usize> {
        let mut piece = [0; 4096];
        let count = self.stream.read(&mut piece)?;
        self.bytes
            .extend_from_slice(piece.get(..count).unwrap_or_default());
        Ok(count)
    }
}

fn read_head(head: &str) -> std::io::Result<(u16, Length, bool)> {
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok());
    let status: u16 = status.ok_or_else(|| broken("no status"))?;
    let (mut length, mut closes) = (Length::UntilEnd, false);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = Length::Known(value.parse().map_err(|_| broken("a bad length"))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.eq_ignore_ascii_case("close");
        }
    }
    Ok((status, length, closes))
}

fn broken(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// The answers that a client parses from these bytes if the connection closes after them.
    fn answers(bytes: &'static [u8], count: usize) -> Vec<Option<(u16, bool, Vec<u8>)>> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("address");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = [0; 512];
            let _ = stream.read(&mut request).expect("a request");
            stream.write_all(bytes).expect("room");
        });
        let mut client = Client::connect(address).expect("a connection");
        client.send("/").expect("sent");
        let answers = (0..count)
            .map(|_| client.answer().ok().map(|a| (a.status, a.closes, a.body)))
            .collect();
        server.join().expect("server");
        answers
    }

    #[test]
    fn truncated_answers_are_recognised() {
        let two = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 500 X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let expected = [
            Some((200, false, b"hi".to_vec())),
            Some((500, true, vec![])),
            None,
        ];
        assert_eq!(answers(two, 3), expected);
        let short = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi";
        assert_eq!(answers(short, 1), [None]);
        assert_eq!(answers(b"", 1), [None]);
    }

    #[test]
    fn chunks_are_joined() {
        let whole = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n";
        assert_eq!(answers(whole, 1), [Some((200, false, b"abcd".to_vec()))]);
        let cut = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";
        assert_eq!(answers(cut, 1), [None]);
    }
}
