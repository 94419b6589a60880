//! Passes one invocation at a time to the runtime, and its reply back.

use bytes::Bytes;
use edge_contract::time::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) id: String,
    pub(crate) deadline: Timestamp,
    pub(crate) event: Bytes,
}

/// A queue of at most one invocation.
#[derive(Debug)]
pub(crate) struct InvocationQueue {
    state: Mutex<State>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Number of the runtime. The connection of one that has ended must not take an invocation.
    runtime: u64,
    /// Whether this runtime has completed its init phase.
    is_initialised: bool,
    start_error: Option<Bytes>,
    waiting: Option<Invocation>,
    open: Option<(String, oneshot::Sender<Bytes>)>,
}

impl InvocationQueue {
    pub(crate) fn new() -> InvocationQueue {
        InvocationQueue {
            state: Mutex::default(),
            changes: watch::Sender::new(()),
        }
    }

    /// A new runtime is about to start.
    pub(crate) fn runtime_starts(&self) {
        let mut state = self.lock();
        *state = State {
            runtime: state.runtime + 1,
            ..State::default()
        };
    }

    /// Queues an invocation; the receiver gets the runtime's reply.
    pub(crate) fn put(&self, invocation: Invocation) -> oneshot::Receiver<Bytes> {
        let (reply, replied) = oneshot::channel();
        let mut state = self.lock();
        state.open = Some((invocation.id.clone(), reply));
        state.waiting = Some(invocation);
        drop(state);
        self.changes.send_replace(());
        replied
    }

    /// Waits for the next invocation, on behalf of the runtime.
    pub(crate) async fn next(&self) -> Invocation {
        let mut changes = self.changes.subscribe();
        let runtime = {
            let mut state = self.lock();
            state.is_initialised = true;
            state.runtime
        };
        self.changes.send_replace(());
        loop {
            {
                let mut state = self.lock();
                if state.runtime == runtime
                    && let Some(invocation) = state.waiting.take()
                {
                    return invocation;
                }
            }
            // This cannot fail: the queue owns the sender.
            let _ = changes.changed().await;
        }
    }

    /// Delivers a reply of the runtime; false if no such invocation is open.
    pub(crate) fn reply(&self, id: &str, body: Bytes) -> bool {
        let mut state = self.lock();
        let open = state.open.take_if(|(open, _)| open == id);
        // The caller may be gone; that does not concern the runtime.
        open.map(|(_, reply)| reply.send(body)).is_some()
    }

    /// The runtime reports that its start failed.
    pub(crate) fn fail_start(&self, error: Bytes) {
        self.lock().start_error = Some(error);
        self.changes.send_replace(());
    }

    /// The error with which the start failed.
    pub(crate) fn start_error(&self) -> Option<Bytes> {
        self.lock().start_error.clone()
    }

    /// Waits until the start has failed.
    pub(crate) async fn start_failed(&self) {
        let mut changes = self.changes.subscribe();
        while self.start_error().is_none() {
            let _ = changes.changed().await;
        }
    }

    /// Whether the runtime has asked for an invocation.
    pub(crate) fn is_initialised(&self) -> bool {
        self.lock().is_initialised
    }

    /// Whether the queued invocation has not been fetched.
    pub(crate) fn is_waiting(&self) -> bool {
        self.lock().waiting.is_some()
    }

    /// Changes with every event. When a runtime asks for the next invocation, all its lines about
    /// the last one are written.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
