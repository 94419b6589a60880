//! The calls that a release makes to its target, the same for Fargate and Lambda, and one look at both slots.

mod fargate;
mod lambda;

pub(crate) use self::fargate::Fargate;
pub(crate) use self::lambda::Lambda;
use crate::failure::Failure;
use crate::release::counts::Subject;
use crate::release::http_probe::{Prober, SlotRoute};
use crate::report::now;
use aws::LogLine;
use rules::app::manifest::Target;
use rules::app::names::{Slot, Slots};
use rules::release::analysis::ProbeCounter;
use rules::release::diagnosis::Cause;
use rules::release::evidence::Evidence;
use rules::release::idle;
use rules::release::revision::{Digest, Revision, RevisionId};
use rules::release::{Comparison, Observation, PreviewRoutes, Probes, SlotSeen};
use rules::time::Timestamp;

/// What became of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probed {
    /// The version answered with this status.
    Answered(u16),
    /// The version got it, and did not answer.
    Lost,
    /// The version did not get it.
    NotSent,
}

impl Probed {
    /// The status of the answer, [`None`] if it was lost; the outer [`None`] if it was not sent.
    pub(crate) fn status(self) -> Option<Option<u16>> {
        match self {
            Probed::Answered(status) => Some(Some(status)),
            Probed::Lost => Some(None),
            Probed::NotSent => None,
        }
    }
}

/// The target of releases.
pub(crate) enum Platform {
    Fargate(Box<Fargate>),
    Lambda(Lambda),
}

/// What one look observes.
pub(crate) struct Look {
    pub(crate) shares: Slots<u32>,
    previews: PreviewRoutes,
    slots: Slots<SlotLook>,
}

/// What one look observes of a slot.
#[derive(Default)]
pub(crate) struct SlotLook {
    pub(crate) seen: SlotSeen,
    /// Routes requests to this slot.
    pub(crate) route: SlotRoute,
    /// Reference of its image.
    pub(crate) image: Option<String>,
    /// Digests of the running tasks.
    pub(crate) running: Vec<Digest>,
    /// Evidence of problems.
    pub(crate) evidence: Evidence,
    /// Names of its tasks; on Lambda the version.
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

    pub(crate) fn route(&self, slot: Slot) -> SlotRoute {
        self.of(slot).route.clone()
    }

    pub(crate) fn subjects(&self) -> Slots<Subject> {
        let of = |slot: Slot| Subject {
            route: self.route(slot),
            revision: self.of(slot).seen.revision.clone(),
            healthy: self.of(slot).seen.healthy,
            version: (self.previews == PreviewRoutes::NotNeeded)
                .then(|| self.of(slot).tasks.first().cloned())
                .flatten(),
        };
        Slots {
            blue: of(Slot::Blue),
            green: of(Slot::Green),
        }
    }

    /// The observation, without what only a running release knows.
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
    pub(crate) fn target(&self) -> Target {
        match self {
            Platform::Fargate(_) => Target::Fargate,
            Platform::Lambda(_) => Target::Lambda,
        }
    }

    /// Observes both slots and the shares of users.
    pub(crate) async fn look(&self) -> Result<Look, Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.look().await,
            Platform::Lambda(lambda) => lambda.look().await,
        }
    }

    /// Sets a slot to `count` tasks of the revision. Idempotent. Returns what the user has to know about it.
    pub(crate) async fn stage(
        &self,
        slot: Slot,
        revision: &Revision,
        count: u32,
        look: &Look,
    ) -> Result<Option<&'static str>, Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.stage(slot, revision, count, look).await,
            Platform::Lambda(lambda) => {
                let staged = lambda.stage(slot, revision, look).await;
                staged.map(|()| None)
            }
        }
    }

    /// Routes requests with a token to each slot.
    pub(crate) async fn enable_previews(&self, look: &Look) -> Result<(), Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.enable_previews(look).await,
            Platform::Lambda(_) => Ok(()),
        }
    }

    /// Removes these routes.
    pub(crate) async fn disable_previews(&self, look: &Look) -> Result<(), Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.disable_previews(look).await,
            Platform::Lambda(_) => Ok(()),
        }
    }

    /// Sends this share of users, in percent, to the slot and all others to the other one, with one call.
    pub(crate) async fn shift(&self, slot: Slot, share: u32, look: &Look) -> Result<(), Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.shift(slot, share).await,
            Platform::Lambda(lambda) => lambda.shift(slot, share, look).await,
        }
    }

    /// Sets the number of tasks in a slot.
    pub(crate) async fn scale(&self, slot: Slot, count: u32) -> Result<(), Failure> {
        match self {
            Platform::Fargate(fargate) => fargate.scale(slot, count).await,
            Platform::Lambda(lambda) => lambda.scale(slot, count).await,
        }
    }

    /// Sends one probe to a slot.
    pub(crate) async fn probe(&self, prober: &Prober, slot: Slot, look: &Look) -> Probed {
        match self {
            Platform::Fargate(_) => match prober.ask(&look.route(slot)).await {
                Some(status) => Probed::Answered(status),
                None => Probed::Lost,
            },
            Platform::Lambda(lambda) => lambda.probe(slot, look).await,
        }
    }

    /// Sends one request to a slot that is not counted.
    pub(crate) async fn warm_up(&self, prober: &Prober, slot: Slot, look: &Look) {
        match self {
            Platform::Fargate(_) => {
                let route = SlotRoute {
                    secret: None,
                    ..look.route(slot)
                };
                prober.ask(&route).await;
            }
            // Each concurrent request starts a sandbox of its own, now and later.
            Platform::Lambda(_) => {}
        }
    }

    /// What counts the probes.
    pub(crate) fn probe_counter(&self) -> ProbeCounter {
        match self {
            Platform::Fargate(_) => ProbeCounter::Edges,
            // The edges' counts arrive late, by the log; the answers arrive here.
            Platform::Lambda(_) => ProbeCounter::Landfall,
        }
    }

    /// Pairs of probes at the same time. A new account runs ten invocations concurrently, users' included.
    pub(crate) fn pairs_at_once(&self) -> usize {
        match self {
            Platform::Fargate(_) => 4,
            Platform::Lambda(_) => 1,
        }
    }

    /// Evidence of problems in a slot, for a single look. A failed sandbox of a function leaves no trace, so
    /// the version is invoked.
    pub(crate) async fn examine(&self, slot: Slot, look: &Look) -> Evidence {
        let seen = look.of(slot).evidence.clone();
        match self {
            Platform::Fargate(_) => seen,
            Platform::Lambda(lambda) => lambda.examine(slot, look).await.unwrap_or(seen),
        }
    }

    /// Why the platform refused a revision, if it did.
    pub(crate) fn refusal(&self, revision: &RevisionId) -> Option<Cause> {
        match self {
            Platform::Fargate(_) => None,
            Platform::Lambda(lambda) => {
                let reason = lambda.refusal(revision)?;
                Some(Cause::CannotPull { reason })
            }
        }
    }

    /// Requests to the public address in the hour before now, landfall's own among them.
    pub(crate) async fn requests_of_the_last_hour(&self) -> Result<u64, aws::Error> {
        let requests = match self {
            Platform::Fargate(fargate) => &fargate.requests,
            Platform::Lambda(lambda) => &lambda.requests,
        };
        let now = now();
        let hour = u64::try_from(idle::PERIOD.as_millis()).unwrap_or(u64::MAX);
        let since = Timestamp(now.0.saturating_sub(hour));
        requests.between(since, now).await
    }

    /// The log stream with all lines of a task, where there is one.
    pub(crate) fn log_stream<'t>(&self, task: &'t str) -> Option<&'t str> {
        match self {
            Platform::Fargate(_) => Some(task),
            // Each sandbox of a version writes to a stream of its own.
            Platform::Lambda(_) => None,
        }
    }

    /// Whether this task, or version, wrote a line of the log.
    pub(crate) fn wrote(&self, task: &str, line: &LogLine) -> bool {
        match self {
            Platform::Fargate(_) => true,
            // `[7]0a1b…`: the version, and the sandbox.
            Platform::Lambda(_) => line.is_of_version(task),
        }
    }

    /// Deletes what releases left and no slot or rollback needs.
    pub(crate) async fn prune(&self) -> Result<(), Failure> {
        match self {
            Platform::Fargate(_) => Ok(()),
            Platform::Lambda(lambda) => lambda.prune().await,
        }
    }
}
