//! `landfall doctor`: a table of checks, and a list of what to do.

use super::style::Style;
use rules::check::{Check, CheckId, Outcome, Summary};

/// One line of the table. Without colour, a word replaces the sign.
pub(super) fn line(check: &Check, style: &Style) -> String {
    let width = CheckId::ALL
        .into_iter()
        .map(|name| name.as_str().len())
        .max()
        .unwrap_or(0);
    let name = check.check.as_str();
    format!(
        "{} {name:width$}  {}",
        sign(check.outcome, style),
        check.what
    )
}

fn sign(outcome: Outcome, style: &Style) -> String {
    let (code, sign, word) = match outcome {
        Outcome::Ok => ("32", "✓", "ok"),
        Outcome::Warning => ("33", "!", "warning"),
        Outcome::Blocker { .. } => ("31", "✗", "problem"),
        Outcome::Skipped => ("2", "·", "skipped"),
        Outcome::Unknown => ("33", "?", "unknown"),
    };
    match style.color {
        true => style.paint(code, sign),
        false => format!("{word:7}"),
    }
}

/// Every problem with its evidence and its fix, and the counts.
pub(super) fn end(summary: Summary, problems: &[Check], style: &Style) -> String {
    let mut lines = Vec::new();
    for check in problems {
        lines.push(String::new());
        lines.push(format!(
            "{} {}: {}",
            sign(check.outcome, style).trim_end(),
            check.check.as_str(),
            check.what
        ));
        lines.extend(check.why.iter().map(|line| format!("    {line}")));
        lines.extend(check.fix.iter().map(|line| format!("  → {line}")));
    }
    lines.push(String::new());
    lines.push(summary.describe());
    lines.join("\n")
}
