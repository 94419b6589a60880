//! `landfall down`: removes an environment, and checks for leftovers.

use crate::cli::{Down, Global};
use crate::commands::ci;
use crate::environment::Environment;
use crate::environment::app::App;
use crate::environment::confirm::confirm;
use crate::environment::remains::{Known, neighbours_of};
use crate::environment::tasks;
use crate::failure::Failure;
use crate::lock::keepalive::Keepalive;
use crate::report::Report;
use crate::report::phases::Phases;
use aws::{Inventory, Logs, Registry, Services};
use infra::Interrupt;
use rules::app::manifest::Manifest;
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::operate::sweep::{Kind, Leftover, leftovers};
use rules::shape::contract::Root;
use std::time::Duration;

/// How long AWS may list what was deleted.
const FORGOTTEN: Duration = Duration::from_secs(60);

pub(crate) async fn run(
    arguments: &Down,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let phases = Phases::new(report);
    let app = App::read_settings(&arguments.app.directory, global)?;
    let environment = phases
        .time(
            Phase::Preflight,
            Environment::open(&app.manifest, global, report),
        )
        .await?;
    let known = Known::read(&environment, &app.manifest).await?;
    let inventory = known.inventory(&environment);
    if arguments.verify {
        let swept = phases
            .time(
                Phase::Sweep,
                sweep(&environment, &inventory, report, Duration::ZERO),
            )
            .await?;
        return end(&swept);
    }

    let listing = inventory.look().await;
    let has_state = environment.has_state().await?;
    if listing.by_name.is_empty() && !has_state {
        report.note("there is nothing to remove");
    } else {
        report.emit(Event::Doomed {
            things: listing.by_name,
        });
        let question = format!(
            "Remove {} ({}) from account {}, {}? This cannot be undone.",
            environment.names.app,
            environment.names.environment,
            environment.account,
            environment.session.region()
        );
        confirm(report, arguments.yes, &question)?;
        // No release may run at the same time. Without a state there is nothing to lock.
        let keepalive = match has_state {
            true => Some(
                Keepalive::acquire(&environment.store(), "landfall down", report, &interrupt)
                    .await?,
            ),
            false => None,
        };
        let manifest = &app.manifest;
        return all(
            &environment,
            manifest,
            keepalive,
            &phases,
            report,
            &interrupt,
        )
        .await;
    }
    look(&environment, &inventory, &phases, report).await
}

/// Removes an environment, under the lock if there is one, and checks for leftovers.
///
/// The state is removed last, so that an interrupted removal can continue.
pub(crate) async fn all(
    environment: &Environment,
    manifest: &Manifest,
    keepalive: Option<Keepalive>,
    phases: &Phases<'_>,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    // Under the lock, since a release may have changed them, and before the state is removed.
    let known = match Known::read(environment, manifest).await {
        Ok(known) => known,
        Err(failure) => {
            return match keepalive {
                Some(keepalive) => keepalive.release(Err(failure)).await,
                None => Err(failure),
            };
        }
    };
    let inventory = known.inventory(environment);
    let removed = match remove(environment, manifest, phases, report, interrupt).await {
        // Terraform reports that a VPC has dependencies, and not which.
        Err(mut failure) if failure.exit == Exit::Infrastructure => {
            failure.why.extend(neighbours_of(&inventory).await);
            Err(failure)
        }
        removed => removed,
    };
    match keepalive {
        Some(keepalive) if removed.is_err() => return keepalive.release(removed).await,
        // The lock is removed together with the state.
        Some(keepalive) => keepalive.abandon().await,
        None => removed?,
    }
    let removal = remove_state(environment, &known);
    phases.time(Phase::State, removal).await?;
    look(environment, &inventory, phases, report).await
}

/// Checks for leftovers, for as long as AWS may list what was deleted.
async fn look(
    environment: &Environment,
    inventory: &Inventory,
    phases: &Phases<'_>,
    report: &Report,
) -> Result<(), Failure> {
    let swept = phases
        .time(
            Phase::Sweep,
            sweep(environment, inventory, report, FORGOTTEN),
        )
        .await?;
    phases.summarize();
    end(&swept)
}

/// Everything but the state.
async fn remove(
    environment: &Environment,
    manifest: &Manifest,
    phases: &Phases<'_>,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    phases
        .time(Phase::Objects, tasks::remove(environment))
        .await?;
    if environment.has_state().await? {
        let mut roots = Vec::new();
        // CI first, so that no job deploys again. Then domains, so that no name points to nothing.
        // Then the targets before the foundation: a task that stops late writes its last lines, and
        // some services would create a missing log group again.
        for root in [
            Root::Ci,
            Root::FargateDomain,
            Root::LambdaDomain,
            Root::Fargate,
            Root::Lambda,
        ] {
            if environment.holds(root).await? {
                roots.push(root);
            }
        }
        let provider = match roots.contains(&Root::Ci) {
            true => {
                ci::lift(environment).await?;
                ci::trusted(environment).await?
            }
            false => None,
        };
        let destroy = async {
            environment
                .destroy(manifest, &roots, report, interrupt)
                .await?;
            // A function or a service without its image fails: images go only after what runs them.
            remove_images(environment).await?;
            if !environment.holds(Root::Foundation).await? {
                return Ok(());
            }
            let foundation = [Root::Foundation];
            environment
                .forget_unread_budget(manifest, report, interrupt)
                .await?;
            environment
                .destroy(manifest, &foundation, report, interrupt)
                .await
        };
        phases.time(Phase::Destroy, destroy).await?;
        ci::leave(environment, provider, report).await;
    } else {
        remove_images(environment).await?;
    }
    Ok(())
}

/// Removes the images that releases pushed. Terraform does not know them.
async fn remove_images(environment: &Environment) -> Result<(), Failure> {
    Registry::new(&environment.session)
        .delete_images(&environment.names.id())
        .await?;
    Ok(())
}

/// Removes the rest, after Terraform has finished and nothing that needs a secret runs.
async fn remove_state(environment: &Environment, known: &Known) -> Result<(), Failure> {
    let secrets = known.secrets(environment);
    secrets.remove(&secrets.list().await?).await?;
    let services = Services::new(&environment.session, &environment.names.id());
    services
        .delete_definitions(&environment.names.placeholder_family())
        .await?;
    Logs::new(&environment.session, &environment.names.log_group())
        .delete()
        .await?;
    if let Some(bucket) = environment.bucket() {
        bucket.delete().await?;
    }
    match std::fs::remove_dir_all(environment.directory()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::io(format!(
            "{} cannot be removed",
            environment.directory().display()
        ))(error)),
        _ => Ok(()),
    }
}

struct Swept {
    left: Vec<Leftover>,
    unseen: Vec<String>,
}

/// Checks for leftovers, repeatedly while there are any: AWS lists deleted resources for a while.
async fn sweep(
    environment: &Environment,
    inventory: &Inventory,
    report: &Report,
    timings: Duration,
) -> Result<Swept, Failure> {
    let end = tokio::time::Instant::now() + timings;
    let swept = loop {
        let listing = inventory.look().await;
        let left = leftovers(
            &environment.names,
            environment.session.region(),
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
    if swept.left.iter().any(|thing| thing.kind == Kind::Vpc) {
        for text in neighbours_of(inventory).await {
            report.emit(Event::Warning { text });
        }
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
            format!("{billable} resources that may cost money are left"),
        )
        .next("remove them with the commands above, then run `landfall down --verify`"));
    }
    if !swept.unseen.is_empty() {
        let mut failure = Failure::new(Exit::Unknown, "not every service could be checked");
        failure.why = swept.unseen.clone();
        return Err(failure
            .next("grant the deploying identity read access, then run `landfall down --verify`"));
    }
    Ok(())
}
