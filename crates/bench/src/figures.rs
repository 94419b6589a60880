//! The results of the proxies, and how they are printed.

use crate::load::{Tally, percentile};
use crate::proxies::Proxy;
use serde_json::{Value, json};
use std::time::Duration;

/// The results of one proxy. What was not measured is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// The main load.
    pub(crate) users: Tally,
    /// CPU seconds per request, one for each round.
    pub(crate) cpu: Vec<f64>,
    /// Their ratios to nginx in the same rounds.
    pub(crate) cpu_ratios: Vec<f64>,
    /// Attempts per request.
    pub(crate) attempts: Option<f64>,
    pub(crate) outage: Option<f64>,
    pub(crate) kill_failed: Option<u64>,
    /// 99th percentiles in milliseconds, one for each round.
    pub(crate) p99: Vec<f64>,
    pub(crate) drain_lost: Option<u64>,
    /// Requests of all drains.
    pub(crate) drain_requests: u64,
    /// Bytes: idle, with 64 connections, with 1000.
    pub(crate) memory: Option<[u64; 3]>,
    /// Delays of events in milliseconds: median and maximum.
    pub(crate) event_delay: Option<(f64, f64)>,
    pub(crate) half_open: Option<HalfOpen>,
    pub(crate) binary: Option<u64>,
}

/// The result for connections whose head never ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HalfOpen {
    /// How long all connections took to be made.
    pub(crate) connecting: Duration,
    /// When the last of them was closed; [`None`]: not while they were watched.
    pub(crate) closed: Option<Duration>,
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    let upper = percentile(&mut values, 0.5)?;
    if !values.len().is_multiple_of(2) {
        return Some(upper);
    }
    let other = values.get(values.len() / 2)?;
    Some((upper + other) / 2.0)
}

fn range(values: &[f64]) -> Option<(f64, f64)> {
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    Some((low, high))
}

impl Figures {
    fn errors_ppm(&self) -> Option<f64> {
        let all = self.users.requests;
        (all > 0).then(|| self.users.failed as f64 * 1e6 / all as f64)
    }

    /// One object with the names that the documentation lists.
    pub(crate) fn json(&self, proxy: &Proxy) -> Value {
        let [idle, some, many] = self.memory.map_or([None; 3], |m| m.map(Some));
        let mb = |bytes: Option<u64>| bytes.map(|bytes| rounded(megabytes(bytes), 2));
        json!({
            "proxy": proxy.name,
            "errors_ppm": self.errors_ppm().map(|v| rounded(v, 1)),
            "attempts_per_request": self.attempts.map(|v| rounded(v, 4)),
            "outage_attempts": self.outage.map(|v| rounded(v, 4)),
            "kill_failed": self.kill_failed,
            "p99_ms": median(&self.p99).map(|v| rounded(v, 2)),
            "drain_lost": self.drain_lost,
            "cpu_vs_nginx": median(&self.cpu_ratios).map(|v| rounded(v, 3)),
            "pss_mb_idle": mb(idle),
            "pss_mb_64": mb(some),
            "pss_mb_1000": mb(many),
            "binary_mb": mb(self.binary),
        })
    }

    /// Its row of the table.
    fn row(&self, proxy: &Proxy) -> String {
        let cpu = match (median(&self.cpu_ratios), range(&self.cpu_ratios)) {
            (Some(middle), Some((low, high))) => format!("{middle:.2} ({low:.2}–{high:.2})"),
            _ => String::new(),
        };
        let p99 = match (median(&self.p99), range(&self.p99)) {
            (Some(middle), Some((low, high))) => format!("{middle:.1} ({low:.1}–{high:.1})"),
            _ => String::new(),
        };
        let memory = self.memory.map(|all| {
            let all = all.map(megabytes);
            format!("{:.1} / {:.1} / {:.1}", all[0], all[1], all[2])
        });
        let delay = self
            .event_delay
            .map(|(middle, longest)| format!("{middle:.1} ({longest:.1})"));
        let half_open = self.half_open.map(|HalfOpen { connecting, closed }| {
            let closed = closed.map(|closed| format!("{:.1}", closed.as_secs_f64()));
            let closed = closed.unwrap_or_else(|| "never".to_owned());
            format!("{closed} ({:.1})", connecting.as_secs_f64())
        });
        let cells = [
            proxy.name.to_owned(),
            shown(self.errors_ppm(), 0),
            shown(self.attempts, 3),
            shown(self.outage, 2),
            self.kill_failed.map(|n| n.to_string()).unwrap_or_default(),
            p99,
            self.drain_lost.map(|n| n.to_string()).unwrap_or_default(),
            cpu,
            memory.unwrap_or_default(),
            delay.unwrap_or_default(),
            half_open.unwrap_or_default(),
            shown(self.binary.map(megabytes), 1),
        ];
        format!("| {} |\n", cells.join(" | "))
    }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

fn shown(value: Option<f64>, digits: usize) -> String {
    value
        .map(|value| format!("{value:.digits$}"))
        .unwrap_or_default()
}

const HEAD: [&str; 12] = [
    "",
    "errors, ppm",
    "attempts per request",
    "… in an outage",
    "killed: failed",
    "p99, ms (range)",
    "drains: lost",
    "CPU × nginx (range)",
    "PSS, MB: idle / 64 / 1000",
    "event delay, ms (longest)",
    "half open closed after, s (made in)",
    "binary, MB",
];

/// The table in Markdown.
pub(crate) fn table(rows: &[(Proxy, Figures)]) -> String {
    let mut text = format!("| {} |\n|{}\n", HEAD.join(" | "), "---|".repeat(HEAD.len()));
    rows.iter()
        .for_each(|(proxy, figures)| text.push_str(&figures.row(proxy)));
    text
}

/// A goal, and whether it was met.
struct Goal {
    what: &'static str,
    most: &'static str,
    got: Option<String>,
    is_met: bool,
}

fn goal(
    what: &'static str,
    got: Option<f64>,
    most: f64,
    text: &'static str,
    digits: usize,
) -> Goal {
    Goal {
        what,
        most: text,
        got: got.map(|got| format!("{got:.digits$}")),
        is_met: got.is_some_and(|got| got <= most),
    }
}

/// The edge's goals in Markdown, each with its verdict.
pub(crate) fn goals(edge: &Figures) -> String {
    let memory = |at: usize| {
        edge.memory
            .and_then(|all| all.get(at).copied())
            .map(megabytes)
    };
    let count = |count: Option<u64>| count.map(|count| count as f64);
    let half_open = edge.half_open.map(|half_open| {
        half_open
            .closed
            .map_or(f64::INFINITY, |closed| closed.as_secs_f64())
    });
    let goals = [
        goal("errors, ppm", edge.errors_ppm(), 20.0, "20", 1),
        goal("attempts per request", edge.attempts, 1.12, "1.12", 4),
        goal(
            "attempts per request in an outage",
            edge.outage,
            1.25,
            "1.25",
            3,
        ),
        goal("killed: failed", count(edge.kill_failed), 0.0, "0", 0),
        goal("p99, ms", median(&edge.p99), 5.0, "5", 2),
        goal("drains: lost", count(edge.drain_lost), 0.0, "0", 0),
        goal("CPU × nginx", median(&edge.cpu_ratios), 1.4, "1.4", 2),
        goal("PSS idle, MB", memory(0), 5.0, "5", 1),
        goal("PSS with 64 connections, MB", memory(1), 10.0, "10", 1),
        goal("PSS with 1000 connections, MB", memory(2), 60.0, "60", 1),
        goal(
            "event delay, ms",
            edge.event_delay.map(|(middle, _)| middle),
            10.0,
            "10",
            2,
        ),
        goal("half open closed after, s", half_open, 10.0, "10", 1),
        goal("binary, MB", edge.binary.map(megabytes), 4.0, "4", 2),
    ];
    let mut text = "| landfall-edge | goal, at most | measured | |\n|---|---|---|---|\n".to_owned();
    for Goal {
        what,
        most,
        got,
        is_met,
    } in goals
    {
        let (got, verdict) = match got {
            Some(got) if is_met => (got, "met"),
            Some(got) => (got, "**missed**"),
            None => ("–".to_owned(), "not measured"),
        };
        text.push_str(&format!("| {what} | {most} | {got} | {verdict} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxies::PROXIES;

    #[test]
    fn the_json_has_the_documented_names() {
        let figures = Figures {
            users: Tally {
                requests: 500_000,
                failed: 5,
            },
            cpu_ratios: vec![1.0, 2.0, 4.0, 3.0],
            memory: Some([1_000_000, 2_000_000, 3_000_000]),
            kill_failed: Some(0),
            ..Figures::default()
        };
        let json = figures.json(&PROXIES[0]);
        let names = [
            "attempts_per_request",
            "binary_mb",
            "cpu_vs_nginx",
            "drain_lost",
            "errors_ppm",
            "kill_failed",
            "outage_attempts",
            "p99_ms",
            "proxy",
            "pss_mb_1000",
            "pss_mb_64",
            "pss_mb_idle",
        ];
        let mut found: Vec<&str> = json
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        found.sort_unstable();
        assert_eq!(found, names);
        assert_eq!(json["errors_ppm"], 10.0);
        assert_eq!(json["cpu_vs_nginx"], 2.5);
        assert_eq!(json["pss_mb_1000"], 3.0);
        assert_eq!(json["kill_failed"], 0);
        assert_eq!(json["p99_ms"], Value::Null);
    }

    #[test]
    fn every_row_has_a_cell_for_every_column() {
        let empty = Figures::default().row(&PROXIES[0]);
        assert_eq!(empty.matches('|').count(), HEAD.len() + 1);
    }

    #[test]
    fn a_goal_that_was_not_measured_is_not_met() {
        let text = goals(&Figures::default());
        assert!(
            !text.contains("| met |") && text.contains("not measured"),
            "{text}"
        );
    }
}
