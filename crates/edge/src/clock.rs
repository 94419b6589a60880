//! The clocks that the rules are asked with.

use crate::policy::monotonic::Moment;
use rules::time::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Monotonic time since the edge started, without the time in which it was told to stand still.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    pauses: &'static Pauses,
}

/// Copies of a clock share its pauses.
#[derive(Debug)]
struct Pauses {
    /// All that are over, in microseconds.
    over: AtomicU64,
    /// What the clock shows in the one that is not, or [`RUNS`].
    stands_at: AtomicU64,
}

/// The clock does not stand.
const RUNS: u64 = u64::MAX;
/// A moment that lies beyond what timers can show is as good as never.
const NEVER: Duration = Duration::from_secs(3_600 * 24 * 365);

impl Clock {
    pub(crate) fn start() -> Clock {
        // There is one clock for as long as the process runs.
        let pauses = Box::leak(Box::new(Pauses {
            over: AtomicU64::new(0),
            stands_at: AtomicU64::new(RUNS),
        }));
        Clock {
            start: Instant::now(),
            pauses,
        }
    }

    pub(crate) fn now(self) -> Moment {
        match self.pauses.stands_at.load(Ordering::Acquire) {
            RUNS => Moment(
                self.elapsed()
                    .saturating_sub(self.pauses.over.load(Ordering::Acquire)),
            ),
            at => Moment(at),
        }
    }

    /// The moment as tokio's timers want it. While the clock stands, what lies ahead stays ahead.
    pub(crate) fn instant(self, moment: Moment) -> tokio::time::Instant {
        let ahead = moment.since(self.now()).min(NEVER);
        tokio::time::Instant::now() + ahead
    }

    /// Stands still until [`Clock::resume`]: the whole machine may be frozen meanwhile.
    pub(crate) fn hold(self) {
        let now = self.now().0;
        self.pauses.stands_at.store(now, Ordering::Release);
    }

    /// Runs again from where it stood; returns how long that was.
    pub(crate) fn resume(self) -> Duration {
        let stood_at = self.pauses.stands_at.load(Ordering::Acquire);
        if stood_at == RUNS {
            return Duration::ZERO;
        }
        let over = self.elapsed().saturating_sub(stood_at);
        let before = self.pauses.over.swap(over, Ordering::AcqRel);
        self.pauses.stands_at.store(RUNS, Ordering::Release);
        Duration::from_micros(over.saturating_sub(before))
    }

    fn elapsed(self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// What the wall clock says.
pub(crate) fn wall() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets real time pass, by looking at it.
    fn let_pass(time: Duration) {
        let since = Instant::now();
        while since.elapsed() < time {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_clock_that_stands_goes_on_where_it_stood() {
        let clock = Clock::start();
        let some = Duration::from_millis(20);
        let mut stood = Duration::ZERO;
        for _ in 0..3 {
            clock.hold();
            let before = clock.now();
            let_pass(some);
            assert_eq!(clock.now(), before);
            let paused = clock.resume();
            assert!(paused >= some);
            assert!(clock.now() >= before);
            stood += paused;
        }
        assert_eq!(clock.resume(), Duration::ZERO);
        let shown = clock.now();
        let real = Moment(clock.elapsed());
        assert!(real.since(shown) >= stood);
    }

    #[test]
    fn what_lies_ahead_stays_ahead_while_it_stands() {
        let clock = Clock::start();
        clock.hold();
        let ahead = clock.now().plus(Duration::from_millis(50));
        let_pass(Duration::from_millis(60));
        assert!(clock.instant(ahead) > tokio::time::Instant::now());
    }
}
