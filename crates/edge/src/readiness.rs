//! Whether the app accepts connections, and when it last answered.
//!
//! While it does not accept connections, one task tries to connect and all requests wait for that
//! task: a thousand waiting requests do not become a thousand connection attempts at the moment the
//! app is back.

use crate::clock::Clock;
use crate::policy::health::AppObservation;
use crate::policy::monotonic::Monotonic;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// The pauses between attempts to connect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// Before the first attempt.
    first: Duration,
    /// Each pause is half as long again as the one before, up to this.
    longest: Duration,
}

impl Backoff {
    /// The first attempts follow each other quickly: a restarted app is often back within
    /// milliseconds.
    pub(crate) const DEFAULT: Backoff = Backoff {
        first: Duration::from_millis(5),
        longest: Duration::from_millis(250),
    };
    /// On Lambda, where each start makes a user wait and is billed.
    pub(crate) const LAMBDA: Backoff = Backoff {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(3),
    };
}

/// A local connection is made at once, or not at all because the app's queue is full.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Represents [`None`] in the atomic fields.
const NEVER: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct Readiness {
    clock: Clock,
    is_up: watch::Sender<bool>,
    was_ready: AtomicBool,
    down_since: AtomicU64,
    silent_since: AtomicU64,
    last_answer: AtomicU64,
}

impl Readiness {
    /// The state before the app has started: down.
    pub(crate) fn new(clock: Clock) -> Readiness {
        Readiness {
            clock,
            is_up: watch::Sender::new(false),
            was_ready: AtomicBool::new(false),
            down_since: AtomicU64::new(clock.now().0),
            silent_since: AtomicU64::new(NEVER),
            last_answer: AtomicU64::new(NEVER),
        }
    }

    /// The app's process ended, or a connection was refused.
    pub(crate) fn mark_down(&self) {
        let was_up = self.is_up.send_replace(false);
        if was_up {
            self.down_since.store(self.clock.now().0, Ordering::Relaxed);
        }
    }

    fn mark_up(&self) {
        self.down_since.store(NEVER, Ordering::Relaxed);
        self.is_up.send_replace(true);
    }

    /// Waits until the app accepts connections; false if that takes longer than `within`.
    pub(crate) async fn wait_until_up(&self, within: Duration) -> bool {
        let mut is_up = self.is_up.subscribe();
        let waited = tokio::time::timeout(within, is_up.wait_for(|up| *up)).await;
        matches!(waited, Ok(Ok(_)))
    }

    /// Waits until the app is down; false if that takes longer than `within`.
    pub(crate) async fn wait_until_down(&self, within: Duration) -> bool {
        let mut is_up = self.is_up.subscribe();
        let waited = tokio::time::timeout(within, is_up.wait_for(|up| !*up)).await;
        matches!(waited, Ok(Ok(_)))
    }

    /// Tries to connect whenever the app is down, for ever.
    pub(crate) async fn watch(&self, address: SocketAddr, backoff: Backoff) {
        let mut is_up = self.is_up.subscribe();
        loop {
            if is_up.wait_for(|up| !*up).await.is_err() {
                return;
            }
            let mut pause = backoff.first;
            loop {
                tokio::time::sleep(pause).await;
                let connect = tokio::net::TcpStream::connect(address);
                if let Ok(Ok(_)) = tokio::time::timeout(CONNECT_TIMEOUT, connect).await {
                    break self.mark_up();
                }
                pause = pause.mul_f64(1.5).min(backoff.longest);
            }
        }
    }

    /// The app answered, with whatever status.
    pub(crate) fn answered(&self) {
        self.last_answer
            .store(self.clock.now().0, Ordering::Relaxed);
        if !self.was_ready.load(Ordering::Relaxed) {
            self.was_ready.store(true, Ordering::Relaxed);
        }
        if self.silent_since.load(Ordering::Relaxed) != NEVER {
            self.silent_since.store(NEVER, Ordering::Relaxed);
        }
    }

    /// A request sent at `sent` got no answer.
    pub(crate) fn unanswered(&self, sent: Monotonic) {
        let last = self.last_answer.load(Ordering::Relaxed);
        let answered_since = last != NEVER && last >= sent.0;
        if !answered_since && self.silent_since.load(Ordering::Relaxed) == NEVER {
            self.silent_since.store(sent.0, Ordering::Relaxed);
        }
    }

    /// When the app last answered.
    pub(crate) fn last_answer(&self) -> Option<Monotonic> {
        load(&self.last_answer)
    }

    /// What health is judged by.
    pub(crate) fn observation(&self, draining: bool) -> AppObservation {
        AppObservation {
            draining,
            was_ready: self.was_ready.load(Ordering::Relaxed),
            down_since: load(&self.down_since),
            silent_since: load(&self.silent_since),
        }
    }
}

fn load(at: &AtomicU64) -> Option<Monotonic> {
    Some(at.load(Ordering::Relaxed))
        .filter(|at| *at != NEVER)
        .map(Monotonic)
}
