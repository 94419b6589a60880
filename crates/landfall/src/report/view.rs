//! The view at the bottom of the terminal while a command works: phases, and during a release or
//! `status --watch` the numbers of the live versions.
//!
//! [`State`] is folded from events, [`draw`] makes a picture of it, and [`Painter`] computes the
//! text that puts it below the printed lines. Only this module has effects.

mod draw;
mod painter;
mod panel;
mod row;
mod state;

#[cfg(test)]
pub(super) mod samples;

use self::draw::draw;
use self::painter::{Painter, rows};
use self::state::State;
use super::style::Style;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use rules::event::Event;
use rules::time::Timestamp;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Minimum time between two pictures: events come in bursts.
const PAINT_EVERY: Duration = Duration::from_millis(50);

pub(super) struct View {
    state: State,
    painter: Painter,
    color: bool,
    painted: Option<Instant>,
}

impl View {
    pub(super) fn new(color: bool) -> View {
        View {
            state: State::default(),
            painter: Painter::default(),
            color,
            painted: None,
        }
    }

    /// Applies an event. Returns whether the view shows it, so that no line has to.
    pub(super) fn fold(&mut self, event: &Event, at: Timestamp, style: &Style) -> bool {
        self.state.target = style.target;
        self.state.fold(event, at);
        match event {
            Event::PhaseStarted { .. }
            | Event::Resource { .. }
            | Event::Traffic { .. }
            | Event::Watch(_) => true,
            Event::Output { .. } => !style.verbose,
            _ => false,
        }
    }

    /// Prints `above`, and the view as of `now` below it.
    pub(super) fn print(&mut self, above: &str, now: Timestamp) {
        self.painted = Some(Instant::now());
        let (columns, lines) = size();
        // The last column stays empty, because terminals wrap differently there, and the last line
        // is the cursor's.
        let area = Rect::new(0, 0, columns.saturating_sub(1), lines.saturating_sub(1));
        let mut buffer = Buffer::empty(area);
        let height = draw(&self.state, now, area, &mut buffer);
        let rows = rows(&buffer, height, self.color);
        write(&self.painter.paint(above, rows, columns));
    }

    /// Paints the view as of `now`, unless it was painted a moment ago.
    pub(super) fn refresh(&mut self, now: Timestamp) {
        let shown = self.painted;
        if shown.is_none_or(|shown| shown.elapsed() >= PAINT_EVERY) {
            self.print("", now);
        }
    }

    /// Erases the view; it is drawn again below what is printed meanwhile.
    pub(super) fn step_aside(&mut self) {
        if self.painter.is_shown() {
            write(&self.painter.paint("", Vec::new(), size().0));
        }
    }
}

/// Writes in one piece, so that no partial picture appears. A failure is ignored: the next picture
/// replaces it.
fn write(text: &str) {
    if !text.is_empty() {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Columns and lines. A terminal that reports none, such as a serial line, gets the usual size.
fn size() -> (u16, u16) {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => (80, 24),
    }
}

#[cfg(test)]
#[path = "view/view_tests.rs"]
mod tests;
