//! Making the infrastructure of an environment, and pushing the image into it: planned, priced, agreed to,
//! applied.

use super::image;
use crate::commands::{confirm, listener};
use crate::conduct::{Site, TargetOutputs};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::phases::Phases;
use crate::place::{Function, Place};
use crate::report::{Report, now};
use aws::{ErrorKind, Functions, Services};
use infra::{Interrupt, Terraform};
use rules::contract::{FoundationOutputs, LambdaInputs, Root};
use rules::cost::account::AccountPlan;
use rules::cost::budget::{Decision, decide};
use rules::cost::prices::Table;
use rules::cost::{Basis, Workload, estimate};
use rules::destruction::Verdict;
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::manifest::{Manifest, Target};
use rules::names::Slot;
use rules::plan::Plan;
use rules::revision::{Image, Settings};

/// What makes an environment.
pub(super) struct Maker<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) place: &'a Place,
    pub(super) engine: &'a Engine,
    pub(super) image: &'a image::Built,
    pub(super) phases: &'a Phases<'a>,
    pub(super) report: &'a Report,
    pub(super) interrupt: &'a Interrupt,
    pub(super) rehearsal: bool,
}

/// A root, ready to be applied.
struct Ready {
    terraform: Terraform,
    plan: Plan,
}

impl Maker<'_> {
    /// The infrastructure, and the image in its registry.
    pub(super) async fn make(&self, yes: bool, question: &str) -> Result<(Site, Image), Failure> {
        let phases = self.phases;
        let mut function = Function::default();
        // The emulator does not tell the provider what is reserved: each plan would reserve it anew.
        if self.manifest.target == Target::Lambda && !self.rehearsal {
            function.reserved_concurrency = self.concurrency().await;
        }
        let (foundation, target) = phases.time(Phase::Plan, self.plan(&function)).await?;
        self.check_price(&foundation.plan, &target.plan)?;
        self.agree(&foundation, &target, yes, question).await?;
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
        Ok((Site { foundation, target }, image))
    }

    /// What is kept for the function, where the account has so much that others do not go short.
    async fn concurrency(&self) -> Option<u32> {
        let functions = Functions::new(&self.place.session, &self.place.names.function());
        // Who may not look gets a function without a reservation.
        let limit = functions.concurrency().await.ok()?;
        LambdaInputs::reservation(limit)
    }

    async fn plan(&self, function: &Function) -> Result<(Ready, Ready), Failure> {
        // One after the other: an init waits for the other's end anyway, as they share the plugin cache.
        let (place, manifest) = (self.place, self.manifest);
        let foundation = place
            .terraform(Root::Foundation, manifest, self.interrupt)
            .await?;
        let target = place
            .terraform_for(
                Root::of(manifest.target),
                manifest,
                function,
                self.interrupt,
            )
            .await?;
        let (foundation, target) = tokio::join!(self.ready(foundation), self.ready(target));
        let (foundation, target) = (foundation?, target?);
        for ready in [&foundation, &target] {
            self.report.emit(Event::Planned {
                root: ready.terraform.dir.root,
                summary: ready.plan.describe(),
                changes: ready.plan.changes.clone(),
            });
        }
        Ok((foundation, target))
    }

    /// A plan changes nothing, so what fails is planned once more: whoever held the lock, such as a Terraform
    /// that outlived its landfall, may be gone by the time one looks who it was.
    async fn ready(&self, terraform: Terraform) -> Result<Ready, Failure> {
        let failure = match terraform.plan(false).await {
            Ok(plan) => return Ok(Ready { terraform, plan }),
            Err(failure) => failure,
        };
        let explained = self.place.explain_lock(&terraform, failure).await;
        if explained.exit != Exit::Infrastructure || *self.interrupt.borrow() {
            return Err(explained);
        }
        match terraform.plan(false).await {
            Ok(plan) => Ok(Ready { terraform, plan }),
            Err(failure) => Err(self.place.explain_lock(&terraform, failure).await),
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
        let ready = self.ready(terraform).await?;
        if ready.plan.changes == agreed.plan.changes {
            return Ok(ready);
        }
        Err(Failure::new(
            Exit::Infrastructure,
            "somebody changed the infrastructure between the plan and its application",
        )
        .why(format!(
            "agreed to: {}; now: {}",
            agreed.plan.describe(),
            ready.plan.describe()
        ))
        .next("run the same command again"))
    }

    /// What it will cost, resource by resource, said before anything is created.
    fn check_price(&self, foundation: &Plan, target: &Plan) -> Result<(), Failure> {
        let resources: Vec<_> = [foundation, target]
            .into_iter()
            .flat_map(|plan| plan.resources.iter().cloned())
            .collect();
        let settings = Settings::of_image(self.manifest, &self.image.app.user);
        let bill = estimate(
            Table::own(),
            &Basis {
                resources: &resources,
                workload: Workload::of(&settings, self.manifest.count.get()),
                region: self.place.session.region(),
                account: &AccountPlan::Unknown {
                    why: "the account was not asked".to_owned(),
                },
                now: now(),
            },
        );
        let decision = decide(&bill, self.manifest.budget, self.rehearsal);
        self.report.emit(Event::Priced {
            bill: Box::new(bill),
        });
        match decision {
            Decision::Allowed { warning } => {
                if let Some(text) = warning {
                    self.report.emit(Event::Warning { text });
                }
                Ok(())
            }
            Decision::Refused(refusal) => {
                let mut failure = Failure::new(Exit::Refused, refusal.what);
                failure.why = refusal.why;
                failure.next = refusal.next;
                Err(failure)
            }
        }
    }

    /// Asks for a yes where the plans change anything; refuses what would cut off users.
    async fn agree(
        &self,
        foundation: &Ready,
        target: &Ready,
        yes: bool,
        question: &str,
    ) -> Result<(), Failure> {
        let plans = [&foundation.plan, &target.plan];
        let destroys = plans.iter().any(|plan| plan.destroyed().next().is_some());
        let verdict = match destroys {
            true => Verdict::of(&plans, self.serves().await?),
            false => Verdict::Allowed,
        };
        match verdict {
            Verdict::Refused(losses) => {
                let mut failure = Failure::new(
                    Exit::Refused,
                    "the plan would destroy what users' requests pass through",
                );
                failure.why = losses.iter().map(|loss| loss.explain()).collect();
                Err(failure
                    .next("nothing was changed; a change of `port`, for one, replaces both services")
                    .next("deploy it as another environment beside this one (`--env`), or take this one down first"))
            }
            Verdict::NeedsYes(losses) => {
                for loss in &losses {
                    self.report.emit(Event::Warning {
                        text: loss.explain(),
                    });
                }
                confirm(self.report, yes, "Go on, and lose this?")
            }
            Verdict::Allowed if plans.iter().all(|plan| plan.is_empty()) => Ok(()),
            Verdict::Allowed => confirm(self.report, yes, question),
        }
    }

    /// Whether anything runs for users.
    async fn serves(&self) -> Result<bool, Failure> {
        let place = self.place;
        let functions = Functions::new(&place.session, &place.names.function());
        match functions.placed().await {
            Ok(placed) if placed.blue.is_some() || placed.green.is_some() => return Ok(true),
            Err(error) if error.kind != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let services = Services::new(&place.session, &place.names.id());
        for slot in Slot::ALL {
            match services.slot(&place.names.slot(slot)).await {
                Ok(facts) if facts.desired > 0 => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Applies a plan. What fails is planned and tried once more: in a fresh account the first cluster, for
    /// one, can come before the service-linked role that its creation asked for
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html>).
    async fn apply(&self, ready: &Ready) -> Result<(), Failure> {
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
            Ok(plan) if plan.destroyed().next().is_none() => {}
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
