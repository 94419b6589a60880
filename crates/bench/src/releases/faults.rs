//! Landfall is killed, at every step and at random, and continued.

use super::Plan;
use super::figures::{Row, Table, median, most};
use super::stage::{APP, Stage};
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::faults::{FaultPlan, Kill, KillTime, NextCommand, run_with_faults};

/// The approximate number of steps of a release; a later one is never reached.
const STEPS: [(&str, usize); 2] = [("all-at-once", 8), ("canary", 15)];
/// Steps of the command that continues, and how long they take at least.
const STEPS_LEFT: usize = 5;
const LEFT: Duration = Duration::from_secs(10);
/// A release is complete by then.
const LONGEST: Duration = Duration::from_secs(30);
/// Most kills in one release: the command that continues is killed too.
const CHAIN: u32 = 3;

/// Kills until there are enough, one to three times in each release.
pub(crate) fn faults(stage: &mut Stage, plan: &Plan) -> Result<Table, String> {
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let mut kills: BTreeMap<String, usize> = BTreeMap::new();
    let (mut struck, mut releases, mut serving, mut requests, mut lost) = (0, 0, 0, 0, 0);
    let (mut recoveries, mut problems, mut held) = (Vec::new(), Vec::new(), 0);
    while struck < plan.kills as usize && releases < plan.kills as usize * 2 {
        let plan = draw(&mut random, releases);
        let (app, version) = stage.version(APP);
        let report = run_with_faults(&stage.sandbox, &app, &stage.url, &plan);
        releases += 1;
        struck += report.kills.len();
        let last = report
            .requests
            .0
            .iter()
            .rev()
            .find_map(|request| request.version);
        let is_new = last == Some(version);
        held += usize::from(report.held);
        serving += usize::from(is_new && !report.kills.is_empty());
        requests += report.requests.count();
        lost += report.requests.lost();
        if !report.kills.is_empty() {
            recoveries.push(report.recovery.as_secs_f64());
        }
        stage.print(&format!(
            "{struck} kills; version {version}, {}: {}, then {:?}, it serves: {is_new}",
            plan.strategy,
            report.kills.join(", "),
            report.recovery
        ));
        for problem in report.problems {
            stage.print(&problem);
            let met = report.kills.join(", ");
            problems.push(format!("version {version}, {met}: {problem}"));
        }
        for kill in report.kills {
            *kills.entry(kill).or_default() += 1;
        }
    }
    let places = kills.len();
    let rows = vec![
        Row::count("`kill -9` of a running landfall", struck),
        Row::count("… in different places", places),
        Row::count("releases that were interrupted", recoveries.len()),
        Row::count("… after which the new version serves", serving),
        Row::count(
            "… after which the version before serves: the release had not begun, or was aborted",
            recoveries.len() - serving,
        ),
        Row::count(
            "… that were held without a decision, and then aborted",
            held,
        ),
        Row::count("… after which a check failed", problems.len()).at_most(0.0),
        Row::count("users' requests meanwhile", requests),
        Row::count("… lost", lost).at_most(0.0),
        Row::number(
            "from the last kill to the end of the continued release, s: median",
            median(&recoveries),
            1,
        ),
        Row::number("… longest", most(&recoveries), 1),
    ];
    let title = "landfall killed in the middle of releases";
    Ok(Table::new(title, rows).remarks(problems))
}

/// The next release: at which steps or when it is killed, and how it continues.
fn draw(random: &mut fastrand::Rng, number: usize) -> FaultPlan {
    let (strategy, steps) = STEPS[number % STEPS.len()];
    let kills = (0..random.u32(1..=CHAIN)).map(|number| {
        let (steps, longest) = match number {
            0 => (steps, LONGEST),
            _ => (STEPS_LEFT, LEFT),
        };
        Kill {
            time: match random.bool() {
                true => KillTime::Step(random.usize(..steps)),
                false => KillTime::After(longest.mul_f64(random.f64())),
            },
            next: match random.bool() {
                true => NextCommand::Resume,
                false => NextCommand::Up,
            },
        }
    });
    FaultPlan {
        strategy,
        kills: kills.collect(),
    }
}
