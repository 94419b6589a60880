//! Releases on Fargate: a slot is an ECS service, and the listener of the load balancer splits the traffic.

use super::{Look, SlotLook};
use crate::failure::Failure;
use crate::release::http_probe::SlotRoute;
use crate::store::random::token;
use aws::{
    InMemory, LoadBalancer, Metrics, RequestCount, Roles, Services, Session, SlotFacts, TaskFacts,
};
use edge_contract::secret::Secret;
use rules::app::names::{CLOSED, Names, Slot, Slots};
use rules::exit::Exit;
use rules::release::evidence::{Evidence, TargetHealth};
use rules::release::revision::{Digest, Image, Revision};
use rules::release::{PreviewRoutes, SlotSeen};
use rules::shape::contract::{FargateOutputs, FoundationOutputs};

/// The Fargate target of one environment.
pub(crate) struct Fargate {
    family: String,
    slots: Slots<String>,
    services: Services,
    load_balancer: LoadBalancer,
    /// The load balancer's counts.
    pub(crate) metrics: Metrics,
    pub(super) requests: RequestCount,
    roles: Roles,
}

impl Fargate {
    pub(crate) fn new(
        session: &Session,
        names: &Names,
        foundation: &FoundationOutputs,
        outputs: &FargateOutputs,
    ) -> Result<Fargate, Failure> {
        let metrics = Metrics::new(session, outputs)?;
        Ok(Fargate {
            family: names.family(),
            slots: outputs.services.clone(),
            services: Services::new(session, &outputs.cluster),
            load_balancer: LoadBalancer::new(session, outputs),
            requests: RequestCount::of_load_balancer(session, metrics.load_balancer()),
            metrics,
            roles: Roles {
                execution_role_arn: foundation.execution_role_arn.clone(),
                task_role_arn: foundation.task_role_arn.clone(),
                log_group: foundation.log_group.clone(),
            },
        })
    }

    pub(super) async fn look(&self) -> Result<Look, Failure> {
        let (shares, tokens, blue, green) = tokio::try_join!(
            self.load_balancer.shares(),
            self.load_balancer.tokens(),
            self.slot(Slot::Blue),
            self.slot(Slot::Green),
        )?;
        Ok(Look {
            shares,
            previews: previews(&tokens),
            slots: Slots {
                blue: slot_look(blue, &tokens.blue),
                green: slot_look(green, &tokens.green),
            },
        })
    }

    async fn slot(&self, slot: Slot) -> Result<(SlotFacts, Vec<TargetHealth>), aws::Error> {
        tokio::try_join!(
            self.services.slot(self.slots.of(slot)),
            self.load_balancer.targets(slot),
        )
    }

    pub(super) async fn stage(
        &self,
        slot: Slot,
        revision: &Revision,
        count: u32,
        look: &Look,
    ) -> Result<Option<&'static str>, Failure> {
        let mut note = None;
        let task_definition = match self.services.find(&self.family, &revision.id()).await? {
            Some(arn) => arn,
            None => {
                // Both slots share one secret: a request to the public address may reach either.
                let secret = match look.route(slot.other()).secret {
                    Some(secret) => secret,
                    None => new_secret()?,
                };
                let registered =
                    self.services
                        .register(&self.family, revision, &secret, &self.roles);
                let (arn, in_memory) = registered.await?;
                note = weaker(in_memory);
                arn
            }
        };
        self.services
            .set(self.slots.of(slot), &task_definition, count)
            .await?;
        Ok(note)
    }

    pub(super) async fn enable_previews(&self, look: &Look) -> Result<(), Failure> {
        for slot in Slot::ALL {
            if look.route(slot).token.is_none() {
                self.load_balancer.set_token(slot, &token()?).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn disable_previews(&self, look: &Look) -> Result<(), Failure> {
        for slot in Slot::ALL {
            if look.route(slot).token.is_some() {
                let closed = format!("{CLOSED}-{}", token()?);
                self.load_balancer.set_token(slot, &closed).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn shift(&self, slot: Slot, share: u32) -> Result<(), Failure> {
        Ok(self.load_balancer.shift(slot, share).await?)
    }

    pub(super) async fn scale(&self, slot: Slot, count: u32) -> Result<(), Failure> {
        Ok(self.services.scale(self.slots.of(slot), count).await?)
    }
}

/// A new secret for the counts of edges.
pub(super) fn new_secret() -> Result<Secret, Failure> {
    Secret::parse(&token()?)
        .ok_or_else(|| Failure::new(Exit::Bug, "a random token is not a valid secret"))
}

fn is_closed(token: &str) -> bool {
    token.starts_with(CLOSED)
}

fn previews(tokens: &Slots<String>) -> PreviewRoutes {
    match (is_closed(&tokens.blue), is_closed(&tokens.green)) {
        (false, false) => PreviewRoutes::Enabled,
        (true, true) => PreviewRoutes::Disabled,
        _ => PreviewRoutes::Partial,
    }
}

fn slot_look((facts, targets): (SlotFacts, Vec<TargetHealth>), token: &str) -> SlotLook {
    SlotLook {
        seen: seen(&facts, &targets),
        route: SlotRoute {
            token: (!is_closed(token)).then(|| token.to_owned()),
            secret: facts.deployed.secret.clone(),
        },
        running: running(&facts),
        tasks: facts.tasks.iter().map(|task| task.id.clone()).collect(),
        image: facts.deployed.image,
        evidence: Evidence {
            stopped: facts.stopped,
            targets,
            events: facts.events,
            ..Evidence::default()
        },
    }
}

/// Digests of a slot's running tasks. Where ECS does not report one, it is taken from the image reference
/// of the task definition: references are digests.
fn running(facts: &SlotFacts) -> Vec<Digest> {
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

/// A slot as `rules` sees it.
fn seen(facts: &SlotFacts, targets: &[TargetHealth]) -> SlotSeen {
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

/// The number of running tasks of the slot's revision that are healthy targets. A healthy target may
/// belong to a task of an earlier revision: addresses distinguish them. If no addresses are known, the
/// number of running tasks is the limit.
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

/// What the user has to know of a task definition that ECS accepted only without something.
fn weaker(in_memory: InMemory) -> Option<&'static str> {
    match in_memory {
        InMemory::Complete => None,
        InMemory::WithoutOptions => Some(
            "ECS refused the mount options of the directories in memory: they have its own, and the app may not be able to \
             write there",
        ),
        InMemory::Unsupported => Some(
            "ECS refused directories in memory in this region: the image's files are writable instead, although \
             `read_only` is true",
        ),
    }
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
            events: Vec::new(),
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
    fn a_target_of_an_earlier_revision_is_not_the_candidate() {
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
    fn without_addresses_at_most_the_running_tasks_are_healthy() {
        let two = targets(&[("a", "healthy"), ("b", "healthy")]);
        let one = slot(vec![task(true, true, None), task(false, true, None)]);
        assert_eq!(seen(&one, &two).healthy, 1);
    }
}
