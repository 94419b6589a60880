//! Everything that requests share.

use crate::app::App;
use crate::clock::Clock;
use crate::console::Console;
use crate::gate::Gate;
use crate::ledger::{Ledger, Names};
use crate::pages::Pages;
use crate::policy::budget::Budget;
use crate::policy::circuit::{Circuit, CircuitPolicy};
use crate::policy::drain::Phase;
use crate::policy::health::{self, Health};
use crate::policy::settings::Settings;
use crate::turnstile::Turnstile;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The edge, as a request sees it.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) console: Console,
    pub(crate) pages: Pages,
    pub(crate) app: App,
    pub(crate) gate: Gate,
    pub(crate) turnstile: Turnstile,
    pub(crate) ledger: Ledger,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) connections: Connections,
    /// Why it ends, if nobody has asked for that.
    pub(crate) farewell: watch::Sender<Option<Farewell>>,
    /// What the supervisor is asked for.
    pub(crate) wish: watch::Sender<Wish>,
    guard: Mutex<Guard>,
}

/// What is asked of the supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    /// A new process in the place of one that is stuck.
    Renewal,
    /// The end, for this reason.
    End(String),
}

/// An end that nobody has asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Farewell {
    pub(crate) why: String,
    /// The code that the app ended with, if it did.
    pub(crate) exit: Option<u8>,
    /// The last lines of the app.
    pub(crate) lines: Vec<String>,
}

/// What decides about retries, under one lock.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) budget: Budget,
    pub(crate) circuit: Circuit,
}

impl Edge {
    pub(crate) fn new(settings: Settings, pages: Pages, console: Console, task: String) -> Edge {
        let clock = Clock::start();
        let names = Names {
            task,
            revision: settings.revision.clone(),
            deadline: settings.deadline,
        };
        Edge {
            clock,
            console,
            pages,
            app: App::new(
                clock,
                settings.app,
                settings.app_protocol,
                settings.app_idle,
            ),
            gate: Gate::new(clock),
            turnstile: Turnstile::new(clock, settings.limit),
            ledger: Ledger::new(names),
            phase: watch::Sender::new(Phase::Serving),
            connections: Connections::default(),
            farewell: watch::Sender::new(None),
            wish: watch::Sender::new(Wish::Nothing),
            guard: Mutex::new(Guard {
                budget: Budget::new(settings.retry.budget, clock.now()),
                circuit: Circuit::new(CircuitPolicy::default()),
            }),
            settings,
        }
    }

    pub(crate) fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.phase.borrow().is_draining()
    }

    pub(crate) fn health(&self) -> Health {
        let seen = self.gate.seen(self.is_draining());
        health::judge(&seen, &self.settings.health, self.clock.now())
    }
}

/// Connections of users that are open, tunnels among them.
#[derive(Debug)]
pub(crate) struct Connections {
    open: AtomicUsize,
    changed: watch::Sender<()>,
}

impl Default for Connections {
    fn default() -> Connections {
        Connections {
            open: AtomicUsize::new(0),
            changed: watch::Sender::new(()),
        }
    }
}

impl Connections {
    pub(crate) fn begin(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn end(&self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
        self.changed.send_replace(());
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Tells when one has ended.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}
