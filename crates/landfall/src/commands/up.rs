//! `landfall up`: from a directory to an answering address.

mod migrate_target;

mod domain;
mod front_door;
pub(crate) mod image;

use crate::cli::{Global, Move, Up};
use crate::commands::{doctor, plan, release_warnings, secrets};
use crate::environment::app::App;
use crate::environment::phases::Phases;
use crate::environment::place::Environment;
use crate::environment::planner::settle;
use crate::environment::provision::{Provisioned, Provisioner};
use crate::environment::ttl;
use crate::failure::Failure;
use crate::lock::keepalive::Keepalive;
use crate::release::driver::Local;
use crate::release::runner::{Deployment, ReleaseResult, ReleaseRunner};
use crate::report::{Report, now};
use infra::Interrupt;
use rules::app::manifest::{Choice, Manifest, Target};
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::operate::ttl::{Lifetime, Wish, tag_value, warning};
use rules::release::revision::{Revision, Settings};

/// `landfall move`: an `up` to the other target, of what is there already.
pub(crate) async fn move_to(
    arguments: &Move,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let app = App::read_settings(&arguments.app.directory, global)?;
    let place = Environment::open(&app, global, report).await?;
    match place.targets().await?.as_slice() {
        [] => Err(place.not_deployed()),
        [there] if *there == arguments.to => {
            report.note(format!("it runs on {there} already: nothing was changed"));
            Ok(())
        }
        _ => run(&arguments.up(), global, report, interrupt).await,
    }
}

pub(crate) async fn run(
    arguments: &Up,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    if arguments.dry_run {
        return plan::run(&arguments.into(), global, report, interrupt).await;
    }
    let phases = Phases::new(report);
    let examined = phases
        .time(Phase::Preflight, doctor::before(arguments, global, report))
        .await?;
    let there = examined.there;
    let (Some(app), Some(engine), Some(place)) = (examined.app, examined.engine, examined.place)
    else {
        return Err(Failure::new(
            Exit::Bug,
            "the preflight found no problem, and yet something is missing",
        ));
    };
    let manifest = &settle(&app.manifest, &there, arguments.budget);
    say_target(manifest, &there, report);
    let app = App {
        manifest: manifest.clone(),
        ..app
    };
    let image = phases
        .time(
            Phase::Build,
            image::build(
                arguments.source.image.as_deref(),
                &app,
                &engine,
                global.rehearse,
                report,
            ),
        )
        .await?;

    let made_bucket = match place.bucket() {
        // Where something is deployed its bucket was made whole, and who only releases need not be allowed to.
        Some(bucket) if there.is_empty() => {
            // A new one bears its end from the beginning: whatever becomes of this command, it is found.
            let end = arguments.ttl.and_then(|wish| wish.end(now()));
            let end = end.map(tag_value);
            bucket.ensure(&place.names, end.as_deref()).await?
        }
        _ => false,
    };
    let keeper = Keepalive::take(&place.store(), "landfall up", report, &interrupt).await?;
    let maker = Provisioner {
        manifest,
        place: &place,
        engine: &engine,
        image: &image,
        phases: &phases,
        report,
        interrupt: &interrupt,
        there: &there,
    };
    let done = run_locked(&maker, &there, arguments, &keeper).await;
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

/// Says what nobody has asked for and may wonder about.
fn say_target(manifest: &Manifest, there: &[Target], report: &Report) {
    if let Choice::Unfit(why) = &manifest.choice
        && !there.contains(&manifest.target)
    {
        report.note(format!("target fargate and not lambda: {}", why.join("; ")));
    }
}

/// Everything that is done under the lock.
async fn run_locked(
    maker: &Provisioner<'_>,
    there: &[Target],
    arguments: &Up,
    keeper: &Keepalive,
) -> Result<(), Failure> {
    let (place, report, target) = (maker.place, maker.report, maker.manifest.target);
    let old: Vec<Target> = there.iter().copied().filter(|t| *t != target).collect();
    let verb = match old.first() {
        Some(old) => {
            let address = match maker.manifest.domain {
                Some(_) => "AWS's own address",
                None => "its address",
            };
            format!("Move this from {old} to {target}, which changes {address},")
        }
        None => "Create this".to_owned(),
    };
    let question = format!(
        "{verb} for {} ({}) in account {}, {}?",
        place.names.app,
        place.names.environment,
        place.account,
        place.session.region()
    );
    if !old.is_empty() {
        migrate_target::check(place).await?;
    }
    keeper.at("making the infrastructure").await?;
    let before = ttl::read(place).await?;
    let Provisioned {
        site,
        image,
        domain,
    } = maker.make(arguments.yes, &question).await?;
    set_lifetime(maker, arguments.ttl, &before).await?;
    let revision = Revision {
        image,
        settings: Settings {
            secrets: secrets::wanted(place, maker.manifest).await?,
            ..Settings::of_image(maker.manifest, &maker.image.app.user)
        },
    };
    let is_new = release(maker, &site, &revision, arguments, keeper).await?;
    if !is_new {
        report.emit(Event::Unchanged {
            revision: revision.id(),
        });
    }
    if domain.is_some() {
        keeper.at("setting up the domain").await?;
    }
    let url = domain::make(maker, &site, domain).await?;
    report.emit(Event::Url { url });
    for target in old {
        keeper.at("removing the old target").await?;
        domain::leave_target(maker, target).await?;
        migrate_target::leave(maker, target).await?;
    }
    Ok(())
}

/// Gives the environment the end that is asked for, counted from now that it is there, or leaves it the one
/// that it has; and says which.
async fn set_lifetime(
    maker: &Provisioner<'_>,
    wish: Option<Wish>,
    before: &Lifetime,
) -> Result<(), Failure> {
    if let Some(wish) = wish {
        ttl::write(maker.place, wish.end(now())).await?;
    }
    let is_new = maker.there.is_empty();
    if let Some(text) = warning(wish, before, is_new) {
        maker.report.emit(Event::Warning { text });
    }
    let lifetime = ttl::read(maker.place).await?;
    maker.report.emit(Event::Lifetime { lifetime });
    Ok(())
}

/// Releases the revision, and looks whether it serves. Says whether there was anything to do.
async fn release(
    maker: &Provisioner<'_>,
    site: &Deployment,
    revision: &Revision,
    arguments: &Up,
    keeper: &Keepalive,
) -> Result<bool, Failure> {
    let (place, manifest, report) = (maker.place, maker.manifest, maker.report);
    let local = Local {
        engine: maker.engine,
        image: &maker.image.app,
        manifest,
    };
    let conduct = ReleaseRunner {
        driver: site.driver(place, manifest, Some(local), report, maker.interrupt)?,
        store: place.store(),
        keeper,
        report,
    };
    let terms = arguments.terms(manifest);
    let conducted = maker
        .phases
        .time(Phase::Release, async {
            front_door::wait(&conduct.driver, report).await?;
            release_warnings::tell(place, manifest, &conduct.driver, report).await;
            conduct.release(revision, &terms).await
        })
        .await?;
    let outcome = maker
        .phases
        .time(Phase::Verdict, conduct.verdict(&conducted, revision))
        .await;
    maker.phases.tell();
    outcome?;
    Ok(matches!(conducted, ReleaseResult::Ended { .. }))
}
