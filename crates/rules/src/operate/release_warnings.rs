//! What should be known before a release starts: that something is wrong already. A release on top of
//! it is judged by what the old version did, so that an old version in trouble hides a new one's.
//!
//! Nothing here forbids a release: it may be what repairs the trouble.

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
    /// What may be spent in a month.
    pub limit: f64,
    /// What was spent in this one. AWS updates it up to three times a day:
    /// <https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html>.
    pub actual: f64,
    /// What it will be at the month's end, if AWS has seen enough to say.
    pub forecast: Option<f64>,
    /// A currency: `USD`.
    pub unit: String,
}

impl Exceeded {
    /// Whether `actual` is more than `limit`, by a cent at least. That it *will* be is no reason yet: a
    /// forecast says it each month anew until somebody has looked once.
    pub fn of(limit: f64, actual: f64, forecast: Option<f64>, unit: &str) -> Option<Exceeded> {
        let cents = |amount: f64| (amount * 100.0).round();
        (cents(actual) > cents(limit)).then(|| Exceeded {
            limit,
            actual,
            forecast,
            unit: unit.to_owned(),
        })
    }
}

/// Something that is wrong before the release.
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

/// What is wrong, the nearest to users first: `alarms` that are firing, the budget if it is exceeded,
/// and the targets of `serving`, the slot that users are sent to.
///
/// A target that is starting or draining is none to worry about, unless no other one is healthy. No
/// targets at all are what an environment without a release has, and no concern either.
pub fn concerns(
    alarms: &[Alarm],
    budget: Option<&Exceeded>,
    serving: Slot,
    targets: &[TargetHealth],
) -> Vec<ReleaseWarning> {
    let mut concerns = Vec::new();
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
        concerns.push(ReleaseWarning::Targets {
            slot: serving,
            unhealthy,
            of: wanted.len(),
        });
    }
    concerns.extend(alarms.iter().cloned().map(ReleaseWarning::Alarm));
    concerns.extend(budget.cloned().map(ReleaseWarning::Budget));
    concerns
}

impl ReleaseWarning {
    /// The word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            ReleaseWarning::Targets { .. } => "targets",
            ReleaseWarning::Alarm(_) => "alarm",
            ReleaseWarning::Budget(_) => "budget",
        }
    }

    /// The concern in words: what, on what evidence, and what to do about it.
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
                    unhealthy.iter().map(told).collect::<Vec<_>>().join("; ")
                ),
                "see `landfall logs`; release now only what is to repair it: the new version is \
                 judged by how the old one does",
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
                    "see `landfall status` and `landfall logs`; release now only what is to repair \
                     it, or wait until the alarm is over",
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
                    "see what costs it in the AWS console under Billing and Cost Management; raise \
                     `budget` in landfall.toml if it may, or take down what nobody needs with \
                     `landfall down`",
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
fn told(target: &TargetHealth) -> String {
    let said: Vec<&str> = [target.reason.as_str(), target.description.as_str()]
        .into_iter()
        .filter(|said| !said.is_empty())
        .collect();
    let state = match target.state.as_str() {
        "" => "in a state that is not told",
        state => state,
    };
    match said.is_empty() {
        true => format!("{} {state}", target.id),
        false => format!("{} {state} ({})", target.id, said.join(", ")),
    }
}

#[cfg(test)]
#[path = "release_warnings_tests.rs"]
mod tests;
