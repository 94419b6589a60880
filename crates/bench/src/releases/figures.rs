//! The results of releases, and how they are printed.

use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// Rows with a title.
pub(crate) struct Table {
    name: &'static str,
    title: &'static str,
    seconds: f64,
    rows: Vec<Row>,
    /// What went wrong, line by line.
    remarks: Vec<String>,
}

/// One result and its goal.
pub(crate) struct Row {
    name: String,
    measured: Value,
    digits: usize,
    goal: Option<Value>,
    is_met: Option<bool>,
}

impl Row {
    /// A number without a goal.
    pub(crate) fn number(name: impl Into<String>, measured: f64, digits: usize) -> Row {
        Row {
            name: name.into(),
            measured: json!(measured),
            digits,
            goal: None,
            is_met: None,
        }
    }

    /// A count without a goal.
    pub(crate) fn count(name: impl Into<String>, measured: usize) -> Row {
        Row::number(name, measured as f64, 0)
    }

    /// Text.
    pub(crate) fn words(name: impl Into<String>, measured: impl Into<String>) -> Row {
        Row {
            measured: json!(measured.into()),
            ..Row::number(name, 0.0, 0)
        }
    }

    /// Sets an upper bound as the goal.
    pub(crate) fn at_most(self, goal: f64) -> Row {
        let is_met = self.measured.as_f64().is_some_and(|found| found <= goal);
        Row {
            goal: Some(json!(goal)),
            is_met: Some(is_met),
            ..self
        }
    }

    /// Sets a text as the goal.
    pub(crate) fn is(self, goal: &str) -> Row {
        let is_met = self.measured.as_str() == Some(goal);
        Row {
            goal: Some(json!(goal)),
            is_met: Some(is_met),
            ..self
        }
    }

    fn cell(&self, value: &Value) -> String {
        match value.as_f64() {
            Some(number) => format!("{number:.*}", self.digits),
            None => value.as_str().unwrap_or_default().to_owned(),
        }
    }
}

impl Table {
    pub(crate) fn new(title: &'static str, rows: Vec<Row>) -> Table {
        Table {
            name: "",
            title,
            seconds: 0.0,
            rows,
            remarks: Vec::new(),
        }
    }

    pub(crate) fn remarks(self, remarks: Vec<String>) -> Table {
        Table { remarks, ..self }
    }

    pub(crate) fn took(self, name: &'static str, time: Duration) -> Table {
        let seconds = time.as_secs_f64();
        Table {
            name,
            seconds,
            ..self
        }
    }

    /// One object for each row.
    pub(crate) fn json(&self) -> String {
        let row = |row: &Row| {
            let object = json!({
                "table": self.name,
                "row": row.name,
                "measured": row.measured,
                "goal": row.goal,
                "met": row.is_met,
            });
            format!("{object}\n")
        };
        self.rows.iter().map(row).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!("{} (`{}`, {:.0} s)", self.title, self.name, self.seconds);
        writeln!(f, "| {title} | measured | goal | |\n|---|---|---|---|")?;
        for row in &self.rows {
            let goal = row
                .goal
                .as_ref()
                .map_or(String::new(), |goal| row.cell(goal));
            let met = match row.is_met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            let measured = row.cell(&row.measured);
            writeln!(f, "| {} | {measured} | {goal} | {met} |", row.name)?;
        }
        for remark in &self.remarks {
            writeln!(f, "\n- {remark}")?;
        }
        Ok(())
    }
}

/// The median.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    crate::load::percentile(&mut values, 0.5).unwrap_or(f64::NAN)
}

/// The maximum.
pub(crate) fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}
