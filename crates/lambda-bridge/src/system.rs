//! The clock, and unique ids.

use edge_contract::time::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// A UUID, the format of Lambda's request ids.
pub(crate) fn unique_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
    match text.trim() {
        "" => format!("00000000-0000-0000-0000-{:012x}", now().0),
        text => text.to_owned(),
    }
}
