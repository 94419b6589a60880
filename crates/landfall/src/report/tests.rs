//! Everything a person reads, as snapshots.

mod doctor;
mod release;
mod status;
mod up;

use super::style::{Style, Text};
use super::text::text;
use rules::event::Event;
use rules::release::revision::Digest;

fn digest(byte: &str) -> Digest {
    Digest::parse(&format!("sha256:{}", byte.repeat(32))).expect("a digest")
}

/// What a person reads, marked with the stream it goes to.
fn read(events: &[Event], verbose: bool) -> String {
    let style = Style {
        verbose,
        ..Style::plain()
    };
    read_as(events, &style)
}

fn read_as(events: &[Event], style: &Style) -> String {
    let lines = events.iter().filter_map(|event| match text(event, style) {
        Text::Nothing => None,
        Text::Progress(text) => Some(text),
        Text::Result(text) => Some(format!("[result] {text}")),
    });
    lines.collect::<Vec<_>>().join("\n")
}
