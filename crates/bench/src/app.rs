//! The counting app: answers like `examples/uptime`, and counts its requests.
//!
//! | path | |
//! |---|---|
//! | `/` | 200, or a share of 500; counts requests of the bench |
//! | `/count` | the count |
//! | `/events` | an event stream; each event contains the time at which it was sent |

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Events of a stream.
pub(crate) const EVENTS: usize = 40;
/// Time between two events.
const PAUSE: Duration = Duration::from_millis(25);

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Serves for ever. `percent` of its answers are 500. It starts to listen `start` after the call,
/// like programs that load something first.
pub(crate) fn serve(port: u16, percent: u32, start: Duration) -> Result<(), String> {
    thread::sleep(start);
    let listener = TcpListener::bind(("127.0.0.1", port))
        .map_err(|error| format!("the counting app can't listen on {port}: {error}"))?;
    loop {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        let work = move || {
            // An error here means that the client broke the connection off.
            let _ = converse(stream, percent);
        };
        let thread = thread::Builder::new().stack_size(64 * 1024).spawn(work);
        thread.map_err(|error| format!("the counting app can't start a thread: {error}"))?;
    }
}

/// Microseconds on a clock that all processes of the machine share.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}

fn converse(mut stream: TcpStream, percent: u32) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut is_ours = false;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            is_ours |= line.to_ascii_lowercase().starts_with("x-bench:");
            if line.trim_end().is_empty() {
                break;
            }
        }
        match path.as_str() {
            "/count" => answer(
                &mut stream,
                "200 OK",
                &COUNT.load(Ordering::Relaxed).to_string(),
            )?,
            "/events" => return tell(&mut stream),
            _ => {
                COUNT.fetch_add(u64::from(is_ours), Ordering::Relaxed);
                if fastrand::u32(0..100) < percent {
                    answer(&mut stream, "500 Internal Server Error", "We're down!")?;
                } else {
                    answer(&mut stream, "200 OK", "Uptime: 1")?;
                }
            }
        }
    }
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes())
}

fn tell(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    )?;
    for _ in 0..EVENTS {
        thread::sleep(PAUSE);
        let event = format!("data: {}\n\n", now());
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())?;
    }
    stream.write_all(b"0\r\n\r\n")
}
