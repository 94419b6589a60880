//! Plans of both roots, and what they come to: what `up` asks before it makes anything, and what `plan`
//! shows.

use crate::environment::domain;
use crate::environment::place::{Environment, Function};
use crate::failure::Failure;
use crate::release::runner::TargetOutputs;
use crate::report::{Report, now};
use aws::{Account, ErrorKind, Functions, Services};
use infra::{Interrupt, Terraform};
use rules::app::manifest::{Manifest, Target};
use rules::app::names::Slot;
use rules::event::Event;
use rules::exit::Exit;
use rules::operate::domain::course::Course;
use rules::shape::contract::{LambdaInputs, Root};
use rules::shape::cost::account::AccountPlan;
use rules::shape::cost::budget::Decision;
use rules::shape::plan::Plan;
use rules::shape::plan_decision::{PlanDecision, PlanDecisionInput};
use std::collections::BTreeMap;

/// What plans an environment.
pub(crate) struct Planner<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) place: &'a Environment,
    pub(crate) report: &'a Report,
    pub(crate) interrupt: &'a Interrupt,
    /// Whether nothing will be applied: then nobody is locked out meanwhile.
    pub(crate) only_looks: bool,
}

/// A root with its plan.
pub(crate) struct Ready {
    pub(crate) terraform: Terraform,
    pub(crate) plan: Plan,
}

/// The domain's root, planned, and where it goes from there.
pub(crate) struct ReadyDomain {
    /// [`None`] where there is nothing to make, only to remove.
    pub(crate) ready: Option<Ready>,
    pub(crate) course: Course,
}

/// The roots, and what they come to.
pub(crate) struct Proposed {
    pub(crate) foundation: Ready,
    pub(crate) target: Ready,
    /// [`None`] where there is no domain and none goes.
    pub(crate) domain: Option<ReadyDomain>,
    pub(crate) proposal: PlanDecision,
}

/// The manifest that counts: with the target that runs already, unless another was asked for, and with the
/// budget of the command line.
pub(crate) fn settle(manifest: &Manifest, there: &[Target], budget: Option<f64>) -> Manifest {
    Manifest {
        target: Environment::target(manifest, there),
        budget: budget.or(manifest.budget),
        ..manifest.clone()
    }
}

impl Planner<'_> {
    /// Plans both roots, judges what they come to, and tells it. `there` is what the environment runs on,
    /// `user` the image's.
    pub(crate) async fn propose(
        &self,
        function: &Function,
        there: &[Target],
        user: Option<String>,
    ) -> Result<Proposed, Failure> {
        let (place, manifest) = (self.place, self.manifest);
        // One after the other: an init waits for the other's end anyway, as they share the plugin cache.
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
        let (foundation, target, pays) =
            tokio::join!(self.ready(foundation), self.ready(target), self.pays());
        let (foundation, target) = (foundation?, target?);
        let domain = self.domain(&target.terraform).await?;
        let mut roots: Vec<(Root, Plan)> = [&foundation, &target]
            .map(|ready| (ready.terraform.dir.root, ready.plan.clone()))
            .into();
        if let Some(domain) = &domain
            && let Some(ready) = &domain.ready
        {
            let mut plan = ready.plan.clone();
            plan.changes
                .retain(|change| !domain.course.takes_what_was_begun(change));
            roots.push((ready.terraform.dir.root, plan));
        }
        let destroys = roots
            .iter()
            .any(|(_, plan)| plan.destroyed().next().is_some());
        let proposal = PlanDecision::from_plans(PlanDecisionInput {
            manifest,
            there,
            account: &place.account,
            region: place.session.region(),
            rehearsal: place.is_rehearsal(),
            roots,
            pays,
            user,
            serves: destroys && self.serves().await?,
            now: now(),
        });
        self.tell(&proposal);
        Ok(Proposed {
            foundation,
            target,
            domain,
            proposal,
        })
    }

    /// Plans what the manifest's domain needs beside the target, which may still be to be made.
    async fn domain(&self, target: &Terraform) -> Result<Option<ReadyDomain>, Failure> {
        let (place, manifest) = (self.place, self.manifest);
        let course = domain::course(place, manifest, self.report).await?;
        if course.is_empty() {
            return Ok(None);
        }
        // Of a target that was only begun not everything is told.
        let outputs = place.outputs(manifest.target, target).await.ok().flatten();
        let ready = match course.first.is_empty() {
            true => None,
            false => Some(self.ready_domain(&course.first, outputs.as_ref()).await?),
        };
        Ok(Some(ReadyDomain { ready, course }))
    }

    /// The domain's root with these domains, planned.
    pub(crate) async fn ready_domain(
        &self,
        domains: &BTreeMap<String, String>,
        outputs: Option<&TargetOutputs>,
    ) -> Result<Ready, Failure> {
        let target = self.manifest.target;
        let inputs = domain::inputs(self.place, target, domains, outputs)?;
        let terraform = self
            .place
            .terraform_with(Root::domain_of(target), &inputs, self.interrupt)
            .await?;
        self.ready(terraform).await
    }

    fn tell(&self, proposal: &PlanDecision) {
        for (root, plan) in &proposal.roots {
            self.report.emit(Event::Planned {
                root: *root,
                summary: plan.describe(),
                changes: plan.changes.clone(),
            });
        }
        self.report.emit(Event::Priced {
            bill: Box::new(proposal.bill.clone()),
        });
        if let Decision::Allowed {
            warning: Some(text),
        } = &proposal.decision
        {
            self.report.emit(Event::Warning { text: text.clone() });
        }
        self.report.emit(Event::Reviewed {
            findings: proposal.findings.clone(),
        });
    }

    /// What Terraform needs to know of the function.
    pub(crate) async fn function(&self) -> Function {
        let mut function = Function::default();
        // The emulator does not tell the provider what is reserved: each plan would reserve it anew.
        if self.manifest.target == Target::Lambda && !self.place.is_rehearsal() {
            function.reserved_concurrency = self.concurrency().await;
        }
        function
    }

    /// What is kept for the function, where the account has so much that others do not go short.
    async fn concurrency(&self) -> Option<u32> {
        let functions = Functions::new(&self.place.session, &self.place.names.function());
        // Who may not look gets a function without a reservation.
        let limit = functions.concurrency().await.ok()?;
        LambdaInputs::reservation(limit)
    }

    /// A plan changes nothing, so what fails is planned once more: whoever held the lock, such as a Terraform
    /// that outlived its landfall, may be gone by the time one looks who it was.
    pub(crate) async fn ready(&self, terraform: Terraform) -> Result<Ready, Failure> {
        let failure = match self.plan(&terraform).await {
            Ok(plan) => return Ok(Ready { terraform, plan }),
            Err(failure) => failure,
        };
        let explained = self.place.explain_lock(&terraform, failure).await;
        if explained.exit != Exit::Infrastructure || *self.interrupt.borrow() {
            return Err(explained);
        }
        match self.plan(&terraform).await {
            Ok(plan) => Ok(Ready { terraform, plan }),
            Err(failure) => Err(self.place.explain_lock(&terraform, failure).await),
        }
    }

    async fn plan(&self, terraform: &Terraform) -> Result<Plan, infra::Failure> {
        match self.only_looks {
            true => terraform.foresee().await,
            false => terraform.plan(false).await,
        }
    }

    async fn pays(&self) -> AccountPlan {
        pays(self.place).await
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
        Ok(tasks(place).await? > 0)
    }
}

/// How the account pays: what AWS says, else what its age tells. What nobody can tell keeps nothing from
/// going on.
pub(crate) async fn pays(place: &Environment) -> AccountPlan {
    if place.is_rehearsal() {
        let why = "a rehearsal has no account".to_owned();
        return AccountPlan::Unknown { why };
    }
    let account = Account::new(&place.session);
    match account.plan_state().await {
        Ok(state) => AccountPlan::of_state(&state),
        Err(error) => {
            let created = account.created().await.ok();
            AccountPlan::of_age(created, now(), &error.to_string())
        }
    }
}

/// How many tasks are wanted in both slots.
pub(crate) async fn tasks(place: &Environment) -> Result<u32, Failure> {
    let services = Services::new(&place.session, &place.names.id());
    let mut wanted = 0;
    for slot in Slot::ALL {
        match services.slot(&place.names.slot(slot)).await {
            Ok(facts) => wanted += facts.desired,
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(wanted)
}
