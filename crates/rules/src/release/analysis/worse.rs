//! In what a candidate is worse.

use super::millis;
use crate::release::canary::{Arm, Judgement, PerStratum, SealedWindow, Signal, Stratum, Totals};
use crate::release::diagnosis::{Cause, Rate, Slow, Worse};
use edge_contract::histogram::Histogram;

/// In what the candidate is worse, in figures that a person can check.
pub(super) fn cause(judgement: &Judgement, monitor: Signal, windows: &[SealedWindow]) -> Cause {
    let stratum = blamed(&judgement.totals, monitor);
    let of = judgement.totals.of(stratum);
    let slow = monitor.quantile().map(|q| {
        let all = |arm: fn(&SealedWindow) -> &Arm| {
            let mut sum = Histogram::default();
            let own = windows.iter().filter(|window| window.stratum == stratum);
            for latency in own.filter_map(|window| arm(window).latency.as_ref()) {
                sum.merge(latency);
            }
            millis(sum.quantile(q).unwrap_or_default())
        };
        Slow {
            old_ms: all(|window| &window.old),
            new_ms: all(|window| &window.new),
        }
    });
    let rate = |requests: u64, bad: u64| Rate { requests, bad };
    Cause::Worse(Worse {
        monitor: word(&monitor),
        among: word(&stratum),
        old: rate(of.n_old, of.errors_old),
        new: rate(of.n_new, of.errors_new),
        slow,
        ln_m: judgement.ln_m,
    })
}

/// The requests in which the candidate is worse: those of users where it has any, unless probes show a
/// larger difference in errors.
fn blamed(totals: &PerStratum<Totals>, monitor: Signal) -> Stratum {
    let excess = |stratum: Stratum| {
        let of = totals.of(stratum);
        let rate = |bad: u64, n: u64| bad as f64 / n.max(1) as f64;
        rate(of.errors_new, of.n_new) - rate(of.errors_old, of.n_old)
    };
    let is_slow = monitor.quantile().is_some();
    let by_users = is_slow || excess(Stratum::Users) >= excess(Stratum::Probes);
    if totals.users.n_new > 0 && by_users {
        Stratum::Users
    } else {
        Stratum::Probes
    }
}

/// The word that a value has in JSON.
fn word(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "../analysis_cause_tests.rs"]
mod tests;
