//! What a report consists of: text with its destination, and how it looks.

use super::Details;
use rules::app::manifest::Target;

/// The text of an event, and where it goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Text {
    Nothing,
    /// To standard error.
    Progress(String),
    /// To standard output.
    Result(String),
}

/// How events are put into words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) verbose: bool,
    pub(super) color: bool,
    pub(super) details: Details,
    /// Whose terms a release is reported in.
    pub(super) target: Target,
}

#[cfg(test)]
impl Style {
    /// Without colour, for an app on Fargate.
    pub(super) fn plain() -> Style {
        Style {
            verbose: false,
            color: false,
            details: Details::Summary,
            target: Target::Fargate,
        }
    }
}

impl Style {
    /// `text` in the colour of an ANSI code.
    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        match self.color {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    /// `warning: …`
    pub(super) fn warning(&self, text: impl std::fmt::Display) -> String {
        format!("{} {text}", self.paint("33", "warning:"))
    }
}
