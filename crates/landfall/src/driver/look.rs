//! One look at the platform, and what it means in the words of `rules`.

use crate::comparing::Subject;
use crate::probe::Door;
use aws::SlotFacts;
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
    let count = |state: &str| {
        u32::try_from(
            targets
                .iter()
                .filter(|target| target.state == state)
                .count(),
        )
        .unwrap_or(u32::MAX)
    };
    SlotSeen {
        revision: facts.deployed.revision.clone(),
        desired: facts.desired,
        tasks: u32::try_from(facts.tasks.len()).unwrap_or(u32::MAX),
        healthy: count("healthy"),
        draining: count("draining"),
        stopped: u32::try_from(
            facts
                .stopped
                .iter()
                .filter(|task| task.is_failure())
                .count(),
        )
        .unwrap_or(u32::MAX),
        cause: None,
        staged_at: facts.staged_at,
    }
}
