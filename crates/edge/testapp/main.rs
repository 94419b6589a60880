//! The app of the tests: a small HTTP/1.1 server that misbehaves on request.
//!
//! It writes its answers byte by byte, as no HTTP library would send half an answer.
//!
//! | path | |
//! |---|---|
//! | `/` | 200, `hello` |
//! | `/echo` | the request as received: request line, headers, body |
//! | `/length` | the length of the request's body |
//! | `/fail/STATUS/TIMES/KEY` | STATUS for the first TIMES requests with this key, then 200 |
//! | `/reset/TIMES/KEY` | closes without an answer, then 200 |
//! | `/once/STATUS/KEY` | STATUS, then closes without an answer |
//! | `/hits/KEY` | how many requests the key has had |
//! | `/hang` | never answers; `/hang-all` makes every later request do so |
//! | `/hold/KEY` | answers after `/release/KEY` |
//! | `/partial`, `/partial-chunked` | breaks off within the body |
//! | `/events/KEY` | an event stream: one event at once, one more after `/release/KEY` |
//! | `/websocket` | echoes everything after the upgrade |
//! | `/binary` | all 256 bytes, two cookies and two values of a header |
//! | `/bytes/COUNT`, `/flood/COUNT` | COUNT bytes, with Content-Length or in chunks |
//! | `/written/COUNT` | how many of them could be written so far |
//! | `/empty/STATUS` | an answer without a body, but with a Content-Length where HTTP allows one |
//! | `/trailers`, `/hop`, `/redirect`, `/early`, `/big`, `/garbage` | as named |
//! | `/crash/CODE`, `/orphan`, `/pid`, `/env` | about the process |

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

type Outcome = std::io::Result<bool>;

/// The state that requests share.
#[derive(Default)]
struct Shared {
    hits: Mutex<HashMap<String, u32>>,
    released: Mutex<HashMap<String, u32>>,
    release: Condvar,
    hang_all: AtomicBool,
    written: Mutex<HashMap<String, usize>>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        Some(arguments.get(at + 1).cloned().unwrap_or_default())
    };
    if let Some(lines) = option("--print") {
        print!("{lines}");
        eprint!("to stderr: {lines}");
        std::io::stdout().flush().expect("stdout");
    }
    if option("--orphan").is_some() {
        // Leaves a child behind that exits a moment later.
        let child = std::process::Command::new("/proc/self/exe")
            .args(["--exit", "0"])
            .spawn();
        std::mem::forget(child.expect("child"));
        return;
    }
    if let Some(code) = option("--exit") {
        std::process::exit(code.parse().expect("code"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime");
    let _inside = runtime.enter();
    let _ignored = option("--ignore-term").map(|_| {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).expect("signal")
    });
    if option("--report-usr1").is_some() {
        use tokio::signal::unix::{SignalKind, signal};
        let mut usr1 = signal(SignalKind::user_defined1()).expect("signal");
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("runtime");
            runtime.block_on(async {
                while usr1.recv().await.is_some() {
                    println!("got USR1");
                }
            });
        });
        std::thread::spawn(move || runtime_forever(&runtime));
        return serve(&option("--port").unwrap_or_default());
    }
    if option("--never-bind").is_some() {
        loop {
            std::thread::park();
        }
    }
    if let Some(gate) = option("--start-after") {
        // A slow start without a clock: it continues when the test creates the file.
        while !std::path::Path::new(&gate).exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    serve(&option("--port").unwrap_or_default());
}

fn runtime_forever(runtime: &tokio::runtime::Runtime) {
    runtime.block_on(std::future::pending::<()>());
}

fn serve(port: &str) {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse().expect("a port"))).expect("port");
    let shared = Arc::new(Shared::default());
    for stream in listener.incoming().flatten() {
        let shared = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream.try_clone().expect("stream"));
            while matches!(answer(&shared, &mut reader, &stream), Ok(true)) {}
        });
    }
}

struct Request {
    line: String,
    path: String,
    head: String,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Answers one request; false if the connection must be closed.
fn answer(shared: &Shared, reader: &mut BufReader<TcpStream>, mut out: &TcpStream) -> Outcome {
    let Some(request) = read_head(reader)? else {
        return Ok(false);
    };
    if shared.hang_all.load(Ordering::SeqCst) {
        return hang();
    }
    let path = request.path.clone();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if parts.first() == Some(&"early") {
        out.write_all(b"HTTP/1.1 413 No\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno")?;
        return Ok(false);
    }
    if request.header("expect").is_some() {
        out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = read_body(&request, reader)?;
    if parts == ["websocket"] {
        return websocket(reader, out);
    }
    if let Some(outcome) = plain_answer(&request, &parts, &body, out) {
        return outcome;
    }
    if let Some(outcome) = counted_answer(shared, &parts, out) {
        return outcome;
    }
    if let Some(outcome) = streamed_answer(shared, &parts, out) {
        return outcome;
    }
    match fixed_answer(&parts) {
        Some((bytes, goes_on)) => {
            out.write_all(bytes)?;
            Ok(goes_on)
        }
        None => plain(out, 404, &request.line),
    }
}

/// Answers that depend on the request or the process only.
fn plain_answer(
    request: &Request,
    parts: &[&str],
    body: &[u8],
    mut out: &TcpStream,
) -> Option<Outcome> {
    let ok = |text: &str| plain(out, 200, text);
    Some(match *parts {
        [""] => ok("hello"),
        ["echo"] => ok(&format!(
            "{}{}",
            request.head,
            String::from_utf8_lossy(body)
        )),
        ["length"] => ok(&body.len().to_string()),
        ["hang"] => hang(),
        ["empty", status] => {
            let length = match status {
                "204" => "",
                _ => "content-length: 5\r\n",
            };
            let head = format!("HTTP/1.1 {status} X\r\n{length}\r\n");
            out.write_all(head.as_bytes()).map(|()| true)
        }
        ["crash", code] => std::process::exit(code.parse().expect("code")),
        ["orphan"] => {
            let child = std::process::Command::new("/proc/self/exe")
                .arg("--orphan")
                .spawn();
            child
                .and_then(|mut child| child.wait())
                .and_then(|_| ok("left behind"))
        }
        ["pid"] => ok(&std::process::id().to_string()),
        ["env"] => {
            let all: Vec<String> = std::env::vars()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            ok(&all.join("\n"))
        }
        _ => return None,
    })
}

/// Answers that depend on earlier requests.
fn counted_answer(shared: &Shared, parts: &[&str], out: &TcpStream) -> Option<Outcome> {
    let ok = |text: &str| plain(out, 200, text);
    let number = |text: &str| -> u32 { text.parse().expect("a number") };
    let status = |text: &str| -> u16 { text.parse().expect("a status") };
    Some(match *parts {
        ["fail", code, times, key] => {
            let fails = hit(shared, key) <= number(times);
            plain(out, if fails { status(code) } else { 200 }, "done")
        }
        ["reset", times, key] => {
            let fails = hit(shared, key) <= number(times);
            if fails { Ok(false) } else { ok("done") }
        }
        ["once", code, key] => {
            if hit(shared, key) > 1 {
                return Some(Ok(false));
            }
            plain(out, status(code), "the app's own words")
        }
        ["hits", key] => {
            let hits = lock(&shared.hits).get(key).copied().unwrap_or_default();
            ok(&hits.to_string())
        }
        ["hang-all"] => {
            shared.hang_all.store(true, Ordering::SeqCst);
            ok("from now on")
        }
        ["hold", key] => {
            hit(shared, key);
            await_release(shared, key, 1);
            ok("released")
        }
        ["release", key] => {
            // Answers first: the edge may stop the app as soon as the released request has ended.
            let outcome = ok("released");
            if outcome.is_ok() {
                *lock(&shared.released).entry(key.to_owned()).or_default() += 1;
                shared.release.notify_all();
            }
            outcome
        }
        ["written", count] => {
            let written = lock(&shared.written).get(count).copied();
            ok(&written.unwrap_or_default().to_string())
        }
        _ => return None,
    })
}

/// Answers that are written piece by piece.
fn streamed_answer(shared: &Shared, parts: &[&str], mut out: &TcpStream) -> Option<Outcome> {
    let write = || -> Outcome {
        match *parts {
            ["events", key] => {
                out.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                      transfer-encoding: chunked\r\n\r\n",
                )?;
                out.write_all(b"9\r\ndata: 1\n\n\r\n")?;
                await_release(shared, key, 1);
                out.write_all(b"9\r\ndata: 2\n\n\r\n")?;
                await_release(shared, key, 2);
                out.write_all(b"0\r\n\r\n")?;
            }
            ["big"] => {
                out.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8388608\r\n\r\n")?;
                for _ in 0..128 {
                    out.write_all(&[b'x'; 65_536])?;
                }
            }
            ["bytes", count] => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {count}\r\n\r\n");
                out.write_all(head.as_bytes())?;
                pour(shared, count, |piece| out.write_all(piece))?;
            }
            ["flood", count] => {
                out.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
                pour(shared, count, |piece| {
                    out.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
                    out.write_all(piece)?;
                    out.write_all(b"\r\n")
                })?;
                out.write_all(b"0\r\n\r\n")?;
            }
            ["binary"] => {
                out.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\nset-cookie: a=1; Path=/\r\n\
                      set-cookie: b=2\r\nvary: accept\r\nvary: origin\r\ncontent-length: 256\r\n\r\n",
                )?;
                out.write_all(&(0..=255).collect::<Vec<u8>>())?;
            }
            _ => {}
        }
        Ok(true)
    };
    matches!(
        *parts,
        ["events" | "bytes" | "flood", _] | ["big" | "binary"]
    )
    .then(write)
}

/// Answers that are always the same, and whether the connection stays open after them.
fn fixed_answer(parts: &[&str]) -> Option<(&'static [u8], bool)> {
    let answer: (&[u8], bool) = match *parts {
        ["partial"] => (
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbeginning",
            false,
        ),
        ["partial-chunked"] => (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegin\r\n",
            false,
        ),
        ["trailers"] => (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
              2\r\nok\r\n0\r\nx-sum: 42\r\n\r\n",
            true,
        ),
        ["hop"] => (
            b"HTTP/1.1 200 OK\r\nconnection: x-private\r\nkeep-alive: timeout=5\r\nx-private: 1\r\n\
              x-public: 1\r\ncontent-length: 0\r\n\r\n",
            true,
        ),
        ["redirect"] => (
            b"HTTP/1.1 302 Found\r\nlocation: /elsewhere?a=b\r\ncontent-length: 0\r\n\r\n",
            true,
        ),
        ["garbage"] => (b"what is HTTP?\r\n\r\n", false),
        _ => return None,
    };
    Some(answer)
}

/// Echoes everything after the upgrade.
fn websocket(reader: &mut BufReader<TcpStream>, mut out: &TcpStream) -> Outcome {
    out.write_all(
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    )?;
    let mut piece = [0; 1024];
    loop {
        match reader.read(&mut piece)? {
            0 => return Ok(false),
            count => out.write_all(&piece[..count])?,
        }
    }
}

fn read_head(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        if head[before..].trim().is_empty() {
            break;
        }
    }
    let line = head.lines().next().unwrap_or_default().to_owned();
    let target = line.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    Ok(Some(Request { line, path, head }))
}

fn read_body(request: &Request, reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if request.header("transfer-encoding").is_some() {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            reader.by_ref().take(size).read_to_end(&mut body)?;
            let mut line = String::new();
            if size == 0 {
                // Trailers are returned as a part of the body.
                while reader.read_line(&mut line)? > 2 {}
                body.extend(line.trim_end().as_bytes());
                return Ok(body);
            }
            reader.read_line(&mut line)?;
        }
    }
    let length = request
        .header("content-length")
        .and_then(|l| l.parse().ok())
        .unwrap_or(0);
    reader.take(length).read_to_end(&mut body)?;
    if (body.len() as u64) < length {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body)
}

fn plain(mut out: &TcpStream, status: u16, text: &str) -> Outcome {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    out.write_all((head + text).as_bytes())?;
    Ok(true)
}

/// Writes `count` bytes in pieces, and records how many could be written.
fn pour(
    shared: &Shared,
    count: &str,
    mut write: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    static PIECE: [u8; 65_536] = [b'x'; 65_536];
    let mut left: usize = count.parse().expect("a number");
    while left > 0 {
        let piece = left.min(PIECE.len());
        write(&PIECE[..piece])?;
        left -= piece;
        *lock(&shared.written).entry(count.to_owned()).or_default() += piece;
    }
    Ok(())
}

fn hang() -> Outcome {
    loop {
        std::thread::park();
    }
}

fn hit(shared: &Shared, key: &str) -> u32 {
    let mut hits = lock(&shared.hits);
    let count = hits.entry(key.to_owned()).or_default();
    *count += 1;
    *count
}

fn await_release(shared: &Shared, key: &str, times: u32) {
    let mut released = lock(&shared.released);
    while released.get(key).copied().unwrap_or_default() < times {
        released = shared
            .release
            .wait(released)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
