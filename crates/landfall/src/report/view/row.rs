//! A row of the view.

use ratatui_core::style::{Modifier, Style};
use ratatui_core::text::Line;

/// Less important than the rest. Not a colour: dim text is legible on dark and on light.
pub(super) const QUIET: Style = Style::new().add_modifier(Modifier::DIM);

/// A line, and its rank: if there is no room for all lines, the highest ranks are left out first, 0
/// never.
pub(super) struct Row {
    pub(super) line: Line<'static>,
    pub(super) rank: u8,
}

impl Row {
    pub(super) fn new(rank: u8, line: impl Into<Line<'static>>) -> Row {
        Row {
            line: line.into(),
            rank,
        }
    }
}
