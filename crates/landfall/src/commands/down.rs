//! `landfall down`: back to nothing, and a look whether it is nothing.

use crate::cli::{Down, Global};
use crate::commands::ci;
use crate::environment::app::App;
use crate::environment::confirm::confirm;
use crate::environment::domain;
use crate::environment::phases::Phases;
use crate::environment::place::Environment;
use crate::environment::terraform::listener;
use crate::failure::Failure;
use crate::lock::keepalive::Keepalive;
use crate::report::Report;
use aws::{ErrorKind, Inventory, Logs, OneOffProgress, Registry, Secrets, Services};
use infra::Interrupt;
use rules::app::manifest::{Domain, Manifest};
use rules::app::names::Slot;
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::operate::sweep::{Leftover, leftovers};
use rules::shape::contract::Root;
use std::time::Duration;

/// How long tasks may take to stop once they were told to.
const TASKS_GONE: Duration = Duration::from_secs(180);
/// How long the account may take to forget what was deleted.
const FORGOTTEN: Duration = Duration::from_secs(60);

pub(crate) async fn run(
    arguments: &Down,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let phases = Phases::new(report);
    let app = App::read_settings(&arguments.app.directory, global)?;
    let place = phases
        .time(Phase::Preflight, Environment::open(&app, global, report))
        .await?;
    // Before the state is gone that tells them.
    let domains = domain::kept(&place).await?.domains;
    let domains = domains
        .keys()
        .filter_map(|domain| Domain::parse(domain).ok());
    let inventory = Inventory::new(&place.session, &place.names, &place.account)
        .with_domains(domains.chain(app.manifest.domain.clone()));
    if arguments.verify {
        let swept = phases
            .time(
                Phase::Sweep,
                sweep(&place, &inventory, report, Duration::ZERO),
            )
            .await?;
        return end(&swept);
    }

    let listing = inventory.look().await;
    let has_state = place.has_state().await?;
    if listing.by_name.is_empty() && !has_state {
        report.note("there is nothing to remove");
    } else {
        report.emit(Event::Doomed {
            things: listing.by_name,
        });
        let question = format!(
            "Remove {} ({}) from account {}, {}, for good?",
            place.names.app,
            place.names.environment,
            place.account,
            place.session.region()
        );
        confirm(report, arguments.yes, &question)?;
        // Nobody releases meanwhile; and nobody is told of a lock where there is nothing to lock.
        let keeper = match has_state {
            true => {
                Some(Keepalive::take(&place.store(), "landfall down", report, &interrupt).await?)
            }
            false => None,
        };
        let manifest = &app.manifest;
        return all(&place, manifest, keeper, &phases, report, &interrupt).await;
    }
    look(&place, &phases, report).await
}

/// Removes an environment, under the lock where there is one, and looks whether anything is left.
///
/// The state goes last: whoever is cut off before finds all of it again.
pub(crate) async fn all(
    place: &Environment,
    manifest: &Manifest,
    keeper: Option<Keepalive>,
    phases: &Phases<'_>,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let removed = remove(place, manifest, phases, report, interrupt).await;
    match keeper {
        Some(keeper) if removed.is_err() => return keeper.end(removed).await,
        // It goes with the state that it lies beside, and is not renewed any more.
        Some(keeper) => keeper.leave().await,
        None => removed?,
    }
    phases.time(Phase::State, remove_state(place)).await?;
    look(place, phases, report).await
}

/// Looks whether anything is left, for as long as the account may take to forget.
async fn look(place: &Environment, phases: &Phases<'_>, report: &Report) -> Result<(), Failure> {
    let inventory = Inventory::new(&place.session, &place.names, &place.account);
    let swept = phases
        .time(Phase::Sweep, sweep(place, &inventory, report, FORGOTTEN))
        .await?;
    phases.tell();
    end(&swept)
}

/// Everything but the state.
async fn remove(
    place: &Environment,
    manifest: &Manifest,
    phases: &Phases<'_>,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    phases.time(Phase::Objects, remove_objects(place)).await?;
    if place.has_state().await? {
        let mut roots = Vec::new();
        // CI first, so that no job brings back what goes. Then domains, so that no name leads nowhere, and the
        // running parts: a task that stops late writes its
        // last lines, and some services bring a log group back that is no longer there.
        for root in [
            Root::Ci,
            Root::FargateDomain,
            Root::LambdaDomain,
            Root::Fargate,
            Root::Lambda,
            Root::Foundation,
        ] {
            if place.holds(root).await? {
                roots.push(root);
            }
        }
        let provider = match roots.contains(&Root::Ci) {
            true => ci::trusted(place).await?,
            false => None,
        };
        let destroy = destroy(place, manifest, &roots, report, interrupt);
        phases.time(Phase::Destroy, destroy).await?;
        ci::leave(place, provider, report).await;
    }
    Ok(())
}

/// What releases made: tasks, task definitions, images. Terraform does not know of them.
async fn remove_objects(place: &Environment) -> Result<(), Failure> {
    remove_tasks(place).await?;
    Registry::new(&place.session)
        .delete_images(&place.names.id())
        .await?;
    Ok(())
}

/// What releases made on Fargate, and what `exec` started.
pub(crate) async fn remove_tasks(place: &Environment) -> Result<(), Failure> {
    let services = Services::new(&place.session, &place.names.id());
    for slot in Slot::ALL {
        let slot = place.names.slot(slot);
        // Looked for first: who takes down a function need not be allowed to scale services.
        let scaled = match services.slot(&slot).await {
            Ok(_) => services.scale(&slot, 0).await,
            Err(error) => Err(error),
        };
        match scaled {
            Err(error) if error.kind != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    // Before anything they log to, or are reached by, is taken away.
    let end = tokio::time::Instant::now() + TASKS_GONE;
    for slot in Slot::ALL {
        loop {
            match services.slot(&place.names.slot(slot)).await {
                Ok(facts) if facts.tasks.is_empty() => break,
                Ok(_) if tokio::time::Instant::now() > end => break,
                Ok(_) => tokio::time::sleep(Duration::from_secs(1)).await,
                Err(error) if error.kind == ErrorKind::NotFound => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    match services.slot(&place.names.slot(Slot::Blue)).await {
        Ok(_) => stop_what_runs_once(&services).await?,
        // Without a cluster nobody started anything in it, and not everybody may look there.
        Err(error) if error.kind == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    services.delete_definitions(&place.names.family()).await?;
    Ok(())
}

/// Stops what `exec` started, and waits for its end.
async fn stop_what_runs_once(services: &Services) -> Result<(), Failure> {
    let tasks = services.running_once().await?;
    for task in &tasks {
        services.stop_once(task, "landfall down").await?;
    }
    let end = tokio::time::Instant::now() + TASKS_GONE;
    for task in &tasks {
        loop {
            match services.progress(task).await {
                Ok(OneOffProgress::Ended(_)) => break,
                Ok(_) if tokio::time::Instant::now() > end => break,
                Ok(_) => tokio::time::sleep(Duration::from_secs(1)).await,
                Err(error) if error.kind == ErrorKind::NotFound => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Destroys roots, one after the other.
pub(crate) async fn destroy(
    place: &Environment,
    manifest: &Manifest,
    roots: &[Root],
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    for &root in roots {
        let terraform = place.terraform(root, manifest, interrupt).await?;
        let mut again = true;
        loop {
            let done = async {
                let plan = terraform.plan(true).await?;
                report.emit(Event::Planned {
                    root,
                    summary: plan.describe(),
                    changes: plan.changes.clone(),
                });
                if plan.is_empty() {
                    return Ok(());
                }
                terraform.apply(&mut listener(report, root)).await
            };
            match done.await {
                Ok(()) => break,
                // AWS deletes some things later than it says so; what failed for that reason is gone
                // a moment later. Once: what fails twice needs a person.
                Err(failure) if again && !failure.interrupted => {
                    again = false;
                    report.note(format!("{failure}; trying once more"));
                }
                Err(failure) => return Err(place.explain_lock(&terraform, failure).await),
            }
        }
    }
    Ok(())
}

/// What is left once Terraform has nothing more to say, and nothing runs that would need a secret.
async fn remove_state(place: &Environment) -> Result<(), Failure> {
    let secrets = Secrets::new(&place.session, &place.names);
    secrets.remove(&secrets.list().await?).await?;
    let services = Services::new(&place.session, &place.names.id());
    services
        .delete_definitions(&place.names.placeholder_family())
        .await?;
    Logs::new(&place.session, &place.names.log_group())
        .delete()
        .await?;
    if let Some(bucket) = place.bucket() {
        bucket.delete().await?;
    }
    match std::fs::remove_dir_all(place.directory()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::io(format!(
            "{} cannot be removed",
            place.directory().display()
        ))(error)),
        _ => Ok(()),
    }
}

struct Swept {
    left: Vec<Leftover>,
    unseen: Vec<String>,
}

/// Looks, and looks again for a while where something is left: AWS forgets slowly.
async fn sweep(
    place: &Environment,
    inventory: &Inventory,
    report: &Report,
    timings: Duration,
) -> Result<Swept, Failure> {
    let end = tokio::time::Instant::now() + timings;
    let swept = loop {
        let listing = inventory.look().await;
        let left = leftovers(
            &place.names,
            place.session.region(),
            &listing.by_name,
            &listing.by_tag,
        );
        if left.is_empty() || tokio::time::Instant::now() >= end {
            break Swept {
                left,
                unseen: listing.unseen,
            };
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    };
    for leftover in &swept.left {
        report.emit(Event::Left {
            leftover: leftover.clone(),
        });
    }
    report.emit(Event::Swept {
        left: swept.left.len(),
        billable: swept.left.iter().filter(|thing| thing.billable).count(),
        unseen: swept.unseen.clone(),
    });
    Ok(swept)
}

fn end(swept: &Swept) -> Result<(), Failure> {
    let billable = swept.left.iter().filter(|thing| thing.billable).count();
    if billable > 0 {
        return Err(Failure::new(
            Exit::Leftovers,
            format!("{billable} things that may cost money are left"),
        )
        .next("remove them with the commands above, then `landfall down --verify`"));
    }
    if !swept.unseen.is_empty() {
        let mut failure = Failure::new(Exit::Unknown, "not every service could be looked at");
        failure.why = swept.unseen.clone();
        return Err(
            failure.next("allow the deploying identity to look, then `landfall down --verify`")
        );
    }
    Ok(())
}
