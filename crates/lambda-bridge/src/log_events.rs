//! Lines as events of CloudWatch Logs.

use crate::function::FunctionContext;
use edge_contract::time::Timestamp;
use serde_json::json;

/// Limits of one `PutLogEvents`: events, and bytes with an overhead for each event
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>).
const BATCH_LINES: usize = 10_000;
const BATCH_BYTES: usize = 1_048_576;
const LINE_OVERHEAD: usize = 26;

/// One line of the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When it was read.
    pub(crate) at: Timestamp,
    /// Without its line feed.
    pub(crate) text: String,
}

/// Splits lines into batches that one call can take, sorted by time. Empty lines are dropped, as
/// there are no empty events.
pub(crate) fn batches(mut lines: Vec<Line>) -> Vec<Vec<Line>> {
    lines.retain(|line| !line.text.is_empty());
    lines.sort_by_key(|line| line.at);
    let mut all: Vec<Vec<Line>> = Vec::new();
    let mut bytes = 0;
    for line in lines {
        let size = line.text.len() + LINE_OVERHEAD;
        match all.last_mut() {
            Some(batch) if batch.len() < BATCH_LINES && bytes + size <= BATCH_BYTES => {
                bytes += size;
                batch.push(line);
            }
            _ => {
                bytes = size;
                all.push(vec![line]);
            }
        }
    }
    all
}

/// The body of `PutLogEvents`.
pub(crate) fn put_log_events(function: &FunctionContext, lines: &[Line]) -> Vec<u8> {
    let events: Vec<_> = lines
        .iter()
        .map(|line| json!({"timestamp": line.at.0, "message": line.text}))
        .collect();
    let body = json!({
        "logGroupName": function.log_group,
        "logStreamName": function.log_stream,
        "logEvents": events,
    });
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_line_is_sent_once_in_batches_within_the_limits(
            sizes in proptest::collection::vec((0_u64..50, 0_usize..300_000), 0..60)
        ) {
            let lines: Vec<Line> = sizes
                .iter()
                .map(|(at, size)| Line { at: Timestamp(*at), text: "x".repeat(*size) })
                .collect();
            let batches = batches(lines.clone());
            for batch in &batches {
                let bytes: usize = batch.iter().map(|line| line.text.len() + 26).sum();
                prop_assert!(bytes <= 1_048_576 && !batch.is_empty());
                prop_assert!(batch.is_sorted_by_key(|line| line.at));
            }
            let sent: usize = batches.iter().map(Vec::len).sum();
            prop_assert_eq!(sent, lines.iter().filter(|line| !line.text.is_empty()).count());
        }
    }

    #[test]
    fn a_batch_has_no_more_lines_than_a_call_may_have() {
        let line = Line {
            at: Timestamp(1),
            text: "a".to_owned(),
        };
        let sizes: Vec<usize> = batches(vec![line; 20_001]).iter().map(Vec::len).collect();
        assert_eq!(sizes, [10_000, 10_000, 1]);
    }
}
