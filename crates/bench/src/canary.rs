//! `./dev bench canary`: how often the canary decides wrongly, and how soon it decides. Everything
//! is simulated with the code that decides on releases; only its computing time is measured.

mod figures;
mod log_lag;
mod simulate;

use figures::{Row, Table};
use log_lag::{Behaviour, Case};
use rules::release::canary::{Policy, Signal};
use simulate::{Ending, Latency, Plan, Version, pairs, trial};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Help text.
pub(crate) const USAGE: &str = "\
Usage: bench canary [--json] [--quick] [--seed N]

  --json     one JSON object for each row instead of the tables
  --quick    a smoke run of seconds: too little to conclude anything from
  --seed N   of the simulated requests; 1 if it isn't given";

/// Requests of both versions in a trial of a healthy version.
const REQUESTS: u64 = 100_000;

/// Number of runs for each row.
struct Size {
    false_rollbacks: usize,
    medians: usize,
    slowness: usize,
    log_lag: usize,
}

/// Runs simulations on all processors. Results depend on the seed only.
struct Bench {
    seed: u64,
    rows: u64,
    size: Size,
}

/// Parses the command line, simulates and prints.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let (mut json, mut quick, mut seed) = (false, false, 1);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--json" => json = true,
            "--quick" => quick = true,
            "--seed" => {
                let number = words.next().and_then(|number| number.parse().ok());
                seed = number.ok_or_else(|| format!("'--seed' needs a number\n{USAGE}"))?;
            }
            _ => return Err(format!("'{word}' is unknown\n{USAGE}")),
        }
    }
    let size = if quick {
        Size {
            false_rollbacks: 10,
            medians: 100,
            slowness: 10,
            log_lag: 2,
        }
    } else {
        Size {
            false_rollbacks: 2_000,
            medians: 4_000,
            slowness: 400,
            log_lag: 50,
        }
    };
    let began = Instant::now();
    let mut bench = Bench {
        seed,
        rows: 0,
        size,
    };
    let tables = bench.tables();
    let late = bench.log_lag();
    if json {
        for table in &tables {
            print!("{}", table.json());
        }
        print!("{}", late.json());
        return Ok(());
    }
    print!("{}", crate::machine::describe_machine());
    let size = if quick {
        "quick: too little to conclude anything from"
    } else {
        "full"
    };
    let seconds = began.elapsed().as_secs();
    println!("- {size}; seed {seed}; {seconds} s\n");
    for table in &tables {
        println!("{table}");
    }
    println!("{late}");
    Ok(())
}

/// A lower bound of the requests of the new version that any test needs: ln(1/α) over the
/// Kullback–Leibler divergence of one request. `rates` are the error rates of both versions.
fn bound(alpha: f64, rates: [f64; 2], share: f64) -> f64 {
    let [old, new] = rates;
    let both = share * new + (1.0 - share) * old;
    let part = |p: f64, q: f64| if p == 0.0 { 0.0 } else { p * (p / q).ln() };
    let divergence = |p: f64| part(p, both) + part(1.0 - p, 1.0 - both);
    -alpha.ln() / (divergence(new) + (1.0 - share) / share * divergence(old))
}

fn percent(rate: f64) -> String {
    format!("{}%", (rate * 1_000.0).round() / 10.0)
}

impl Bench {
    fn tables(&mut self) -> Vec<Table> {
        vec![
            self.false_rollbacks(),
            self.rollbacks(),
            self.promotions(),
            self.pairs(),
            self.slowness(),
        ]
    }

    /// The results of `runs` simulations, in order.
    fn simulate<T: Send>(
        &mut self,
        runs: usize,
        one: impl Fn(&mut fastrand::Rng) -> T + Sync,
    ) -> Vec<T> {
        self.rows += 1;
        let base = fastrand::Rng::with_seed(self.seed ^ (self.rows << 32)).u64(..);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut results = Vec::new();
            loop {
                let run = next.fetch_add(1, Ordering::Relaxed);
                if run >= runs {
                    return results;
                }
                let mut random = fastrand::Rng::with_seed(base.wrapping_add(run as u64));
                // Adjacent seeds give similar first numbers.
                let mut random = random.fork();
                results.push((run, one(&mut random)));
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let mut results: Vec<(usize, T)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let results = workers.into_iter().filter_map(|worker| worker.join().ok());
            results.flatten().collect()
        });
        results.sort_by_key(|(run, _)| *run);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// The percentage of rollbacks with two versions that fail equally often.
    fn false_rollbacks(&mut self) -> Table {
        let mut rows = Vec::new();
        let runs = self.size.false_rollbacks;
        for rate in [0.0, 0.01, 0.05, 0.10, 0.20, 0.30] {
            for share in [0.05, 0.10, 0.50] {
                let plan = Plan::errors(rate, rate, share, REQUESTS);
                let endings = self.simulate(runs, |random| trial(&plan, random));
                let name = format!("{} errors, share {}", percent(rate), percent(share));
                rows.push(Row::share(name, &endings, Ending::is_rollback, Some(1.0)));
            }
        }
        let title =
            format!("healthy version rolled back within {REQUESTS} requests, % of {runs} runs");
        Table::new("false_rollbacks", title, rows)
    }

    fn rollbacks(&mut self) -> Table {
        let mut rows = Vec::new();
        let runs = self.size.medians;
        let alpha = Policy::default().alpha;
        for (old, new, share, goal) in [
            (0.10, 1.0, 0.10, 5.0),
            (0.10, 0.20, 0.10, 145.0),
            (0.10, 0.20, 0.50, 286.0),
            (0.01, 0.03, 0.10, 510.0),
            (0.01, 0.03, 0.50, 1_099.0),
        ] {
            let plan = Plan::errors(old, new, share, REQUESTS);
            let endings = self.simulate(runs, |random| trial(&plan, random));
            let name = format!(
                "{} → {}, share {}",
                percent(old),
                percent(new),
                percent(share)
            );
            let bound = bound(alpha, [old, new], share);
            rows.push(Row::until(
                name,
                &endings,
                Ending::rollback,
                Some(goal),
                Some(bound),
            ));
        }
        let mut plan = Plan::errors(0.10, 0.10, 0.10, REQUESTS);
        plan.dies_after = Some(1_000);
        let endings = self.simulate(runs, |random| trial(&plan, random));
        let late: Vec<Ending> = endings
            .into_iter()
            .map(|ending| ending.after(1_000))
            .collect();
        let name = "10% → dead after 1000 new requests, share 10%".to_owned();
        rows.push(Row::until(name, &late, Ending::rollback, Some(8.0), None));
        let title = "new requests until rollback".to_owned();
        Table::new("rollbacks", title, rows)
    }

    fn promotions(&mut self) -> Table {
        let mut rows = Vec::new();
        let runs = self.size.medians / 4;
        for share in [0.50, 0.10] {
            for rate in [0.0, 0.01, 0.10] {
                let mut plan = Plan::errors(rate, rate, share, REQUESTS);
                plan.until_proven = true;
                let endings = self.simulate(runs, |random| trial(&plan, random));
                let name = format!("{} errors, share {}", percent(rate), percent(share));
                rows.push(Row::until(name, &endings, Ending::promotion, None, None));
            }
        }
        let title = "new requests of users until a healthy version is proven".to_owned();
        Table::new("promotions", title, rows)
    }

    fn pairs(&mut self) -> Table {
        let mut rows = Vec::new();
        let runs = self.size.medians / 4;
        for rate in [0.0, 0.01, 0.10] {
            let endings = self.simulate(runs, |random| pairs(rate, rate, random));
            let name = format!("{} errors, until it is proven", percent(rate));
            rows.push(Row::until(name, &endings, Ending::promotion, None, None));
        }
        for rate in [0.0, 0.01, 0.10] {
            let endings = self.simulate(runs, |random| pairs(rate, 1.0, random));
            let name = format!("{} → dead, until rollback", percent(rate));
            rows.push(Row::until(name, &endings, Ending::rollback, None, None));
        }
        let title = "pairs of probes without a history".to_owned();
        Table::new("pairs", title, rows)
    }

    /// Whole releases with a late log.
    fn log_lag(&mut self) -> log_lag::Table {
        let mut rows = Vec::new();
        let runs = self.size.log_lag;
        let slow_first = |is_marked| Behaviour::SlowFirst { is_marked };
        for (old, new) in [
            (Behaviour::Errors(0.1), Behaviour::Hangs),
            (Behaviour::Errors(0.1), Behaviour::Errors(1.0)),
            (Behaviour::Errors(0.1), Behaviour::Errors(0.5)),
            (Behaviour::Errors(0.1), Behaviour::Errors(0.1)),
            (Behaviour::Errors(0.0), Behaviour::Errors(0.0)),
            (slow_first(true), slow_first(true)),
            (slow_first(false), slow_first(false)),
        ] {
            for rate in [0.0, 0.2, 2.0, 20.0] {
                for lag in [0, 20, 90, 300] {
                    let case = Case {
                        rate,
                        lag,
                        old,
                        new,
                    };
                    let ended = self.simulate(runs, |random| log_lag::run(case, random));
                    rows.push(log_lag::Row::new(case, ended));
                }
            }
        }
        log_lag::Table { rows }
    }

    /// All four monitors, as in releases.
    fn slowness(&mut self) -> Table {
        let mut rows = Vec::new();
        let runs = self.size.slowness;
        let version = |errors, times| Version { errors, times };
        let plan = |new, share| Plan {
            latency: Some(Latency::DEFAULT),
            ..Plan::new(version(0.10, 1.0), new, share, 20_000)
        };
        for share in [0.10, 0.50] {
            let mut healthy = plan(version(0.10, 1.0), share);
            let endings = self.simulate(runs, |random| trial(&healthy, random));
            let name = format!("healthy, share {}: rolled back, %", percent(share));
            rows.push(Row::share(name, &endings, Ending::is_rollback, Some(1.0)));
            healthy.until_proven = true;
            let endings = self.simulate(runs, |random| trial(&healthy, random));
            let name = format!("healthy, share {}: until it is proven", percent(share));
            rows.push(Row::until(name, &endings, Ending::promotion, None, None));
            for (name, new) in [
                ("dead", version(1.0, 0.1)),
                ("twice the errors", version(0.20, 1.0)),
                ("twice as slow", version(0.10, 2.0)),
            ] {
                let plan = plan(new, share);
                let endings = self.simulate(runs, |random| trial(&plan, random));
                let name = format!("{name}, share {}: until rollback", percent(share));
                rows.push(Row::until(name, &endings, Ending::rollback, None, None));
            }
        }
        rows.push(Row::time(
            "ten minutes judged from scratch, ms",
            simulate::time_of_a_judgement(self.seed),
        ));
        let monitors = Signal::ALL.len();
        let title = format!(
            "10% errors, latencies around 40 ms, all {monitors} monitors, in seconds of 100 requests; new requests"
        );
        Table::new("all_monitors", title, rows)
    }
}
