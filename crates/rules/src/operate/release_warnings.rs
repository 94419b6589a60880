//! Warnings before a release: something is wrong already. A candidate is compared with the old version, so
//! problems of the old version hide those of the new one.
//!
//! None of them stops a release, which may be the fix.

use crate::app::names::Slot;
use crate::release::diagnosis::Explanation;
use crate::release::evidence::TargetHealth;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An alarm that is firing
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// When it began to fire.
    pub since: Option<Timestamp>,
    /// CloudWatch's sentence; empty if there is none.
    pub reason: String,
}

/// A budget that is exceeded. Amounts are in [`Exceeded::unit`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exceeded {
    /// The monthly limit.
    pub limit: f64,
    /// What was spent this month. AWS updates it up to three times a day:
    /// <https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html>.
    pub actual: f64,
    /// The forecast for the end of the month, once AWS has enough data.
    pub forecast: Option<f64>,
    /// A currency: `USD`.
    pub unit: String,
}

impl Exceeded {
    /// [`None`] unless `actual` exceeds `limit` by a cent at least. A forecast alone is no reason: it would
    /// warn every month.
    pub fn check(limit: f64, actual: f64, forecast: Option<f64>, unit: &str) -> Option<Exceeded> {
        let cents = |amount: f64| (amount * 100.0).round();
        (cents(actual) > cents(limit)).then(|| Exceeded {
            limit,
            actual,
            forecast,
            unit: unit.to_owned(),
        })
    }
}

/// Something that is wrong before a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "concern")]
pub enum ReleaseWarning {
    /// Targets of the slot that serves are not healthy.
    Targets {
        /// The slot.
        slot: Slot,
        /// Targets that are not healthy.
        unhealthy: Vec<TargetHealth>,
        /// All targets that are to serve.
        of: usize,
    },
    /// An alarm is firing.
    Alarm(Alarm),
    /// More was spent than the budget allows.
    Budget(Exceeded),
}

/// The warnings, those that affect users first: targets of `serving`, the slot that serves, then `alarms`
/// that are firing, then an exceeded budget.
///
/// Draining targets are no problem, and starting ones are none while another is healthy. An environment
/// without a release has no targets.
pub fn release_warnings(
    alarms: &[Alarm],
    budget: Option<&Exceeded>,
    serving: Slot,
    targets: &[TargetHealth],
) -> Vec<ReleaseWarning> {
    let mut warnings = Vec::new();
    let wanted: Vec<&TargetHealth> = targets.iter().filter(|t| t.state != "draining").collect();
    let some_healthy = wanted.iter().any(|target| target.state == "healthy");
    let unhealthy: Vec<TargetHealth> = wanted
        .iter()
        .filter(|target| match target.state.as_str() {
            "healthy" => false,
            "initial" => !some_healthy,
            _ => true,
        })
        .map(|target| (*target).clone())
        .collect();
    if !unhealthy.is_empty() {
        warnings.push(ReleaseWarning::Targets {
            slot: serving,
            unhealthy,
            of: wanted.len(),
        });
    }
    warnings.extend(alarms.iter().cloned().map(ReleaseWarning::Alarm));
    warnings.extend(budget.cloned().map(ReleaseWarning::Budget));
    warnings
}

impl ReleaseWarning {
    /// A word for scripts, the same in every version.
    pub fn code(&self) -> &'static str {
        match self {
            ReleaseWarning::Targets { .. } => "targets",
            ReleaseWarning::Alarm(_) => "alarm",
            ReleaseWarning::Budget(_) => "budget",
        }
    }

    /// The warning as text: what it is, the evidence, and what to do about it.
    pub fn explain(&self, now: Timestamp) -> Explanation {
        let (what, next) = match self {
            ReleaseWarning::Targets {
                slot,
                unhealthy,
                of,
            } => (
                format!(
                    "{} of {of} {} of the serving slot ({slot}) {} not healthy: {}",
                    unhealthy.len(),
                    if *of == 1 { "target" } else { "targets" },
                    if unhealthy.len() == 1 { "is" } else { "are" },
                    unhealthy
                        .iter()
                        .map(describe)
                        .collect::<Vec<_>>()
                        .join("; ")
                ),
                "see `landfall logs`; release only a fix now, because the new version is compared with \
                 the old one",
            ),
            ReleaseWarning::Alarm(alarm) => {
                let since = alarm
                    .since
                    .map(|since| format!(" since {}", since.readable(now)));
                let reason = alarm.reason.trim();
                let reason = match reason {
                    "" => String::new(),
                    reason => format!(": {reason}"),
                };
                (
                    format!(
                        "the alarm {} is firing{}{reason}",
                        alarm.name,
                        since.unwrap_or_default()
                    ),
                    "see `landfall status` and `landfall logs`; release only a fix now, or wait until the \
                     alarm is over",
                )
            }
            ReleaseWarning::Budget(budget) => {
                let forecast = budget
                    .forecast
                    .map(|forecast| format!(", {forecast:.2} expected by the end of the month"));
                (
                    format!(
                        "the account's budget is exceeded: {:.2} of {:.2} {} spent this month{}",
                        budget.actual,
                        budget.limit,
                        budget.unit,
                        forecast.unwrap_or_default()
                    ),
                    "see the costs in the AWS console under Billing and Cost Management; raise `budget` in \
                     landfall.toml, or remove environments that are not needed with `landfall down`",
                )
            }
        };
        Explanation {
            what,
            next: next.to_owned(),
        }
    }
}

/// `10.0.1.5 unhealthy (Target.FailedHealthChecks, Health checks failed)`
fn describe(target: &TargetHealth) -> String {
    let details: Vec<&str> = [target.reason.as_str(), target.description.as_str()]
        .into_iter()
        .filter(|detail| !detail.is_empty())
        .collect();
    let state = match target.state.as_str() {
        "" => "in an unknown state",
        state => state,
    };
    match details.is_empty() {
        true => format!("{} {state}", target.id),
        false => format!("{} {state} ({})", target.id, details.join(", ")),
    }
}

#[cfg(test)]
#[path = "release_warnings_tests.rs"]
mod tests;
