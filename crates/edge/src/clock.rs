//! The clocks whose values the policy is given.

use crate::policy::monotonic::Monotonic;
use edge_contract::time::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Monotonic time since the edge started, without the time for which it was paused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    pauses: &'static Pauses,
}

/// Shared by all copies of a clock.
#[derive(Debug)]
struct Pauses {
    /// Microseconds of all pauses that have ended.
    ended: AtomicU64,
    /// The clock's value during the current pause, or [`RUNNING`].
    paused_at: AtomicU64,
}

/// There is no current pause.
const RUNNING: u64 = u64::MAX;
/// Longest time for a timer: tokio cannot represent every moment.
const FAR_FUTURE: Duration = Duration::from_secs(3_600 * 24 * 365);

impl Clock {
    pub(crate) fn start() -> Clock {
        // Leaked: there is one clock for as long as the process runs.
        let pauses = Box::leak(Box::new(Pauses {
            ended: AtomicU64::new(0),
            paused_at: AtomicU64::new(RUNNING),
        }));
        Clock {
            start: Instant::now(),
            pauses,
        }
    }

    pub(crate) fn now(self) -> Monotonic {
        match self.pauses.paused_at.load(Ordering::Acquire) {
            RUNNING => Monotonic(
                self.elapsed()
                    .saturating_sub(self.pauses.ended.load(Ordering::Acquire)),
            ),
            at => Monotonic(at),
        }
    }

    /// The same moment for tokio's timers. During a pause, a moment in the future stays in the
    /// future.
    pub(crate) fn instant(self, at: Monotonic) -> tokio::time::Instant {
        let ahead = at.since(self.now()).min(FAR_FUTURE);
        tokio::time::Instant::now() + ahead
    }

    /// Pauses the clock until [`Clock::resume`]. The whole machine may be frozen meanwhile.
    pub(crate) fn pause(self) {
        let now = self.now().0;
        self.pauses.paused_at.store(now, Ordering::Release);
    }

    /// Ends the pause; returns its length, zero if there was none.
    pub(crate) fn resume(self) -> Duration {
        let paused_at = self.pauses.paused_at.load(Ordering::Acquire);
        if paused_at == RUNNING {
            return Duration::ZERO;
        }
        let ended = self.elapsed().saturating_sub(paused_at);
        let before = self.pauses.ended.swap(ended, Ordering::AcqRel);
        self.pauses.paused_at.store(RUNNING, Ordering::Release);
        Duration::from_micros(ended.saturating_sub(before))
    }

    fn elapsed(self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The time of day.
pub(crate) fn wall_clock() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets real time pass without sleeping.
    fn let_pass(time: Duration) {
        let since = Instant::now();
        while since.elapsed() < time {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_paused_clock_continues_where_it_stopped() {
        let clock = Clock::start();
        let some = Duration::from_millis(20);
        let mut paused = Duration::ZERO;
        for _ in 0..3 {
            clock.pause();
            let before = clock.now();
            let_pass(some);
            assert_eq!(clock.now(), before);
            let pause = clock.resume();
            assert!(pause >= some);
            assert!(clock.now() >= before);
            paused += pause;
        }
        assert_eq!(clock.resume(), Duration::ZERO);
        let shown = clock.now();
        let real = Monotonic(clock.elapsed());
        assert!(real.since(shown) >= paused);
    }

    #[test]
    fn the_future_stays_in_the_future_during_a_pause() {
        let clock = Clock::start();
        clock.pause();
        let ahead = clock.now().plus(Duration::from_millis(50));
        let_pass(Duration::from_millis(60));
        assert!(clock.instant(ahead) > tokio::time::Instant::now());
    }
}
