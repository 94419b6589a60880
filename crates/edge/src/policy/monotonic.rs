//! Monotonic time: the only time that decisions about single requests depend on.

use edge_contract::histogram::micros;
use std::time::Duration;

/// Microseconds since the edge started. Not a [`edge_contract::time::Timestamp`]: a wall clock that is set
/// back must not reopen a circuit or fill a budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// The time since `earlier`; zero if that is in the future (another thread read its clock
    /// later).
    pub fn since(self, earlier: Monotonic) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The time `duration` later.
    pub fn plus(self, duration: Duration) -> Monotonic {
        Monotonic(self.0.saturating_add(micros(duration)))
    }
}
