//! Users who come at a steady pace, whatever becomes of those before them, and remember each request.

use crate::users::{Reply, ask};
use rules::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Statuses by which a load balancer says that it found nobody.
const NOBODY: std::ops::RangeInclusive<u16> = 502..=504;

/// One request of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// When it was sent.
    pub sent: Timestamp,
    /// When its answer was there, or was given up.
    pub ended: Timestamp,
    /// The answer's status; [`None`] if there was no whole answer.
    pub status: Option<u16>,
    /// Which version answered, where the app was reached.
    pub version: Option<u32>,
}

/// Everything that users saw, in the order in which they asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visits(pub Vec<Visit>);

/// Users at work.
pub struct Crowd {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Visit>>>,
}

impl Crowd {
    /// `users` of them ask `url` (`http://host:port`), `per_second` requests together; every second user on
    /// a connection that is kept.
    ///
    /// # Panics
    /// The address is not of that form.
    pub fn ask(url: &str, users: u32, per_second: f64) -> Crowd {
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
                    come(&address, number.is_multiple_of(2), first, between, &stop)
                })
            })
            .collect();
        Crowd { stop, threads }
    }

    /// Sends them home.
    ///
    /// # Panics
    /// A user's thread panicked.
    pub fn stop(self) -> Visits {
        self.stop.store(true, Ordering::Relaxed);
        let mut all: Vec<Visit> = Vec::new();
        for thread in self.threads {
            all.extend(thread.join().expect("a user"));
        }
        all.sort_by_key(|visit| visit.sent);
        Visits(all)
    }
}

fn come(
    address: &str,
    keeps: bool,
    first: Instant,
    between: Duration,
    stop: &AtomicBool,
) -> Vec<Visit> {
    let (mut visits, mut connection, mut due) = (Vec::new(), None, first);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due += between;
        let sent = now();
        let reply = ask(address, &mut connection);
        if !keeps || reply.is_err() {
            connection = None;
        }
        let reply = reply.ok();
        visits.push(Visit {
            sent,
            ended: now(),
            status: reply.as_ref().map(|reply: &Reply| reply.status),
            version: reply.and_then(|reply| reply.version),
        });
    }
    visits
}

/// The time.
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Visit {
    /// Whether nobody was there for it: no answer, or the load balancer's own.
    pub fn is_lost(&self) -> bool {
        self.status.is_none_or(|status| NOBODY.contains(&status))
    }

    /// Whether its user saw an error of the app.
    pub fn is_error(&self) -> bool {
        !self.is_lost() && self.status.is_some_and(|status| status >= 500)
    }
}

impl Visits {
    /// How many there were.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Those for which nobody was there.
    pub fn lost(&self) -> usize {
        self.0.iter().filter(|visit| visit.is_lost()).count()
    }

    /// Those whose user saw an error of the app.
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|visit| visit.is_error()).count()
    }

    /// Those that a version answered.
    pub fn of(&self, version: u32) -> Visits {
        let own = self.0.iter().filter(|v| v.version == Some(version));
        Visits(own.copied().collect())
    }

    /// When the last of them was sent.
    pub fn last(&self) -> Option<Timestamp> {
        self.0.last().map(|visit| visit.sent)
    }
}
