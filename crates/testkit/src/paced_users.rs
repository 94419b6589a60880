//! Users who send requests at a steady rate, however long earlier ones take, and record each of them.

use crate::users::{Reply, ask};
use rules::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Statuses with which a load balancer reports that no target answered.
const NO_TARGET: std::ops::RangeInclusive<u16> = 502..=504;

/// One request of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// When it was sent.
    pub sent: Timestamp,
    /// When its answer was complete, or failed.
    pub ended: Timestamp,
    /// The answer's status; [`None`] without a complete answer.
    pub status: Option<u16>,
    /// The version that answered, if it was the app.
    pub version: Option<u32>,
}

/// All requests of all users, in the order in which they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests(pub Vec<Request>);

/// Users who send requests until [`PacedUsers::stop`].
pub struct PacedUsers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Request>>>,
}

impl PacedUsers {
    /// `users` of them send requests to `url` (`http://host:port`), `per_second` together. Every second
    /// user keeps its connection.
    ///
    /// # Panics
    /// The address is not of that form.
    pub fn ask(url: &str, users: u32, per_second: f64) -> PacedUsers {
        let stop = Arc::new(AtomicBool::new(false));
        let address = url
            .strip_prefix("http://")
            .expect("an http address")
            .trim_end_matches('/')
            .to_owned();
        let begins = Instant::now();
        let between = Duration::from_secs_f64(f64::from(users) / per_second);
        let threads = (0..users)
            .map(|number| {
                let (stop, address) = (stop.clone(), address.clone());
                let first = begins + between * number / users;
                std::thread::spawn(move || {
                    send_requests(&address, number.is_multiple_of(2), first, between, &stop)
                })
            })
            .collect();
        PacedUsers { stop, threads }
    }

    /// Stops them.
    ///
    /// # Panics
    /// A user's thread panicked.
    pub fn stop(self) -> Requests {
        self.stop.store(true, Ordering::Relaxed);
        let mut all: Vec<Request> = Vec::new();
        for thread in self.threads {
            all.extend(thread.join().expect("a user"));
        }
        all.sort_by_key(|request| request.sent);
        Requests(all)
    }
}

fn send_requests(
    address: &str,
    keeps: bool,
    first: Instant,
    between: Duration,
    stop: &AtomicBool,
) -> Vec<Request> {
    let (mut requests, mut connection, mut due) = (Vec::new(), None, first);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due += between;
        let sent = now();
        let reply = ask(address, &mut connection);
        if !keeps || reply.is_err() {
            connection = None;
        }
        let reply = reply.ok();
        requests.push(Request {
            sent,
            ended: now(),
            status: reply.as_ref().map(|reply: &Reply| reply.status),
            version: reply.and_then(|reply| reply.version),
        });
    }
    requests
}

/// The current time.
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Request {
    /// Whether it did not reach the app: no answer, or the load balancer's own.
    pub fn is_lost(&self) -> bool {
        self.status.is_none_or(|status| NO_TARGET.contains(&status))
    }

    /// Whether it was answered with an error of the app.
    pub fn is_error(&self) -> bool {
        !self.is_lost() && self.status.is_some_and(|status| status >= 500)
    }
}

impl Requests {
    /// How many there were.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many did not reach the app.
    pub fn lost(&self) -> usize {
        self.0.iter().filter(|request| request.is_lost()).count()
    }

    /// How many were answered with an error of the app.
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|request| request.is_error()).count()
    }

    /// Those that this version answered.
    pub fn of(&self, version: u32) -> Requests {
        let own = self.0.iter().filter(|v| v.version == Some(version));
        Requests(own.copied().collect())
    }

    /// When the last of them was sent.
    pub fn last(&self) -> Option<Timestamp> {
        self.0.last().map(|request| request.sent)
    }
}
