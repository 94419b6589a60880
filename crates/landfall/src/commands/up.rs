//! `landfall up` and `landfall move`: provision, release, verify.

mod domain;
mod front_door;
mod migrate_target;
mod release_options;
mod release_warnings;

use crate::cli::{Global, Move, Up};
use crate::commands::{doctor, plan};
use crate::environment::Environment;
use crate::environment::app::App;
use crate::environment::planner::settle;
use crate::environment::provision::{Provisioned, Provisioner};
use crate::environment::secrets;
use crate::environment::ttl;
use crate::failure::Failure;
use crate::image::app_image;
use crate::lock::keepalive::Keepalive;
use crate::release::deployment::Deployment;
use crate::release::driver::LocalCopy;
use crate::release::runner::{ReleaseResult, ReleaseRunner};
use crate::report::phases::Phases;
use crate::report::{Report, now};
use infra::Interrupt;
use release_options::release_options;
use rules::app::manifest::{Choice, Manifest, Target};
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::operate::ttl::{ObservedExpiry, TtlChange, tag_value, warning};
use rules::release::revision::{Revision, Settings};

/// `landfall move`: an `up` to the other target of an environment that is deployed.
pub(crate) async fn move_to(
    arguments: &Move,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let app = App::read_settings(&arguments.app.directory, global)?;
    let environment = Environment::open(&app.manifest, global, report).await?;
    match environment.targets().await?.as_slice() {
        [] => Err(environment.not_deployed()),
        [target] if *target == arguments.to => {
            report.note(format!("it runs on {target} already: nothing was changed"));
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
    let deployed = examined.deployed;
    let (Some(app), Some(engine), Some(environment)) =
        (examined.app, examined.engine, examined.environment)
    else {
        return Err(Failure::new(
            Exit::Bug,
            "the preflight found no problem, but a fact is missing",
        ));
    };
    let environment = environment.with_changes(arguments.tools.into());
    let manifest = &settle(&app.manifest, &deployed, arguments.budget);
    report_target(manifest, &deployed, report);
    let prepare = app_image::prepare(
        arguments.source.image.as_deref(),
        &app.directory,
        manifest,
        environment.cloud().needs_lambda_bridge(manifest.target),
        &engine,
        report,
    );
    let image = phases.time(Phase::Build, prepare).await?;

    let made_bucket = match deployed.is_empty() {
        // The bucket of a deployed environment is complete, and a release needs no permission to
        // change it.
        true => {
            // A new one has its expiry from the start, so that `landfall reap` finds it even if
            // this command is killed.
            let end = arguments.ttl.and_then(|wish| wish.expires_at(now()));
            let end = end.map(tag_value);
            let ensured = environment.ensure_bucket(end.as_deref(), report, &interrupt);
            ensured.await?
        }
        false => false,
    };
    let keepalive =
        Keepalive::acquire(&environment.store(), "landfall up", report, &interrupt).await?;
    let provisioner = Provisioner {
        manifest,
        environment: &environment,
        engine: &engine,
        image: &image,
        phases: &phases,
        report,
        interrupt: &interrupt,
        deployed: &deployed,
    };
    let done = run_locked(&provisioner, arguments, &keepalive).await;
    if let (true, Err(failure), Some(bucket)) = (made_bucket, &done, environment.bucket())
        && failure.exit == Exit::Refused
    {
        // Leave nothing half-made: a bucket that this command created contains only its lock.
        keepalive.abandon().await;
        bucket.delete().await?;
        return done;
    }
    keepalive.release(done).await
}

/// Notes why a new environment runs on Fargate although the manifest does not ask for it.
fn report_target(manifest: &Manifest, deployed: &[Target], report: &Report) {
    if let Choice::Unfit(why) = &manifest.choice
        && !deployed.contains(&manifest.target)
    {
        report.note(format!("target fargate and not lambda: {}", why.join("; ")));
    }
}

/// What happens under the release lock: provisioning, the release, the domain, and the removal of
/// an old target.
async fn run_locked(
    provisioner: &Provisioner<'_>,
    arguments: &Up,
    keepalive: &Keepalive,
) -> Result<(), Failure> {
    let (environment, report, target) = (
        provisioner.environment,
        provisioner.report,
        provisioner.manifest.target,
    );
    let deployed = provisioner.deployed.iter().copied();
    let old: Vec<Target> = deployed.filter(|one| *one != target).collect();
    let verb = match old.first() {
        Some(old) => {
            let address = match provisioner.manifest.domain {
                Some(_) => "AWS's own address",
                None => "its address",
            };
            format!("Move this from {old} to {target}, which changes {address},")
        }
        None => "Create this".to_owned(),
    };
    let question = format!(
        "{verb} for {} ({}) in account {}, {}?",
        environment.names.app,
        environment.names.environment,
        environment.account,
        environment.session.region()
    );
    // Again under the lock: two new environments with one id may have created the bucket at the same time.
    environment.check_owner().await?;
    if !old.is_empty() {
        migrate_target::check(environment).await?;
    }
    keepalive.at("creating the infrastructure").await?;
    let before = ttl::read(environment).await?;
    let Provisioned {
        deployment,
        image,
        domain,
    } = provisioner.provision(arguments.yes, &question).await?;
    set_lifetime(provisioner, arguments.ttl, &before).await?;
    let revision = Revision {
        image,
        settings: Settings {
            secrets: secrets::current(environment, provisioner.manifest).await?,
            ..Settings::for_image(provisioner.manifest, &provisioner.image.own.user)
        },
    };
    let is_new = release(provisioner, &deployment, &revision, arguments, keepalive).await?;
    if !is_new {
        report.emit(Event::Unchanged {
            revision: revision.id(),
        });
    }
    if domain.is_some() {
        keepalive.at("setting up the domain").await?;
    }
    let url = domain::apply(provisioner, &deployment, domain).await?;
    report.emit(Event::Url { url });
    for target in old {
        keepalive.at("removing the old target").await?;
        domain::remove_from(provisioner, target).await?;
        migrate_target::remove(provisioner, target).await?;
    }
    Ok(())
}

/// Sets the requested expiry, counted from now, or leaves the current one; reports the result.
async fn set_lifetime(
    provisioner: &Provisioner<'_>,
    wish: Option<TtlChange>,
    before: &ObservedExpiry,
) -> Result<(), Failure> {
    if let Some(wish) = wish {
        ttl::write(provisioner.environment, wish.expires_at(now())).await?;
    }
    let is_new = provisioner.deployed.is_empty();
    if let Some(text) = warning(wish, before, is_new) {
        provisioner.report.emit(Event::Warning { text });
    }
    let lifetime = ttl::read(provisioner.environment).await?;
    provisioner.report.emit(Event::Lifetime { lifetime });
    Ok(())
}

/// Releases the revision, and verifies that it is live. Returns whether there was anything to do.
async fn release(
    provisioner: &Provisioner<'_>,
    deployment: &Deployment,
    revision: &Revision,
    arguments: &Up,
    keepalive: &Keepalive,
) -> Result<bool, Failure> {
    let (environment, manifest, report) = (
        provisioner.environment,
        provisioner.manifest,
        provisioner.report,
    );
    let local = LocalCopy {
        engine: provisioner.engine,
        image: &provisioner.image.own,
        manifest,
    };
    let runner = ReleaseRunner {
        driver: deployment.driver(
            &environment.session,
            &environment.names,
            manifest,
            Some(local),
            report,
            provisioner.interrupt,
        )?,
        store: environment.store(),
        keepalive,
        report,
    };
    let terms = release_options(arguments, manifest);
    let conducted = provisioner
        .phases
        .time(Phase::Release, async {
            front_door::wait(&runner.driver, report).await?;
            release_warnings::report(environment, manifest, &runner.driver, report).await;
            runner.release(revision, &terms).await
        })
        .await?;
    let outcome = provisioner
        .phases
        .time(Phase::Verdict, runner.verdict(&conducted, revision))
        .await;
    provisioner.phases.summarize();
    outcome?;
    Ok(matches!(conducted, ReleaseResult::Released { .. }))
}
