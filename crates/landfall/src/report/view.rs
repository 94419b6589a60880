//! What a person sees at the bottom of the terminal while a command works: phases, and while a version is
//! released or watched the numbers of what serves.
//!
//! [`State`] is folded from events, [`draw`] makes a picture of it, [`Painter`] puts that under what was
//! printed. This part is the only one with effects.

mod draw;
mod figures;
mod painter;
mod panel;
mod state;

#[cfg(test)]
pub(super) mod samples;

pub(super) use self::figures::{clock, logarithm, rate};

use self::draw::draw;
use self::painter::{Painter, rows};
use self::state::State;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use rules::event::Event;
use rules::time::Timestamp;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Events come in bursts; nobody sees more pictures than this.
const PAINT_EVERY: Duration = Duration::from_millis(50);

/// The view.
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

    /// Takes an event in. Whether it is shown, so that no line has to say it.
    pub(super) fn fold(&mut self, event: &Event, at: Timestamp, verbose: bool) -> bool {
        self.state.fold(event, at);
        match event {
            Event::PhaseStarted { .. }
            | Event::Resource { .. }
            | Event::Traffic { .. }
            | Event::Watch(_) => true,
            Event::Output { .. } => !verbose,
            _ => false,
        }
    }

    /// Prints `above` and shows the view as it is `now` below.
    pub(super) fn print(&mut self, above: &str, now: Timestamp) {
        self.painted = Some(Instant::now());
        let (columns, lines) = size();
        // Rows do not reach the last column, where terminals differ in what they do next, nor the last
        // line, which is the cursor's.
        let area = Rect::new(0, 0, columns.saturating_sub(1), lines.saturating_sub(1));
        let mut buffer = Buffer::empty(area);
        let height = draw(&self.state, now, area, &mut buffer);
        let rows = rows(&buffer, height, self.color);
        write(&self.painter.paint(above, rows, columns));
    }

    /// Shows the view as it is `now`, unless it was shown a moment ago.
    pub(super) fn refresh(&mut self, now: Timestamp) {
        let shown = self.painted;
        if shown.is_none_or(|shown| shown.elapsed() >= PAINT_EVERY) {
            self.print("", now);
        }
    }

    /// Makes room for somebody else; the next picture comes below what they print.
    pub(super) fn step_aside(&mut self) {
        if self.painter.stands() {
            write(&self.painter.paint("", Vec::new(), size().0));
        }
    }
}

/// In one piece, so that no half picture is seen. One that could not be written is nobody's loss.
fn write(text: &str) {
    if !text.is_empty() {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Columns and lines. Terminals that do not know, serial lines for example, count as the usual ones.
fn size() -> (u16, u16) {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => (80, 24),
    }
}

#[cfg(test)]
#[path = "view/view_tests.rs"]
mod tests;
