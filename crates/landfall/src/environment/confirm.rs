//! Asking for confirmation before an environment is changed.

use crate::failure::Failure;
use crate::report::Report;
use rules::exit::Exit;

/// Asks the question, unless `yes` answers it.
///
/// # Errors
/// The answer is no, or there is no terminal to ask on.
pub(crate) fn confirm(report: &Report, yes: bool, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !report.can_ask() {
        return Err(Failure::new(
            Exit::Refused,
            "confirmation required, but stdin is not a terminal",
        )
        .why(question)
        .next("confirm with --yes"));
    }
    if report.ask(question) {
        Ok(())
    } else {
        Err(Failure::new(Exit::Refused, "not confirmed").next("nothing was changed"))
    }
}
