//! What to do when the Runtime API fails.

use std::time::Duration;

/// What to do when the next invocation could not be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Try again after this long.
    RetryAfter(Duration),
    /// Exit; Lambda then starts a new runtime.
    ShutDown,
}

/// Failures in a row after which another attempt makes no sense.
const MOST: u32 = 5;

/// Decides by the number of failures in a row, and by the status if there was an answer. A status
/// of 4xx will not change, and 500 means that the container cannot recover; for both, AWS asks
/// runtimes to exit.
pub fn on_failure(in_a_row: u32, status: Option<u16>) -> OnFailure {
    if status.is_some() || in_a_row >= MOST {
        OnFailure::ShutDown
    } else {
        OnFailure::RetryAfter(Duration::from_millis(10 << in_a_row.min(MOST)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_some_failures_the_runtime_exits() {
        let waits: Vec<OnFailure> = (0..7).map(|n| on_failure(n, None)).collect();
        assert_eq!(waits[0], OnFailure::RetryAfter(Duration::from_millis(10)));
        assert_eq!(waits[4], OnFailure::RetryAfter(Duration::from_millis(160)));
        assert_eq!(waits[5..], [OnFailure::ShutDown; 2]);
        assert_eq!(on_failure(0, Some(500)), OnFailure::ShutDown);
        assert_eq!(on_failure(0, Some(403)), OnFailure::ShutDown);
    }
}
