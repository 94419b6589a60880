//! Two bets on one signal: that the new version is worse, and that it isn't.

use super::counts::{PerStratum, Stratum, Tally, Window};
use super::factor::{AT_ONCE, COMPONENTS, Rates, guess, ln_factor, ln_sum, not_worse, worse};
use super::policy::Policy;

/// The state of both bets after some windows. Strata share the bet that the new version is worse,
/// as one bad version is bad everywhere; whether it is not worse has to be shown in each.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// Requests within which half and more of the reserve is staked, see [`Policy::horizon`].
    horizon: f64,
    /// See [`Policy::history_cap`].
    history_cap: f64,
    /// Logarithm of what each component's bet is worth, its stake included.
    ln_worth: [f64; COMPONENTS.len()],
    /// Logarithm of the reserve that is not staked yet. It is staked gradually, so that a version that turns bad
    /// late meets bets that its good time has not diminished.
    ln_reserve: f64,
    strata: PerStratum<Past>,
}

/// The state of one stratum.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Past {
    /// The old version's requests, limited so that the estimate follows a drift.
    n: f64,
    /// The bad ones among them.
    bad: f64,
    ln_p: f64,
}

impl Monitor {
    /// A monitor before the first window, without a history.
    pub fn new(policy: &Policy) -> Monitor {
        Monitor {
            horizon: policy.horizon.max(1) as f64,
            history_cap: policy.history_cap.max(1) as f64,
            ln_worth: COMPONENTS.map(|component| (AT_ONCE * component.weight).ln()),
            ln_reserve: (1.0 - AT_ONCE).ln(),
            strata: PerStratum::default(),
        }
    }

    /// Adds requests of the old version that are compared with nothing: its history.
    pub fn remember(&mut self, stratum: Stratum, old: Tally) {
        let past = self.strata.of_mut(stratum);
        past.n += old.n() as f64;
        past.bad += old.bad() as f64;
        if past.n > self.history_cap {
            past.bad *= self.history_cap / past.n;
            past.n = self.history_cap;
        }
    }

    /// Adds a window. One in which a version had no request compares nothing and only adds to the old
    /// version's history.
    pub fn window(&mut self, stratum: Stratum, window: &Window) {
        self.window_within(stratum, window, window);
    }

    /// Adds a window in which the number of the new version's bad requests is not known exactly: `surely` has
    /// those that certainly were bad, `perhaps` those that may have been. Each bet gets the counts that favour
    /// what it bets against, so that rounding costs time and never a guarantee.
    /// The old version's counts must be the same in both.
    pub fn window_within(&mut self, stratum: Stratum, surely: &Window, perhaps: &Window) {
        if surely.compares() {
            self.bet(stratum, surely, perhaps);
        }
        self.remember(stratum, surely.old);
    }

    fn bet(&mut self, stratum: Stratum, surely: &Window, perhaps: &Window) {
        let (n, share) = (surely.n(), surely.share());
        // Of past windows only: a window must not determine the rate that it is judged by.
        let a = self.rate(stratum);

        let ln_staked = (-(-n / self.horizon).exp_m1()).ln() + self.ln_reserve;
        self.ln_reserve -= n / self.horizon;
        for (worth, component) in self.ln_worth.iter_mut().zip(&COMPONENTS) {
            let belief = component.belief(a);
            *worth = ln_sum(&[*worth, ln_staked + component.weight.ln()])
                + ln_factor(surely, belief, not_worse(belief, share));
        }

        let same = Rates { old: a, new: a };
        self.strata.of_mut(stratum).ln_p += ln_factor(perhaps, same, worse(a, share));
    }

    /// ln M, over all strata: 0 at the start. M ≥ 1/α happens to a version that is not worse with a
    /// probability of at most α.
    pub fn ln_m(&self) -> f64 {
        let [a, b, c, d, e, f] = self.ln_worth;
        ln_sum(&[self.ln_reserve, a, b, c, d, e, f])
    }

    /// ln P of a stratum: 0 at the start. P ≥ 1/β happens to a version that is worse with a
    /// probability of at most β.
    pub fn ln_p(&self, stratum: Stratum) -> f64 {
        self.strata.of(stratum).ln_p
    }

    /// The old version's rate by which the stratum's next window will be judged.
    pub fn rate(&self, stratum: Stratum) -> f64 {
        let past = self.strata.of(stratum);
        guess(past.n, past.bad)
    }
}
