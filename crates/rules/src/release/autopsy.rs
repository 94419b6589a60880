//! What is investigated while a candidate does not come up, and what its last log lines change in the
//! cause when it was given up.

use crate::release::diagnosis::{Cause, Expectation, denied, diagnose};
use crate::release::evidence::Evidence;
use crate::release::{Release, SlotSeen};
use crate::time::Timestamp;
use std::time::Duration;

/// Time that a task may run without being healthy before its image is run on this machine.
pub const INSPECT_AFTER: Duration = Duration::from_secs(8);
/// Log lines that are kept as evidence.
pub const LOG_LINES: usize = 30;
/// Tasks whose logs are read: the newest few, as one crash looks like the others.
const TASKS: usize = 3;

/// Clocks and time stamps of log lines may differ by so much.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// The first time at which a task of the candidate can have written a line.
pub fn log_begins(release: &Release, slot: &SlotSeen) -> Timestamp {
    let staged = slot.staged_at.unwrap_or(release.started);
    Timestamp(staged.0.saturating_sub(CLOCKS_DIFFER.as_secs() * 1_000))
}

/// Whether the image is run on this machine now, to see which ports it listens on: some task runs, none is
/// healthy, and it has had its time.
pub fn inspects_image(slot: &SlotSeen, evidence: &Evidence, runs: bool, now: Timestamp) -> bool {
    let is_healthy = evidence.targets.iter().any(|one| one.state == "healthy");
    let since = slot.staged_at.unwrap_or(Timestamp(0));
    runs && !is_healthy && now.since(since) > INSPECT_AFTER
}

/// The tasks whose logs may show why a candidate was given up: those that stopped, and those that were seen
/// `running` before.
pub fn tasks_to_read(evidence: &Evidence, running: &[String]) -> Vec<String> {
    let stopped = evidence.stopped.iter().map(|task| task.id.clone());
    let mut tasks: Vec<String> = stopped.chain(running.iter().cloned()).collect();
    tasks.dedup();
    tasks.split_off(tasks.len().saturating_sub(TASKS))
}

/// The cause to report for a candidate that was given up because of `cause`, once all its log lines have
/// arrived: they may explain what was only a timeout, or a crash, before.
pub fn conclude(cause: Cause, evidence: &Evidence, expected: &Expectation) -> Cause {
    match (diagnose(evidence, expected), &cause) {
        (Some(better), Cause::NotReady { .. } | Cause::Stopped) => better,
        (Some(better @ Cause::Denied(_)), Cause::Crash { .. }) => better,
        (None, Cause::NotReady { .. }) => denied(evidence, expected).unwrap_or(cause),
        _ => cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::Container;
    use crate::release::evidence::{StoppedTask, TargetHealth};
    use crate::release::samples::{NOW, record, running};

    fn target(state: &str) -> Evidence {
        Evidence {
            targets: vec![TargetHealth {
                state: state.into(),
                ..TargetHealth::default()
            }],
            ..Evidence::default()
        }
    }

    fn crashed(ids: &[&str]) -> Evidence {
        let stopped = ids.iter().map(|id| StoppedTask {
            id: (*id).into(),
            stop_code: "EssentialContainerExited".into(),
            exit_code: Some(1),
            ..StoppedTask::default()
        });
        Evidence {
            stopped: stopped.collect(),
            ..Evidence::default()
        }
    }

    fn hardened() -> Expectation {
        let mut settings = record(1, "new").revision.settings;
        settings.container = Some(Container::default());
        Expectation::from_settings(&settings)
    }

    fn with_log(evidence: Evidence) -> Evidence {
        Evidence {
            log: vec!["open /srv/cache: read-only file system".into()],
            ..evidence
        }
    }

    #[test]
    fn an_image_is_inspected_once_it_runs_for_a_while_without_being_healthy() {
        let slot = running("new", 1);
        let later = NOW.plus(Duration::from_secs(9));
        let soon = NOW.plus(Duration::from_secs(8));
        let unhealthy = target("unhealthy");
        assert!(inspects_image(&slot, &unhealthy, true, later));
        assert!(!inspects_image(&slot, &unhealthy, true, soon));
        assert!(!inspects_image(&slot, &unhealthy, false, later), "no task");
        assert!(!inspects_image(&slot, &target("healthy"), true, later));
    }

    #[test]
    fn the_logs_of_the_newest_tasks_are_read_once() {
        let evidence = crashed(&["a", "b"]);
        let of = |running: &[&str]| {
            let running: Vec<String> = running.iter().map(|id| (*id).to_owned()).collect();
            tasks_to_read(&evidence, &running)
        };
        assert_eq!(of(&["b"]), ["a", "b"]);
        assert_eq!(of(&["c", "d"]), ["b", "c", "d"]);
        assert_eq!(tasks_to_read(&Evidence::default(), &[]), [""; 0]);
    }

    #[test]
    fn late_log_lines_explain_a_timeout_and_a_crash() {
        let not_ready = Cause::NotReady {
            within: Duration::from_secs(300),
        };
        let crash = Cause::Crash { exit_code: 1 };
        let of = |cause: &Cause, evidence: &Evidence| {
            conclude(cause.clone(), evidence, &hardened()).code()
        };
        // It ended, and its lines show why.
        let denied = with_log(crashed(&["a"]));
        assert_eq!(of(&not_ready, &denied), "read_only");
        assert_eq!(of(&crash, &denied), "read_only");
        assert_eq!(of(&Cause::Stopped, &denied), "read_only");
        // It ended, and they do not.
        assert_eq!(of(&not_ready, &crashed(&["a"])), "crash");
        assert_eq!(of(&crash, &crashed(&["a"])), "crash");
        // It runs on without a part that was denied something.
        assert_eq!(of(&not_ready, &with_log(Evidence::default())), "read_only");
        assert_eq!(of(&not_ready, &Evidence::default()), "not_ready");
    }

    #[test]
    fn a_decision_on_other_evidence_is_kept() {
        let denied = with_log(crashed(&["a"]));
        for cause in [
            Cause::Aborted,
            Cause::Unproven,
            Cause::OnlyErrors { answered: 6 },
        ] {
            assert_eq!(conclude(cause.clone(), &denied, &hardened()), cause);
        }
    }
}
