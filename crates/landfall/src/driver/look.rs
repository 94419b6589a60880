//! One look at the platform, and what it means in the words of `rules`.

use crate::comparing::Subject;
use crate::probe::Door;
use aws::{SlotFacts, TaskFacts};
use rules::evidence::TargetHealth;
use rules::names::{CLOSED, Slot, Slots};
use rules::release::{Comparison, Doors, Observation, Probes, SlotSeen};
use rules::revision::{Digest, Image};

/// One look at the platform.
pub(crate) struct Look {
    pub(crate) shares: Slots<u32>,
    pub(super) tokens: Slots<String>,
    pub(crate) facts: Slots<(SlotFacts, Vec<TargetHealth>)>,
}

impl Look {
    /// Both slots as the release rules see them.
    pub(crate) fn slots(&self) -> Slots<SlotSeen> {
        let of = |slot: Slot| seen(&self.facts.of(slot).0, &self.facts.of(slot).1);
        Slots {
            blue: of(Slot::Blue),
            green: of(Slot::Green),
        }
    }

    pub(super) fn doors(&self) -> Doors {
        let is_open = |slot: Slot| !self.tokens.of(slot).starts_with(CLOSED);
        match (is_open(Slot::Blue), is_open(Slot::Green)) {
            (true, true) => Doors::Open,
            (false, false) => Doors::Closed,
            _ => Doors::Ajar,
        }
    }

    /// The header value that leads to a slot, while a release lets it.
    pub(crate) fn token(&self, slot: Slot) -> Option<&str> {
        let token = self.tokens.of(slot);
        (!token.starts_with(CLOSED)).then_some(token)
    }

    /// What leads to a slot.
    pub(crate) fn door(&self, slot: Slot) -> Door {
        Door {
            token: self.token(slot).map(str::to_owned),
            secret: self.facts.of(slot).0.deployed.secret.clone(),
        }
    }

    pub(crate) fn subjects(&self) -> Slots<Subject> {
        let slots = self.slots();
        let of = |slot: Slot| Subject {
            door: self.door(slot),
            revision: slots.of(slot).revision.clone(),
            healthy: slots.of(slot).healthy,
        };
        Slots {
            blue: of(Slot::Blue),
            green: of(Slot::Green),
        }
    }

    /// What everything is that is not a matter of one release.
    pub(crate) fn observation(&self) -> Observation {
        Observation {
            shares: self.shares.clone(),
            doors: self.doors(),
            slots: self.slots(),
            probes: Probes::default(),
            comparison: Comparison::default(),
        }
    }
}

/// Digests of a slot's running tasks. Where ECS does not resolve one, the reference that the task was
/// started with names it: references are digests.
pub(crate) fn running(facts: &SlotFacts) -> Vec<Digest> {
    let started_with = facts
        .deployed
        .image
        .as_deref()
        .and_then(Image::parse)
        .map(|image| image.digest);
    facts
        .tasks
        .iter()
        .filter(|task| task.running)
        .filter_map(|task| task.digest.clone().or_else(|| started_with.clone()))
        .collect()
}

/// A slot as the release rules see it.
pub(crate) fn seen(facts: &SlotFacts, targets: &[TargetHealth]) -> SlotSeen {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let failed = facts.stopped.iter().filter(|task| task.is_failure());
    let draining = targets.iter().filter(|target| target.state == "draining");
    SlotSeen {
        revision: facts.deployed.revision.clone(),
        desired: facts.desired,
        tasks: count(facts.tasks.len()),
        healthy: count(healthy(facts, targets)),
        draining: count(draining.count()),
        stopped: count(failed.count()),
        cause: None,
        staged_at: facts.staged_at,
    }
}

/// How many running tasks of the slot's revision the load balancer finds healthy. A target may still be
/// the one of a task of an earlier revision: it is told by its address, and where no addresses are
/// known, more targets than running tasks are not believed.
fn healthy(facts: &SlotFacts, targets: &[TargetHealth]) -> usize {
    let healthy: Vec<&TargetHealth> = targets
        .iter()
        .filter(|target| target.state == "healthy")
        .collect();
    let running: Vec<&TaskFacts> = facts
        .tasks
        .iter()
        .filter(|task| task.running && task.is_current)
        .collect();
    if running.iter().all(|task| task.address.is_none()) {
        return healthy.len().min(running.len());
    }
    let is_ours = |target: &&&TargetHealth| {
        let own = running.iter().filter_map(|task| task.address.as_deref());
        own.into_iter().any(|address| address == target.id)
    };
    healthy.iter().filter(is_ours).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws::Deployed;

    fn task(is_current: bool, running: bool, address: Option<&str>) -> TaskFacts {
        TaskFacts {
            id: "t".into(),
            running,
            digest: None,
            is_current,
            address: address.map(str::to_owned),
        }
    }

    fn slot(tasks: Vec<TaskFacts>) -> SlotFacts {
        SlotFacts {
            deployed: Deployed {
                task_definition: "d:2".into(),
                revision: None,
                image: None,
                secret: None,
            },
            desired: 1,
            tasks,
            stopped: Vec::new(),
            staged_at: None,
        }
    }

    fn targets(all: &[(&str, &str)]) -> Vec<TargetHealth> {
        all.iter()
            .map(|(id, state)| TargetHealth {
                id: (*id).to_owned(),
                state: (*state).to_owned(),
                ..TargetHealth::default()
            })
            .collect()
    }

    #[test]
    fn a_target_that_an_earlier_revision_left_is_not_the_candidate() {
        let left = targets(&[("10.0.0.1", "healthy")]);
        // It is staged, and its task does not run yet.
        let staged = slot(vec![task(true, false, None)]);
        assert_eq!(seen(&staged, &left).healthy, 0);
        // Both run; the load balancer has found only the old one healthy so far.
        let both = slot(vec![
            task(false, true, Some("10.0.0.1")),
            task(true, true, Some("10.0.0.2")),
        ]);
        assert_eq!(seen(&both, &left).healthy, 0);
        let found = targets(&[("10.0.0.1", "draining"), ("10.0.0.2", "healthy")]);
        let of = seen(&both, &found);
        assert_eq!((of.healthy, of.draining), (1, 1));
    }

    #[test]
    fn without_addresses_no_more_are_healthy_than_run() {
        let two = targets(&[("a", "healthy"), ("b", "healthy")]);
        let one = slot(vec![task(true, true, None), task(false, true, None)]);
        assert_eq!(seen(&one, &two).healthy, 1);
    }
}
