//! Asking a person for confirmation.

use crate::failure::Failure;
use crate::report::Report;
use rules::exit::Exit;

/// Asks for a yes, unless it was given already. Never asks where nobody can answer.
pub(crate) fn confirm(report: &Report, yes: bool, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !report.can_ask() {
        return Err(Failure::new(
            Exit::Refused,
            "a yes is needed, and nobody can be asked here",
        )
        .why(question)
        .next("say it with --yes (or LANDFALL_YES=true)"));
    }
    if report.ask(question) {
        Ok(())
    } else {
        Err(Failure::new(Exit::Refused, "not confirmed").next("nothing was changed"))
    }
}
