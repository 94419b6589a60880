//! On an emulated terminal: the final contents count.

use super::*;
use proptest::prelude::*;
use ratatui_core::layout::Rect;
use ratatui_core::text::Line;
use std::num::NonZero;

fn some_rows(lines: &[&str], columns: u16) -> Vec<Row> {
    let height = u16::try_from(lines.len()).expect("few lines");
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns - 1, height));
    for (y, line) in (0..).zip(lines) {
        buffer.set_line(0, y, &Line::raw(*line), columns - 1);
    }
    rows(&buffer, height, true)
}

fn terminal(lines: u16, columns: u16) -> vt100::Parser {
    let size = |number| NonZero::new(number).expect("a size");
    vt100::Parser::new(size(lines), size(columns), 100)
}

/// The contents of the terminal, without empty lines at its end.
fn lines(terminal: &vt100::Parser) -> Vec<String> {
    let columns = terminal.screen().size().1.get();
    let mut lines: Vec<String> = terminal.screen().rows(0, columns).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[test]
fn lines_scroll_above_the_view() {
    let mut terminal = terminal(10, 40);
    let mut painter = Painter::default();
    terminal.process(b"$ landfall up\r\n");
    for (above, view) in [
        ("", vec!["one", "two"]),
        ("✓ first", vec!["one", "three"]),
        ("a\nb", vec!["one", "three", "four"]),
        ("", vec!["three"]),
    ] {
        terminal.process(painter.paint(above, some_rows(&view, 40), 40).as_bytes());
    }
    assert_eq!(
        lines(&terminal),
        ["$ landfall up", "✓ first", "a", "b", "three"]
    );
    assert_eq!(terminal.screen().cursor_position(), (5, 0));
    terminal.process(painter.paint("done", Vec::new(), 40).as_bytes());
    assert_eq!(
        lines(&terminal),
        ["$ landfall up", "✓ first", "a", "b", "done"]
    );
    assert!(!terminal.screen().hide_cursor() && !painter.is_shown());
}

#[test]
fn the_same_picture_is_not_written_again() {
    let mut painter = Painter::default();
    assert!(!painter.paint("", some_rows(&["one"], 40), 40).is_empty());
    assert_eq!(painter.paint("", some_rows(&["one"], 40), 40), "");
}

#[test]
fn a_terminal_that_became_narrower_has_wrapped_the_rows() {
    let mut painter = Painter::default();
    painter.paint("", some_rows(&["twelve cells", "four", ""], 40), 40);
    let mut terminal = terminal(10, 10);
    // A terminal that has wrapped the rows.
    terminal.process("$\r\ntwelve cel\r\nls\r\nfour\r\n\r\n".as_bytes());
    terminal.process(painter.paint("", some_rows(&["narrow"], 10), 10).as_bytes());
    assert_eq!(lines(&terminal), ["$", "narrow"]);
}

#[test]
fn colours_end_with_the_row_and_wide_symbols_take_two_cells() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 1));
    let red = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
    let line = Line::from(vec![
        Span::raw("a"),
        Span::styled("界b", red),
        Span::raw("  "),
    ]);
    buffer.set_line(0, 0, &line, 10);
    let colored = &rows(&buffer, 1, true)[0];
    assert_eq!(colored.text, "a\x1b[0;1;31m界b\x1b[0m");
    assert_eq!(colored.width, 4);
    assert_eq!(rows(&buffer, 1, false)[0].text, "a界b");
}

proptest! {
    /// The terminal ends up with every printed line and the last view.
    #[test]
    fn nothing_printed_is_lost(
        steps in prop::collection::vec((prop::collection::vec("[a-z]{1,8}", 0..3), prop::collection::vec("[a-z]{0,8}", 0..6)), 1..12),
    ) {
        let mut terminal = terminal(80, 20);
        let mut painter = Painter::default();
        let mut expected: Vec<String> = Vec::new();
        let mut last: Vec<String> = Vec::new();
        for (above, view) in steps {
            let shown: Vec<&str> = view.iter().map(String::as_str).collect();
            terminal.process(painter.paint(&above.join("\n"), some_rows(&shown, 20), 20).as_bytes());
            expected.extend(above);
            last = view;
        }
        expected.extend(last);
        while expected.last().is_some_and(String::is_empty) {
            expected.pop();
        }
        prop_assert_eq!(lines(&terminal), expected);
    }
}
