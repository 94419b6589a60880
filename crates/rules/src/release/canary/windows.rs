//! Which seconds make a window.
//!
//! Seconds count requests by when they *began*. Counted by when they end, an app whose errors are fast and whose
//! successes are slow shows only errors in its first seconds, and is rolled back for it.
//!
//! The end of a window depends on when requests began and not on their results, which could otherwise choose
//! the windows. A request whose client disconnected is not counted, but it began, so a window may have nothing
//! to compare.

use super::counts::{Arm, SealedWindow, Stratum};
use edge_contract::bucket::Attempts;
use std::collections::BTreeMap;

/// Makes windows of all seconds from `from` on and before `until`, of the old version's attempts
/// and the new one's. A window is as short as it can be with a request of each. Seconds at the end
/// that lack one are left for the next call, with the last window's [`end`](SealedWindow::end) as `from`. The
/// result does not depend on how often it is called.
///
/// Everything before `until` must be sealed: its requests have ended, or their deadline is over.
pub fn seal(
    stratum: Stratum,
    seconds: &BTreeMap<u64, (Attempts, Attempts)>,
    from: u64,
    until: u64,
) -> Vec<SealedWindow> {
    let mut windows = Vec::new();
    let mut pending: Option<(u64, Attempts, Attempts)> = None;
    if from >= until {
        return windows;
    }
    for (&second, (old, new)) in seconds.range(from..until) {
        if old.total == 0 && new.total == 0 {
            continue; // an empty second does not begin a window
        }
        let (first, old_sum, new_sum) =
            pending.get_or_insert_with(|| (second, Attempts::default(), Attempts::default()));
        old_sum.add(old);
        new_sum.add(new);
        if old_sum.total == 0 || new_sum.total == 0 {
            continue;
        }
        windows.push(SealedWindow {
            stratum,
            from_second: *first,
            seconds: (second - *first).saturating_add(1),
            old: Arm::from(&*old_sum),
            new: Arm::from(&*new_sum),
        });
        pending = None;
    }
    windows
}
