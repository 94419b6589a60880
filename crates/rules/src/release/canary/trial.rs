//! The trial of a new version: all monitors together, and the decision.

use super::counts::{Counts, History, PerSignal, PerStratum, SealedWindow, Signal, Stratum, Tally};
use super::factor::ln_sum;
use super::monitor::Monitor;
use super::policy::Policy;
use super::slowness::{Latencies, slow};
use serde::{Deserialize, Serialize};

/// The decision by the evidence alone. Minimum and maximum times are not considered here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "lowercase")]
pub enum Decision {
    /// The new version is worse. Later windows do not change it.
    RollBack {
        /// The monitor that contributed most.
        monitor: Signal,
    },
    /// The new version is proven not to be worse.
    Promote {
        /// The requests that prove it; users', if both do.
        by: Stratum,
    },
    /// The evidence is not sufficient for either.
    #[default]
    Continue,
}

/// Requests and errors of a stratum in all windows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// The old version's requests.
    pub n_old: u64,
    /// Those that failed.
    pub errors_old: u64,
    /// The new version's requests.
    pub n_new: u64,
    /// Those that failed.
    pub errors_new: u64,
}

/// The state of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The decision.
    pub decision: Decision,
    /// Whether users' requests ever proved the new version not to be worse, in all monitors at once.
    pub proven_by_users: bool,
    /// Whether probes did.
    pub proven_by_probes: bool,
    /// Windows so far.
    pub windows: u64,
    /// Logarithm of the evidence that the new version is worse; from ln(1/α) on it's rolled back.
    pub ln_m: f64,
    /// The same of each monitor alone, before weighing.
    pub ln_m_by: PerSignal<f64>,
    /// Logarithm of the evidence that it is not worse; needed is ln(1/β) of each. [`None`] for monitors
    /// that take no part in the stratum, without latencies or by their weight.
    pub ln_p: PerStratum<PerSignal<Option<f64>>>,
    /// The sums of all windows.
    pub totals: PerStratum<Totals>,
}

/// Judges all windows from scratch.
pub fn judge(policy: &Policy, counts: &Counts) -> Judgement {
    let mut trial = Trial::new(policy, &counts.history);
    for window in &counts.windows {
        trial.window(window);
    }
    trial.judgement()
}

/// A trial that is judged window by window, with the same result as [`judge`].
///
/// A monitor of slowness watches a stratum from the second window on that comes with latencies;
/// with a history, from the first. Where latency was never measured, in counts from CloudWatch for
/// example, it takes no part: its bet stays at 1 with its weight, and promotions don't ask for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    policy: Policy,
    /// They watch all requests: most bad versions are bad everywhere.
    monitors: PerSignal<Monitor>,
    /// They watch users' requests only. Probes ask for one path, and a version can be bad on all others: its
    /// good answers to probes must not outweigh what users get.
    of_users: PerSignal<Monitor>,
    latencies: PerStratum<Latencies>,
    strata: PerStratum<State>,
    windows: u64,
    /// The evidence reached 1/α: who contributed most.
    crossed: Option<Signal>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct State {
    totals: Totals,
    /// Some window came with latencies.
    measured: bool,
    /// The monitors of slowness have the history.
    recalled: bool,
    proven: bool,
}

impl Trial {
    /// The rules.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A trial before the first window.
    pub fn new(policy: &Policy, history: &History) -> Trial {
        let monitor = Monitor::new(policy);
        let latencies = Latencies::new(policy.history_cap);
        let monitors = PerSignal::from_fn(|_| monitor.clone());
        let mut trial = Trial {
            policy: *policy,
            of_users: monitors.clone(),
            monitors,
            latencies: PerStratum {
                users: latencies.clone(),
                probes: latencies,
            },
            strata: PerStratum::default(),
            windows: 0,
            crossed: None,
        };
        let old = Tally::new(history.n, history.errors);
        trial.monitors.errors.remember(Stratum::Users, old);
        trial.of_users.errors.remember(Stratum::Users, old);
        if let Some(latency) = &history.latency {
            let timed = history.n.saturating_sub(history.cold);
            trial.latencies.users.push(timed, latency);
        }
        trial
    }

    /// Adds the next window.
    pub fn window(&mut self, window: &SealedWindow) {
        let stratum = window.stratum;
        self.windows += 1;
        self.strata.of_mut(stratum).totals.add(window);
        self.monitors.errors.window(stratum, &window.errors());
        if stratum == Stratum::Users {
            self.of_users.errors.window(stratum, &window.errors());
        }
        self.watch_slowness(window);

        // The first one stays.
        if self.crossed.is_none() && self.ln_m() >= -self.policy.alpha.ln() {
            self.crossed = Some(self.foremost());
        }
        if self.is_proven_now(stratum) {
            self.strata.of_mut(stratum).proven = true;
        }
    }

    fn watch_slowness(&mut self, window: &SealedWindow) {
        let stratum = window.stratum;
        let (Some(old_latency), Some(_)) = (&window.old.latency, &window.new.latency) else {
            return;
        };
        let latencies = self.latencies.of_mut(stratum);
        let state = self.strata.of_mut(stratum);
        state.measured = true;
        let recalled = state.recalled;
        for signal in Signal::ALL {
            // Limits come from before the window. Without requests before, the window is only history.
            let limit = signal.quantile().and_then(|q| latencies.limit(q));
            let Some(limit) = limit else { continue };
            let is_users = stratum == Stratum::Users;
            let of_users = is_users.then(|| self.of_users.of_mut(signal));
            let monitors = [Some(self.monitors.of_mut(signal)), of_users];
            let slow = slow(&window.old, &window.new, limit);
            for monitor in monitors.into_iter().flatten() {
                if !recalled {
                    monitor.remember(stratum, latencies.tally(limit));
                }
                if let Some((surely, perhaps)) = &slow {
                    monitor.window_within(stratum, surely, perhaps);
                }
            }
            state.recalled = true;
        }
        latencies.push(window.old.timed(), old_latency);
    }

    /// Whether promotions ask a monitor about a stratum.
    fn takes_part(&self, signal: Signal, stratum: Stratum) -> bool {
        let is_seen = signal.quantile().is_none() || self.strata.of(stratum).measured;
        is_seen && self.policy.part(signal) > 0.0
    }

    fn is_proven_now(&self, stratum: Stratum) -> bool {
        let needed = -self.policy.beta.ln();
        let mut asked = Signal::ALL
            .into_iter()
            .filter(|signal| self.takes_part(*signal, stratum))
            .map(|signal| self.monitors.of(signal).ln_p(stratum))
            .peekable();
        // No monitor proves nothing.
        asked.peek().is_some()
            && asked.all(|ln_p| ln_p >= needed)
            && self.strata.of(stratum).totals.n_new >= self.policy.min_new_requests
    }

    /// A monitor's logarithm, weighed.
    fn weighed(&self, monitors: &PerSignal<Monitor>, signal: Signal) -> f64 {
        let part = self.policy.part(signal);
        if part == 0.0 {
            return f64::NEG_INFINITY;
        }
        part.ln() + monitors.of(signal).ln_m()
    }

    /// Half of the stake is on all requests, half on those of users. Of two bets that a version which is not
    /// worse wins with a probability of at most α, so does their mean.
    fn ln_m(&self) -> f64 {
        let of = |monitors| ln_sum(&Signal::ALL.map(|signal| self.weighed(monitors, signal)));
        let all = of(&self.monitors);
        // Without probes, both are the same.
        match self.strata.probes.totals == Totals::default() {
            true => all,
            false => ln_sum(&[all, of(&self.of_users)]) - std::f64::consts::LN_2,
        }
    }

    fn foremost(&self) -> Signal {
        let weighed = |signal: Signal| {
            let of = |monitors| self.weighed(monitors, signal);
            of(&self.monitors).max(of(&self.of_users))
        };
        let foremost = |a: Signal, b: Signal| {
            if weighed(b) > weighed(a) { b } else { a }
        };
        Signal::ALL.into_iter().fold(Signal::Errors, foremost)
    }

    /// A monitor.
    pub fn monitor(&self, signal: Signal) -> &Monitor {
        self.monitors.of(signal)
    }

    /// The state so far.
    pub fn judgement(&self) -> Judgement {
        let ln_p = |stratum| {
            PerSignal::from_fn(|signal| {
                self.takes_part(signal, stratum)
                    .then(|| self.monitors.of(signal).ln_p(stratum))
            })
        };
        Judgement {
            decision: self.decision(),
            proven_by_users: self.strata.users.proven,
            proven_by_probes: self.strata.probes.proven,
            windows: self.windows,
            ln_m: self.ln_m(),
            ln_m_by: PerSignal::from_fn(|signal| self.monitors.of(signal).ln_m()),
            ln_p: PerStratum {
                users: ln_p(Stratum::Users),
                probes: ln_p(Stratum::Probes),
            },
            totals: PerStratum {
                users: self.strata.users.totals,
                probes: self.strata.probes.totals,
            },
        }
    }

    /// The decision so far.
    pub fn decision(&self) -> Decision {
        if let Some(monitor) = self.crossed {
            return Decision::RollBack { monitor };
        }
        let proven = |stratum: &Stratum| self.strata.of(*stratum).proven;
        match Stratum::ALL.into_iter().find(proven) {
            Some(by) => Decision::Promote { by },
            None => Decision::Continue,
        }
    }
}

impl Totals {
    fn add(&mut self, window: &SealedWindow) {
        let errors = window.errors();
        for (sum, more) in [
            (&mut self.n_old, errors.old.n()),
            (&mut self.errors_old, errors.old.bad()),
            (&mut self.n_new, errors.new.n()),
            (&mut self.errors_new, errors.new.bad()),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}
