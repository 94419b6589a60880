//! An invocation, and the replies to it.

use super::streamed_body::{StreamEnd, StreamedBody};
use bytes::Bytes;
use edge_contract::time::Timestamp;
use http::HeaderValue;
use tokio::sync::oneshot;

#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) id: String,
    /// When Lambda ends it.
    pub(super) deadline: Option<Timestamp>,
    /// Value of `X-Amzn-Trace-Id`.
    pub(super) trace: Option<HeaderValue>,
    /// The event, as JSON.
    pub(super) event: Bytes,
}

#[derive(Debug)]
pub(super) enum Reply {
    /// A complete answer.
    Response {
        bytes: Vec<u8>,
        /// Whether the app used up the invocation's time.
        is_stuck: bool,
    },
    /// An answer that has begun.
    Stream {
        body: Box<StreamedBody>,
        end: oneshot::Receiver<StreamEnd>,
        /// Whether the app used up the invocation's time before its answer began.
        is_stuck: bool,
    },
    Error {
        error_type: String,
        bytes: Vec<u8>,
    },
}

impl Reply {
    pub(super) fn is_stuck(&self) -> bool {
        match self {
            Reply::Response { is_stuck, .. } | Reply::Stream { is_stuck, .. } => *is_stuck,
            Reply::Error { .. } => false,
        }
    }
}
