//! The results of simulations, and how they are printed.

use super::simulate::Ending;
use serde_json::json;
use std::fmt;

/// How far above its goal a median may be, as it is random.
const LEEWAY: f64 = 1.05;

/// Rows with a title.
pub(crate) struct Table {
    name: &'static str,
    title: String,
    rows: Vec<Row>,
}

/// One result and its goal.
pub(crate) struct Row {
    name: String,
    bound: Option<f64>,
    goal: Option<f64>,
    measured: Option<f64>,
    /// The 90th percentile, if `measured` is a median.
    p90: Option<f64>,
    /// Percentage of the runs that did not get there.
    missing: Option<f64>,
    is_share: bool,
}

impl Row {
    /// The percentage of endings with a property.
    pub(crate) fn share(
        name: String,
        endings: &[Ending],
        is_so: fn(&Ending) -> bool,
        goal: Option<f64>,
    ) -> Row {
        let count = endings.iter().filter(|ending| is_so(ending)).count();
        Row {
            measured: Some(count as f64 * 100.0 / endings.len() as f64),
            goal,
            is_share: true,
            ..Row::named(name)
        }
    }

    /// Median and 90th percentile of the requests that were needed. Runs that did not get there
    /// count as the longest.
    pub(crate) fn until(
        name: String,
        endings: &[Ending],
        requests: fn(&Ending) -> Option<u64>,
        goal: Option<f64>,
        bound: Option<f64>,
    ) -> Row {
        let mut all: Vec<Option<u64>> = endings.iter().map(requests).collect();
        all.sort_unstable_by_key(|requests| requests.unwrap_or(u64::MAX));
        let at = |q: f64| {
            let rank = ((q * all.len() as f64).ceil() as usize).max(1);
            all.get(rank - 1).copied().flatten().map(|n| n as f64)
        };
        let missing = all.iter().filter(|requests| requests.is_none()).count();
        Row {
            measured: at(0.5),
            p90: at(0.9),
            missing: Some(missing as f64 * 100.0 / all.len() as f64),
            goal,
            bound,
            ..Row::named(name)
        }
    }

    /// A time in milliseconds.
    pub(crate) fn time(name: &str, milliseconds: f64) -> Row {
        Row {
            measured: Some(milliseconds),
            is_share: true,
            ..Row::named(name.to_owned())
        }
    }

    fn named(name: String) -> Row {
        Row {
            name,
            bound: None,
            goal: None,
            measured: None,
            p90: None,
            missing: None,
            is_share: false,
        }
    }

    fn is_met(&self) -> Option<bool> {
        let leeway = if self.is_share { 1.0 } else { LEEWAY };
        let goal = self.goal?;
        Some(self.measured.is_some_and(|found| found <= goal * leeway))
    }
}

impl Table {
    pub(crate) fn new(name: &'static str, title: String, rows: Vec<Row>) -> Table {
        Table { name, title, rows }
    }

    /// One object for each row.
    pub(crate) fn json(&self) -> String {
        let row = |row: &Row| {
            let object = json!({
                "table": self.name,
                "row": row.name,
                "bound": row.bound,
                "goal": row.goal,
                "measured": row.measured,
                "p90": row.p90,
                "missing_percent": row.missing,
                "met": row.is_met(),
            });
            format!("{object}\n")
        };
        self.rows.iter().map(row).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or(String::new(), |value| format!("{value:.digits$}"))
        };
        let has = |column: fn(&Row) -> bool| self.rows.iter().any(column);
        let columns = [
            (true, "measured"),
            (has(|row| row.p90.is_some()), "p90"),
            (has(|row| row.missing.is_some()), "not reached, %"),
            (has(|row| row.bound.is_some()), "lower bound"),
            (has(|row| row.goal.is_some()), "goal"),
            (has(|row| row.goal.is_some()), ""),
        ];
        let shown = |cells: [String; 6]| -> String {
            let cells = cells.into_iter().zip(&columns);
            let cells = cells.filter(|(_, (is_shown, _))| *is_shown);
            cells.map(|(cell, _)| format!(" {cell} |")).collect()
        };
        writeln!(
            f,
            "| {} |{}",
            self.title,
            shown(columns.map(|(_, name)| name.to_owned()))
        )?;
        writeln!(
            f,
            "|---|{}",
            shown(columns.map(|_| "---".to_owned())).replace(' ', "")
        )?;
        for row in &self.rows {
            let digits = if row.is_share { 2 } else { 0 };
            let met = match row.is_met() {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            let cells = [
                number(row.measured, digits),
                number(row.p90, 0),
                number(row.missing, 1),
                number(row.bound, 1),
                number(row.goal, 0),
                met.to_owned(),
            ];
            writeln!(f, "| {} |{}", row.name, shown(cells))?;
        }
        Ok(())
    }
}
