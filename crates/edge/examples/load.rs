//! A small load generator for the figures of the edge.
//!
//! ```text
//! load closed ADDRESS REQUESTS CONNECTIONS   each connection sends its next request after the answer
//! load rate ADDRESS PER_SECOND SECONDS CONNECTIONS   at fixed moments; latency counts from the moment
//! load drain ADDRESS CONNECTIONS   half of them kept, half new for each request, until refused
//! ```
//!
//! It prints one line of JSON: what was sent, what came back wrong, what was lost, and latencies.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: app\r\n\r\n";

#[derive(Default)]
struct Seen {
    sent: AtomicU64,
    /// Answers of 500 and above.
    errors: AtomicU64,
    /// Requests that were sent and got no whole answer.
    lost: AtomicU64,
    refused: AtomicU64,
    micros: Mutex<Vec<u64>>,
}

enum Answer {
    Whole { status: u16, closes: bool },
    None,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| {
        arguments
            .get(at)
            .and_then(|a| a.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let mode = arguments.first().cloned().unwrap_or_default();
    let address = arguments.get(1).cloned().unwrap_or_default();
    let seen = Arc::new(Seen::default());
    let began = Instant::now();
    let connections = match mode.as_str() {
        "closed" => number(3),
        "rate" => number(4),
        "drain" => number(2),
        _ => return eprintln!("closed, rate or drain; see the head of the file"),
    };
    let mut workers = Vec::new();
    for worker in 0..connections {
        let (seen, address, mode) = (Arc::clone(&seen), address.clone(), mode.clone());
        let (a, b) = (number(2), number(3));
        workers.push(tokio::spawn(async move {
            match mode.as_str() {
                "closed" => closed(&seen, &address, a / connections).await,
                "rate" => rate(&seen, &address, began, (a, b), (worker, connections)).await,
                _ => drain(&seen, &address, worker % 2 == 0).await,
            }
        }));
    }
    for worker in workers {
        let _ = worker.await;
    }
    let mut micros = seen.micros.lock().map(|m| m.clone()).unwrap_or_default();
    micros.sort_unstable();
    let quantile = |q: f64| {
        let at = ((micros.len() as f64 * q) as usize).min(micros.len().saturating_sub(1));
        micros.get(at).map_or(0.0, |m| *m as f64 / 1_000.0)
    };
    let count = |n: &AtomicU64| n.load(Ordering::Relaxed);
    println!(
        "{{\"sent\":{},\"errors\":{},\"lost\":{},\"refused\":{},\"p50_ms\":{},\"p99_ms\":{},\"p999_ms\":{},\"max_ms\":{},\"seconds\":{:.2}}}",
        count(&seen.sent),
        count(&seen.errors),
        count(&seen.lost),
        count(&seen.refused),
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        quantile(1.0),
        began.elapsed().as_secs_f64()
    );
}

async fn closed(seen: &Seen, address: &str, requests: u64) {
    let mut line = None;
    for _ in 0..requests {
        one(seen, address, &mut line, Instant::now()).await;
    }
}

async fn rate(seen: &Seen, address: &str, began: Instant, load: (u64, u64), who: (u64, u64)) {
    let (per_second, seconds) = load;
    let (worker, workers) = who;
    let mut line = None;
    let mut number = worker;
    while number < per_second * seconds {
        let due = began + Duration::from_secs_f64(number as f64 / per_second as f64);
        tokio::time::sleep_until(due.into()).await;
        one(seen, address, &mut line, due).await;
        number += workers;
    }
}

async fn drain(seen: &Seen, address: &str, keeps: bool) {
    let mut line = None;
    while one(seen, address, &mut line, Instant::now()).await {
        if !keeps {
            line = None;
        }
    }
}

/// One request; false when the connection is refused.
async fn one(seen: &Seen, address: &str, line: &mut Option<TcpStream>, due: Instant) -> bool {
    if line.is_none() {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                *line = Some(stream);
            }
            Err(_) => {
                seen.refused.fetch_add(1, Ordering::Relaxed);
                return false;
            }
        }
    }
    let Some(stream) = line else { return false };
    seen.sent.fetch_add(1, Ordering::Relaxed);
    let answer = ask(stream).await;
    if let Ok(mut micros) = seen.micros.lock() {
        micros.push(u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    match answer {
        Answer::Whole { status, closes } => {
            seen.errors
                .fetch_add(u64::from(status >= 500), Ordering::Relaxed);
            if closes {
                *line = None;
            }
        }
        Answer::None => {
            seen.lost.fetch_add(1, Ordering::Relaxed);
            *line = None;
        }
    }
    true
}

async fn ask(stream: &mut TcpStream) -> Answer {
    if stream.write_all(REQUEST).await.is_err() {
        return Answer::None;
    }
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece).await {
            Ok(count @ 1..) => text.extend(piece.get(..count).unwrap_or_default()),
            _ => return Answer::None,
        }
        let all = String::from_utf8_lossy(&text).to_ascii_lowercase();
        let Some((head, body)) = all.split_once("\r\n\r\n") else {
            continue;
        };
        let field = |name: &str| {
            head.lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        let length: usize = field("content-length:")
            .and_then(|l| l.parse().ok())
            .unwrap_or(0);
        if body.len() >= length {
            let status = head
                .split(' ')
                .nth(1)
                .and_then(|s| s.parse().ok())
                .unwrap_or(0);
            return Answer::Whole {
                status,
                closes: field("connection:") == Some("close"),
            };
        }
    }
}
