//! Users who send requests while something happens to the app.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Requests per second of one user. More of them would slow down the emulators, which other tests use
/// at the same time, and would prove no more.
pub const PER_SECOND: u32 = 50;

/// The answers that users got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Number of answers by status.
    pub by_status: BTreeMap<u16, u32>,
    /// Requests without an answer: refused, reset, incomplete, timed out.
    pub lost: u32,
}

/// Users who send requests until [`Users::stop`].
pub struct Users {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Answers>>,
}

impl Users {
    /// `count` users send requests to `url` (`http://host:port`), each at most [`PER_SECOND`]:
    /// half of them on a connection that they keep, half on a new one each time.
    ///
    /// # Panics
    /// The address is not of that form.
    pub fn ask(url: &str, count: usize) -> Users {
        let stop = Arc::new(AtomicBool::new(false));
        let address = url
            .strip_prefix("http://")
            .expect("an http address")
            .trim_end_matches('/')
            .to_owned();
        let threads = (0..count)
            .map(|number| {
                let (stop, address) = (stop.clone(), address.clone());
                std::thread::spawn(move || user(&address, number % 2 == 0, &stop))
            })
            .collect();
        Users { stop, threads }
    }

    /// Stops them, and adds up their answers.
    ///
    /// # Panics
    /// A user's thread panicked.
    pub fn stop(self) -> Answers {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Answers::default();
        for thread in self.threads {
            let answers = thread.join().expect("a user");
            all.lost += answers.lost;
            for (status, count) in answers.by_status {
                *all.by_status.entry(status).or_default() += count;
            }
        }
        all
    }
}

fn user(address: &str, keeps: bool, stop: &AtomicBool) -> Answers {
    let mut answers = Answers::default();
    let mut connection: Option<BufReader<TcpStream>> = None;
    let mut asked = 0;
    let between = Duration::from_secs(1) / PER_SECOND;
    // Users who are stopped at once have sent some requests too: no test passes without any.
    while asked < 10 || !stop.load(Ordering::Relaxed) {
        asked += 1;
        let began = Instant::now();
        match ask(address, &mut connection) {
            Ok(reply) => *answers.by_status.entry(reply.status).or_default() += 1,
            Err(_) => {
                answers.lost += 1;
                connection = None;
            }
        }
        if !keeps {
            connection = None;
        }
        std::thread::sleep(between.saturating_sub(began.elapsed()));
    }
    answers
}

/// One answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The version that answered, if it was the app.
    pub(crate) version: Option<u32>,
}

/// How long a user waits for an answer. An HTTP API waits 30 s for a function, which may have to start
/// an execution environment first
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
fn patience(address: &str) -> Duration {
    let is_api = address.contains(".execute-api.");
    Duration::from_secs(if is_api { 30 } else { 10 })
}

/// Sends one request, on `connection` or on a new one if there is none.
pub(crate) fn ask(
    address: &str,
    connection: &mut Option<BufReader<TcpStream>>,
) -> std::io::Result<Reply> {
    let unreadable = || std::io::Error::from(std::io::ErrorKind::InvalidData);
    if connection.is_none() {
        let stream = TcpStream::connect(local(address))?;
        stream.set_read_timeout(Some(patience(address)))?;
        *connection = Some(BufReader::new(stream));
    }
    let stream = connection.as_mut().ok_or_else(unreadable)?;
    write!(
        stream.get_mut(),
        "GET / HTTP/1.1\r\nHost: {address}\r\n\r\n"
    )?;
    let mut status = 0;
    let mut length = 0;
    let mut version = None;
    let mut closes = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest
                .split(' ')
                .next()
                .and_then(|text| text.parse().ok())
                .ok_or_else(unreadable)?;
        } else if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(|_| unreadable())?;
        } else if let Some(value) = line.strip_prefix("x-version:") {
            version = value.trim().parse().ok();
        } else if let Some(value) = line.strip_prefix("connection:") {
            closes = value.trim() == "close";
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    if closes {
        *connection = None;
    }
    Ok(Reply { status, version })
}

/// Every name below `localhost` is this machine (RFC 6761), but not every resolver knows that.
fn local(address: &str) -> String {
    match address.rsplit_once(':') {
        Some((host, port)) if host.ends_with(".localhost") => format!("127.0.0.1:{port}"),
        _ => address.to_owned(),
    }
}
