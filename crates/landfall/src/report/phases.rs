//! The phases of a command, and how long each took.

use crate::report::Report;
use rules::event::{Event, Phase, PhaseTime};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Times the phases of one command.
pub(crate) struct Phases<'a> {
    report: &'a Report,
    started: Instant,
    times: Mutex<Vec<PhaseTime>>,
}

impl<'a> Phases<'a> {
    pub(crate) fn new(report: &'a Report) -> Phases<'a> {
        Phases {
            report,
            started: Instant::now(),
            times: Mutex::new(Vec::new()),
        }
    }

    /// Runs a phase, reports its beginning and end, and keeps its duration.
    ///
    /// # Errors
    /// Those of `work`; then the phase has no end.
    pub(crate) async fn time<T, E>(
        &self,
        phase: Phase,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.report.emit(Event::PhaseStarted { phase });
        let started = Instant::now();
        let done = work.await?;
        let time = PhaseTime {
            phase,
            seconds: started.elapsed().as_secs_f64(),
        };
        self.times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(time);
        self.report.emit(Event::PhaseFinished { time });
        Ok(done)
    }

    /// Reports the duration of each phase and of the whole command.
    pub(crate) fn summarize(&self) {
        let phases = self
            .times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        self.report.emit(Event::Times {
            phases,
            total: self.started.elapsed().as_secs_f64(),
        });
    }
}
