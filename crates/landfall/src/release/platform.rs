//! The few verbs over two slots that both targets offer, and one look at them in the words of `rules`.

mod fargate;
mod lambda;

pub(crate) use self::fargate::Fargate;
pub(crate) use self::lambda::Lambda;
use crate::failure::Failure;
use crate::release::canary_analysis::{Counted, Subject};
use crate::release::http_probe::{Prober, SlotRoute};
use aws::LogLine;
use rules::app::names::{Slot, Slots};
use rules::release::diagnosis::Cause;
use rules::release::evidence::Evidence;
use rules::release::revision::{Digest, Revision, RevisionId};
use rules::release::{Comparison, Observation, PreviewRoutes, Probes, SlotSeen};

/// What a release runs on.
pub(crate) enum Platform {
    Fargate(Box<Fargate>),
    Lambda(Lambda),
}

/// One look at the platform.
pub(crate) struct Look {
    pub(crate) shares: Slots<u32>,
    previews: PreviewRoutes,
    slots: Slots<SlotLook>,
}

/// What a look finds in one slot.
#[derive(Default)]
pub(crate) struct SlotLook {
    pub(crate) seen: SlotSeen,
    /// What leads to it beside the way of users.
    pub(crate) door: SlotRoute,
    /// Reference of the image that it is set to.
    pub(crate) image: Option<String>,
    /// Digests of what runs in it.
    pub(crate) running: Vec<Digest>,
    /// What there is to read of trouble.
    pub(crate) evidence: Evidence,
    /// Names of its tasks, for their logs once they are gone.
    pub(crate) tasks: Vec<String>,
}

impl Look {
    pub(crate) fn of(&self, slot: Slot) -> &SlotLook {
        self.slots.of(slot)
    }

    /// Both slots as the release rules see them.
    pub(crate) fn slots(&self) -> Slots<SlotSeen> {
        let of = |slot: Slot| self.of(slot).seen.clone();
        Slots {
            blue: of(Slot::Blue),
            green: of(Slot::Green),
        }
    }

    pub(crate) fn previews(&self) -> PreviewRoutes {
        self.previews
    }

    /// What leads to a slot.
    pub(crate) fn door(&self, slot: Slot) -> SlotRoute {
        self.of(slot).door.clone()
    }

    pub(crate) fn subjects(&self) -> Slots<Subject> {
        let of = |slot: Slot| Subject {
            door: self.door(slot),
            revision: self.of(slot).seen.revision.clone(),
            healthy: self.of(slot).seen.healthy,
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
            previews: self.previews,
            slots: self.slots(),
            probes: Probes::default(),
            comparison: Comparison::default(),
        }
    }
}

impl Platform {
    /// One look at both slots and at who is sent where.
    pub(crate) async fn look(&self) -> Result<Look, Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.look().await,
            Platform::Lambda(lambda) => lambda.look().await,
        }
    }

    /// Sets a slot to `count` of the revision. Can be repeated.
    pub(crate) async fn stage(
        &self,
        slot: Slot,
        revision: &Revision,
        count: u32,
        look: &Look,
    ) -> Result<(), Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.stage(slot, revision, count, look).await,
            Platform::Lambda(lambda) => lambda.stage(slot, revision, look).await,
        }
    }

    /// Lets who knows a token reach each slot.
    pub(crate) async fn open(&self, look: &Look) -> Result<(), Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.open(look).await,
            Platform::Lambda(_) => Ok(()),
        }
    }

    /// Ends that.
    pub(crate) async fn close(&self, look: &Look) -> Result<(), Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.close(look).await,
            Platform::Lambda(_) => Ok(()),
        }
    }

    /// Sends this share of users, in percent, to the slot and all others to the other one: one call.
    pub(crate) async fn shift(&self, slot: Slot, share: u32, look: &Look) -> Result<(), Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.shift(slot, share).await,
            Platform::Lambda(lambda) => lambda.shift(slot, share, look).await,
        }
    }

    /// Sets how many run in a slot; 0 empties it.
    pub(crate) async fn scale(&self, slot: Slot, count: u32) -> Result<(), Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.scale(slot, count).await,
            Platform::Lambda(lambda) => lambda.scale(slot, count).await,
        }
    }

    /// The status of one answer of a slot to a request that is marked as landfall's own; [`None`] if there
    /// was none.
    pub(crate) async fn ask(&self, prober: &Prober, slot: Slot, look: &Look) -> Option<u16> {
        match self {
            Platform::Fargate(_) => prober.ask(&look.door(slot)).await,
            Platform::Lambda(lambda) => lambda.ask(slot, look).await,
        }
    }

    /// Asks a slot before anything is counted.
    pub(crate) async fn warm_up(&self, prober: &Prober, slot: Slot, look: &Look) {
        match self {
            Platform::Fargate(_) => {
                let door = SlotRoute {
                    secret: None,
                    ..look.door(slot)
                };
                prober.ask(&door).await;
            }
            // A sandbox of its own starts for each request that comes meanwhile, now as later.
            Platform::Lambda(_) => {}
        }
    }

    /// Who counts landfall's own requests.
    pub(crate) fn counted(&self) -> Counted {
        match self {
            Platform::Fargate(_) => Counted::ByEdges,
            // The edges' counts come by the log, and late; each of these requests is answered to landfall.
            Platform::Lambda(_) => Counted::ByLandfall,
        }
    }

    /// Pairs of requests at once. A new account runs ten invocations at a time, and users have their share.
    pub(crate) fn pairs(&self) -> usize {
        match self {
            Platform::Fargate(_) => 4,
            Platform::Lambda(_) => 1,
        }
    }

    /// What there is to read of trouble in a slot, for who looks once. A function's sandbox leaves no trace of
    /// it, so its version is asked.
    pub(crate) async fn examine(&self, slot: Slot, look: &Look) -> Evidence {
        let seen = look.of(slot).evidence.clone();
        match self {
            Platform::Fargate(_) => seen,
            Platform::Lambda(lambda) => lambda.examine(slot, look).await.unwrap_or(seen),
        }
    }

    /// Why the platform does not take a revision, if it has said so.
    pub(crate) fn refusal(&self, revision: &RevisionId) -> Option<Cause> {
        match self {
            Platform::Fargate(_) => None,
            Platform::Lambda(lambda) => {
                let reason = lambda.refusal(revision)?;
                Some(Cause::CannotPull { reason })
            }
        }
    }

    /// The task whose stream of the log holds all lines of a task, where there is one.
    pub(crate) fn stream<'t>(&self, task: &'t str) -> Option<&'t str> {
        match self {
            Platform::Fargate(_) => Some(task),
            // Each sandbox of a version has a stream of its own.
            Platform::Lambda(_) => None,
        }
    }

    /// Whether a line of the log is of this task, or version.
    pub(crate) fn wrote(&self, task: &str, line: &LogLine) -> bool {
        match self {
            Platform::Fargate(_) => true,
            // `[7]0a1b…`: the version, and the sandbox.
            Platform::Lambda(_) => line.task.starts_with(&format!("[{task}]")),
        }
    }

    /// Removes what releases leave behind and nobody needs any more.
    pub(crate) async fn prune(&self) -> Result<(), Failure> {
        match self {
            Platform::Fargate(_) => Ok(()),
            Platform::Lambda(lambda) => lambda.prune().await,
        }
    }
}
