//! The only place that prints: events as text for people, or as one JSON object per line.
//!
//! Results go to standard output and progress to standard error, so that `landfall url` works in a
//! pipe. With `--json` everything goes to standard output. On a terminal, a view below the lines
//! shows what is going on; elsewhere a line reports it now and then.

mod bill;
mod doctor;
mod eject;
mod figures;
mod heartbeat;
mod history;
mod live;
pub(crate) mod phases;
mod plan;
mod printer;
mod progress;
mod prompt;
mod release;
mod removal;
mod secrets;
mod status;
mod style;
mod text;
mod view;
mod words;

pub(crate) use self::printer::Volume;
pub(crate) use self::words::step_words;

use self::printer::Printer;
use rules::app::manifest::Target;
use rules::event::Event;
use rules::shape::permissions::Scope;
use rules::time::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where events go. Clones share one printer.
#[derive(Clone)]
pub(crate) struct Report {
    printer: Arc<Mutex<Printer>>,
}

/// How much of a plan and its bill is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Details {
    /// A summary: the command's result is something else.
    Summary,
    /// The plan and its bill, as results.
    Result,
    /// Free resources and unit prices, too.
    All,
}

/// The clock of the whole command line.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Report {
    pub(crate) fn new(json: bool, volume: Volume) -> Report {
        let (printer, has_view) = Printer::new(json, volume);
        let report = Report {
            printer: Arc::new(Mutex::new(printer)),
        };
        if has_view {
            report.give_way_to_panics();
        }
        report
    }

    pub(crate) fn emit(&self, event: Event) {
        self.printer().print(event);
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        self.emit(Event::Note { text: text.into() });
    }

    /// From now on plan, price and review are results. `all`: with everything that is free.
    pub(crate) fn show_details(&self, all: bool) {
        self.printer().details = match all {
            true => Details::All,
            false => Details::Result,
        };
    }

    /// From now on the terms of this target are used for releases.
    pub(crate) fn set_target(&self, target: Target) {
        self.printer().target = target;
    }

    /// Where the command acts, once an event has reported it.
    pub(crate) fn scope(&self) -> Option<Scope> {
        self.printer().scope.clone()
    }

    fn printer(&self) -> MutexGuard<'_, Printer> {
        self.printer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
