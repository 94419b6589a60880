//! `vectors.json`: figures computed with 60 digits.
//!
//! V1: nA, eA, nB, eB, a, b, t and the logarithm of a window's factor. V2: nA, nB, a, b, the true
//! rates of both and the factor's expectation. V3: a, the share and its projection. V3b: as V2 for
//! promotions, without b. V4 to V14: whole trials, window by window.

use rules::release::canary::audit::{self, AGREEMENT};
use rules::release::canary::factor::{Rates, ln_factor, not_worse, worse};
use rules::release::canary::{Decision, Window};
use serde_json::Value;

const VECTORS: &str = include_str!("vectors.json");

fn vectors() -> serde_json::Map<String, Value> {
    serde_json::from_str(VECTORS).expect("an object")
}

fn rows(name: &str) -> Vec<Vec<f64>> {
    let vectors = vectors();
    let rows = vectors[name].as_array().expect("rows").iter();
    let read = |cell: &Value| match cell {
        Value::String(text) => text.parse().expect("a number"),
        cell => cell.as_f64().expect("a number"),
    };
    rows.map(|row| row.as_array().expect("cells").iter().map(read).collect())
        .collect()
}

#[track_caller]
fn assert_agrees(found: f64, expected: f64, row: &[f64]) {
    let off = (found - expected).abs();
    assert!(
        off <= AGREEMENT * expected.abs().max(1.0),
        "{found} is not {expected} in {row:?}"
    );
}

/// All outcomes of `n` requests that are bad with probability `p`, and how likely they are.
fn outcomes(n: u64, p: f64) -> impl Iterator<Item = (u64, f64)> {
    let mut ways = 1.0;
    (0..=n).map(move |bad| {
        if bad > 0 {
            ways *= (n - bad + 1) as f64 / bad as f64;
        }
        let likelihood = p.powf(bad as f64) * (1.0 - p).powf((n - bad) as f64);
        (bad, ways * likelihood)
    })
}

/// What a window's factor is on average, by enumeration.
pub(crate) fn expectation(n: [u64; 2], belief: Rates, against: Rates, truth: Rates) -> f64 {
    let [n_old, n_new] = n;
    let mut sum = 0.0;
    for (bad_old, p_old) in outcomes(n_old, truth.old) {
        for (bad_new, p_new) in outcomes(n_new, truth.new) {
            let window = Window::new(n_old, bad_old, n_new, bad_new);
            let probability = p_old * p_new;
            if probability > 0.0 {
                sum += probability * ln_factor(&window, belief, against).exp();
            }
        }
    }
    sum
}

fn whole(number: f64) -> u64 {
    number as u64
}

#[test]
fn the_factor_of_a_window() {
    for row in rows("V1") {
        let [n_old, bad_old, n_new, bad_new, a, b, t, expected] = row[..] else {
            panic!("{row:?}")
        };
        let window = Window::new(whole(n_old), whole(bad_old), whole(n_new), whole(bad_new));
        let belief = Rates { old: a, new: b };
        let against = not_worse(belief, window.share());
        assert_agrees(against.old, t, &row);
        assert_agrees(ln_factor(&window, belief, against), expected, &row);
    }
}

#[test]
fn the_expectation_of_a_factor() {
    for row in rows("V2") {
        let [n_old, n_new, a, b, old, new, expected] = row[..] else {
            panic!("{row:?}")
        };
        let belief = Rates { old: a, new: b };
        let against = not_worse(belief, n_new / (n_old + n_new));
        let n = [whole(n_old), whole(n_new)];
        assert_agrees(
            expectation(n, belief, against, Rates { old, new }),
            expected,
            &row,
        );
    }
}

#[test]
fn the_nearest_version_that_is_worse() {
    for row in rows("V3") {
        let [a, share, old, new] = row[..] else {
            panic!("{row:?}")
        };
        let found = worse(a, share);
        assert_agrees(found.old, old, &row);
        assert_agrees(found.new, new, &row);
    }
}

#[test]
fn the_expectation_of_a_promotions_factor() {
    for row in rows("V3b") {
        let [n_old, n_new, a, old, new, expected] = row[..] else {
            panic!("{row:?}")
        };
        let against = worse(a, n_new / (n_old + n_new));
        let n = [whole(n_old), whole(n_new)];
        let belief = Rates { old: a, new: a };
        assert_agrees(
            expectation(n, belief, against, Rates { old, new }),
            expected,
            &row,
        );
    }
}

#[test]
fn whole_trials() {
    let mut trials = 0;
    for (name, trial) in vectors() {
        if !trial.is_object() {
            continue;
        }
        trials += 1;
        let expected = trial["traj"].as_array().expect("windows");
        // `[number, [counts], "a", "ln M", "ln P", "decision"]`.
        let windows: Vec<&Value> = expected.iter().map(|row| &row[1]).collect();
        let counts = serde_json::json!({ "hist": &trial["hist"], "windows": windows });
        let evidence = audit::parse(&counts.to_string()).expect("evidence");
        let lines = audit::replay(&evidence);
        assert_eq!(lines.len(), expected.len(), "{name}");
        for (line, row) in lines.iter().zip(expected) {
            let figure = |at: usize| -> f64 {
                row[at]
                    .as_str()
                    .and_then(|text| text.parse().ok())
                    .expect("a number")
            };
            let word = match line.decision {
                Decision::RollBack { .. } => "rollback",
                Decision::Promote { .. } => "promote",
                Decision::Continue => "continue",
            };
            assert_agrees(line.a, figure(2), &[]);
            assert_agrees(line.ln_m, figure(3), &[]);
            assert_agrees(line.ln_p, figure(4), &[]);
            assert_eq!(row[5], word, "{name}, window {}", line.window);
        }
    }
    assert_eq!(trials, 9, "V4 to V10, V12 and V14");
}
