//! Landfall, killed in the middle of a release, and what must hold once another command has finished it.

use crate::app::App;
use crate::command::{CommandOutput, Running};
use crate::paced_users::{PacedUsers, Requests};
use crate::sandbox::Sandbox;
use rules::event::{Event, Past, Status};
use rules::exit::Exit;
use rules::release::ledger::Entry;
use rules::release::{Outcome, PreviewRoutes, Step};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Users during the release, and their requests per second together.
const USERS: u32 = 8;
const PER_SECOND: f64 = 100.0;
/// How long Terraform may hold its lock after its landfall was killed.
const LOCKED_FOR: Duration = Duration::from_secs(120);
/// Options that make a release short. The evidence that it needs stays the same.
const BRIEF: [&str; 5] = [
    "--yes",
    "--minimum=1s",
    "--bake=1s",
    "--maximum=180s",
    "--ready-timeout=180s",
];

/// When landfall is killed with SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillTime {
    /// When it reports the step of this number, counted from 0: just before the ledger is written, or
    /// just after.
    Step(usize),
    /// This long after its start, at whatever step it is then.
    After(Duration),
}

/// The command that continues after a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextCommand {
    /// `landfall resume`.
    Resume,
    /// `landfall up`, of the same version.
    Up,
}

/// One kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// When it happens.
    pub time: KillTime,
    /// The command that continues.
    pub next: NextCommand,
}

/// A release, and the kills of the commands that run it: each kill hits the command that continues after
/// the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultPlan {
    /// `canary` or `all-at-once`.
    pub strategy: &'static str,
    /// The kills, in this order. The command after the last one is not killed.
    pub kills: Vec<Kill>,
}

/// What happened in a release with kills.
#[derive(Debug, Default)]
pub struct FaultReport {
    /// Kills that hit a running landfall: for each, what it had reported last.
    pub kills: Vec<String>,
    /// How long the last command ran.
    pub recovery: Duration,
    /// Whether the release was held, because there was not enough evidence in time. It was aborted then.
    pub held: bool,
    /// Whether the new version serves.
    pub serves: bool,
    /// How the release ended, as the ledger has it.
    pub outcome: Option<Outcome>,
    /// The requests of users from before the release until after the checks.
    pub requests: Requests,
    /// What is not as it must be after a release.
    pub problems: Vec<String>,
}

/// Releases `app` under load with the kills of `plan`, and checks the result.
///
/// # Panics
/// Landfall prints something other than events.
pub fn run_with_faults(sandbox: &Sandbox, app: &App, url: &str, plan: &FaultPlan) -> FaultReport {
    let users = PacedUsers::ask(url, USERS, PER_SECOND);
    let mut report = FaultReport::default();
    let mut command = NextCommand::Up;
    let mut last = None;
    for kill in &plan.kills {
        let began = Instant::now();
        let ended = kill_at(start(sandbox, app, plan.strategy, command), kill.time);
        if !ended.killed {
            // It ended before the kill.
            last = (!is_locked(&ended)).then(|| (ended, began.elapsed()));
            break;
        }
        report
            .kills
            .push(format!("{command:?} at {}", last_reported(&ended)));
        command = kill.next;
    }
    let (ended, recovery) = last.unwrap_or_else(|| recover(sandbox, app, plan.strategy, command));
    report.recovery = recovery;
    report.held = ended.code == i32::from(Exit::Held.code());
    let ended = match report.held {
        true => sandbox.rehearse(app, &["abort"]),
        false => ended,
    };
    let is_end = [Exit::Done, Exit::RolledBack]
        .iter()
        .any(|exit| i32::from(exit.code()) == ended.code);
    if !is_end {
        let words = format!(
            "{command:?} ended with {}: {}",
            ended.code,
            failure_of(&ended)
        );
        report.problems.push(words);
    }
    let (serves, outcome, problems) = check(sandbox, app);
    report.serves = serves;
    report.outcome = outcome;
    report.problems.extend(problems);
    report.requests = users.stop();
    let lost = report.requests.lost();
    if lost > 0 {
        report
            .problems
            .push(format!("{lost} requests of users lost"));
    }
    report
}

fn start(sandbox: &Sandbox, app: &App, strategy: &str, command: NextCommand) -> Running {
    match command {
        NextCommand::Resume => sandbox.start(app, &["resume"]),
        NextCommand::Up => {
            let strategy = ["--strategy", strategy];
            sandbox.start(app, &[&["up"], &BRIEF[..], &strategy].concat())
        }
    }
}

fn kill_at(mut running: Running, time: KillTime) -> CommandOutput {
    match time {
        KillTime::After(after) => running.kill_after(after),
        KillTime::Step(number) => {
            for _ in 0..number {
                if running.next_step().is_none() {
                    return running.end();
                }
            }
            if running.next_step().is_some() {
                running.signal(Signal::KILL);
            }
            running.end()
        }
    }
}

/// Runs the command to its end. While a Terraform whose landfall was killed holds the lock, it runs the
/// command again.
fn recover(
    sandbox: &Sandbox,
    app: &App,
    strategy: &str,
    command: NextCommand,
) -> (CommandOutput, Duration) {
    let began = Instant::now();
    loop {
        let ended = start(sandbox, app, strategy, command).end();
        if !is_locked(&ended) || began.elapsed() > LOCKED_FOR {
            return (ended, began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn is_locked(ended: &CommandOutput) -> bool {
    ended.code == i32::from(Exit::Locked.code())
}

/// Whether the version of the latest release serves, how that release ended, and what is not as it must
/// be after a release: one slot runs and has all users, no preview route is enabled, and the ledger
/// explains why.
///
/// # Panics
/// Landfall prints something other than events.
pub fn check(sandbox: &Sandbox, app: &App) -> (bool, Option<Outcome>, Vec<String>) {
    let mut problems = Vec::new();
    let status = sandbox.rehearse(app, &["status"]);
    let seen: Vec<Status> = status.all(|event| match event {
        Event::Status(status) => Some(status.clone()),
        _ => None,
    });
    let Some(seen) = seen.first() else {
        return (
            false,
            None,
            vec![format!("no status: {}", failure_of(&status))],
        );
    };
    let running: Vec<_> = seen.slots.iter().filter(|slot| slot.desired > 0).collect();
    let is_one = running.len() == 1 && running.iter().all(|slot| slot.share == 100);
    if !is_one || !seen.answers {
        problems.push(format!("not one slot serves: {seen:?}"));
    }
    let history = sandbox.rehearse(app, &["history"]);
    let all: Vec<Past> = history.all(|event| match event {
        Event::Past(past) => Some((**past).clone()),
        _ => None,
    });
    let Some(last) = all.last() else {
        problems.push(format!("no history: {}", failure_of(&history)));
        return (false, None, problems);
    };
    let revision = running.first().and_then(|slot| slot.revision.as_ref());
    let expected = match &last.outcome {
        Some(Outcome::Serving { .. }) => Some(&last.revision),
        Some(Outcome::RolledBack { .. }) => last.from.as_ref(),
        other => {
            problems.push(format!("release {} ended with {other:?}", last.number));
            None
        }
    };
    if revision != expected {
        problems.push(format!(
            "{revision:?} serves, the ledger contains {expected:?}"
        ));
    }
    problems.extend(read_back(sandbox, app, last.number));
    (
        revision == Some(&last.revision),
        last.outcome.clone(),
        problems,
    )
}

/// What is wrong with the record of a release.
fn read_back(sandbox: &Sandbox, app: &App, number: u64) -> Vec<String> {
    let shown = sandbox.rehearse(app, &["history", &number.to_string()]);
    let mut problems = shown.all(|event| match event {
        Event::Warning { text } | Event::Failed { what: text, .. } => Some(text.clone()),
        _ => None,
    });
    let ends = shown.all(|event| match event {
        Event::Entry { entry, .. } => match &**entry {
            Entry::Step {
                seen,
                step: Step::Finished { .. },
                ..
            } => Some(seen.previews),
            _ => None,
        },
        _ => None,
    });
    if ends.last() != Some(&PreviewRoutes::Disabled) {
        problems.push(format!(
            "preview routes at the end of release {number}: {ends:?}"
        ));
    }
    problems
}

fn last_reported(ended: &CommandOutput) -> String {
    let described = |event: &Event| match event {
        Event::Step { step } => {
            let word = serde_json::to_value(step).unwrap_or_default();
            let share = match step {
                Step::Shift { share, .. } => format!(" {share}%"),
                _ => String::new(),
            };
            Some(format!("{}{share}", word["step"].as_str().unwrap_or("?")))
        }
        Event::PhaseStarted { phase } => Some(format!("phase {}", phase.as_str())),
        _ => None,
    };
    let last = ended.events.iter().rev().find_map(described);
    last.unwrap_or_else(|| "its start".to_owned())
}

fn failure_of(ended: &CommandOutput) -> String {
    let failed = ended.all(|event| match event {
        Event::Failed { what, why, .. } => Some(format!("{what}: {}", why.join("; "))),
        _ => None,
    });
    if failed.is_empty() {
        return ended.words.clone();
    }
    failed.join("; ")
}
