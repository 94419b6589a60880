//! Time as the edge feels it: a clock that only runs forward.

use rules::edge_contract::histogram::micros;
use std::time::Duration;

/// Microseconds since the edge started, by a clock that no one sets. Apart from
/// [`rules::time::Timestamp`] on purpose: a wall clock that is set back must not
/// reopen a circuit or fill a budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// How long it has been since `earlier`; zero if that lies ahead (another thread read its clock
    /// a little later).
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The moment `duration` later.
    pub fn plus(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(micros(duration)))
    }
}
