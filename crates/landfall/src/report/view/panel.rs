//! The live versions as a table with a column for each, and below it the evidence of a release.

use super::row::{QUIET, Row};
use crate::report::figures::{bar, charts, logarithm, millis, pace, rate, rate_between};
use crate::report::words::origin;
use ratatui_core::style::{Color, Modifier, Style};
use ratatui_core::text::Span;
use rules::app::manifest::Target;
use rules::release::ledger::AvailabilityCounts;
use rules::release::live_status::{Arm, Count, Evidence, LiveStatus, Role};

/// Width of the labels, with a space.
const LABEL: usize = 11;
/// The same on a narrow terminal.
const SHORT_LABEL: usize = 10;
/// Width of the labels of the evidence, with a space.
const LONG_LABEL: usize = 18;
/// Maximum width of a column: in wider ones the numbers are too far apart to compare.
const COLUMN: usize = 60;
/// Below this width there is no indentation, and labels are short.
const NARROW: usize = 56;
/// Seconds over which requests per second are averaged.
const PACE: usize = 10;

const ALARM: Style = Style::new().fg(Color::Red);
const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);

/// Adds the rows of `watch`.
pub(super) fn rows(watch: &LiveStatus, target: Target, width: usize, rows: &mut Vec<Row>) {
    let table = Table::new(watch, width);
    let blank = |rank| Row::new(rank, "");
    if !watch.arms.is_empty() {
        rows.push(blank(1));
        table.rows(watch, target, rows);
    }
    if let Some(evidence) = &watch.evidence {
        rows.push(blank(2));
        table.evidence(evidence, rows);
    }
    if let Some(pings) = &watch.pings {
        if watch.evidence.is_none() {
            rows.push(blank(2));
        }
        table.pings(pings, rows);
    }
}

/// Widths of the table's parts.
struct Table {
    width: usize,
    indent: usize,
    label: usize,
    gap: usize,
    column: usize,
}

impl Table {
    fn new(watch: &LiveStatus, width: usize) -> Table {
        let (indent, label, gap) = if width < NARROW {
            (0, SHORT_LABEL, 1)
        } else {
            (2, LABEL, 2)
        };
        let columns = watch.arms.len().max(1);
        let room = width.saturating_sub(indent + label + gap * (columns - 1));
        Table {
            width,
            indent,
            label,
            gap,
            column: (room / columns).min(COLUMN),
        }
    }

    fn is_narrow(&self) -> bool {
        self.indent == 0
    }

    /// One row: a label, and a cell for each arm.
    fn row(&self, rank: u8, label: &str, cells: Vec<Vec<Span<'static>>>) -> Row {
        let (indent, room) = (self.indent, self.label);
        let mut line = vec![Span::styled(format!("{:indent$}{label:room$}", ""), QUIET)];
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                line.push(Span::raw(" ".repeat(self.gap)));
            }
            let mut left = self.column;
            for span in cell {
                let text: String = span.content.chars().take(left).collect();
                left -= text.chars().count();
                line.push(Span::styled(text, span.style));
            }
            line.push(Span::raw(" ".repeat(left)));
        }
        Row::new(rank, line)
    }

    fn rows(&self, watch: &LiveStatus, target: Target, rows: &mut Vec<Row>) {
        let past: Vec<Vec<Count>> = (0..watch.arms.len())
            .map(|index| {
                let counts = watch.seconds.iter();
                counts
                    .map(|second| second.arms.get(index).copied().unwrap_or_default())
                    .collect()
            })
            .collect();
        let cells = |cell: &dyn Fn(&Arm, &[Count]) -> Vec<Span<'static>>| {
            let arms = watch.arms.iter().zip(&past);
            arms.map(|(arm, past)| cell(arm, past)).collect::<Vec<_>>()
        };
        rows.push(self.row(
            0,
            "",
            cells(&|arm, _| {
                let (slot, revision) = (arm.slot, &arm.revision);
                let style = color(arm.role).add_modifier(Modifier::BOLD);
                vec![
                    Span::styled(arm.role.as_str(), style),
                    match target {
                        Target::Fargate => Span::raw(format!(" {slot} {revision}")),
                        Target::Lambda => Span::raw(format!(" {revision}")),
                    },
                ]
            }),
        ));
        rows.push(self.row(0, "traffic", cells(&|arm, _| self.share(arm))));
        if target == Target::Fargate {
            rows.push(self.row(3, "tasks", cells(&|arm, _| tasks(arm))));
        }
        rows.push(self.row(0, "requests", cells(&requests)));
        let shown = watch.seconds.len().min(self.column);
        rows.push(self.row(
            4,
            &format!("last {shown} s"),
            cells(&|arm, past| {
                let (requests, _) = charts(past, self.column);
                vec![Span::styled(requests, color(arm.role))]
            }),
        ));
        rows.push(self.row(
            0,
            "errors",
            cells(&|arm, _| {
                vec![Span::raw(rate_between(
                    arm.errors,
                    arm.requests,
                    self.column,
                ))]
            }),
        ));
        rows.push(self.row(
            4,
            "",
            cells(&|_, past| vec![Span::styled(charts(past, self.column).1, ALARM)]),
        ));
        rows.push(self.row(0, "users saw", cells(&|arm, _| self.users_saw(arm))));
        rows.push(self.row(
            3,
            "p50 · p99",
            cells(&|arm, _| {
                let (p50, p99) = (millis(arm.p50_ms), millis(arm.p99_ms));
                vec![Span::raw(format!("{p50} · {p99}"))]
            }),
        ));
    }

    /// `██████▌      35%`
    fn share(&self, arm: &Arm) -> Vec<Span<'static>> {
        let room = self.column.saturating_sub(5);
        let mut cell = meter(f64::from(arm.share) / 100.0, room, color(arm.role));
        cell.push(Span::raw(format!(" {:>3}%", arm.share)));
        cell
    }

    fn users_saw(&self, arm: &Arm) -> Vec<Span<'static>> {
        let errors = arm.user_errors;
        if errors == 0 {
            let text = if arm.requests == 0 {
                "–"
            } else {
                "no errors"
            };
            return vec![Span::raw(text)];
        }
        let rate = rate(errors, arm.requests);
        let long = format!("{errors} errors · {rate}");
        let text = if long.chars().count() <= self.column {
            long
        } else {
            format!("{errors} · {rate}")
        };
        vec![Span::styled(text, ALARM)]
    }

    /// A label of the evidence.
    fn label(&self, long: &str, short: &str) -> Span<'static> {
        let (indent, text, room) = if self.is_narrow() {
            (0, short, self.label)
        } else {
            (self.indent, long, LONG_LABEL)
        };
        Span::styled(format!("{:indent$}{text:room$}", ""), QUIET)
    }

    /// Two gauges, as wide as the table, and the evidence's origin.
    fn evidence(&self, evidence: &Evidence, rows: &mut Vec<Row>) {
        let gauges = [
            (
                "toward rollback",
                "rollback",
                evidence.roll_back,
                evidence.roll_back_at,
                Color::Red,
            ),
            (
                "toward promotion",
                "promotion",
                evidence.promote,
                evidence.promote_at,
                Color::Green,
            ),
        ];
        for (long, short, value, at, fg) in gauges {
            let label = self.label(long, short);
            let number = format!(" {:>4} of {}", logarithm(value), logarithm(at));
            let end = (self.indent + self.label + 2 * self.column + self.gap).min(self.width);
            let room = end.saturating_sub(label.width() + number.chars().count());
            let mut line = vec![label];
            line.extend(meter(value / at, room, Style::new().fg(fg)));
            line.push(if value >= at {
                Span::styled(number, STRONG)
            } else {
                Span::raw(number)
            });
            rows.push(Row::new(0, line));
        }
        let label = self.label("based on", "based on");
        let to = if self.is_narrow() {
            ""
        } else {
            " to the new version"
        };
        let text = format!("{}{to}", origin(evidence));
        rows.push(Row::new(3, vec![label, Span::raw(text)]));
    }

    /// As much as fits; always with the failures.
    fn pings(&self, pings: &AvailabilityCounts, rows: &mut Vec<Row>) {
        let AvailabilityCounts {
            requests,
            failed,
            errors,
            longest_gap_ms,
        } = pings;
        let label = self.label("pings", "pings");
        let style = if *failed > 0 { ALARM } else { Style::new() };
        let mut line = vec![
            Span::raw(format!("{requests}, ")),
            Span::styled(format!("{failed} failed"), style),
        ];
        let mut room = self.width.saturating_sub(label.width());
        line.insert(0, label);
        room = room.saturating_sub(format!("{requests}, {failed} failed").len());
        for more in [
            format!(", {errors} with errors"),
            format!(", longest gap {longest_gap_ms} ms"),
        ] {
            if more.len() > room {
                break;
            }
            room -= more.len();
            line.push(Span::raw(more));
        }
        rows.push(Row::new(2, line));
    }
}

/// The colour of a version.
fn color(role: Role) -> Style {
    match role {
        Role::New => Style::new().fg(Color::Magenta),
        Role::Old | Role::Only => Style::new().fg(Color::Cyan),
    }
}

fn meter(share: f64, room: usize, style: Style) -> Vec<Span<'static>> {
    let (full, left) = bar(share, room);
    vec![
        Span::styled(full, style),
        Span::styled("·".repeat(left), QUIET),
    ]
}

fn tasks(arm: &Arm) -> Vec<Span<'static>> {
    let text = format!("{}/{} healthy", arm.healthy, arm.tasks);
    let style = if arm.healthy < arm.tasks {
        ALARM
    } else {
        Style::new()
    };
    vec![Span::styled(text, style)]
}

fn requests(arm: &Arm, past: &[Count]) -> Vec<Span<'static>> {
    let mut cell = vec![Span::raw(arm.requests.to_string())];
    if let Some(pace) = pace(past, PACE) {
        cell.push(Span::styled(format!(" · {pace}"), QUIET));
    }
    cell
}
