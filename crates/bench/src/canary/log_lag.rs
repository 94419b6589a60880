//! Whole releases on Lambda, second by second, with a log that is late: what `next` decides with the counts
//! that have arrived.

use edge_contract::bucket::{Attempts, Bucket};
use edge_contract::log_window;
use edge_contract::summary::{Kind, Summary, VERSION};
use edge_contract::time::Timestamp;
use fastrand::Rng;
use rules::app::manifest::Target;
use rules::app::names::{Slot, Slots};
use rules::release::analysis::{CanaryAnalysis, ProbeCounter, SlotEdges};
use rules::release::canary::{Counts, Policy};
use rules::release::revision::RevisionId;
use rules::release::verdict::Answers;
use rules::release::{
    AtMaximum, Observation, Outcome, PreviewRoutes, Probes, Progress, Purpose, Release,
    ReleaseTimings, SlotSeen, Step, Strategy, idle, next,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// When each release begins, in seconds since the Unix epoch.
const BEGIN: u64 = 1_000_000;
/// How long users were there before.
const BEFORE: u64 = 900;
/// A release that is not over by then is an error of the simulation.
const END: u64 = BEGIN + 3_600;
/// When a request without an answer ends: the edge's limit on Lambda.
const HANGS_FOR: f64 = 29.5;

/// How a version answers users. Every version answers probes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Behaviour {
    /// It fails this share of the requests, at once.
    Errors(f64),
    /// It never answers a user.
    Hangs,
    /// It answers all, the first ones of a sandbox much later than the others.
    SlowFirst {
        /// Whether their times are left out, as the edge does.
        is_marked: bool,
    },
}

/// Times of the first requests of a sandbox, in usual ones: just-in-time compilation, the first connections.
const FIRST: [f64; 3] = [50.0, 5.0, 2.0];

/// When the sandboxes of a version are free again, in seconds, and how many requests each has had.
type Sandboxes = Vec<(f64, usize)>;

/// A kind of release.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// Requests of users per second.
    pub(crate) rate: f64,
    /// How late the lines of the log are, about, in seconds.
    pub(crate) lag: u64,
    pub(crate) old: Behaviour,
    pub(crate) new: Behaviour,
}

/// How one release ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) is_promoted: bool,
    pub(crate) is_rolled_back: bool,
    /// Errors that users got from the new version.
    pub(crate) hurt: u64,
    pub(crate) seconds: u64,
}

/// One line of the log, and when it can be read.
struct Line {
    summary: Summary,
    arrives: u64,
}

/// The platform, its users and its log.
struct World<'r> {
    case: Case,
    random: &'r mut Rng,
    shares: Slots<u32>,
    staged: bool,
    lines: Vec<Line>,
    sandboxes: u64,
    open: Slots<Sandboxes>,
    hurt: u64,
}

fn name(slot: Slot) -> &'static str {
    match slot {
        Slot::Blue => "old",
        Slot::Green => "new",
    }
}

impl World<'_> {
    /// Users and landfall's own requests to the public address in one second.
    fn second(&mut self, second: u64, is_released: bool) {
        let mut counts: Slots<Bucket> = Slots::default();
        for _ in 0..poisson(self.case.rate, self.random) {
            let slot = self.route();
            let behaviour = match slot {
                Slot::Blue => self.case.old,
                Slot::Green => self.case.new,
            };
            let fails = match behaviour {
                Behaviour::Errors(rate) => self.random.f64() < rate,
                Behaviour::Hangs => true,
                Behaviour::SlowFirst { .. } => false,
            };
            if fails && slot == Slot::Green {
                self.hurt += 1;
            }
            let attempts = &mut counts.of_mut(slot).first;
            match behaviour {
                Behaviour::Hangs => self.hang(slot, second),
                Behaviour::Errors(_) => add(attempts, fails, self.random.f64() * 0.1),
                Behaviour::SlowFirst { is_marked } => {
                    let (took, number) = self.in_sandbox(slot, second);
                    match is_marked && number < FIRST.len() {
                        true => {
                            attempts.total += 1;
                            attempts.cold += 1;
                        }
                        false => add(attempts, false, took),
                    }
                }
            }
        }
        if is_released {
            let slot = self.route();
            add(&mut counts.of_mut(slot).probes, false, 0.01);
        }
        for slot in Slot::ALL {
            let bucket = counts.of(slot).clone();
            if bucket != Bucket::default() {
                let task = format!("{}-0", name(slot));
                self.write(slot, task, second, bucket, second + 1);
            }
        }
    }

    /// A request in a sandbox that is free, or else in a new one: how long it takes, and how many the sandbox had before.
    fn in_sandbox(&mut self, slot: Slot, second: u64) -> (f64, usize) {
        let begins = (second - (BEGIN - BEFORE)) as f64 + self.random.f64();
        let usual = 0.1 + self.random.f64() * 0.2;
        let sandboxes = self.open.of_mut(slot);
        let free = sandboxes.iter().position(|(until, _)| *until <= begins);
        let at = free.unwrap_or_else(|| {
            sandboxes.push((0.0, 0));
            sandboxes.len() - 1
        });
        let Some((until, requests)) = sandboxes.get_mut(at) else {
            return (usual, FIRST.len());
        };
        let number = *requests;
        let took = usual * FIRST.get(number).copied().unwrap_or(1.0);
        *until = begins + took;
        *requests += 1;
        (took, number)
    }

    fn route(&mut self) -> Slot {
        match self.random.u32(0..100) < self.shares.green {
            true => Slot::Green,
            false => Slot::Blue,
        }
    }

    /// A request that occupies a sandbox until its time is over; only then its edge writes a line.
    fn hang(&mut self, slot: Slot, second: u64) {
        let mut bucket = Bucket::default();
        add(&mut bucket.first, true, HANGS_FOR);
        self.sandboxes += 1;
        let task = format!("{}-{}", name(slot), self.sandboxes);
        self.write(slot, task, second, bucket, second + HANGS_FOR.ceil() as u64);
    }

    fn write(&mut self, slot: Slot, task: String, second: u64, bucket: Bucket, written: u64) {
        let lag = self.case.lag;
        let summary = Summary {
            landfall: Kind::Summary,
            v: VERSION,
            task,
            revision: name(slot).to_owned(),
            started_at: Timestamp(1),
            taken_at: Timestamp(written * 1_000),
            deadline_ms: 30_000,
            restarts: 0,
            buckets: BTreeMap::from([(second, bucket)]),
        };
        let arrives = written + lag + self.random.u64(0..=lag / 4);
        self.lines.push(Line { summary, arrives });
    }

    /// What can be read at `now` of everything that was written since `since`.
    fn read(&self, since: Timestamp, now: u64) -> Vec<String> {
        let is_read = |line: &&Line| line.arrives <= now && line.summary.taken_at >= since;
        let lines = self.lines.iter().filter(is_read);
        lines.map(|line| line.summary.to_line()).collect()
    }

    fn observation(&self, probes: Probes) -> Observation {
        let slot = |slot: Slot, is_there: bool| SlotSeen {
            revision: is_there.then(|| RevisionId(name(slot).into())),
            desired: u32::from(is_there),
            tasks: u32::from(is_there),
            healthy: u32::from(is_there),
            staged_at: Some(Timestamp(BEGIN * 1_000)),
            ..SlotSeen::default()
        };
        Observation {
            shares: self.shares.clone(),
            previews: PreviewRoutes::NotNeeded,
            slots: Slots {
                blue: slot(Slot::Blue, true),
                green: slot(Slot::Green, self.staged),
            },
            probes,
            comparison: rules::release::Comparison::default(),
        }
    }
}

fn add(attempts: &mut Attempts, fails: bool, took: f64) {
    attempts.total += 1;
    attempts.errors += u64::from(fails);
    attempts.latency.record(Duration::from_secs_f64(took));
}

/// A random number of events: <https://en.wikipedia.org/wiki/Poisson_distribution#Random_variate_generation>.
fn poisson(mean: f64, random: &mut Rng) -> u64 {
    let limit = (-mean).exp();
    let (mut count, mut product) = (0, random.f64());
    while product > limit {
        count += 1;
        product *= random.f64();
    }
    count
}

/// One release from its beginning to its end.
///
/// # Panics
/// It does not end.
pub(crate) fn run(case: Case, random: &mut Rng) -> Ended {
    let mut world = World {
        case,
        random,
        shares: Slots {
            blue: 100,
            green: 0,
        },
        staged: false,
        lines: Vec::new(),
        sandboxes: 0,
        open: Slots::default(),
        hurt: 0,
    };
    for second in BEGIN - BEFORE..BEGIN {
        world.second(second, false);
    }
    let counted = poisson((case.rate * 3_600.0).min(500.0), world.random);
    let mut release = release(idle::is_idle(Some(counted), 0));
    let mut analysis = CanaryAnalysis::new(
        &Policy::default(),
        Counts::default(),
        ProbeCounter::Landfall,
        release.started,
    );
    let mut probes = Probes::default();
    for second in BEGIN..END {
        let now = Timestamp(second * 1_000);
        let mut seen = world.observation(probes);
        let edges = edges(&seen);
        analysis.end_round(Slots::default(), now);
        if let Some(since) = analysis.log_query(&edges, now) {
            let lines = world.read(since, second);
            let (found, _) = log_window::read(lines.iter().map(String::as_str));
            analysis.insert_log(found, now);
        }
        seen.comparison = analysis.compare(&release, &edges, now);
        loop {
            let step = next(&release, &seen, now);
            release.apply(&step, now);
            let mut ask = |pairs: u32| {
                let answers = Answers {
                    asked: pairs,
                    good: pairs,
                    ..Answers::default()
                };
                probes.answered += pairs;
                probes.good += pairs;
                analysis.count_pairs(&edges, answers, answers, now);
            };
            match step {
                Step::Finished { outcome } => {
                    return Ended {
                        is_promoted: matches!(outcome, Outcome::Serving { .. }),
                        is_rolled_back: matches!(outcome, Outcome::RolledBack { .. }),
                        hurt: world.hurt,
                        seconds: second - BEGIN,
                    };
                }
                Step::Promote { .. } | Step::RollBack { .. } => continue,
                Step::Stage { .. } => world.staged = true,
                Step::Shift { share, slot } => {
                    *world.shares.of_mut(slot) = share;
                    *world.shares.of_mut(slot.other()) = 100 - share;
                }
                Step::Retire { slot: Slot::Green } => world.staged = false,
                Step::Retire { .. } => {
                    return Ended {
                        is_promoted: true,
                        is_rolled_back: false,
                        hurt: world.hurt,
                        seconds: second - BEGIN,
                    };
                }
                Step::Probe { requests } => ask(requests),
                Step::Watch { probes, .. } if probes > 0 => ask(probes),
                _ => {}
            }
            break;
        }
        world.second(second, true);
    }
    panic!("no end: {case:?}")
}

fn edges(seen: &Observation) -> Slots<SlotEdges> {
    let of = |slot: Slot| SlotEdges {
        revision: seen.slots.of(slot).revision.clone(),
        healthy: seen.slots.of(slot).healthy,
        has_edge: true,
        is_reachable: false,
    };
    Slots {
        blue: of(Slot::Blue),
        green: of(Slot::Green),
    }
}

fn release(is_idle: bool) -> Release {
    Release {
        revision: RevisionId("new".into()),
        count: 1,
        candidate: Slot::Green,
        strategy: Strategy::Canary,
        purpose: Purpose::Deploy,
        no_traffic: false,
        at_maximum: AtMaximum::Hold,
        is_idle,
        timings: ReleaseTimings::default_for(Target::Lambda, true, 120),
        started: Timestamp(BEGIN * 1_000),
        progress: Progress::default(),
    }
}

/// The releases of one kind.
pub(crate) struct Row {
    case: Case,
    runs: Vec<Ended>,
}

impl Row {
    pub(crate) fn new(case: Case, runs: Vec<Ended>) -> Row {
        Row { case, runs }
    }

    fn percent(&self, is_so: fn(&Ended) -> bool) -> f64 {
        let count = self.runs.iter().filter(|run| is_so(run)).count();
        count as f64 * 100.0 / self.runs.len() as f64
    }

    fn median(&self, of: fn(&Ended) -> u64) -> u64 {
        let mut all: Vec<u64> = self.runs.iter().map(of).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or(0)
    }

    fn what(&self) -> String {
        match (self.case.old, self.case.new) {
            (_, Behaviour::Hangs) => "hangs for users".to_owned(),
            (Behaviour::Errors(old), Behaviour::Errors(new)) => {
                format!("{:.0}% → {:.0}% errors", old * 100.0, new * 100.0)
            }
            (_, Behaviour::SlowFirst { is_marked: true }) => {
                "equal, slow first requests".to_owned()
            }
            (_, Behaviour::SlowFirst { is_marked: false }) => {
                "equal, slow first requests, if their times counted".to_owned()
            }
            (_, Behaviour::Errors(_)) => "answers again".to_owned(),
        }
    }

    fn cells(&self) -> [String; 8] {
        [
            self.what(),
            format!("{}", self.case.rate),
            format!("{}", self.case.lag),
            format!("{:.0}", self.percent(|run| run.is_promoted)),
            format!("{:.0}", self.percent(|run| run.is_rolled_back)),
            format!(
                "{:.0}",
                self.percent(|run| !run.is_promoted && !run.is_rolled_back)
            ),
            format!("{}", self.median(|run| run.hurt)),
            format!("{}", self.median(|run| run.seconds)),
        ]
    }
}

/// All kinds of releases.
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// One JSON object for each row.
    pub(crate) fn json(&self) -> String {
        let lines = self.rows.iter().map(|row| {
            let [what, rate, lag, promoted, rolled_back, held, hurt, seconds] = row.cells();
            let object = json!({
                "table": "log_lag", "name": what, "rate": rate, "lag": lag,
                "promoted_percent": promoted, "rolled_back_percent": rolled_back,
                "held_percent": held, "hurt": hurt, "seconds": seconds,
            });
            format!("{object}\n")
        });
        lines.collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.rows.first().map_or(0, |row| row.runs.len());
        writeln!(
            f,
            "**releases on Lambda with a late log, {runs} runs each; medians of the last two columns**\n"
        )?;
        writeln!(
            f,
            "| new version | users' requests/s | lag, s | promoted, % | rolled back, % | held, % | errors that users got from it | seconds |\n|---|---|---|---|---|---|---|---|"
        )?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.cells().join(" | "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The promise of a canary: 50 runs at each rate, with one lag after the other. `bench canary` makes 50 with each.
    #[test]
    fn a_version_that_hangs_for_users_is_never_promoted() {
        let lags = [0, 20, 90, 300].into_iter().cycle();
        for rate in [0.2, 2.0, 20.0] {
            for (seed, lag) in (0..50).zip(lags.clone()) {
                let case = Case {
                    rate,
                    lag,
                    old: Behaviour::Errors(0.1),
                    new: Behaviour::Hangs,
                };
                let ended = run(case, &mut Rng::with_seed(seed));
                assert!(!ended.is_promoted, "{case:?}, seed {seed}: {ended:?}");
            }
        }
    }

    /// How many of these releases are rolled back, to an equal version whose first requests in each sandbox are slow.
    fn rolled_back(runs: u64, rate: f64, is_marked: bool) -> usize {
        let equal = Behaviour::SlowFirst { is_marked };
        let is_rolled_back = |seed: &u64| {
            let case = Case {
                rate,
                lag: 20,
                old: equal,
                new: equal,
            };
            run(case, &mut Rng::with_seed(*seed)).is_rolled_back
        };
        (0..runs).filter(is_rolled_back).count()
    }

    /// Each sandbox of the new version has first requests, which are slow in every version.
    #[test]
    fn slow_first_requests_roll_nothing_back() {
        for (rate, runs) in [(2.0, 50), (20.0, 10)] {
            assert!(rolled_back(runs, rate, true) <= 1, "at {rate} a second");
            // If their times were compared, most of these releases would be rolled back.
            let half = usize::try_from(runs / 2).expect("a number");
            assert!(rolled_back(runs, rate, false) > half, "at {rate} a second");
        }
    }

    #[test]
    fn an_app_without_users_is_released_in_minutes() {
        for lag in [0, 300] {
            let good = Behaviour::Errors(0.0);
            let case = Case {
                rate: 0.0,
                lag,
                old: good,
                new: good,
            };
            let ended = run(case, &mut Rng::with_seed(7));
            assert!(ended.is_promoted && ended.seconds < 240, "{ended:?}");
        }
    }
}
