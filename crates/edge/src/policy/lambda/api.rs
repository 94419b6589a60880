//! What to do when the Runtime API fails.

use std::time::Duration;

/// What to do when the API was asked for the next invocation in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// Ask again after this long.
    Again(Duration),
    /// Lambda starts another runtime when this one ends.
    End,
}

/// Failures in a row after which asking again makes no sense.
const MOST: u32 = 5;

/// Decides by the number of failures in a row, and by the status if there was one. A status of 4xx will
/// not change, and 500 means that the container is beyond recovery; both ask the runtime to end.
pub fn failed(in_a_row: u32, status: Option<u16>) -> Failed {
    if status.is_some() || in_a_row >= MOST {
        Failed::End
    } else {
        Failed::Again(Duration::from_millis(10 << in_a_row.min(MOST)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_that_is_gone_is_not_asked_for_ever() {
        let waits: Vec<Failed> = (0..7).map(|n| failed(n, None)).collect();
        assert_eq!(waits[0], Failed::Again(Duration::from_millis(10)));
        assert_eq!(waits[4], Failed::Again(Duration::from_millis(160)));
        assert_eq!(waits[5..], [Failed::End; 2]);
        assert_eq!(failed(0, Some(500)), Failed::End);
        assert_eq!(failed(0, Some(403)), Failed::End);
    }
}
