//! The file of a trial, so that anybody can judge it again: what `landfall judge FILE` reads.
//!
//! Landfall writes what it judged, with all rules and counts:
//!
//! ```json
//! {"v":1,
//!  "policy":{"alpha":0.01,"beta":0.05,"horizon":10000,"history_cap":2000,"min_new_requests":20,
//!            "weights":{"errors":0.6,"p50":0.15,"p90":0.15,"p99":0.1}},
//!  "history":{"n":2000,"errors":200,"latency":[108,1800,3,200]},
//!  "windows":[{"stratum":"users","from_second":1700000000,"seconds":1,
//!              "old":{"total":9,"errors":1,"latency":[108,9]},"new":{"total":1,"latency":[111,1]}}]}
//! ```
//!
//! What a policy leaves out is as by default. Monitors with weight 0 take no part, neither do those
//! of slowness where no arm has a `latency`.
//!
//! By hand, errors alone are shorter: past requests and errors of the old version, then requests
//! and errors of the old and of the new one for each window. There the monitor of errors is the
//! only one, with the whole weight.
//!
//! ```json
//! {"hist":[2000,200],"windows":[[9,1,1,0],[45,5,5,1]]}
//! {"hist":[2000,200],"traj":[[1,[9,1,1,0],"0.0998","-0.2940","0.0553","continue"]]}
//! ```
//!
//! The second one says beside each window what is expected: a, ln M, ln P and the decision. A name
//! may be wrapped around it: `{"V4":{"hist":…}}`.

use super::counts::{Arm, Counts, History, PerSignal, SealedWindow, Signal, Stratum};
use super::policy::Policy;
use super::trial::{Decision, Trial};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version of the format that this code writes and reads.
pub const VERSION: u32 = 1;
/// Figures that differ by no more than this part, or by no more than this, agree.
pub const AGREEMENT: f64 = 1e-9;

/// A trial as a file tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Its rules.
    pub policy: Policy,
    /// What was counted.
    pub counts: Counts,
    /// What the file says must come out, window by window; empty if it doesn't.
    expected: Vec<Expected>,
}

/// Why a text is no evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The window that is wrong, from 1; [`None`] if it is something else.
    pub window: Option<usize>,
    /// What is wrong.
    pub what: String,
}

/// What is known after one window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Its number, from 1.
    pub window: usize,
    /// Where its requests come from.
    pub stratum: Stratum,
    /// The old version's error rate as it is known then: the next window of the stratum is judged
    /// by it.
    pub a: f64,
    /// Logarithm of the evidence of all monitors that the new version is worse.
    pub ln_m: f64,
    /// Logarithm of the evidence that it has no more errors, in this stratum.
    pub ln_p: f64,
    /// What follows.
    #[serde(flatten)]
    pub decision: Decision,
    /// Each monitor that takes part.
    pub monitors: PerSignal<Option<Reading>>,
    /// Whether it is what the file expects; left out if it expects nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agrees: Option<bool>,
}

/// One monitor after a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reading {
    /// The old version's rate of bad requests as it is known then.
    pub a: f64,
    /// Logarithm of its evidence that the new version is worse.
    pub ln_m: f64,
    /// Logarithm of its evidence that it is not, in the window's stratum.
    pub ln_p: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Expected {
    a: f64,
    ln_m: f64,
    ln_p: f64,
    decision: String,
}

/// As landfall writes it. Windows are read one by one, to say which one is wrong.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<W> {
    v: u32,
    #[serde(default)]
    policy: Policy,
    #[serde(default)]
    history: History,
    windows: Vec<W>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.window {
            Some(window) => write!(f, "window {window}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for Problem {}

impl Line {
    /// Its text, on one line.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The text of a trial, with everything that [`parse`] needs to judge it again.
pub fn write(policy: &Policy, counts: &Counts) -> String {
    let record = Record {
        v: VERSION,
        policy: *policy,
        history: counts.history.clone(),
        windows: counts.windows.iter().collect(),
    };
    serde_json::to_string(&record).unwrap_or_default()
}

/// Reads the text of a trial, in any of its forms.
pub fn parse(text: &str) -> Result<Evidence, Problem> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| whole(format!("this is no JSON of a trial: {error}")))?;
    let Value::Object(object) = value else {
        return Err(whole("a trial is a JSON object"));
    };
    let object = unwrap(object);
    if object.contains_key("hist") {
        by_hand(object)
    } else {
        recorded(object)
    }
}

/// Judges the evidence, window by window.
pub fn replay(evidence: &Evidence) -> Vec<Line> {
    let mut trial = Trial::new(&evidence.policy, &evidence.counts.history);
    let mut expected = evidence.expected.iter();
    let windows = evidence.counts.windows.iter().enumerate();
    windows
        .map(|(index, window)| {
            trial.window(window);
            let line = line(&trial, index + 1, window.stratum);
            let agrees = expected.next().map(|expected| expected.is(&line));
            Line { agrees, ..line }
        })
        .collect()
}

fn line(trial: &Trial, window: usize, stratum: Stratum) -> Line {
    let judgement = trial.judgement();
    let errors = trial.monitor(Signal::Errors);
    let takes_part = judgement.ln_p.of(stratum);
    Line {
        window,
        stratum,
        a: errors.rate(stratum),
        ln_m: judgement.ln_m,
        ln_p: errors.ln_p(stratum),
        decision: judgement.decision,
        monitors: PerSignal::from_fn(|signal| {
            let monitor = trial.monitor(signal);
            takes_part.of(signal).map(|ln_p| Reading {
                a: monitor.rate(stratum),
                ln_m: monitor.ln_m(),
                ln_p,
            })
        }),
        agrees: None,
    }
}

impl Expected {
    fn is(&self, line: &Line) -> bool {
        let agree = |expected: f64, found: f64| {
            (expected - found).abs() <= AGREEMENT * expected.abs().max(1.0)
        };
        let word = match line.decision {
            Decision::RollBack { .. } => "rollback",
            Decision::Promote { .. } => "promote",
            Decision::Continue => "continue",
        };
        agree(self.a, line.a)
            && agree(self.ln_m, line.ln_m)
            && agree(self.ln_p, line.ln_p)
            && self.decision == word
    }
}

fn whole(what: impl Into<String>) -> Problem {
    Problem {
        window: None,
        what: what.into(),
    }
}

fn in_window(window: usize, what: impl Into<String>) -> Problem {
    Problem {
        window: Some(window),
        what: what.into(),
    }
}

/// A trial may have a name around it.
fn unwrap(mut object: Map<String, Value>) -> Map<String, Value> {
    let mut values = object.values_mut();
    if let (Some(Value::Object(inner)), None) = (values.next(), values.next())
        && inner.contains_key("hist")
    {
        return std::mem::take(inner);
    }
    object
}

fn recorded(object: Map<String, Value>) -> Result<Evidence, Problem> {
    // A later version may have other keys: that it is one is the better message.
    match object.get("v") {
        Some(v) if *v == VERSION => {}
        Some(v) => {
            return Err(whole(format!(
                "this trial has version {v}, and this landfall reads version {VERSION}"
            )));
        }
        None => return Err(whole("a trial has either \"hist\" or \"v\", its version")),
    }
    let record: Record<Value> =
        serde_json::from_value(Value::Object(object)).map_err(|error| whole(error.to_string()))?;
    if let Some(problem) = record.policy.problem() {
        return Err(whole(format!("policy: {problem}")));
    }
    let History { n, errors, latency } = &record.history;
    let history = Arm {
        total: *n,
        errors: *errors,
        latency: latency.clone(),
    };
    check_arm(&history).map_err(|what| whole(format!("history: {what}")))?;
    let mut windows: Vec<SealedWindow> = Vec::with_capacity(record.windows.len());
    for (index, value) in record.windows.into_iter().enumerate() {
        let wrong = |what: String| in_window(index + 1, what);
        let window: SealedWindow =
            serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        check_arm(&window.old).map_err(|what| wrong(format!("old: {what}")))?;
        check_arm(&window.new).map_err(|what| wrong(format!("new: {what}")))?;
        if window.seconds == 0 {
            return Err(wrong("it spans 0 seconds".to_owned()));
        }
        let mut before = windows.iter().rev();
        let before = before.find(|before| before.stratum == window.stratum);
        if before.is_some_and(|before| before.end() > window.from_second) {
            return Err(wrong("it begins before its predecessor ends".to_owned()));
        }
        windows.push(window);
    }
    Ok(Evidence {
        policy: record.policy,
        counts: Counts {
            history: record.history,
            windows,
        },
        expected: Vec::new(),
    })
}

fn check_arm(arm: &Arm) -> Result<(), String> {
    let latencies = arm.latency.as_ref().map_or(0, |latency| latency.count());
    for (what, count) in [("errors", arm.errors), ("latencies", latencies)] {
        if count > arm.total {
            return Err(format!("{count} {what} of {} requests", arm.total));
        }
    }
    Ok(())
}

fn by_hand(mut object: Map<String, Value>) -> Result<Evidence, Problem> {
    let history =
        counts(object.remove("hist").as_ref()).map_err(|what| whole(format!("hist: {what}")))?;
    let [n, errors] = history;
    check(n, errors).map_err(|what| whole(format!("hist: {what}")))?;
    let (rows, are_expected) = match (object.remove("windows"), object.remove("traj")) {
        (Some(Value::Array(rows)), None) => (rows, false),
        (None, Some(Value::Array(rows))) => (rows, true),
        _ => {
            return Err(whole(
                "beside \"hist\" there is one list, \"windows\" or \"traj\"",
            ));
        }
    };
    if let Some(key) = object.keys().next() {
        return Err(whole(format!("the key \"{key}\" is unknown")));
    }
    let mut windows = Vec::with_capacity(rows.len());
    let mut expected = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let wrong = |what: String| in_window(index + 1, what);
        let mut cells = Some(row);
        if are_expected {
            let (counts, figures) = read_row(row).map_err(wrong)?;
            cells = Some(counts);
            expected.push(figures);
        }
        let [n_old, errors_old, n_new, errors_new] = counts(cells).map_err(wrong)?;
        check(n_old, errors_old).map_err(|what| wrong(format!("old: {what}")))?;
        check(n_new, errors_new).map_err(|what| wrong(format!("new: {what}")))?;
        windows.push(SealedWindow {
            stratum: Stratum::Users,
            from_second: index as u64,
            seconds: 1,
            old: arm(n_old, errors_old),
            new: arm(n_new, errors_new),
        });
    }
    Ok(Evidence {
        policy: Policy::errors_only(),
        counts: Counts {
            history: History {
                n,
                errors,
                latency: None,
            },
            windows,
        },
        expected,
    })
}

fn arm(total: u64, errors: u64) -> Arm {
    Arm {
        total,
        errors,
        latency: None,
    }
}

fn check(n: u64, errors: u64) -> Result<(), String> {
    check_arm(&arm(n, errors))
}

/// Exactly `N` counts.
fn counts<const N: usize>(value: Option<&Value>) -> Result<[u64; N], String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice);
    let list = list.ok_or_else(|| format!("a list of {N} counts is wanted"))?;
    let mut numbers = [0; N];
    if list.len() != N {
        return Err(format!(
            "{N} counts are wanted, and there are {}",
            list.len()
        ));
    }
    for (number, value) in numbers.iter_mut().zip(list) {
        *number = value
            .as_u64()
            .ok_or_else(|| format!("{value} is no count: it must be a whole number from 0 on"))?;
    }
    Ok(numbers)
}

/// `[number, [counts], "a", "ln M", "ln P", "decision"]`.
fn read_row(row: &Value) -> Result<(&Value, Expected), String> {
    let wanted =
        || "it is to be [number, [counts], \"a\", \"ln M\", \"ln P\", \"decision\"]".to_owned();
    let cells = row.as_array().map(Vec::as_slice).ok_or_else(wanted)?;
    let [number, counts, a, ln_m, ln_p, decision] = cells else {
        return Err(wanted());
    };
    let figure = |value: &Value| {
        let read = value
            .as_str()
            .map_or(value.as_f64(), |text| text.parse().ok());
        let finite = read.filter(|figure: &f64| figure.is_finite());
        finite.ok_or_else(|| format!("{value} is no number"))
    };
    let decision = decision.as_str().ok_or_else(wanted)?.to_owned();
    number.as_u64().ok_or_else(wanted)?;
    let expected = Expected {
        a: figure(a)?,
        ln_m: figure(ln_m)?,
        ln_p: figure(ln_p)?,
        decision,
    };
    Ok((counts, expected))
}
