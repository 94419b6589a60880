//! `landfall up`: from a directory to an answering address.

mod front_door;
pub(crate) mod image;

use crate::app::{App, overrides};
use crate::cli::{Global, Up};
use crate::commands::{concerns, confirm, listener};
use crate::conduct::{Conduct, Conducted, Site, TargetOutputs};
use crate::driver::Local;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::keeper::Keeper;
use crate::phases::Phases;
use crate::place::Place;
use crate::report::Report;
use aws::{ErrorKind, Services};
use infra::{Interrupt, Terraform};
use rules::contract::{FoundationOutputs, Root};
use rules::cost;
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::manifest::{Manifest, Overrides};
use rules::names::Slot;
use rules::plan::Plan;
use rules::revision::{Image, Revision, Settings};

pub(crate) async fn run(
    arguments: &Up,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let phases = Phases::new(report);
    let app = App::read(
        &arguments.app.directory,
        &Overrides {
            dockerfile: arguments.source.dockerfile.clone(),
            target: arguments.target,
            prebuilt_image: arguments.source.image.is_some(),
            ..overrides(global)
        },
    )?;
    let manifest = &app.manifest;
    let (engine, place) = phases
        .time(Phase::Preflight, async {
            Place::terraform_binary()?;
            tokio::try_join!(Engine::find(), Place::open(&app, global, report))
        })
        .await?;
    check_price(manifest, &place, global.rehearse, report)?;
    let image = phases
        .time(
            Phase::Build,
            image::build(arguments.source.image.as_deref(), &app, &engine, report),
        )
        .await?;

    let made_bucket = match place.bucket() {
        Some(bucket) => bucket.ensure(&place.names).await?,
        None => false,
    };
    let keeper = Keeper::take(&place.store(), "landfall up", report, &interrupt).await?;
    let work = Work {
        manifest,
        place: &place,
        engine: &engine,
        image: &image,
        phases: &phases,
        report,
        interrupt: &interrupt,
    };
    let done = work.run(arguments, &keeper).await;
    if let (true, Err(failure), Some(bucket)) = (made_bucket, &done, place.bucket())
        && failure.exit == Exit::Refused
    {
        // Nothing half-made: a bucket that this very command made holds nothing but its lock.
        keeper.leave().await;
        bucket.delete().await?;
        return done;
    }
    keeper.end(done).await
}

/// Everything that is done under the lock.
struct Work<'a> {
    manifest: &'a Manifest,
    place: &'a Place,
    engine: &'a Engine,
    image: &'a image::Built,
    phases: &'a Phases<'a>,
    report: &'a Report,
    interrupt: &'a Interrupt,
}

impl Work<'_> {
    async fn run(&self, arguments: &Up, keeper: &Keeper) -> Result<(), Failure> {
        keeper.at("making the infrastructure").await?;
        let (site, image) = self.make(arguments.yes).await?;
        let revision = Revision {
            image,
            settings: Settings::of(self.manifest),
        };
        let is_new = self.release(&site, &revision, arguments, keeper).await?;
        if !is_new {
            self.report.emit(Event::Unchanged {
                revision: revision.id(),
            });
        }
        self.report.emit(Event::Url {
            url: site.url().to_owned(),
        });
        Ok(())
    }

    /// The infrastructure, and the image in its registry.
    async fn make(&self, yes: bool) -> Result<(Site, Image), Failure> {
        let (place, phases, report) = (self.place, self.phases, self.report);
        let planned = phases
            .time(
                Phase::Plan,
                plan(place, self.manifest, report, self.interrupt),
            )
            .await?;
        let (foundation, fargate) = agree(planned, place, yes, report).await?;
        // Both to their end, even if one fails: a Terraform that nobody waits for would work on unseen.
        let (pushed, target) = tokio::join!(
            async {
                let outputs = apply_foundation(place, foundation, phases, report).await?;
                let push = image::push(place, self.engine, &self.image.shipped, &outputs, report);
                let image = phases.time(Phase::Push, push).await?;
                Ok::<_, Failure>((outputs, image))
            },
            apply_fargate(place, fargate, phases, report),
        );
        let ((foundation, image), target) = (pushed?, target?);
        let site = Site { foundation, target };
        Ok((site, image))
    }

    /// Releases the revision, and looks whether it serves. Says whether there was anything to do.
    async fn release(
        &self,
        site: &Site,
        revision: &Revision,
        arguments: &Up,
        keeper: &Keeper,
    ) -> Result<bool, Failure> {
        let (place, manifest, report) = (self.place, self.manifest, self.report);
        let local = Local {
            engine: self.engine,
            image: &self.image.app,
            manifest,
        };
        let conduct = Conduct {
            driver: site.driver(place, manifest, Some(local), report, self.interrupt)?,
            store: place.store(),
            keeper,
            report,
        };
        let terms = arguments.terms(manifest);
        let conducted = self
            .phases
            .time(Phase::Release, async {
                front_door::wait(&conduct.driver, report).await?;
                concerns::tell(place, manifest, &conduct.driver, report).await;
                conduct.release(revision, &terms).await
            })
            .await?;
        let outcome = self
            .phases
            .time(Phase::Verdict, conduct.verdict(&conducted, revision))
            .await;
        self.phases.tell();
        outcome?;
        Ok(matches!(conducted, Conducted::Ended { .. }))
    }
}

/// What it will cost, said before anything is created. In a rehearsal nothing costs anything.
fn check_price(
    manifest: &Manifest,
    place: &Place,
    rehearsal: bool,
    report: &Report,
) -> Result<(), Failure> {
    let settings = Settings::of(manifest);
    let estimate = cost::fargate(place.session.region(), &settings, manifest.count.get());
    if rehearsal {
        report.note(format!(
            "on AWS it would cost {estimate}; the rehearsal is free"
        ));
        return Ok(());
    }
    report.emit(Event::Priced { estimate });
    if cost::is_within(estimate, manifest.budget) {
        return Ok(());
    }
    Err(
        Failure::new(Exit::Refused, "it would cost more than the budget")
            .why(format!(
                "{estimate}; `budget` is ${:.2} a month",
                manifest.budget.unwrap_or_default()
            ))
            .next(format!(
                "nothing was created; to allow it set `budget = {:.0}` in landfall.toml",
                estimate.monthly.ceil()
            )),
    )
}

/// A root, ready to be applied.
struct Ready {
    terraform: Terraform,
    plan: Plan,
}

async fn plan(
    place: &Place,
    manifest: &Manifest,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(Ready, Ready), Failure> {
    // One after the other: an init waits for the other's end anyway, as they share the plugin cache.
    let foundation = place
        .terraform(Root::Foundation, manifest, interrupt)
        .await?;
    let fargate = place.terraform(Root::Fargate, manifest, interrupt).await?;
    let ready = async |terraform: Terraform| {
        let plan = match terraform.plan(false).await {
            Ok(plan) => plan,
            Err(failure) => return Err(place.explain_lock(&terraform, failure).await),
        };
        report.emit(Event::Planned {
            root: terraform.dir.root,
            summary: plan.describe(),
            changes: plan.changes.clone(),
        });
        Ok(Ready { terraform, plan })
    };
    let (foundation, fargate) = tokio::join!(ready(foundation), ready(fargate));
    Ok((foundation?, fargate?))
}

/// Asks for a yes where the plans change anything; refuses what would cut off users.
async fn agree(
    (foundation, fargate): (Ready, Ready),
    place: &Place,
    yes: bool,
    report: &Report,
) -> Result<(Ready, Ready), Failure> {
    let cut: Vec<String> = fargate
        .plan
        .destroyed()
        .map(|change| change.address.clone())
        .collect();
    // What an interrupted first `up` left half-made may well be replaced.
    if !cut.is_empty() && serves(place).await? {
        let mut failure = Failure::new(
            Exit::Refused,
            "the plan would destroy what users' requests pass through",
        );
        failure.why = cut;
        return Err(failure
            .next("nothing was changed; a change of `port`, for one, replaces both services")
            .next("deploy it as another environment beside this one (`--env`), or take this one down first"));
    }
    if !(foundation.plan.is_empty() && fargate.plan.is_empty()) {
        let question = format!(
            "Create this for {} ({}) in account {}, {}?",
            place.names.app,
            place.names.environment,
            place.account,
            place.session.region()
        );
        confirm(report, yes, &question)?;
    }
    Ok((foundation, fargate))
}

/// Whether any slot is to run tasks: then there may be users.
async fn serves(place: &Place) -> Result<bool, Failure> {
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
async fn apply(place: &Place, ready: &Ready, report: &Report) -> Result<(), Failure> {
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

async fn apply_foundation(
    place: &Place,
    ready: Ready,
    phases: &Phases<'_>,
    report: &Report,
) -> Result<FoundationOutputs, Failure> {
    if !ready.plan.is_empty() {
        phases
            .time(Phase::Foundation, apply(place, &ready, report))
            .await?;
    }
    ready
        .terraform
        .outputs()
        .await?
        .ok_or_else(|| no_outputs(Root::Foundation))
}

async fn apply_fargate(
    place: &Place,
    ready: Ready,
    phases: &Phases<'_>,
    report: &Report,
) -> Result<TargetOutputs, Failure> {
    if !ready.plan.is_empty() {
        phases
            .time(Phase::Fargate, apply(place, &ready, report))
            .await?;
    }
    let outputs = ready
        .terraform
        .outputs()
        .await?
        .ok_or_else(|| no_outputs(Root::Fargate))?;
    place.reachable(TargetOutputs::Fargate(outputs)).await
}

fn no_outputs(root: Root) -> Failure {
    Failure::new(
        Exit::Infrastructure,
        format!("the {root} root was applied but has no outputs"),
    )
    .next("run the same command again")
}
