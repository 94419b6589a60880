//! Draws the view. Pure: state, time and size determine the picture.

use super::panel;
use super::row::{QUIET, Row};
use super::state::{Running, State, Work};
use crate::report::figures::clock;
use crate::report::words::{prefix, traffic};
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Modifier, Style};
use ratatui_core::text::Span;
use rules::event::Phase;
use rules::shape::contract::Root;
use rules::time::Timestamp;

const WORKS: Style = Style::new().fg(Color::Cyan);

/// When the numbers are older than this, the view shows how old they are.
const STALE_MILLIS: u64 = 5_000;

/// Draws `state` at `now` into `area`, from its top. Returns the number of rows.
pub(super) fn draw(state: &State, now: Timestamp, area: Rect, buffer: &mut Buffer) -> u16 {
    let mut rows = rows(state, now, usize::from(area.width));
    fit(&mut rows, usize::from(area.height));
    let mut y = area.top();
    for row in &rows {
        buffer.set_line(area.left(), y, &row.line, area.width);
        if row.line.width() > usize::from(area.width) {
            buffer[(area.right().saturating_sub(1), y)].set_symbol("…");
        }
        y += 1;
    }
    y - area.top()
}

/// Leaves out the highest ranks, and in the end the lowest rows.
fn fit(rows: &mut Vec<Row>, height: usize) {
    while rows.len() > height {
        let rank = rows.iter().map(|row| row.rank).max().unwrap_or(0);
        if rank == 0 {
            rows.truncate(height);
        } else {
            rows.retain(|row| row.rank != rank);
        }
    }
}

fn rows(state: &State, now: Timestamp, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let watched = state.watch.as_ref();
    let name = |running: &Running| running.phase.as_str();
    let names = state.phases.iter().map(|running| name(running).len()).max();
    for running in &state.phases {
        let detail = match running.phase {
            Phase::Release => watched.map(|seen| seen.watch.doing.clone()),
            phase => detail(state, phase, now),
        };
        rows.push(running_row(
            name(running),
            names.unwrap_or(0),
            now.since(running.since).as_secs_f64(),
            detail,
            now,
        ));
    }
    if let Some(seen) = watched {
        let age = now.since(seen.at);
        if !has(state, Phase::Release) {
            rows.push(running_row(
                prefix(&seen.watch),
                0,
                seen.watch.elapsed + age.as_secs_f64(),
                Some(seen.watch.doing.clone()),
                now,
            ));
        }
        if age.as_millis() >= u128::from(STALE_MILLIS) {
            let text = format!("  as of {} s ago", age.as_secs());
            rows.push(Row::new(0, Span::styled(text, QUIET)));
        }
        panel::rows(&seen.watch, state.target, width, &mut rows);
    }
    if let Some(totals) = &state.traffic {
        rows.push(Row::new(1, traffic(totals)));
    }
    rows
}

fn has(state: &State, phase: Phase) -> bool {
    state.phases.iter().any(|running| running.phase == phase)
}

/// `⠹ apply fargate  0:42  12 done, aws_lb.main and 3 more, 31 s`
fn running_row(
    name: &str,
    width: usize,
    seconds: f64,
    detail: Option<String>,
    now: Timestamp,
) -> Row {
    let mut line = vec![
        Span::styled(spinner(now), WORKS),
        Span::styled(
            format!(" {name:width$}  "),
            Style::new().add_modifier(Modifier::BOLD),
        ),
        Span::raw(clock(seconds)),
    ];
    if let Some(detail) = detail {
        line.push(Span::raw(format!("  {detail}")));
    }
    Row::new(0, line)
}

/// Turns once in a second.
fn spinner(now: Timestamp) -> &'static str {
    const FRAMES: [&str; 8] = ["⠹", "⢸", "⣰", "⣤", "⣆", "⡇", "⠏", "⠛"];
    let frame = usize::try_from(now.0 / 125 % 8).unwrap_or(0);
    FRAMES[frame]
}

/// The progress of a phase.
fn detail(state: &State, phase: Phase, now: Timestamp) -> Option<String> {
    let works = |roots: &[Root]| {
        let works: Vec<&Work> = roots
            .iter()
            .filter_map(|root| state.roots.get(root))
            .collect();
        (!works.is_empty()).then(|| resources(&works, now))
    };
    match phase {
        Phase::Foundation => works(&[Root::Foundation]),
        Phase::Fargate => works(&[Root::Fargate]),
        Phase::Destroy => works(&Root::ALL),
        Phase::Build => state.output.clone(),
        _ => None,
    }
}

/// `12 done, aws_lb.main and 3 more, 31 s`: the one that takes longest is named.
fn resources(works: &[&Work], now: Timestamp) -> String {
    let done: usize = works.iter().map(|work| work.done).sum();
    let working: Vec<_> = works.iter().flat_map(|work| &work.working).collect();
    let mut text = format!("{done} done");
    if let Some((address, since)) = working.iter().min_by_key(|(_, since)| **since) {
        text.push_str(&format!(", {address}"));
        if working.len() > 1 {
            text.push_str(&format!(" and {} more", working.len() - 1));
        }
        text.push_str(&format!(", {} s", now.since(**since).as_secs()));
    }
    text
}
