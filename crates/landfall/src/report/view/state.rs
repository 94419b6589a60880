//! The view's state, folded from events. Pure: each event comes with its time.

use crate::report::heartbeat::ends_watch;
use edge_contract::totals::Totals;
use rules::app::manifest::Target;
use rules::event::{Event, Phase, Progress};
use rules::release::live_status::LiveStatus;
use rules::shape::contract::Root;
use rules::time::Timestamp;
use std::collections::BTreeMap;

/// What the view shows.
#[derive(Debug)]
pub(super) struct State {
    /// Whose terms the versions are shown in.
    pub(super) target: Target,
    /// Running phases, in the order in which they started.
    pub(super) phases: Vec<Running>,
    /// Terraform's work, by root.
    pub(super) roots: BTreeMap<Root, Work>,
    /// The last line of a tool's output.
    pub(super) output: Option<String>,
    /// The numbers of an app that runs on this machine.
    pub(super) traffic: Option<Totals>,
    /// The latest sample.
    pub(super) watch: Option<Seen>,
}

/// A running phase.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) phase: Phase,
    pub(super) since: Timestamp,
}

/// Terraform's work in a root.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) done: usize,
    /// Resources in progress, each with its start.
    pub(super) working: BTreeMap<String, Timestamp>,
}

/// A sample, and when it was taken.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) at: Timestamp,
    pub(super) watch: LiveStatus,
}

impl Default for State {
    fn default() -> State {
        State {
            target: Target::Fargate,
            phases: Vec::new(),
            roots: BTreeMap::new(),
            output: None,
            traffic: None,
            watch: None,
        }
    }
}

impl State {
    /// Applies an event that happened at `at`.
    pub(super) fn fold(&mut self, event: &Event, at: Timestamp) {
        if ends_watch(event) {
            self.watch = None;
        }
        match event {
            Event::PhaseStarted { phase } => self.phases.push(Running {
                phase: *phase,
                since: at,
            }),
            Event::PhaseFinished { time } => {
                self.phases.retain(|running| running.phase != time.phase);
                match time.phase {
                    Phase::Foundation => _ = self.roots.remove(&Root::Foundation),
                    Phase::Fargate => _ = self.roots.remove(&Root::Fargate),
                    Phase::Destroy => self.roots.clear(),
                    Phase::Build => self.output = None,
                    _ => {}
                }
            }
            Event::Resource {
                root,
                address,
                progress,
                seconds,
                ..
            } => {
                let work = self.roots.entry(*root).or_default();
                match progress {
                    Progress::Started | Progress::Waiting => {
                        work.working.insert(address.clone(), before(at, *seconds));
                    }
                    Progress::Finished | Progress::Errored => {
                        work.working.remove(address);
                        work.done += 1;
                    }
                }
            }
            Event::Output { line, .. } => self.output = Some(readable(line)),
            Event::Traffic { totals } => self.traffic = Some(*totals),
            Event::Watch(watch) => {
                self.watch = Some(Seen {
                    at,
                    watch: watch.clone(),
                });
            }
            // Nothing runs any more.
            Event::Failed { .. } | Event::Ended { .. } => *self = State::default(),
            _ => {}
        }
    }
}

fn before(at: Timestamp, seconds: f64) -> Timestamp {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let millis = (seconds * 1_000.0) as u64;
    Timestamp(at.0.saturating_sub(millis))
}

/// A tool's line without escape sequences: cut to the view's width, they would leave stray letters.
fn readable(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            '\x1b' => {
                if chars.next() == Some('[') {
                    // A control sequence ends with a byte from 0x40 to 0x7e (ECMA-48, 5.4).
                    let _ = chars.find(|char| matches!(char, '\x40'..='\x7e'));
                }
            }
            '\t' => text.push(' '),
            char if char.is_control() => {}
            char => text.push(char),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::view::samples::canary;
    use rules::event::PhaseTime;
    use rules::exit::Exit;

    #[test]
    fn phases_come_and_go() {
        let mut state = State::default();
        for phase in [Phase::Build, Phase::Foundation] {
            state.fold(&Event::PhaseStarted { phase }, Timestamp(5));
        }
        let time = PhaseTime {
            phase: Phase::Build,
            seconds: 1.0,
        };
        state.fold(&Event::PhaseFinished { time }, Timestamp(6));
        let running: Vec<Phase> = state.phases.iter().map(|running| running.phase).collect();
        assert_eq!(running, [Phase::Foundation]);
    }

    #[test]
    fn resources_keep_their_own_clock() {
        let mut state = State::default();
        let resource = |address: &str, progress, seconds| Event::Resource {
            root: Root::Fargate,
            address: address.to_owned(),
            action: "create".to_owned(),
            progress,
            seconds,
        };
        state.fold(&resource("a", Progress::Started, 0.0), Timestamp(1_000));
        state.fold(&resource("b", Progress::Waiting, 10.0), Timestamp(20_000));
        state.fold(&resource("a", Progress::Finished, 2.0), Timestamp(20_000));
        let work = &state.roots[&Root::Fargate];
        assert_eq!(work.done, 1);
        assert_eq!(work.working["b"], Timestamp(10_000));
    }

    #[test]
    fn at_the_end_nothing_is_shown() {
        let mut state = State::default();
        let phase = Phase::Release;
        state.fold(&Event::PhaseStarted { phase }, Timestamp(1));
        state.fold(&Event::Watch(canary()), Timestamp(1));
        let ended = Event::Ended {
            exit: Exit::Done,
            code: 0,
        };
        state.fold(&ended, Timestamp(2));
        assert!(state.watch.is_none() && state.phases.is_empty());
    }

    #[test]
    fn colours_of_a_tool_leave_nothing_behind() {
        assert_eq!(
            readable("\x1b[1;32m   Compiling\x1b[0m a\tb\r"),
            "   Compiling a b"
        );
    }
}
