//! Where the time goes.

use crate::failure::Failure;
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

    /// Runs a phase, tells when it begins and ends, and keeps how long it took.
    pub(crate) async fn time<T>(
        &self,
        phase: Phase,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
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

    /// Tells where the time went.
    pub(crate) fn tell(&self) {
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
