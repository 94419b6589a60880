//! The state that all requests share.

use crate::app_connections::AppConnections;
use crate::clock::Clock;
use crate::concurrency_limit::ConcurrencyLimit;
use crate::counters::{Counters, Identity};
use crate::error_pages::ErrorPages;
use crate::policy::budget::Budget;
use crate::policy::circuit::{Circuit, CircuitPolicy};
use crate::policy::drain::Phase;
use crate::policy::health::{self, Health};
use crate::policy::settings::Settings;
use crate::readiness::Readiness;
use crate::stdio::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The edge, as a request sees it.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) stdio: Stdio,
    pub(crate) error_pages: ErrorPages,
    pub(crate) app: AppConnections,
    pub(crate) readiness: Readiness,
    pub(crate) concurrency_limit: ConcurrencyLimit,
    pub(crate) counters: Counters,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) connections: OpenConnections,
    /// Why the edge shuts down, if no signal asked for it.
    pub(crate) shutdown_reason: watch::Sender<Option<ShutdownReason>>,
    pub(crate) supervisor_request: watch::Sender<SupervisorRequest>,
    retry_state: Mutex<RetryState>,
}

/// What other parts of the edge ask of the supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SupervisorRequest {
    Nothing,
    /// Replace a process of the app that is stuck.
    RestartApp,
    /// Shut down, for this reason.
    Shutdown(String),
}

/// Why the edge shuts down although no signal asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShutdownReason {
    pub(crate) message: String,
    /// The app's exit code, if it exited.
    pub(crate) exit: Option<u8>,
    /// The app's last lines of output.
    pub(crate) lines: Vec<String>,
}

/// What decides about retries, under one lock.
#[derive(Debug)]
pub(crate) struct RetryState {
    pub(crate) budget: Budget,
    pub(crate) circuit: Circuit,
}

impl Edge {
    pub(crate) fn new(
        settings: Settings,
        error_pages: ErrorPages,
        stdio: Stdio,
        task: String,
    ) -> Edge {
        let clock = Clock::start();
        let identity = Identity {
            task,
            revision: settings.revision.clone(),
            deadline: settings.deadline,
        };
        Edge {
            clock,
            stdio,
            error_pages,
            app: AppConnections::new(
                clock,
                settings.app,
                settings.app_protocol,
                settings.app_idle,
            ),
            readiness: Readiness::new(clock),
            concurrency_limit: ConcurrencyLimit::new(clock, settings.limit),
            counters: Counters::new(identity),
            phase: watch::Sender::new(Phase::Serving),
            connections: OpenConnections::default(),
            shutdown_reason: watch::Sender::new(None),
            supervisor_request: watch::Sender::new(SupervisorRequest::Nothing),
            retry_state: Mutex::new(RetryState {
                budget: Budget::new(settings.retry.budget, clock.now()),
                circuit: Circuit::new(CircuitPolicy::default()),
            }),
            settings,
        }
    }

    pub(crate) fn retry_state(&self) -> MutexGuard<'_, RetryState> {
        self.retry_state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.phase.borrow().is_draining()
    }

    pub(crate) fn health(&self) -> Health {
        let observation = self.readiness.observation(self.is_draining());
        health::judge(&observation, &self.settings.health, self.clock.now())
    }
}

/// Open connections of users, including tunnels.
#[derive(Debug)]
pub(crate) struct OpenConnections {
    count: AtomicUsize,
    closed: watch::Sender<()>,
}

impl Default for OpenConnections {
    fn default() -> OpenConnections {
        OpenConnections {
            count: AtomicUsize::new(0),
            closed: watch::Sender::new(()),
        }
    }
}

impl OpenConnections {
    pub(crate) fn opened(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn closed(&self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
        self.closed.send_replace(());
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Changes each time a connection closes.
    pub(crate) fn closings(&self) -> watch::Receiver<()> {
        self.closed.subscribe()
    }
}
