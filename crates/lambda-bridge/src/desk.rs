//! Where an event meets the runtime that asks for it.

use bytes::Bytes;
use rules::time::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

/// What the runtime is handed.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) id: String,
    pub(crate) deadline: Timestamp,
    pub(crate) event: Bytes,
}

/// One place for one invocation. Whoever waits here watches `changes`.
#[derive(Debug)]
pub(crate) struct Desk {
    state: Mutex<State>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts the runtimes: one that has ended takes nothing any more, whatever its connection does.
    runtime: u64,
    /// Whether this one has come through its init phase.
    is_initialised: bool,
    start_error: Option<Bytes>,
    waiting: Option<Invocation>,
    open: Option<(String, oneshot::Sender<Bytes>)>,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk {
            state: Mutex::default(),
            changes: watch::Sender::new(()),
        }
    }

    /// A new runtime is about to start.
    pub(crate) fn begin(&self) {
        let mut state = self.lock();
        *state = State {
            runtime: state.runtime + 1,
            ..State::default()
        };
    }

    /// Puts an invocation here; the receiver gets what the runtime says to it.
    pub(crate) fn put(&self, invocation: Invocation) -> oneshot::Receiver<Bytes> {
        let (reply, replied) = oneshot::channel();
        let mut state = self.lock();
        state.open = Some((invocation.id.clone(), reply));
        state.waiting = Some(invocation);
        drop(state);
        self.changes.send_replace(());
        replied
    }

    /// The runtime asks: waits for the next invocation.
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
            // The sender lives as long as the desk does.
            let _ = changes.changed().await;
        }
    }

    /// The runtime replies. Says whether this invocation is open.
    pub(crate) fn reply(&self, id: &str, body: Bytes) -> bool {
        let mut state = self.lock();
        let open = state.open.take_if(|(open, _)| open == id);
        // Whoever has asked may have gone; the runtime need not know.
        open.map(|(_, reply)| reply.send(body)).is_some()
    }

    /// The runtime says that its start failed.
    pub(crate) fn fail_start(&self, error: Bytes) {
        self.lock().start_error = Some(error);
        self.changes.send_replace(());
    }

    /// What it said.
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

    /// Whether the runtime has asked for an invocation yet.
    pub(crate) fn is_initialised(&self) -> bool {
        self.lock().is_initialised
    }

    /// Whether what was put here has not been taken.
    pub(crate) fn is_waiting(&self) -> bool {
        self.lock().waiting.is_some()
    }

    /// Sees everything that happens here: what a runtime writes about an invocation is written when it
    /// asks for the next one.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
