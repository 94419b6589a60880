//! Whether the app takes connections, and what else is known about its life.
//!
//! When it does not, one task knocks until it does, and all requests wait for that task: a thousand
//! waiting requests do not become a thousand connection attempts at the moment the app comes back.

use crate::clock::Clock;
use crate::policy::health::AppSeen;
use crate::policy::monotonic::Moment;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How often the edge knocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnockPace {
    /// Until the first knock.
    first: Duration,
    /// Each wait is half as long again, up to this.
    longest: Duration,
}

impl KnockPace {
    /// The first knocks come quickly: an app that is restarted is often back within milliseconds.
    pub(crate) const USUAL: KnockPace = KnockPace {
        first: Duration::from_millis(5),
        longest: Duration::from_millis(250),
    };
    /// Where somebody waits for each start, and pays for it.
    pub(crate) const HASTY: KnockPace = KnockPace {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(3),
    };
}

/// A connection on the same machine is made at once or hangs in a full queue.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// No moment.
const NEVER: u64 = u64::MAX;

/// The gate to the app.
#[derive(Debug)]
pub(crate) struct Gate {
    clock: Clock,
    is_up: watch::Sender<bool>,
    was_ready: AtomicBool,
    down_since: AtomicU64,
    silent_since: AtomicU64,
    last_answer: AtomicU64,
}

impl Gate {
    /// Closed: the app has not been seen yet.
    pub(crate) fn new(clock: Clock) -> Gate {
        Gate {
            clock,
            is_up: watch::Sender::new(false),
            was_ready: AtomicBool::new(false),
            down_since: AtomicU64::new(clock.now().0),
            silent_since: AtomicU64::new(NEVER),
            last_answer: AtomicU64::new(NEVER),
        }
    }

    /// The app's process ended, or a connection was refused.
    pub(crate) fn close(&self) {
        let was_up = self.is_up.send_replace(false);
        if was_up {
            self.down_since.store(self.clock.now().0, Ordering::Relaxed);
        }
    }

    fn open(&self) {
        self.down_since.store(NEVER, Ordering::Relaxed);
        self.is_up.send_replace(true);
    }

    /// Waits until the app takes connections. False when that took too long.
    pub(crate) async fn wait(&self, within: Duration) -> bool {
        let mut is_up = self.is_up.subscribe();
        let waited = tokio::time::timeout(within, is_up.wait_for(|up| *up)).await;
        matches!(waited, Ok(Ok(_)))
    }

    /// Waits until it is seen that the app takes none. False when that took too long.
    pub(crate) async fn wait_for_closing(&self, within: Duration) -> bool {
        let mut is_up = self.is_up.subscribe();
        let waited = tokio::time::timeout(within, is_up.wait_for(|up| !*up)).await;
        matches!(waited, Ok(Ok(_)))
    }

    /// Knocks whenever the gate is closed, for ever.
    pub(crate) async fn knock(&self, address: SocketAddr, pace: KnockPace) {
        let mut is_up = self.is_up.subscribe();
        loop {
            if is_up.wait_for(|up| !*up).await.is_err() {
                return;
            }
            let mut wait = pace.first;
            loop {
                tokio::time::sleep(wait).await;
                let connect = tokio::net::TcpStream::connect(address);
                if let Ok(Ok(_)) = tokio::time::timeout(CONNECT_WITHIN, connect).await {
                    break self.open();
                }
                wait = wait.mul_f64(1.5).min(pace.longest);
            }
        }
    }

    /// The app answered something, whatever.
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

    /// A question of the edge, asked at `asked`, got no answer.
    pub(crate) fn unanswered(&self, asked: Moment) {
        let last = self.last_answer.load(Ordering::Relaxed);
        let answered_since = last != NEVER && last >= asked.0;
        if !answered_since && self.silent_since.load(Ordering::Relaxed) == NEVER {
            self.silent_since.store(asked.0, Ordering::Relaxed);
        }
    }

    /// When the app last answered.
    pub(crate) fn last_answer(&self) -> Option<Moment> {
        moment(&self.last_answer)
    }

    /// What health is judged by.
    pub(crate) fn seen(&self, draining: bool) -> AppSeen {
        AppSeen {
            draining,
            was_ready: self.was_ready.load(Ordering::Relaxed),
            down_since: moment(&self.down_since),
            silent_since: moment(&self.silent_since),
        }
    }
}

fn moment(at: &AtomicU64) -> Option<Moment> {
    Some(at.load(Ordering::Relaxed))
        .filter(|at| *at != NEVER)
        .map(Moment)
}
