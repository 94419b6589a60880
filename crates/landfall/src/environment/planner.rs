//! Plans of an environment's roots, and the decision about them: what `up` asks before it applies
//! anything, and what `plan` shows.

use crate::environment::Environment;
use crate::environment::budget;
use crate::environment::domain;
use crate::environment::tasks;
use crate::environment::toolchain::PlanMode;
use crate::failure::Failure;
use crate::release::deployment::TargetOutputs;
use crate::report::{Report, now};
use aws::{ErrorKind, Functions};
use infra::{Interrupt, Terraform};
use rules::app::manifest::{Manifest, Target};
use rules::event::Event;
use rules::exit::Exit;
use rules::operate::domain::course::Course;
use rules::release::revision::Image;
use rules::shape::contract::Root;
use rules::shape::cost::budget::Decision;
use rules::shape::plan::Plan;
use rules::shape::plan_decision::{PlanDecision, PlanDecisionInput};
use std::collections::BTreeMap;

/// Plans the roots of one environment.
pub(crate) struct Planner<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) environment: &'a Environment,
    pub(crate) report: &'a Report,
    pub(crate) interrupt: &'a Interrupt,
    /// Whether nothing is applied afterwards: then the plans do not lock the state.
    pub(crate) is_read_only: bool,
}

/// A root with its plan.
pub(crate) struct PlannedRoot {
    pub(crate) terraform: Terraform,
    pub(crate) plan: Plan,
}

/// The domain's root with its plan, and the steps from the current domain to the wanted one.
pub(crate) struct PlannedDomain {
    /// [`None`] if domains are only removed.
    pub(crate) root: Option<PlannedRoot>,
    pub(crate) course: Course,
}

/// All roots with their plans, and the decision about them.
pub(crate) struct Planned {
    pub(crate) foundation: PlannedRoot,
    pub(crate) target: PlannedRoot,
    /// [`None`] if there is no domain and none is removed.
    pub(crate) domain: Option<PlannedDomain>,
    pub(crate) decision: PlanDecision,
}

/// The manifest with the target that a command acts on and the budget of the command line.
pub(crate) fn settle(manifest: &Manifest, deployed: &[Target], budget: Option<f64>) -> Manifest {
    Manifest {
        target: Environment::target(manifest, deployed),
        budget: budget.or(manifest.budget),
        ..manifest.clone()
    }
}

impl Planner<'_> {
    /// Plans all roots, decides about the plans, and reports both. `deployed` are the targets that
    /// the environment runs on now, `user` is the image's.
    ///
    /// # Errors
    /// Terraform fails, the state is locked, or AWS does not answer. A refusal is no error
    /// but a decision.
    pub(crate) async fn plan(
        &self,
        image: Option<&Image>,
        deployed: &[Target],
        user: Option<String>,
    ) -> Result<Planned, Failure> {
        let (environment, manifest) = (self.environment, self.manifest);
        let account_budget = budget::look(environment).await?;
        budget::report(&account_budget, self.report);
        // One after the other: each init waits for the lock of the plugin cache that they share.
        let foundation = environment
            .foundation(manifest, &account_budget, self.interrupt)
            .await?;
        let target = environment
            .terraform_for(Root::of(manifest.target), manifest, image, self.interrupt)
            .await?;
        if let Some(change) = environment.provider_change().await {
            self.report.note(change);
        }
        let (foundation, target, pays) = tokio::join!(
            self.plan_root(foundation),
            self.plan_root(target),
            environment.cloud().account_plan(&environment.session)
        );
        let (foundation, target) = (foundation?, target?);
        let domain = self.plan_domain().await?;
        let roots = decided_on(&foundation, &target, domain.as_ref());
        let destroys = roots
            .iter()
            .any(|(_, plan)| plan.destroyed().next().is_some());
        let decision = PlanDecision::from_plans(PlanDecisionInput {
            manifest,
            there: deployed,
            account: &environment.account,
            region: environment.session.region(),
            rehearsal: environment.cloud().is_rehearsal(),
            roots,
            pays,
            user,
            serves: destroys && self.serves().await?,
            now: now(),
        });
        self.report_decision(&decision);
        Ok(Planned {
            foundation,
            target,
            domain,
            decision,
        })
    }

    /// Plans what the manifest's domain needs. The target need not be applied yet.
    async fn plan_domain(&self) -> Result<Option<PlannedDomain>, Failure> {
        let (environment, manifest) = (self.environment, self.manifest);
        let course = domain::course(environment, manifest, self.report).await?;
        if course.is_empty() {
            return Ok(None);
        }
        // A target that was applied in part lacks outputs.
        let outputs = environment
            .target_outputs(manifest.target, manifest, self.interrupt)
            .await;
        let outputs = outputs.ok().flatten();
        let root = match course.first.is_empty() {
            true => None,
            false => Some(self.plan_domains(&course.first, outputs.as_ref()).await?),
        };
        Ok(Some(PlannedDomain { root, course }))
    }

    /// Plans the domain's root with these domains.
    ///
    /// # Errors
    /// As of [`Planner::plan_root`].
    pub(crate) async fn plan_domains(
        &self,
        domains: &BTreeMap<String, String>,
        outputs: Option<&TargetOutputs>,
    ) -> Result<PlannedRoot, Failure> {
        let target = self.manifest.target;
        let inputs = domain::inputs(self.environment, self.manifest, target, domains, outputs)?;
        let terraform = self
            .environment
            .terraform_with(Root::domain_of(target), &inputs, self.interrupt)
            .await?;
        self.plan_root(terraform).await
    }

    fn report_decision(&self, decision: &PlanDecision) {
        for (root, plan) in &decision.roots {
            self.report.emit(Event::Planned {
                root: *root,
                summary: plan.describe(),
                changes: plan.changes.clone(),
            });
        }
        self.report.emit(Event::Priced {
            bill: Box::new(decision.bill.clone()),
        });
        if let Decision::Allowed {
            warning: Some(text),
        } = &decision.decision
        {
            self.report.emit(Event::Warning { text: text.clone() });
        }
        self.report.emit(Event::Reviewed {
            findings: decision.findings.clone(),
        });
    }

    /// Plans a root. A plan that fails is tried once more, since a plan changes nothing and the
    /// lock of the state may be free by then: a Terraform that outlives its landfall holds it for
    /// some seconds.
    ///
    /// # Errors
    /// The plan failed twice, the state is locked, or the user stopped it.
    pub(crate) async fn plan_root(&self, terraform: Terraform) -> Result<PlannedRoot, Failure> {
        let failure = match self.plan_once(&terraform).await {
            Ok(plan) => return Ok(PlannedRoot { terraform, plan }),
            Err(failure) => failure,
        };
        let explained = self.environment.explain(&terraform, failure).await;
        if explained.exit != Exit::Infrastructure || *self.interrupt.borrow() {
            return Err(explained);
        }
        match self.plan_once(&terraform).await {
            Ok(plan) => Ok(PlannedRoot { terraform, plan }),
            Err(failure) => Err(self.environment.explain(&terraform, failure).await),
        }
    }

    async fn plan_once(&self, terraform: &Terraform) -> Result<Plan, infra::Failure> {
        let mode = match self.is_read_only {
            true => PlanMode::Look,
            false => PlanMode::Apply,
        };
        self.environment.plan(terraform, mode, self.report).await
    }

    /// Whether a version serves users on either target.
    async fn serves(&self) -> Result<bool, Failure> {
        let environment = self.environment;
        let functions = Functions::new(&environment.session, &environment.names.function());
        match functions.placed().await {
            Ok(placed) if placed.blue.is_some() || placed.green.is_some() => return Ok(true),
            Err(error) if error.kind != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        Ok(tasks::desired(environment).await? > 0)
    }
}

/// The plans that the decision is about: those of all roots, but for the removal of domains whose
/// setup never finished. No user loses anything by that.
fn decided_on(
    foundation: &PlannedRoot,
    target: &PlannedRoot,
    domain: Option<&PlannedDomain>,
) -> Vec<(Root, Plan)> {
    let mut roots: Vec<(Root, Plan)> = [foundation, target]
        .map(|planned| (planned.terraform.dir.root, planned.plan.clone()))
        .into();
    if let Some(PlannedDomain {
        root: Some(planned),
        course,
    }) = domain
    {
        let mut plan = planned.plan.clone();
        plan.changes
            .retain(|change| !course.removes_unfinished(change));
        roots.push((planned.terraform.dir.root, plan));
    }
    roots
}
