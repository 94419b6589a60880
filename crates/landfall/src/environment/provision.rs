//! Making the infrastructure of an environment, and pushing the image into it: planned, priced, agreed to,
//! applied.

use crate::commands::up::image;
use crate::environment::confirm::confirm;
use crate::environment::phases::Phases;
use crate::environment::place::{Environment, Function};
use crate::environment::planner::{Planner, Proposed, Ready, ReadyDomain};
use crate::environment::terraform::listener;
use crate::failure::Failure;
use crate::image::engine::Engine;
use crate::release::runner::{Deployment, TargetOutputs};
use crate::report::Report;
use infra::Interrupt;
use rules::app::manifest::{Manifest, Target};
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::release::revision::Image;
use rules::shape::contract::{FoundationOutputs, Root};
use rules::shape::data_loss::Verdict;
use rules::shape::plan::Plan;
use rules::shape::plan_decision::PlanDecision;

/// What makes an environment.
pub(crate) struct Provisioner<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) place: &'a Environment,
    pub(crate) engine: &'a Engine,
    pub(crate) image: &'a image::Built,
    pub(crate) phases: &'a Phases<'a>,
    pub(crate) report: &'a Report,
    pub(crate) interrupt: &'a Interrupt,
    /// What the environment runs on now.
    pub(crate) there: &'a [Target],
}

/// What was made.
pub(crate) struct Provisioned {
    pub(crate) site: Deployment,
    pub(crate) image: Image,
    /// The domain's root, agreed to and still to be applied: it comes after the release.
    pub(crate) domain: Option<ReadyDomain>,
}

impl Provisioner<'_> {
    /// The infrastructure, and the image in its registry.
    pub(crate) async fn make(&self, yes: bool, question: &str) -> Result<Provisioned, Failure> {
        let phases = self.phases;
        let planner = self.planner();
        let mut function = planner.function().await;
        let user = Some(self.image.app.user.clone());
        let propose = planner.propose(&function, self.there, user);
        let Proposed {
            foundation,
            target,
            domain,
            proposal,
        } = phases.time(Phase::Plan, propose).await?;
        let leaving = domain
            .as_ref()
            .map_or(&[][..], |domain| &domain.course.leaving[..]);
        self.agree(&proposal, leaving, yes, question)?;
        let registry = async {
            let outputs = self.apply_foundation(foundation).await?;
            let push = image::push(
                self.place,
                self.engine,
                &self.image.shipped,
                &outputs,
                self.report,
            );
            let image = phases.time(Phase::Push, push).await?;
            Ok::<_, Failure>((outputs, image))
        };
        let (foundation, target, image) = match self.manifest.target {
            Target::Fargate => {
                // Both to their end, even if one fails: a Terraform that nobody waits for would work on unseen.
                let (pushed, target) = tokio::join!(registry, self.apply_target(target));
                let (foundation, image) = pushed?;
                (foundation, target?, image)
            }
            Target::Lambda => {
                // A function cannot be made before its image is there.
                let (foundation, image) = registry.await?;
                function.image = Some(image.clone());
                let target = self.with_image(target, &function).await?;
                (foundation, self.apply_target(target).await?, image)
            }
        };
        Ok(Provisioned {
            site: Deployment { foundation, target },
            image,
            domain,
        })
    }

    pub(crate) fn planner(&self) -> Planner<'_> {
        Planner {
            manifest: self.manifest,
            place: self.place,
            report: self.report,
            interrupt: self.interrupt,
            only_looks: false,
        }
    }

    /// The plan that was agreed to, once more with the image that the function is made from. Where there is
    /// a function already, what runs in it is no business of Terraform's.
    async fn with_image(&self, agreed: Ready, function: &Function) -> Result<Ready, Failure> {
        if agreed.plan.changes.is_empty() {
            return Ok(agreed);
        }
        let terraform = self
            .place
            .terraform_for(Root::Lambda, self.manifest, function, self.interrupt)
            .await?;
        let ready = self.planner().ready(terraform).await?;
        if ready.plan.changes == agreed.plan.changes {
            return Ok(ready);
        }
        Err(self.changed_meanwhile(&agreed, &ready))
    }

    /// Only what was agreed to is applied.
    pub(crate) fn changed_meanwhile(&self, agreed: &Ready, now: &Ready) -> Failure {
        Failure::new(
            Exit::Infrastructure,
            "somebody changed the infrastructure between the plan and its application",
        )
        .why(format!(
            "agreed to: {}; now: {}",
            agreed.plan.describe(),
            now.plan.describe()
        ))
        .next("run the same command again")
    }

    /// Refuses what must not be made, and asks for a yes where the plans change anything, or a domain goes.
    fn agree(
        &self,
        proposal: &PlanDecision,
        leaving: &[String],
        yes: bool,
        question: &str,
    ) -> Result<(), Failure> {
        if let Some(refusal) = proposal.refusal() {
            return Err(refusal.into());
        }
        for domain in leaving {
            let text = format!("https://{domain} goes: whoever asks there gets no answer any more");
            self.report.emit(Event::Warning { text });
        }
        match &proposal.loss {
            Verdict::NeedsYes(losses) => {
                for loss in losses {
                    self.report.emit(Event::Warning {
                        text: loss.explain(),
                    });
                }
                confirm(self.report, yes, "Go on, and lose this?")
            }
            _ if proposal.is_empty() && leaving.is_empty() => Ok(()),
            _ => confirm(self.report, yes, question),
        }
    }

    /// Applies a plan. What fails is planned and tried once more: in a fresh account the first cluster, for
    /// one, can come before the service-linked role that its creation asked for
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html>).
    async fn apply(&self, ready: &Ready) -> Result<(), Failure> {
        self.apply_where(ready, |plan| plan.destroyed().next().is_none())
            .await
    }

    /// Applies a plan once: what waits for long is not waited for twice.
    pub(crate) async fn apply_once(&self, ready: &Ready) -> Result<(), Failure> {
        let terraform = &ready.terraform;
        let mut listener = listener(self.report, terraform.dir.root);
        match terraform.apply(&mut listener).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.place.explain_lock(terraform, failure).await),
        }
    }

    /// As [`Provisioner::apply`] for a plan that destroys, too, as it was meant to.
    pub(crate) async fn apply_all(&self, ready: &Ready) -> Result<(), Failure> {
        self.apply_where(ready, |_| true).await
    }

    async fn apply_where(
        &self,
        ready: &Ready,
        still_meant: fn(&Plan) -> bool,
    ) -> Result<(), Failure> {
        let (place, report) = (self.place, self.report);
        let terraform = &ready.terraform;
        let root = terraform.dir.root;
        let first = match terraform.apply(&mut listener(report, root)).await {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        let explained = place.explain_lock(terraform, first).await;
        if explained.exit != Exit::Infrastructure {
            return Err(explained);
        }
        // A plan that would now destroy something is not the one that was agreed to.
        match terraform.plan(false).await {
            Ok(plan) if still_meant(&plan) => {}
            _ => return Err(explained),
        }
        report.note(format!("{}; trying once more", explained.what));
        match terraform.apply(&mut listener(report, root)).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(place.explain_lock(terraform, failure).await),
        }
    }

    async fn apply_foundation(&self, ready: Ready) -> Result<FoundationOutputs, Failure> {
        if !ready.plan.is_empty() {
            self.phases
                .time(Phase::Foundation, self.apply(&ready))
                .await?;
        }
        let outputs = ready.terraform.outputs().await?;
        outputs.ok_or_else(|| no_outputs(Root::Foundation))
    }

    async fn apply_target(&self, ready: Ready) -> Result<TargetOutputs, Failure> {
        let target = self.manifest.target;
        let phase = match target {
            Target::Fargate => Phase::Fargate,
            Target::Lambda => Phase::Lambda,
        };
        if !ready.plan.is_empty() {
            self.phases.time(phase, self.apply(&ready)).await?;
        }
        let outputs = self.place.outputs(target, &ready.terraform).await?;
        outputs.ok_or_else(|| no_outputs(Root::of(target)))
    }
}

fn no_outputs(root: Root) -> Failure {
    Failure::new(
        Exit::Infrastructure,
        format!("the {root} root was applied but has no outputs"),
    )
    .next("run the same command again")
}
