//! What the bets must hold, whatever is counted.

use crate::simulation::{Filling, Random};
use crate::vectors::expectation;
use proptest::prelude::*;
use rules::release::canary::factor::{COMPONENTS, Rates, not_worse, worse, worse_from};
use rules::release::canary::{Monitor, Policy, Stratum, Tally, Window};

/// Counts of all sizes, with more bad ones than requests among them.
fn counts() -> impl Strategy<Value = u64> {
    prop_oneof![0..3_u64, 0..100_u64, 0..10_000_000_u64, any::<u64>()]
}

fn windows() -> impl Strategy<Value = Vec<(Stratum, Window)>> {
    let stratum = prop_oneof![Just(Stratum::Users), Just(Stratum::Probes)];
    let window = (counts(), counts(), counts(), counts())
        .prop_map(|(n_old, old, n_new, new)| Window::new(n_old, old, n_new, new));
    prop::collection::vec((stratum, window), 0..30)
}

fn rate() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..=1.0, 0.0..0.01, Just(0.0), Just(1.0)]
}

proptest! {
    #[test]
    fn every_figure_is_a_number(n in counts(), bad in counts(), windows in windows()) {
        let mut monitor = Monitor::new(&Policy::default());
        monitor.remember(Stratum::Users, Tally::new(n, bad));
        for (stratum, window) in windows {
            monitor.window(stratum, &window);
            prop_assert!(monitor.ln_m().is_finite());
            prop_assert!(monitor.ln_p(stratum).is_finite());
            prop_assert!((1e-4..=0.95).contains(&monitor.rate(stratum)));
        }
    }

    #[test]
    fn bets_against_a_version_that_is_not_worse_do_not_gain(
        n_old in 1..12_u64, n_new in 1..12_u64, a in 1e-4..0.95, component in 0..6_usize, x in rate(), y in rate(),
    ) {
        let belief = COMPONENTS[component].belief(a);
        let share = n_new as f64 / (n_old + n_new) as f64;
        let truth = Rates { old: f64::max(x, y), new: f64::min(x, y) };
        let mean = expectation([n_old, n_new], belief, not_worse(belief, share), truth);
        prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
    }

    #[test]
    fn bets_on_a_version_that_is_worse_do_not_gain(
        n_old in 1..12_u64, n_new in 1..12_u64, a in 1e-4..0.95, x in rate(), y in rate(),
    ) {
        let belief = Rates { old: a, new: a };
        let share = n_new as f64 / (n_old + n_new) as f64;
        let old = x * 0.66;
        let least = worse_from(old).min(1.0);
        let truth = Rates { old, new: least + (1.0 - least) * y };
        let mean = expectation([n_old, n_new], belief, worse(a, share), truth);
        prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
    }

    #[test]
    fn the_projection_is_on_the_border(a in 1e-4..0.95, share in 0.0..=1.0) {
        let found = worse(a, share);
        prop_assert!(found.old <= a + 1e-12 && found.new >= worse_from(found.old) - 1e-12);
        prop_assert!(found.new < 1.0);
    }

    #[test]
    fn errors_of_the_new_version_never_count_in_its_favour(
        windows in windows(), n_old in 1..1_000_u64, old in 0..1_000_u64, n_new in 1..1_000_u64, new in 0..999_u64,
    ) {
        let mut monitor = Monitor::new(&Policy::default());
        for (stratum, window) in windows {
            monitor.window(stratum, &window);
        }
        let mut worse = monitor.clone();
        monitor.window(Stratum::Users, &Window::new(n_old, old, n_new, new));
        worse.window(Stratum::Users, &Window::new(n_old, old, n_new, new + 1));
        let slack = 1e-9 * monitor.ln_m().abs().max(1.0);
        prop_assert!(worse.ln_m() >= monitor.ln_m() - slack);
        let slack = 1e-9 * monitor.ln_p(Stratum::Users).abs().max(1.0);
        prop_assert!(worse.ln_p(Stratum::Users) <= monitor.ln_p(Stratum::Users) + slack);
    }
}

/// The whole mixture, with its reserve and with a past that depends on the first window, over strata.
#[test]
fn the_expectation_of_two_windows_is_at_most_one() {
    for strata in [[Stratum::Users; 2], [Stratum::Users, Stratum::Probes]] {
        for (p, history) in [(0.05, 0), (0.1, 4), (0.3, 20), (0.9, 1)] {
            let start = {
                let mut monitor = Monitor::new(&Policy::default());
                monitor.remember(Stratum::Users, Tally::new(20, history));
                monitor
            };
            let mut sum = [0.0, 0.0];
            let windows = || (0..=3).flat_map(|old| (0..=2).map(move |new| (old, new)));
            let likelihood = |(old, new): (u64, u64)| {
                let ways = [[1.0, 3.0, 3.0, 1.0], [1.0, 2.0, 1.0, 0.0]];
                let bad = (old + new) as f64;
                let ways: f64 = ways[0][old as usize] * ways[1][new as usize];
                ways * f64::powf(p, bad) * f64::powf(1.0 - p, 5.0 - bad)
            };
            for first in windows() {
                let mut one = start.clone();
                one.window(strata[0], &Window::new(3, first.0, 2, first.1));
                for second in windows() {
                    let mut two = one.clone();
                    two.window(strata[1], &Window::new(3, second.0, 2, second.1));
                    let probability = likelihood(first) * likelihood(second);
                    sum[0] += probability;
                    sum[1] += probability * two.ln_m().exp();
                }
            }
            assert!((sum[0] - 1.0).abs() < 1e-12);
            assert!(sum[1] <= 1.0 + 1e-12, "{} at {p}", sum[1]);
        }
    }
}

/// A trial of two versions with these rates, in windows of `window` requests. Whether M or P ever
/// crossed its line.
fn trial(
    random: &mut Random,
    rates: [f64; 2],
    share: f64,
    requests: u64,
    window: u64,
) -> [bool; 2] {
    let policy = Policy::errors_only();
    let mut monitor = Monitor::new(&policy);
    let bad = (0..2_000).filter(|_| random.happens(rates[0])).count() as u64;
    monitor.remember(Stratum::Users, Tally::new(2_000, bad));
    let mut filling = Filling::default();
    let mut crossed = [false; 2];
    for _ in 0..requests {
        let is_new = random.happens(share);
        filling.add(is_new, random.happens(rates[usize::from(is_new)]));
        if let Some(window) = filling.seal(window) {
            monitor.window(Stratum::Users, &window);
            crossed[0] |= monitor.ln_m() >= -policy.alpha.ln();
            crossed[1] |= monitor.ln_p(Stratum::Users) >= -policy.beta.ln();
        }
    }
    crossed
}

/// `./dev bench canary` asks more often, and of other apps.
#[test]
fn an_app_with_errors_in_every_version_is_rarely_rolled_back() {
    let mut random = Random::new(1);
    let runs = 200;
    let healthy = |_: &u32| trial(&mut random, [0.1, 0.1], 0.1, 100_000, 100)[0];
    let false_alarms = (0..runs).filter(healthy).count();
    assert!(false_alarms <= 2, "{false_alarms} of {runs}");
}

#[test]
fn a_version_that_is_worse_by_half_is_rarely_proven_good() {
    let mut random = Random::new(2);
    let runs = 200;
    let worse = |_: &u32| trial(&mut random, [0.1, 0.15], 0.5, 5_000, 20)[1];
    let proven = (0..runs).filter(worse).count();
    assert!(proven <= 10, "{proven} of {runs}");
}
