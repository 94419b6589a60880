//! The clocks that the rules are asked with.

use rules::edge::moment::Moment;
use rules::time::Timestamp;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Monotonic time since the edge started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock {
            start: Instant::now(),
        }
    }

    pub(crate) fn now(self) -> Moment {
        Moment(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The moment as tokio's timers want it.
    pub(crate) fn instant(self, moment: Moment) -> tokio::time::Instant {
        let since = std::time::Duration::from_micros(moment.0);
        // A moment that lies beyond what the clock can show is as good as never.
        let never = || self.start + std::time::Duration::from_secs(3_600 * 24 * 365);
        self.start.checked_add(since).unwrap_or_else(never).into()
    }
}

/// What the wall clock says.
pub(crate) fn wall() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
