//! Landfall, killed in the middle of a release, and what has to hold once it has gone on.

use crate::app::App;
use crate::crowd::{Crowd, Visits};
use crate::run::{Ended, Running};
use crate::sandbox::Sandbox;
use rules::event::{Event, Past, Status};
use rules::exit::Exit;
use rules::release::ledger::Entry;
use rules::release::{Outcome, PreviewRoutes, Step};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Users meanwhile, and their requests a second.
const USERS: u32 = 8;
const PER_SECOND: f64 = 100.0;
/// How long a Terraform whose landfall was killed may hold its lock.
const LOCKED_FOR: Duration = Duration::from_secs(120);
/// How a release is hurried: what is asked of the evidence stays the same.
const BRIEF: [&str; 5] = [
    "--yes",
    "--minimum=1s",
    "--bake=1s",
    "--maximum=60s",
    "--ready-timeout=60s",
];

/// When landfall gets SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// As it says that it takes its step of this number, from 0: before the ledger is written, or just
    /// after.
    Step(usize),
    /// So long after its start, wherever it is.
    After(Duration),
}

/// How it is gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `landfall resume`.
    Resume,
    /// `landfall up`, of the same version.
    Up,
}

/// One blow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// When.
    pub moment: Moment,
    /// What comes next.
    pub next: Way,
}

/// A release, and what happens to whoever drives it: each kill hits what the one before it led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordeal {
    /// `canary` or `all-at-once`.
    pub strategy: &'static str,
    /// In this order; the command after the last one comes to its end.
    pub kills: Vec<Kill>,
}

/// How it went.
#[derive(Debug, Default)]
pub struct Outlived {
    /// Kills that met a running landfall: the last thing that it had said.
    pub kills: Vec<String>,
    /// How long the last command took, from its start to its end.
    pub recovery: Duration,
    /// Whether it then waited for a person, as the evidence spoke neither for nor against the version in time.
    /// The person gave it up.
    pub held: bool,
    /// Whether the new version serves.
    pub serves: bool,
    /// What users saw from before the release until after the checks.
    pub visits: Visits,
    /// What does not hold.
    pub problems: Vec<String>,
}

/// Releases `app` under load, as `ordeal` says, and looks at what has come of it.
///
/// # Panics
/// Landfall prints something else than events.
pub fn suffer(sandbox: &Sandbox, app: &App, url: &str, ordeal: &Ordeal) -> Outlived {
    let users = Crowd::ask(url, USERS, PER_SECOND);
    let mut outlived = Outlived::default();
    let mut way = Way::Up;
    let mut last = None;
    for kill in &ordeal.kills {
        let began = Instant::now();
        let ended = strike(start(sandbox, app, ordeal.strategy, way), kill.moment);
        if !ended.killed {
            // It came to its end before the blow.
            last = (!is_locked(&ended)).then(|| (ended, began.elapsed()));
            break;
        }
        outlived
            .kills
            .push(format!("{way:?} at {}", last_words(&ended)));
        way = kill.next;
    }
    let (ended, recovery) = last.unwrap_or_else(|| recover(sandbox, app, ordeal.strategy, way));
    outlived.recovery = recovery;
    outlived.held = ended.code == i32::from(Exit::Held.code());
    let ended = match outlived.held {
        true => sandbox.rehearse(app, &["abort"]),
        false => ended,
    };
    let is_end = [Exit::Done, Exit::RolledBack]
        .iter()
        .any(|exit| i32::from(exit.code()) == ended.code);
    if !is_end {
        let words = format!("{way:?} ended with {}: {}", ended.code, complaint(&ended));
        outlived.problems.push(words);
    }
    let (serves, problems) = check(sandbox, app);
    outlived.serves = serves;
    outlived.problems.extend(problems);
    outlived.visits = users.stop();
    let lost = outlived.visits.lost();
    if lost > 0 {
        outlived
            .problems
            .push(format!("{lost} requests of users lost"));
    }
    outlived
}

fn start(sandbox: &Sandbox, app: &App, strategy: &str, way: Way) -> Running {
    match way {
        Way::Resume => sandbox.start(app, &["resume"]),
        Way::Up => {
            let strategy = ["--strategy", strategy];
            sandbox.start(app, &[&["up"], &BRIEF[..], &strategy].concat())
        }
    }
}

fn strike(mut running: Running, moment: Moment) -> Ended {
    match moment {
        Moment::After(after) => running.kill_after(after),
        Moment::Step(number) => {
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

/// Runs the command to its end; again, while a Terraform that outlived its landfall is at work.
fn recover(sandbox: &Sandbox, app: &App, strategy: &str, way: Way) -> (Ended, Duration) {
    let began = Instant::now();
    loop {
        let ended = start(sandbox, app, strategy, way).end();
        if !is_locked(&ended) || began.elapsed() > LOCKED_FOR {
            return (ended, began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn is_locked(ended: &Ended) -> bool {
    ended.code == i32::from(Exit::Locked.code())
}

/// Whether the latest release serves, and everything that is not as it has to be after a release: one slot
/// runs and has all users, no door is open, and the ledger tells how it came to be so.
///
/// # Panics
/// Landfall prints something else than events.
pub fn check(sandbox: &Sandbox, app: &App) -> (bool, Vec<String>) {
    let mut problems = Vec::new();
    let status = sandbox.rehearse(app, &["status"]);
    let seen: Vec<Status> = status.all(|event| match event {
        Event::Status(status) => Some(status.clone()),
        _ => None,
    });
    let Some(seen) = seen.first() else {
        return (false, vec![format!("no status: {}", complaint(&status))]);
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
        problems.push(format!("no history: {}", complaint(&history)));
        return (false, problems);
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
        problems.push(format!("{revision:?} serves, the ledger says {expected:?}"));
    }
    problems.extend(read_back(sandbox, app, last.number));
    (revision == Some(&last.revision), problems)
}

/// What the record of a release gives to complain about.
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
        problems.push(format!("doors at the end of release {number}: {ends:?}"));
    }
    problems
}

fn last_words(ended: &Ended) -> String {
    let telling = |event: &Event| match event {
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
    let said = ended.events.iter().rev().find_map(telling);
    said.unwrap_or_else(|| "its start".to_owned())
}

fn complaint(ended: &Ended) -> String {
    let failed = ended.all(|event| match event {
        Event::Failed { what, why, .. } => Some(format!("{what}: {}", why.join("; "))),
        _ => None,
    });
    if failed.is_empty() {
        return ended.words.clone();
    }
    failed.join("; ")
}
