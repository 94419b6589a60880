//! One rehearsal, and releases in it.

use rules::app::manifest::Target;
use rules::event::{Event, PhaseTime, Status};
use rules::release::live_status::{Arm, Role};
use rules::release::{Outcome, Proof, Step};
use rules::time::Timestamp;
use std::path::Path;
use std::time::Instant;
use testkit::{App, CommandOutput, Mode, PacedUsers, Requests, Sandbox, now};

/// Users, and their requests per second.
pub(crate) const USERS: u32 = 8;
pub(crate) const PER_SECOND: f64 = 200.0;
/// An app that fails a tenth of its requests.
pub(crate) const APP: Mode = Mode::Errs(10);
/// The app's name.
pub(crate) const NAME: &str = "lab";

/// The rehearsal.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) url: String,
    versions: u32,
    began: Instant,
}

/// A release that has ended.
pub(crate) struct Released {
    pub(crate) version: u32,
    pub(crate) began: Timestamp,
    pub(crate) ended: CommandOutput,
    pub(crate) requests: Requests,
}

impl Stage {
    /// Starts emulators and deploys the app for the first time.
    pub(crate) fn set(landfall: &Path) -> Result<Stage, String> {
        if !landfall.is_file() {
            return Err(format!("there is no {}", landfall.display()));
        }
        let landfall = std::path::absolute(landfall).map_err(|error| error.to_string())?;
        let mut stage = Stage {
            sandbox: Sandbox::of(&landfall),
            url: String::new(),
            versions: 0,
            began: Instant::now(),
        };
        stage.print("the first `up`");
        let (app, _) = stage.version(APP);
        let ended = stage.sandbox.rehearse(&app, &["up", "--yes"]);
        let url = ended.all(|event| match event {
            Event::Url { url } => Some(url.clone()),
            _ => None,
        });
        let none = || format!("the first `up` failed: {:#?}", ended.events.last());
        stage.url = url.into_iter().next().ok_or_else(none)?;
        Ok(stage)
    }

    /// Reports progress.
    pub(crate) fn print(&self, what: &str) {
        eprintln!(
            "bench: {:5.0} s  {what}",
            self.began.elapsed().as_secs_f64()
        );
    }

    /// A new version of the app with this behaviour.
    pub(crate) fn version(&mut self, mode: Mode) -> (App, u32) {
        self.versions += 1;
        let version = self.versions;
        let label = version.to_string();
        (self.sandbox.app(&label, NAME, mode, version), version)
    }

    /// Releases a new version under constant load.
    pub(crate) fn release(&mut self, mode: Mode, per_second: f64, flags: &[&str]) -> Released {
        let (app, version) = self.version(mode);
        let users = PacedUsers::ask(&self.url, USERS, per_second);
        let began = now();
        let arguments = [&["up", "--yes"], flags].concat();
        let ended = self.sandbox.rehearse(&app, &arguments);
        let requests = users.stop();
        let released = Released {
            version,
            began,
            ended,
            requests,
        };
        self.print(&format!(
            "version {version}, {mode:?}: {}",
            released.outcome()
        ));
        released
    }

    /// The image that serves.
    pub(crate) fn image(&mut self) -> Result<String, String> {
        let (app, _) = self.version(APP);
        let status = self.sandbox.rehearse(&app, &["status"]);
        let images = status.all(|event| match event {
            Event::Status(Status { slots, .. }) => {
                let live = slots.iter().find(|slot| slot.live);
                live.and_then(|slot| slot.image.clone())
            }
            _ => None,
        });
        images
            .into_iter()
            .next()
            .ok_or_else(|| status.words.clone())
    }
}

impl Released {
    /// How it ended, as text.
    pub(crate) fn outcome(&self) -> String {
        let outcome = self.ended.all(|event| match event {
            Event::Step {
                step: Step::Finished { outcome },
            } => Some(outcome.clone()),
            _ => None,
        });
        match outcome.last() {
            Some(Outcome::Serving { proof, .. }) => match proof {
                Some(Proof::Users) => "promoted on users' requests".to_owned(),
                Some(proof) => format!("promoted: {proof:?}"),
                None => "serving".to_owned(),
            },
            Some(Outcome::RolledBack { .. }) => "rolled back".to_owned(),
            Some(other) => format!("{other:?}"),
            None => format!("exit code {}", self.ended.code),
        }
    }

    /// Why it was rolled back, as text.
    pub(crate) fn why(&self) -> String {
        let cause = self.ended.all(|event| match event {
            Event::Step {
                step: Step::RollBack { cause },
            } => Some(cause.explain(Target::Fargate).what),
            _ => None,
        });
        cause.last().cloned().unwrap_or_default()
    }

    /// Seconds from the start of the command to the first step that matches.
    pub(crate) fn until(&self, is_it: fn(&Step) -> bool) -> Option<f64> {
        let at = self.at(is_it)?;
        Some(at.since(self.began).as_secs_f64())
    }

    /// When the first step that matches was decided.
    pub(crate) fn at(&self, is_it: fn(&Step) -> bool) -> Option<Timestamp> {
        let steps = self.ended.steps();
        let found = steps.iter().find(|(_, step)| is_it(step));
        found.map(|(at, _)| *at)
    }

    /// The final counts of the new version's edges.
    pub(crate) fn counted(&self) -> Option<Arm> {
        let all = self.ended.all(|event| match event {
            Event::Watch(watch) => {
                let new = watch.arms.iter().find(|arm| arm.role == Role::New);
                new.cloned()
            }
            _ => None,
        });
        all.last().cloned()
    }

    /// How long each phase of the command took.
    pub(crate) fn phases(&self) -> Vec<PhaseTime> {
        self.ended.all(|event| match event {
            Event::PhaseFinished { time } => Some(*time),
            _ => None,
        })
    }

    /// The requests that the new version answered.
    pub(crate) fn hits(&self) -> Requests {
        self.requests.of(self.version)
    }
}

pub(crate) fn is_promotion(step: &Step) -> bool {
    matches!(step, Step::Promote { .. })
}

pub(crate) fn is_full(step: &Step) -> bool {
    matches!(step, Step::Shift { share: 100, .. })
}

pub(crate) fn is_shift(step: &Step) -> bool {
    matches!(step, Step::Shift { share, .. } if *share > 0)
}

pub(crate) fn is_rollback(step: &Step) -> bool {
    matches!(step, Step::RollBack { .. })
}
