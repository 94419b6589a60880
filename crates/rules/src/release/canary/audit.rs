//! The file of a trial, so that anyone can judge it again: `landfall judge FILE` reads it.
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
//! What a policy leaves out has its default. Monitors with weight 0 take no part, nor do those of slowness
//! where no arm has a `latency`.
//!
//! A form for counts by hand has errors only: past requests and errors of the old version, then for each
//! window requests and errors of the old and of the new version. The monitor of errors is the only one, with
//! the whole weight.
//!
//! ```json
//! {"hist":[2000,200],"windows":[[9,1,1,0],[45,5,5,1]]}
//! ```

use super::counts::{Arm, Counts, History, PerSignal, SealedWindow, Signal, Stratum};
use super::policy::Policy;
use super::trial::{Decision, Trial};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version of the format that this code writes and reads.
pub const VERSION: u32 = 1;
/// Figures agree if they differ by at most this, absolutely or relatively.
pub const AGREEMENT: f64 = 1e-9;

/// A trial that was read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The rules.
    pub policy: Policy,
    /// The counts.
    pub counts: Counts,
}

/// Why a text is not a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The number of the invalid window, from 1; [`None`] if something else is invalid.
    pub window: Option<usize>,
    /// What is wrong.
    pub what: String,
}

/// The state of the trial after one window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowReport {
    /// Its number, from 1.
    pub window: usize,
    /// Where its requests come from.
    pub stratum: Stratum,
    /// The old version's error rate as estimated then: the next window of the stratum is judged by it.
    pub a: f64,
    /// Logarithm of the evidence of all monitors that the new version is worse.
    pub ln_m: f64,
    /// Logarithm of the evidence that it has no more errors, in this stratum.
    pub ln_p: f64,
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
    /// The monitors that take part.
    pub monitors: PerSignal<Option<Reading>>,
}

/// A monitor after a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reading {
    /// The old version's rate of bad requests as estimated then.
    pub a: f64,
    /// Logarithm of its evidence that the new version is worse.
    pub ln_m: f64,
    /// Logarithm of its evidence that it is not, in the window's stratum.
    pub ln_p: f64,
}

/// The form that landfall writes. Windows are parsed one by one, so that an error names the window.
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

impl WindowReport {
    /// The report as one line of JSON.
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

/// Parses the text of a trial, in either form.
pub fn parse(text: &str) -> Result<Evidence, Problem> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| whole(format!("this is not a trial as JSON: {error}")))?;
    let Value::Object(object) = value else {
        return Err(whole("a trial is a JSON object"));
    };
    if object.contains_key("hist") {
        by_hand(object)
    } else {
        recorded(object)
    }
}

/// Judges the evidence, window by window.
pub fn replay(evidence: &Evidence) -> Vec<WindowReport> {
    let mut trial = Trial::new(&evidence.policy, &evidence.counts.history);
    let windows = evidence.counts.windows.iter().enumerate();
    windows
        .map(|(index, window)| {
            trial.window(window);
            report(&trial, index + 1, window.stratum)
        })
        .collect()
}

fn report(trial: &Trial, window: usize, stratum: Stratum) -> WindowReport {
    let judgement = trial.judgement();
    let errors = trial.monitor(Signal::Errors);
    let takes_part = judgement.ln_p.of(stratum);
    WindowReport {
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

fn recorded(object: Map<String, Value>) -> Result<Evidence, Problem> {
    // A later version may have other keys; its version is the better message.
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
    let History {
        n,
        errors,
        cold,
        latency,
    } = &record.history;
    let history = Arm {
        total: *n,
        errors: *errors,
        cold: *cold,
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
            return Err(wrong(
                "it begins before the window before it ends".to_owned(),
            ));
        }
        windows.push(window);
    }
    Ok(Evidence {
        policy: record.policy,
        counts: Counts {
            history: record.history,
            windows,
        },
    })
}

fn check_arm(arm: &Arm) -> Result<(), String> {
    let latencies = arm.latency.as_ref().map_or(0, |latency| latency.count());
    let latencies = latencies.saturating_add(arm.cold);
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
    let Some(Value::Array(rows)) = object.remove("windows") else {
        return Err(whole("next to \"hist\" there must be a list, \"windows\""));
    };
    if let Some(key) = object.keys().next() {
        return Err(whole(format!("the key \"{key}\" is unknown")));
    }
    let mut windows = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let wrong = |what: String| in_window(index + 1, what);
        let [n_old, errors_old, n_new, errors_new] = counts(Some(row)).map_err(wrong)?;
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
                cold: 0,
                latency: None,
            },
            windows,
        },
    })
}

fn arm(total: u64, errors: u64) -> Arm {
    Arm {
        total,
        errors,
        cold: 0,
        latency: None,
    }
}

fn check(n: u64, errors: u64) -> Result<(), String> {
    check_arm(&arm(n, errors))
}

/// Exactly `N` counts.
fn counts<const N: usize>(value: Option<&Value>) -> Result<[u64; N], String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice);
    let list = list.ok_or_else(|| format!("expected a list of {N} counts"))?;
    let mut numbers = [0; N];
    if list.len() != N {
        return Err(format!("expected {N} counts, found {}", list.len()));
    }
    for (number, value) in numbers.iter_mut().zip(list) {
        *number = value.as_u64().ok_or_else(|| {
            format!("{value} is not a count: it must be a whole number, 0 or more")
        })?;
    }
    Ok(numbers)
}
