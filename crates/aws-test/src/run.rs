//! A run: what it may cost, its steps, the removal of everything, and the report.

use crate::cost::{self, Share};
use crate::experiments;
use crate::finding::Finding;
use crate::interrupt;
use crate::options::Options;
use crate::page;
use crate::removal;
use crate::report::{self, Report, Scenario, VERSION};
use crate::scenarios;
use crate::selection::{asked_at, plan, selected};
use crate::stage::{Stage, failure};
use crate::step::Step;
use rules::app::manifest::Target;
use rules::event::Event;
use rules::exit::Exit;
use rules::shape::cost::Bill;
use std::any::Any;
use std::io::{IsTerminal as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use testkit::{Mode, now};

/// What the steps of a run came to.
#[derive(Default)]
struct Results {
    scenarios: Vec<Scenario>,
    found: Vec<Finding>,
    /// Whether an `up` was begun.
    is_deployed: bool,
}

/// Tests; returns the exit code.
///
/// # Errors
/// The run cannot start. Nothing was created.
pub(crate) fn test(mut options: Options) -> Result<u8, String> {
    absolute(&mut options)?;
    let steps = plan(&options);
    let mut stage = Stage::open(options)?;
    let region = stage.session.region().to_owned();
    stage.say(&format!(
        "account {}, {region}, environment {}",
        stage.account,
        stage.names.id()
    ));
    let shares = price(&mut stage, &steps)?;
    let began = now().rfc3339();
    let mut results = Results::default();
    // A panic is a defect of this program or an unexpected answer; what was created is removed all the same.
    let ended = catch_unwind(AssertUnwindSafe(|| {
        take_all(&mut stage, &steps, &mut results)
    }));
    if let Err(panic) = ended {
        let why = format!("this program failed: {}", message(&*panic));
        let scenario = Scenario::new(Step::Down, stage.target, Err(why), 0.0);
        results.scenarios.push(scenario);
    }
    let (left, down) = remove(&stage, results.is_deployed);
    if results.is_deployed {
        results.scenarios.push(down);
    }
    let report = Report {
        version: VERSION,
        began,
        ended: now().rfc3339(),
        account: stage.account.clone(),
        region,
        rehearsal: stage.is_rehearsal(),
        environment: stage.names.id(),
        broken: stage.options.turned.map(|id| id.as_str().to_owned()),
        interrupted: interrupt::is_interrupted(),
        at_most_usd: cost::total(&shares),
        cost: shares,
        scenarios: results.scenarios,
        assumptions: report::rows(
            &selected(&stage.options),
            &results.found,
            stage.is_rehearsal(),
        ),
        left,
    };
    write(&stage.options, &report)?;
    print!("{}", report.summary());
    println!(
        "the report: {}",
        stage.options.report.join("report.html").display()
    );
    Ok(report.exit())
}

/// Removes what earlier runs have left; returns the exit code.
///
/// # Errors
/// There are no credentials.
pub(crate) fn clean(mut options: Options) -> Result<u8, String> {
    absolute(&mut options)?;
    let stage = Stage::open(options)?;
    stage.say(&format!(
        "looking for leftovers in account {}, {}",
        stage.account,
        stage.session.region()
    ));
    confirm(
        &stage,
        "Remove everything whose name begins with landfall-test-?",
    )?;
    let left = removal::clean(&stage);
    match left.is_empty() {
        true => println!("nothing is left"),
        false => println!("LEFT: {}", left.join(", ")),
    }
    Ok(if left.is_empty() { 0 } else { 13 })
}

/// The commands run in the apps' directories.
fn absolute(options: &mut Options) -> Result<(), String> {
    let mut programs = vec![&mut options.landfall];
    if options.rehearse {
        programs.push(&mut options.front);
    }
    for path in programs {
        *path = std::path::absolute(&*path).map_err(|error| error.to_string())?;
        if !path.is_file() {
            return Err(format!(
                "there is no {}: run ./dev test-aws",
                path.display()
            ));
        }
    }
    Ok(())
}

/// Runs `landfall doctor`, prints what the run may cost, and asks. Creates nothing.
fn price(stage: &mut Stage, steps: &[(Target, Step)]) -> Result<Vec<Share>, String> {
    let mut targets: Vec<Target> = steps.iter().map(|(target, _)| *target).collect();
    targets.dedup();
    let deploys = steps.iter().any(|(_, step)| *step == Step::Up);
    let app = stage.version(Mode::Good, 1);
    let mut bills: Vec<(Target, Bill)> = Vec::new();
    for target in targets.into_iter().filter(|_| deploys) {
        stage.target = target;
        // The budget of a plan is only compared; the true one follows from the bills.
        for words in [&["doctor", "--no-run"][..], &["plan", "--budget=1000"]] {
            let ended = stage.landfall(&app, words);
            if ended.code != i32::from(Exit::Done.code()) {
                let word = words[0];
                return Err(format!(
                    "`landfall {word}` on {target}: {}",
                    failure(&ended)
                ));
            }
            let bill = ended.all(|event| match event {
                Event::Priced { bill } => Some((**bill).clone()),
                _ => None,
            });
            bills.extend(bill.into_iter().next_back().map(|bill| (target, bill)));
        }
    }
    stage.target = steps.first().map_or(Target::Lambda, |(target, _)| *target);
    stage.budget = cost::budget(&bills);
    let shares = cost::expected(&bills, steps, &stage.options);
    println!("{}", cost::describe(&shares));
    let (total, most) = (cost::total(&shares), stage.options.most_usd);
    if total > most {
        return Err(format!("that is more than --most {most}"));
    }
    confirm(stage, "Create it, test, and remove it?")?;
    Ok(shares)
}

fn confirm(stage: &Stage, question: &str) -> Result<(), String> {
    if stage.options.yes || stage.is_rehearsal() {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err("without a terminal, --yes confirms".to_owned());
    }
    print!("{question} [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdout()
        .flush()
        .and_then(|()| std::io::stdin().read_line(&mut answer));
    match (read, answer.trim()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err("not confirmed; nothing was created".to_owned()),
    }
}

fn take_all(stage: &mut Stage, steps: &[(Target, Step)], results: &mut Results) {
    let mut is_broken = false;
    for (target, step) in steps {
        if interrupt::is_interrupted() || *step == Step::Down {
            return;
        }
        if is_broken && *step != Step::Account {
            let why = "skipped, because the app is not deployed".to_owned();
            if !step.is_experiment() {
                results
                    .scenarios
                    .push(Scenario::new(*step, *target, Err(why), 0.0));
            }
            continue;
        }
        stage.say(&format!("{} on {target}", step.as_str()));
        let asked = asked_at(&stage.options, *target, *step);
        let is_deploying = matches!(step, Step::Up | Step::Move(_));
        if *step == Step::Up {
            stage.target = *target;
            results.is_deployed = true;
        }
        let began = Instant::now();
        let taken = catch_unwind(AssertUnwindSafe(|| match step.is_experiment() {
            true => (Ok(String::new()), experiments::ask(stage, *step, &asked)),
            false => scenarios::take(stage, *step, &asked),
        }));
        let (seen, mut found) = match taken {
            Ok(taken) => taken,
            Err(panic) => {
                let why = format!("this program failed: {}", message(&*panic));
                let unasked = asked.iter().map(|id| Finding::unasked(*id, &*why));
                (Err(why.clone()), unasked.collect())
            }
        };
        if let Err(why) = &seen {
            stage.say(&format!("failed: {why}"));
        }
        is_broken |= seen.is_err() && is_deploying;
        if !step.is_experiment() || seen.is_err() {
            let seconds = began.elapsed().as_secs_f64();
            results
                .scenarios
                .push(Scenario::new(*step, *target, seen, seconds));
        }
        found.retain(|finding| asked.contains(&finding.id));
        results.found.extend(found);
    }
}

/// Removes everything, whatever happened. Returns what is left, and the step as a scenario.
fn remove(stage: &Stage, is_deployed: bool) -> (Vec<String>, Scenario) {
    stage.say("removing everything");
    let began = Instant::now();
    let removed = catch_unwind(AssertUnwindSafe(|| removal::remove(stage, is_deployed)));
    let left = removed.unwrap_or_else(|panic| {
        vec![format!(
            "what is left is unknown: {}; run ./dev test-aws --clean",
            message(&*panic)
        )]
    });
    let seen = match left.is_empty() {
        true => Ok("nothing is left, by name and by tag".to_owned()),
        false => Err(left.join(", ")),
    };
    let scenario = Scenario::new(
        Step::Down,
        stage.target,
        seen,
        began.elapsed().as_secs_f64(),
    );
    (left, scenario)
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("unknown").chars().take(500).collect()
}

fn write(options: &Options, report: &Report) -> Result<(), String> {
    let json = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
    let written = std::fs::create_dir_all(&options.report)
        .and_then(|()| std::fs::write(options.report.join("report.json"), json))
        .and_then(|()| std::fs::write(options.report.join("report.html"), page::html(report)));
    written.map_err(|error| format!("{} cannot be written: {error}", options.report.display()))
}
