//! Simulated trials.

use edge_contract::histogram::Histogram;
use fastrand::Rng;
use rules::release::canary::{
    Arm, Counts, Decision, History, Policy, SealedWindow, Stratum, Trial, judge,
};
use std::time::{Duration, Instant};

/// How a version behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version {
    /// Its error rate.
    pub(crate) errors: f64,
    /// Its latency, as a multiple of the old version's.
    pub(crate) times: f64,
}

/// The distribution of latencies: log-normal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    median: Duration,
    deviation: f64,
}

impl Latency {
    /// Median 40 ms, 99th percentile 200 ms.
    pub(crate) const DEFAULT: Latency = Latency {
        median: Duration::from_millis(40),
        deviation: 0.7,
    };

    fn draw(self, random: &mut Rng) -> Duration {
        // Box and Muller: https://doi.org/10.1214/aoms/1177706645
        let (u, v) = (1.0 - random.f64(), random.f64());
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        self.median.mul_f64((self.deviation * normal).exp())
    }
}

/// A trial to be simulated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) old: Version,
    pub(crate) new: Version,
    /// The new version's share of requests; each one is drawn at random.
    pub(crate) share: f64,
    /// Most requests of both versions.
    pub(crate) requests: u64,
    /// After how many requests the new version stops answering.
    pub(crate) dies_after: Option<u64>,
    /// Whether the trial ends when the new version is proven.
    pub(crate) until_proven: bool,
    /// With latencies all monitors are active, in windows of a hundred requests. Without, only that
    /// of errors, in windows of ten.
    pub(crate) latency: Option<Latency>,
}

impl Plan {
    pub(crate) fn new(old: Version, new: Version, share: f64, requests: u64) -> Plan {
        Plan {
            old,
            new,
            share,
            requests,
            dies_after: None,
            until_proven: false,
            latency: None,
        }
    }

    pub(crate) fn errors(old: f64, new: f64, share: f64, requests: u64) -> Plan {
        let version = |errors| Version { errors, times: 1.0 };
        Plan::new(version(old), version(new), share, requests)
    }
}

/// How a trial ended, and after how many requests of the new version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    decision: Decision,
    new_requests: u64,
}

impl Ending {
    pub(crate) fn is_rollback(&self) -> bool {
        matches!(self.decision, Decision::RollBack { .. })
    }

    pub(crate) fn rollback(&self) -> Option<u64> {
        self.is_rollback().then_some(self.new_requests)
    }

    pub(crate) fn promotion(&self) -> Option<u64> {
        matches!(self.decision, Decision::Promote { .. }).then_some(self.new_requests)
    }

    /// The same, counted from a later request. An earlier decision is discarded.
    pub(crate) fn after(self, requests: u64) -> Ending {
        match self.new_requests.checked_sub(requests) {
            Some(new_requests) => Ending {
                new_requests,
                ..self
            },
            None => Ending {
                decision: Decision::Continue,
                ..self
            },
        }
    }
}

fn empty(plan: &Plan) -> Arm {
    Arm {
        total: 0,
        errors: 0,
        cold: 0,
        latency: plan.latency.map(|_| Histogram::default()),
    }
}

fn ask(arm: &mut Arm, version: Version, plan: &Plan, random: &mut Rng) {
    arm.total += 1;
    arm.errors += u64::from(random.f64() < version.errors);
    if let (Some(sketch), Some(latency)) = (&mut arm.latency, plan.latency) {
        sketch.record(latency.draw(random).mul_f64(version.times));
    }
}

/// One trial, with the old version's last two thousand requests before it.
pub(crate) fn trial(plan: &Plan, random: &mut Rng) -> Ending {
    let mut past = empty(plan);
    for _ in 0..2_000 {
        ask(&mut past, plan.old, plan, random);
    }
    let history = History {
        n: past.total,
        errors: past.errors,
        cold: 0,
        latency: past.latency,
    };
    let (policy, least) = match plan.latency {
        Some(_) => (Policy::default(), 100),
        None => (Policy::errors_only(), 10),
    };
    let mut trial = Trial::new(&policy, &history);
    let mut window = open_window(plan, Stratum::Users);
    let mut new_requests = 0;
    for _ in 0..plan.requests {
        if random.f64() < plan.share {
            let is_dead = plan.dies_after.is_some_and(|after| new_requests >= after);
            let dead = Version {
                errors: 1.0,
                ..plan.new
            };
            let version = if is_dead { dead } else { plan.new };
            ask(&mut window.new, version, plan, random);
            new_requests += 1;
        } else {
            ask(&mut window.old, plan.old, plan, random);
        }
        let total = window.old.total + window.new.total;
        if total < least || window.old.total == 0 || window.new.total == 0 {
            continue;
        }
        trial.window(&window);
        window = open_window(plan, Stratum::Users);
        let decision = trial.decision();
        let ends = match decision {
            Decision::RollBack { .. } => true,
            Decision::Promote { .. } => plan.until_proven,
            Decision::Continue => false,
        };
        if ends {
            return Ending {
                decision,
                new_requests,
            };
        }
    }
    Ending {
        decision: trial.decision(),
        new_requests,
    }
}

/// A trial with probes only, in pairs, without a history. Only errors are monitored.
pub(crate) fn pairs(old: f64, new: f64, random: &mut Rng) -> Ending {
    let plan = Plan::errors(old, new, 0.5, 0);
    let mut trial = Trial::new(&Policy::errors_only(), &History::default());
    for pair in 1..=20_000 {
        let mut window = open_window(&plan, Stratum::Probes);
        ask(&mut window.old, plan.old, &plan, random);
        ask(&mut window.new, plan.new, &plan, random);
        trial.window(&window);
        let decision = trial.decision();
        if decision != Decision::Continue {
            return Ending {
                decision,
                new_requests: pair,
            };
        }
    }
    Ending {
        decision: Decision::Continue,
        new_requests: 20_000,
    }
}

fn open_window(plan: &Plan, stratum: Stratum) -> SealedWindow {
    SealedWindow {
        stratum,
        from_second: 0,
        seconds: 1,
        old: empty(plan),
        new: empty(plan),
    }
}

/// Milliseconds to judge six hundred seconds of 100 requests with latencies: the best of five.
pub(crate) fn time_of_a_judgement(seed: u64) -> f64 {
    let random = &mut Rng::with_seed(seed);
    let version = Version {
        errors: 0.1,
        times: 1.0,
    };
    let plan = Plan {
        latency: Some(Latency::DEFAULT),
        ..Plan::new(version, version, 0.5, 0)
    };
    let windows = (0..600).map(|second| {
        let mut window = open_window(&plan, Stratum::Users);
        window.from_second = second;
        for _ in 0..50 {
            ask(&mut window.old, plan.old, &plan, random);
            ask(&mut window.new, plan.new, &plan, random);
        }
        window
    });
    let counts = Counts {
        windows: windows.collect(),
        history: History::default(),
    };
    let times = (0..5).map(|_| {
        let began = Instant::now();
        std::hint::black_box(judge(&Policy::default(), std::hint::black_box(&counts)));
        began.elapsed().as_secs_f64() * 1e3
    });
    times.fold(f64::INFINITY, f64::min)
}
