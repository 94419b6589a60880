//! `landfall rehearsal`: starts and stops the emulators.

use crate::cli::RehearsalAction;
use crate::environment::paths::home;
use crate::failure::Failure;
use crate::rehearsal::Rehearsal;
use crate::report::Report;

pub(crate) async fn run(action: RehearsalAction, report: &Report) -> Result<(), Failure> {
    match action {
        RehearsalAction::Start => {
            let (rehearsal, is_new) = Rehearsal::start_or_find(&home()).await?;
            report.note(rehearsal.describe(is_new));
        }
        RehearsalAction::Stop => {
            let stopped = Rehearsal::stop(&home())?;
            report.note(if stopped {
                "emulators stopped, and their containers removed"
            } else {
                "no emulators are running"
            });
        }
    }
    Ok(())
}
