//! By how much one window multiplies a bet: a likelihood ratio of two Bernoulli streams.
//!
//! The numerator is what the bet believes, the denominator the likeliest explanation among those it
//! bets against: the Kullback–Leibler projection of the belief onto that convex set, weighted with
//! the window's share. There, and so everywhere in the set, the factor's expectation is at most 1.
//! The logarithm of the expectation is concave in the true rates, and its maximum over the set is
//! the projection, where it is 0.

use super::counts::Window;

/// An alternative that `M` bets on: a way to be worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Component {
    /// The new version's odds of an error, as a multiple of the old one's.
    pub odds_ratio: f64,
    /// The new version's rate is believed to be at least this.
    pub floor: f64,
    /// The component's part of the stake; all parts are 1 together.
    pub weight: f64,
}

/// From slightly worse to dead. The last one is a version that answers no request.
pub const COMPONENTS: [Component; 6] = [
    Component::new(1.5, 0.0, 0.20),
    Component::new(2.5, 0.0, 0.25),
    Component::new(5.0, 0.0, 0.15),
    Component::new(15.0, 0.0, 0.10),
    Component::new(4.0, 0.30, 0.10),
    Component::new(20.0, 0.95, 0.20),
];

/// Part of the stake that `M` bets from the start; the rest is the reserve.
pub const AT_ONCE: f64 = 0.75;
/// "Worse" for a promotion: the old rate times this, or …
pub const WORSE_TIMES: f64 = 1.5;
/// … the old rate plus this, whichever is more.
pub const WORSE_BY: f64 = 0.02;

/// Error rates of both versions, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// The old version's.
    pub old: f64,
    /// The new version's.
    pub new: f64,
}

impl Component {
    const fn new(odds_ratio: f64, floor: f64, weight: f64) -> Component {
        Component {
            odds_ratio,
            floor,
            weight,
        }
    }

    /// What it believes when the old version's rate is `a`.
    pub fn belief(&self, a: f64) -> Rates {
        let odds = self.odds_ratio * a;
        Rates {
            old: a,
            new: (odds / (1.0 - a + odds)).max(self.floor),
        }
    }
}

/// The old version's rate, guessed from `n` past requests of which `bad` were bad. Kept away from 0
/// and 1, where no evidence could correct it.
pub fn guess(n: f64, bad: f64) -> f64 {
    ((bad + 0.5) / (n + 10.0)).clamp(1e-4, 0.95)
}

/// The likeliest rates under which the new version is not worse, for one who believes `belief`: the
/// same rate for both.
pub fn not_worse(belief: Rates, share: f64) -> Rates {
    let both = share * belief.new + (1.0 - share) * belief.old;
    Rates {
        old: both,
        new: both,
    }
}

/// The least rate at which a new version counts as worse for a promotion, where the old one's is `x`.
pub fn worse_from(x: f64) -> f64 {
    (WORSE_TIMES * x).max(x + WORSE_BY)
}

/// The likeliest rates under which the new version is worse, for one who believes that both have
/// rate `a`. On the border [`worse_from`], found by bisection.
pub fn worse(a: f64, share: f64) -> Rates {
    let mut low = (a - WORSE_BY).min(a / WORSE_TIMES).max(0.0);
    let mut high = a.min(1.0 / WORSE_TIMES).min(1.0 - WORSE_BY);
    for _ in 0..100 {
        let x = (low + high) / 2.0;
        if x <= low || x >= high {
            break; // no number between the two
        }
        let m = worse_from(x);
        let slope = if WORSE_TIMES * x > x + WORSE_BY {
            WORSE_TIMES
        } else {
            1.0
        };
        // The derivative of the divergence along the border, times x(1−x)m(1−m), which is positive.
        let rising =
            (1.0 - share) * (x - a) * m * (1.0 - m) + share * slope * (m - a) * x * (1.0 - x);
        if rising > 0.0 {
            high = x;
        } else {
            low = x;
        }
    }
    let old = (low + high) / 2.0;
    Rates {
        old,
        // A rate of 1 would make one success infinitely good evidence, by rounding alone.
        new: worse_from(old).min(1.0 - f64::EPSILON),
    }
}

/// The logarithm of the likelihood of a window under `belief` over that under `against`.
pub fn ln_factor(window: &Window, belief: Rates, against: Rates) -> f64 {
    let Window { old, new } = window;
    ln_ratio(new.bad(), belief.new, against.new)
        + ln_ratio(new.n() - new.bad(), 1.0 - belief.new, 1.0 - against.new)
        + ln_ratio(old.bad(), belief.old, against.old)
        + ln_ratio(old.n() - old.bad(), 1.0 - belief.old, 1.0 - against.old)
}

/// Outcomes that did not occur contribute nothing, even with probability 0.
fn ln_ratio(count: u64, belief: f64, against: f64) -> f64 {
    if count == 0 {
        return 0.0;
    }
    count as f64 * (belief / against).ln()
}

/// The logarithm of a sum of numbers that are given by their logarithms, without overflow.
pub fn ln_sum(logarithms: &[f64]) -> f64 {
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    let sum: f64 = logarithms.iter().map(|ln| (ln - largest).exp()).sum();
    largest + sum.ln()
}
