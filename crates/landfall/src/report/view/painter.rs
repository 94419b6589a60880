//! Paints rows below the printed lines, and erases them again.
//!
//! Between two paints the terminal is in its normal state: the cursor is visible, on its own line
//! below the view, and no colour or mode is set. So there is nothing to restore, however the
//! process ends, and other output in between damages only the view. `docs/decisions/0010` explains
//! why this is not ratatui's own inline viewport.

use ratatui_core::buffer::{Buffer, Cell};
use ratatui_core::style::{Color, Modifier, Style};
use ratatui_core::text::Span;

/// A row as text for the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// With its escape sequences.
    text: String,
    /// Its width in columns.
    width: u16,
}

/// Keeps a copy of what is on the terminal.
#[derive(Debug, Default)]
pub(super) struct Painter {
    /// The rows that were painted last, directly above the cursor.
    painted: Vec<Row>,
    /// The terminal's width at that time.
    columns: u16,
}

/// Synchronized output: the terminal shows everything up to [`END`] at once
/// (<https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036>). Terminals without
/// it ignore the sequence, so the cursor is hidden as well: it would flicker.
const BEGIN: &str = "\x1b[?2026h\x1b[?25l";
const END: &str = "\x1b[?25h\x1b[?2026l";

impl Painter {
    /// The text that replaces the view by `above`, and puts the view, now `rows`, below it.
    pub(super) fn paint(&mut self, above: &str, rows: Vec<Row>, columns: u16) -> String {
        let height = self.height(columns);
        let unmoved = above.is_empty()
            && height == self.painted.len()
            && rows.len() == self.painted.len()
            && columns == self.columns;
        if unmoved && rows == self.painted {
            return String::new();
        }
        let mut text = String::from(BEGIN);
        if height > 0 {
            text.push_str(&format!("\x1b[{height}A"));
        }
        text.push('\r');
        if unmoved {
            for (row, painted) in rows.iter().zip(&self.painted) {
                if row != painted {
                    // No row reaches the last column, so there is always a cell to erase from.
                    text.push_str(&row.text);
                    text.push_str("\x1b[K");
                }
                text.push_str("\r\n");
            }
            // Erases what was typed meanwhile, for example ^C.
            text.push_str("\x1b[J");
        } else {
            text.push_str("\x1b[J");
            for line in above.lines() {
                text.push_str(line);
                text.push_str("\r\n");
            }
            for row in &rows {
                text.push_str(&row.text);
                text.push_str("\r\n");
            }
        }
        text.push_str(END);
        self.painted = rows;
        self.columns = columns;
        text
    }

    /// Whether rows are on the terminal.
    pub(super) fn is_shown(&self) -> bool {
        !self.painted.is_empty()
    }

    /// Lines that the view takes on a terminal of so many columns: one that became narrower has
    /// wrapped the rows.
    fn height(&self, columns: u16) -> usize {
        let lines = |row: &Row| usize::from(row.width.div_ceil(columns.max(1)).max(1));
        self.painted.iter().map(lines).sum()
    }
}

/// The first `height` rows of `buffer` as text, with or without colours.
pub(super) fn rows(buffer: &Buffer, height: u16, color: bool) -> Vec<Row> {
    let columns = usize::from(buffer.area().width).max(1);
    let all = buffer.content().chunks(columns);
    all.take(usize::from(height))
        .map(|cells| row(cells, color))
        .collect()
}

fn row(cells: &[Cell], color: bool) -> Row {
    let end = cells.iter().rposition(|cell| cell.symbol() != " ");
    let cells = &cells[..end.map_or(0, |end| end + 1)];
    let mut text = String::new();
    let mut width: u16 = 0;
    let mut current = String::new();
    // The cells after a wide symbol are empty and not written.
    let mut covered: usize = 0;
    for cell in cells {
        if covered > 0 {
            covered -= 1;
            continue;
        }
        let code = if color {
            code(cell.style())
        } else {
            String::new()
        };
        if code != current {
            text.push_str("\x1b[0");
            text.push_str(&code);
            text.push('m');
            current = code;
        }
        text.push_str(cell.symbol());
        let cells = Span::raw(cell.symbol()).width().max(1);
        width = width.saturating_add(u16::try_from(cells).unwrap_or(1));
        covered = cells - 1;
    }
    if !current.is_empty() {
        text.push_str("\x1b[0m");
    }
    Row { text, width }
}

/// What follows the reset in a "select graphic rendition" sequence (ECMA-48, 8.3.117).
fn code(style: Style) -> String {
    let mut code = String::new();
    for (modifier, number) in [(Modifier::BOLD, ";1"), (Modifier::DIM, ";2")] {
        if style.add_modifier.contains(modifier) {
            code.push_str(number);
        }
    }
    // Only colours that every theme makes legible on its background.
    code.push_str(match style.fg {
        Some(Color::Red) => ";31",
        Some(Color::Green) => ";32",
        Some(Color::Magenta) => ";35",
        Some(Color::Cyan) => ";36",
        _ => "",
    });
    code
}

#[cfg(test)]
#[path = "painter_tests.rs"]
mod tests;
