//! Plausible ways to count that roll healthy versions back. Each test compares one with the right way.

use crate::simulation::{Filling, Random};
use rules::release::canary::factor::{COMPONENTS, Rates, guess, ln_factor, not_worse};
use rules::release::canary::{Monitor, Policy, Stratum, Tally, Window};

/// Whether windows roll back the new version, and after which.
fn rolls_back(history: Tally, windows: impl IntoIterator<Item = Window>) -> bool {
    let policy = Policy::errors_only();
    let mut monitor = Monitor::new(&policy);
    monitor.remember(Stratum::Users, history);
    windows.into_iter().any(|window| {
        monitor.window(Stratum::Users, &window);
        monitor.ln_m() >= -policy.alpha.ln()
    })
}

/// Errors come at once and successes after eight seconds, in both versions. For each second the
/// requests that *began* in it, and those that *ended* in it.
fn seconds(random: &mut Random, count: usize) -> [Vec<Window>; 2] {
    const SLOW: usize = 8;
    let mut began = vec![Filling::default(); count];
    let mut ended = vec![Filling::default(); count];
    // The old version has been there before; its slow successes are already on their way.
    let seconds = (0..count + SLOW).map(|second| (second, second.checked_sub(SLOW)));
    for (second, since) in seconds {
        for _ in 0..100 {
            let is_new = since.is_some() && random.happens(0.1);
            let is_bad = random.happens(0.1);
            if let Some(filling) = since.and_then(|since| began.get_mut(since)) {
                filling.add(is_new, is_bad);
            }
            let end = if is_bad { since } else { Some(second) };
            if let Some(filling) = end.and_then(|end| ended.get_mut(end)) {
                filling.add(is_new, is_bad);
            }
        }
    }
    [began, ended].map(|all| all.into_iter().filter_map(|mut one| one.seal(2)).collect())
}

#[test]
fn requests_belong_to_the_second_in_which_they_began() {
    let mut random = Random::new(11);
    let (runs, mut by_start, mut by_end) = (200, 0, 0);
    for _ in 0..runs {
        let [began, ended] = seconds(&mut random, 120);
        let history = Tally::new(2_000, 200);
        by_start += u32::from(rolls_back(history, began));
        by_end += u32::from(rolls_back(history, ended));
    }
    assert!(by_start <= 4, "{by_start} of {runs}");
    assert!(by_end > runs * 8 / 10, "{by_end} of {runs}");
}

/// Why the coin is flipped for each request. One client in ten always gets errors, whatever version
/// it asks: tied to one version, its hundred requests are one draw that is counted a hundred times.
#[test]
fn requests_of_clients_that_stay_with_a_version_are_not_independent() {
    let mut random = Random::new(12);
    let runs = 100;
    let mut rolled_back = [0, 0];
    for _ in 0..runs {
        let clients: Vec<[bool; 2]> = (0..100)
            .map(|_| [random.happens(0.1), random.happens(0.1)])
            .collect();
        let mut fillings = [Filling::default(); 2];
        let mut windows = [vec![], vec![]];
        for _ in 0..10_000 {
            let [is_broken, its_version] = clients[random.number() as usize % clients.len()];
            fillings[0].add(random.happens(0.1), is_broken);
            fillings[1].add(its_version, is_broken);
            for (filling, windows) in fillings.iter_mut().zip(&mut windows) {
                windows.extend(filling.seal(50));
            }
        }
        for (count, windows) in rolled_back.iter_mut().zip(windows) {
            *count += u32::from(rolls_back(Tally::new(2_000, 200), windows));
        }
    }
    let [flipped, stuck] = rolled_back;
    assert!(flipped <= 2, "{flipped} of {runs}");
    assert!(stuck > runs / 5, "{stuck} of {runs}");
}

fn windows(random: &mut Random, share: f64, requests: u32) -> Vec<Window> {
    let mut filling = Filling::default();
    let request = |_| {
        filling.add(random.happens(share), random.happens(0.1));
        filling.seal(50)
    };
    (0..requests).filter_map(request).collect()
}

/// As [`rolls_back`], with a share that was configured.
fn rolls_back_at(share: f64, windows: &[Window]) -> bool {
    let (mut n, mut bad) = (2_000.0, 200.0);
    let mut ln_worth = COMPONENTS.map(|component| component.weight.ln());
    windows.iter().any(|window| {
        let a = guess(n, bad);
        for (worth, component) in ln_worth.iter_mut().zip(&COMPONENTS) {
            let belief: Rates = component.belief(a);
            *worth += ln_factor(window, belief, not_worse(belief, share));
        }
        n += window.old.n() as f64;
        bad += window.old.bad() as f64;
        (bad, n) = (bad * f64::min(1.0, 2_000.0 / n), f64::min(n, 2_000.0));
        ln_worth.iter().any(|worth| *worth >= 100_f64.ln())
    })
}

/// Half of all requests were configured, and a tenth still comes: load balancers hear late of a change.
#[test]
fn the_share_is_the_one_observed() {
    let mut random = Random::new(13);
    let (runs, mut configured, mut realised) = (50, 0, 0);
    for _ in 0..runs {
        let windows = windows(&mut random, 0.1, 5_000);
        configured += u32::from(rolls_back_at(0.5, &windows));
        realised += u32::from(rolls_back(Tally::new(2_000, 200), windows));
    }
    assert!(realised <= 1, "{realised} of {runs}");
    assert!(configured > runs / 2, "{configured} of {runs}");
}

/// Why no test looks only at whose the errors are: it takes the share on trust. Here 10% were
/// configured and 12% come, and the new version is believed to have a fifth more errors.
#[test]
fn the_split_of_errors_means_nothing_without_the_share() {
    let mut random = Random::new(15);
    let (runs, mut configured, mut realised) = (40, 0, 0);
    let (share, believed) = (0.10, 0.12 / (0.12 + 0.90));
    for _ in 0..runs {
        let windows = windows(&mut random, 0.12, 50_000);
        let mut ln_worth = 0.0;
        configured += u32::from(windows.iter().any(|window| {
            let [old, new] = [window.old, window.new].map(|tally| tally.bad() as f64);
            let (times_new, times_old): (f64, f64) =
                (believed / share, (1.0 - believed) / (1.0 - share));
            ln_worth += new * times_new.ln() + old * times_old.ln();
            ln_worth >= 100_f64.ln()
        }));
        realised += u32::from(rolls_back(Tally::new(2_000, 200), windows));
    }
    assert!(realised <= 1, "{realised} of {runs}");
    assert!(configured > runs / 2, "{configured} of {runs}");
}

/// Why no test that is meant for one look is repeated: the one-sided test of two proportions at 1%,
/// after every hundred requests.
#[test]
fn a_test_for_one_look_is_wrong_for_many() {
    let mut random = Random::new(14);
    let (runs, mut repeated, mut bets) = (200, 0, 0);
    for _ in 0..runs {
        let mut filling = Filling::default();
        let windows: Vec<Window> = (0..20_000)
            .filter_map(|_| {
                filling.add(random.happens(0.5), random.happens(0.1));
                filling.seal(100)
            })
            .collect();
        let mut sums = [[0.0; 2]; 2];
        repeated += u32::from(windows.iter().any(|window| {
            for ([n, bad], tally) in sums.iter_mut().zip([window.old, window.new]) {
                *n += tally.n() as f64;
                *bad += tally.bad() as f64;
            }
            let [[n_old, old], [n_new, new]] = sums;
            let pooled = (old + new) / (n_old + n_new);
            let deviation = (pooled * (1.0 - pooled) * (1.0 / n_old + 1.0 / n_new)).sqrt();
            (new / n_new - old / n_old) / deviation > 2.326
        }));
        bets += u32::from(rolls_back(Tally::new(2_000, 200), windows));
    }
    assert!(repeated > runs / 20, "{repeated} of {runs}");
    assert!(bets <= 4, "{bets} of {runs}");
}
