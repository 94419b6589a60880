//! Provisioning: plans the infrastructure of an environment, asks, applies it, and pushes the image
//! into its registry.

use crate::environment::Environment;
use crate::environment::budget;
use crate::environment::confirm::confirm;
use crate::environment::planner::{Planned, PlannedDomain, PlannedRoot, Planner};
use crate::environment::terraform::listener;
use crate::failure::Failure;
use crate::image::app_image::{self, AppImage};
use crate::image::engine::Engine;
use crate::release::deployment::{Deployment, TargetOutputs};
use crate::report::Report;
use crate::report::phases::Phases;
use infra::Interrupt;
use rules::app::manifest::{Manifest, Target};
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::release::revision::Image;
use rules::shape::account_budget::{AccountBudget, refusal_of_apply};
use rules::shape::contract::{FoundationOutputs, Root};
use rules::shape::data_loss::Verdict;
use rules::shape::plan::Plan;
use rules::shape::plan_decision::PlanDecision;

/// Provisions one environment.
pub(crate) struct Provisioner<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) environment: &'a Environment,
    pub(crate) engine: &'a Engine,
    pub(crate) image: &'a AppImage,
    pub(crate) phases: &'a Phases<'a>,
    pub(crate) report: &'a Report,
    pub(crate) interrupt: &'a Interrupt,
    /// The targets that the environment runs on before.
    pub(crate) deployed: &'a [Target],
}

/// What a release needs.
pub(crate) struct Provisioned {
    pub(crate) deployment: Deployment,
    /// The image in the registry.
    pub(crate) image: Image,
    /// The domain's plan, confirmed. It is applied after the release.
    pub(crate) domain: Option<PlannedDomain>,
}

impl Provisioner<'_> {
    /// Applies the infrastructure and pushes the image. `yes` and `question` are as of [`confirm`].
    ///
    /// # Errors
    /// The plans are refused or not confirmed, or anything fails on the way; the next
    /// attempt continues.
    pub(crate) async fn provision(
        &self,
        yes: bool,
        question: &str,
    ) -> Result<Provisioned, Failure> {
        let phases = self.phases;
        let planner = self.planner();
        let user = Some(self.image.own.user.clone());
        let planned = planner.plan(None, self.deployed, user);
        let Planned {
            foundation,
            target,
            domain,
            decision,
        } = phases.time(Phase::Plan, planned).await?;
        let leaving = domain
            .as_ref()
            .map_or(&[][..], |domain| &domain.course.leaving[..]);
        self.confirm(&decision, leaving, yes, question)?;
        // Before anything is applied: from then on every machine uses the same program and provider.
        let tools = self.environment.record_toolchain(&target.terraform);
        tools.await?;
        // First and alone, since it costs nothing: what AWS refuses to the account stops it before anything is
        // created that does.
        let foundation = self.apply_foundation(foundation).await?;
        let push = app_image::push(
            &self.environment.session,
            self.engine,
            &self.image.shipped,
            &foundation,
            self.manifest.target,
            self.report,
        );
        let push = phases.time(Phase::Push, push);
        let (target, image) = match self.manifest.target {
            Target::Fargate => {
                // Both run to their end even if one fails: a Terraform process must not outlive its
                // command.
                let (image, target) = tokio::join!(push, self.apply_target(target));
                let image = image?;
                (target?, image)
            }
            Target::Lambda => {
                // Lambda creates a function only from an image that exists.
                let image = push.await?;
                let target = self.plan_with_image(target, &image).await?;
                (self.apply_target(target).await?, image)
            }
        };
        Ok(Provisioned {
            deployment: Deployment { foundation, target },
            image,
            domain,
        })
    }

    pub(crate) fn planner(&self) -> Planner<'_> {
        Planner {
            manifest: self.manifest,
            environment: self.environment,
            report: self.report,
            interrupt: self.interrupt,
            is_read_only: false,
        }
    }

    /// The confirmed plan of the function, planned again with the image to create it from. If the
    /// function exists there is nothing to plan again: releases change its image, not Terraform.
    async fn plan_with_image(
        &self,
        confirmed: PlannedRoot,
        image: &Image,
    ) -> Result<PlannedRoot, Failure> {
        if confirmed.plan.changes.is_empty() {
            return Ok(confirmed);
        }
        let terraform = self
            .environment
            .terraform_for(Root::Lambda, self.manifest, Some(image), self.interrupt)
            .await?;
        let planned = self.planner().plan_root(terraform).await?;
        match planned.plan.changes == confirmed.plan.changes {
            true => Ok(planned),
            false => Err(changed_meanwhile(&confirmed, &planned)),
        }
    }

    /// Refuses plans that must not be applied. Asks where they change anything or remove a domain.
    fn confirm(
        &self,
        decision: &PlanDecision,
        leaving: &[String],
        yes: bool,
        question: &str,
    ) -> Result<(), Failure> {
        if let Some(refusal) = decision.refusal() {
            return Err(refusal.into());
        }
        for domain in leaving {
            let text = format!("https://{domain} is removed and will not answer any more");
            self.report.emit(Event::Warning { text });
        }
        match &decision.loss {
            Verdict::NeedsYes(losses) => {
                for loss in losses {
                    self.report.emit(Event::Warning {
                        text: loss.explain(),
                    });
                }
                confirm(self.report, yes, "Continue and lose this?")
            }
            _ if decision.is_empty() && leaving.is_empty() => Ok(()),
            _ => confirm(self.report, yes, question),
        }
    }

    /// Applies a plan that destroys nothing. If that fails it is planned and applied once more: in
    /// a new account, for example, the first cluster can fail because its service-linked role is
    /// still being created
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html>).
    async fn apply(&self, planned: &PlannedRoot) -> Result<(), Failure> {
        self.apply_where(planned, destroys_nothing).await
    }

    /// Applies a plan without a second attempt, for what takes long to fail.
    ///
    /// # Errors
    /// Terraform fails, the state is locked, or the user stopped it.
    pub(crate) async fn apply_once(&self, planned: &PlannedRoot) -> Result<(), Failure> {
        let terraform = &planned.terraform;
        let mut listener = listener(self.report, terraform.dir.root);
        match terraform.apply(&mut listener).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.environment.explain(terraform, failure).await),
        }
    }

    /// Applies a plan that may destroy, with a second attempt.
    ///
    /// # Errors
    /// As of [`Provisioner::apply_once`].
    pub(crate) async fn apply_all(&self, planned: &PlannedRoot) -> Result<(), Failure> {
        self.apply_where(planned, |_| true).await
    }

    /// Applies a plan, and once more if that fails and `still_confirmed` accepts the new plan.
    async fn apply_where(
        &self,
        planned: &PlannedRoot,
        still_confirmed: fn(&Plan) -> bool,
    ) -> Result<(), Failure> {
        match self.apply_once(planned).await {
            Ok(()) => Ok(()),
            Err(failure) => self.apply_again(planned, failure, still_confirmed).await,
        }
    }

    /// Applies a plan again that failed, if `still_confirmed` accepts the new plan.
    async fn apply_again(
        &self,
        planned: &PlannedRoot,
        failure: Failure,
        still_confirmed: fn(&Plan) -> bool,
    ) -> Result<(), Failure> {
        if failure.exit != Exit::Infrastructure {
            return Err(failure);
        }
        match planned.terraform.plan(false).await {
            Ok(plan) if still_confirmed(&plan) => {}
            _ => return Err(failure),
        }
        self.report
            .note(format!("{}; trying once more", failure.what));
        self.apply_once(planned).await
    }

    /// Destroys what a root contains.
    ///
    /// # Errors
    /// As of [`Environment::destroy`].
    pub(crate) async fn destroy(&self, root: Root) -> Result<(), Failure> {
        let roots = [root];
        let destroy = self
            .environment
            .destroy(self.manifest, &roots, self.report, self.interrupt);
        self.phases.time(Phase::Destroy, destroy).await
    }

    async fn apply_foundation(&self, planned: PlannedRoot) -> Result<FoundationOutputs, Failure> {
        if !planned.plan.is_empty() {
            self.phases
                .time(Phase::Foundation, self.apply_with_budget(&planned))
                .await?;
        }
        let outputs = self
            .environment
            .outputs(Root::Foundation, self.manifest, self.interrupt)
            .await?;
        outputs.ok_or_else(|| no_outputs(Root::Foundation))
    }

    /// Applies the foundation; without its budget if AWS refuses to create one for this account.
    async fn apply_with_budget(&self, planned: &PlannedRoot) -> Result<(), Failure> {
        let Err(failure) = self.apply_once(planned).await else {
            return Ok(());
        };
        let Some(message) = refusal_of_apply(&failure.why) else {
            return self.apply_again(planned, failure, destroys_nothing).await;
        };
        let account_budget = AccountBudget::LeftOut { message };
        let (environment, manifest) = (self.environment, self.manifest);
        let terraform = environment
            .foundation(manifest, &account_budget, self.interrupt)
            .await?;
        let rest = self.planner().plan_root(terraform).await?;
        if !destroys_nothing(&rest.plan) {
            return Err(failure);
        }
        budget::report(&account_budget, self.report);
        match rest.plan.is_empty() {
            true => Ok(()),
            false => self.apply(&rest).await,
        }
    }

    async fn apply_target(&self, planned: PlannedRoot) -> Result<TargetOutputs, Failure> {
        let target = self.manifest.target;
        let phase = match target {
            Target::Fargate => Phase::Fargate,
            Target::Lambda => Phase::Lambda,
        };
        if !planned.plan.is_empty() {
            self.phases.time(phase, self.apply(&planned)).await?;
        }
        let outputs = self
            .environment
            .target_outputs(target, self.manifest, self.interrupt)
            .await?;
        outputs.ok_or_else(|| no_outputs(Root::of(target)))
    }
}

fn destroys_nothing(plan: &Plan) -> bool {
    plan.destroyed().next().is_none()
}

/// The failure for a plan that is not the one that was confirmed any more.
pub(crate) fn changed_meanwhile(confirmed: &PlannedRoot, now: &PlannedRoot) -> Failure {
    Failure::new(
        Exit::Infrastructure,
        "the infrastructure changed between the plan and its application",
    )
    .why(format!(
        "confirmed: {}; now: {}",
        confirmed.plan.describe(),
        now.plan.describe()
    ))
    .next("run the same command again")
}

fn no_outputs(root: Root) -> Failure {
    Failure::new(
        Exit::Infrastructure,
        format!("the {root} root was applied but has no outputs"),
    )
    .next("run the same command again")
}
