//! An app that behaves badly on demand, for tests. Only the standard library, so that `rustc` alone
//! makes a static program of it that runs `FROM scratch`.
//!
//! `misbehave MODE`, or `MODE` in the environment:
//!
//! | mode | what it does |
//! |---|---|
//! | `good` | answers 200 on :8080 |
//! | `flaky` | answers 500 to one request of ten |
//! | `errors` | answers 200 to the health check of a load balancer and 500 to everybody else |
//! | `crash` | ends with exit code 3 after a line on standard error |
//! | `port` | listens on :9090 |
//! | `loopback` | listens on 127.0.0.1:8080 |
//! | `deaf` | never listens |
//! | `slow` | listens after 5 s |
//! | `errs:N` | answers 500 to N requests of a hundred, at random |
//! | `takes:N` | answers after N ms |

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

fn main() {
    let mode = std::env::args()
        .nth(1)
        .or_else(|| std::env::var("MODE").ok())
        .unwrap_or_else(|| "good".to_owned());
    println!("misbehave: {mode}");
    let address = match mode.as_str() {
        "crash" => {
            eprintln!("cannot find the settings file");
            std::process::exit(3);
        }
        "deaf" => loop {
            std::thread::park();
        },
        "port" => "0.0.0.0:9090",
        "loopback" => "127.0.0.1:8080",
        _ => "0.0.0.0:8080",
    };
    if mode == "slow" {
        std::thread::sleep(Duration::from_secs(5));
    }
    let listener = TcpListener::bind(address).expect("the port is free");
    for stream in listener.incoming().flatten() {
        let mode = mode.clone();
        std::thread::spawn(move || serve(stream, &mode));
    }
}

fn serve(stream: TcpStream, mode: &str) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut is_landfall = false;
        let mut first = true;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() && !first {
                break;
            }
            first = false;
            is_landfall |= line.starts_with("user-agent:") && line.contains("landfall");
        }
        let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
        let fails = match mode {
            "flaky" => number % 10 == 7,
            "errors" => is_landfall,
            other => match other.strip_prefix("errs:").and_then(|percent| percent.parse().ok()) {
                Some(percent) => random() % 100 < percent,
                None => false,
            },
        };
        if let Some(millis) = mode.strip_prefix("takes:").and_then(|millis| millis.parse().ok()) {
            std::thread::sleep(Duration::from_millis(millis));
        }
        let (status, body) = if fails { ("500 Internal Server Error", "down") } else { ("200 OK", "up") };
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if reader.get_mut().write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

/// A new number each time (<https://doc.rust-lang.org/std/hash/struct.RandomState.html>).
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
