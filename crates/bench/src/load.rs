//! The load: closed loops for throughput, an open loop for latency, with a thread for each
//! connection.

use crate::client::Client;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

/// Stack of a thread: there are up to a thousand.
const STACK: usize = 128 * 1024;

/// The results of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    /// Without a complete answer, or with one of 400 and above.
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        self.requests += other.requests;
        self.failed += other.failed;
    }

    fn count(&mut self, is_good: bool) {
        self.requests += 1;
        self.failed += u64::from(!is_good);
    }
}

/// Starts a thread of the bench.
pub(crate) fn spawn<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    work: impl FnOnce() -> T + Send + 's,
) -> Result<thread::ScopedJoinHandle<'s, T>, String> {
    thread::Builder::new()
        .stack_size(STACK)
        .spawn_scoped(scope, work)
        .map_err(|error| format!("can't start a thread: {error}"))
}

/// Limit of a closed loop: some proxies take seconds for an answer.
const AT_MOST: Duration = Duration::from_secs(120);

/// Sends `requests` in total; each connection sends its next one when it has the answer.
pub(crate) fn closed(
    address: SocketAddr,
    connections: usize,
    requests: u64,
) -> Result<Tally, String> {
    closed_within(address, connections, requests, AT_MOST)
}

/// The same, for at most this time.
pub(crate) fn closed_within(
    address: SocketAddr,
    connections: usize,
    requests: u64,
    within: Duration,
) -> Result<Tally, String> {
    let sent = AtomicU64::new(0);
    let end = Instant::now() + within;
    thread::scope(|scope| {
        let worker = || {
            let mut tally = Tally::default();
            let mut client = None;
            while sent.fetch_add(1, Ordering::Relaxed) < requests && Instant::now() < end {
                tally.count(is_good(&mut client, address));
            }
            tally
        };
        let mut threads = Vec::new();
        for _ in 0..connections {
            threads.push(spawn(scope, worker)?);
        }
        let mut all = Tally::default();
        for thread in threads {
            all.add(thread.join().map_err(|_| "a load thread panicked")?);
        }
        Ok(all)
    })
}

/// An open loop, and when it began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paced {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) per_second: f64,
    pub(crate) requests: u64,
    pub(crate) begins: Instant,
}

impl Paced {
    /// When a request is due, regardless of the results of earlier requests.
    pub(crate) fn due(&self, number: u64) -> Instant {
        self.begins + Duration::from_secs_f64(number as f64 / self.per_second)
    }

    /// Sends every request when it is due. Latency counts from that time, not from when the
    /// connection was free: a proxy that stalls delays all requests that are due meanwhile.
    pub(crate) fn run(&self) -> Result<(Tally, Vec<Duration>), String> {
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for first in 0..self.connections {
                threads.push(spawn(scope, move || self.work(first))?);
            }
            let (mut all, mut latencies) = (Tally::default(), Vec::new());
            for thread in threads {
                let (tally, some) = thread.join().map_err(|_| "a load thread panicked")?;
                all.add(tally);
                latencies.extend(some);
            }
            Ok((all, latencies))
        })
    }

    fn work(&self, first: usize) -> (Tally, Vec<Duration>) {
        let (mut tally, mut latencies, mut client) = (Tally::default(), Vec::new(), None);
        for number in (first as u64..self.requests).step_by(self.connections) {
            let due = self.due(number);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            tally.count(is_good(&mut client, self.address));
            latencies.push(due.elapsed());
        }
        (tally, latencies)
    }
}

/// Sends one request over the connection, or over a new one if that has closed.
fn is_good(client: &mut Option<Client>, address: SocketAddr) -> bool {
    let connected = match client.take() {
        Some(client) => Ok(client),
        None => Client::connect(address),
    };
    let Ok(mut connected) = connected else {
        // Without a pause, a dead proxy would get a million connection attempts per second.
        thread::sleep(Duration::from_millis(1));
        return false;
    };
    let Ok(answer) = connected.get("/") else {
        return false;
    };
    if !answer.closes {
        *client = Some(connected);
    }
    answer.status < 400
}

/// The percentile `share` (0 to 1).
pub(crate) fn percentile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_of_the_sample() {
        let mut values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 0.99), Some(198.0));
        assert_eq!(percentile(&mut values, 0.5), Some(100.0));
        assert_eq!(percentile(&mut values, 1.0), Some(200.0));
        assert_eq!(percentile(&mut [7.0], 0.5), Some(7.0));
        assert_eq!(percentile(&mut [], 0.5), None);
    }
}
