//! Moving from one target to the other: the new target serves before the old one is removed.

use crate::environment::Environment;
use crate::environment::provision::Provisioner;
use crate::environment::tasks;
use crate::failure::Failure;
use crate::release::ledger::Ledger;
use rules::app::manifest::Target;
use rules::event::Phase;
use rules::exit::Exit;
use rules::shape::contract::Root;

/// Checks that no release on the old target is held. A release under way may be the one that an
/// interrupted move began on the new target, and does not matter.
///
/// # Errors
/// A release is held, or the ledger cannot be read.
pub(super) async fn check(environment: &Environment) -> Result<(), Failure> {
    match Ledger::latest(&environment.store()).await? {
        Some(ledger) if ledger.record.is_held() => Err(Failure::new(
            Exit::Held,
            format!(
                "release {} is held; the environment cannot be moved until it has ended",
                ledger.record.number
            ),
        )
        .next("`landfall promote` continues it, `landfall abort` rolls it back")),
        _ => Ok(()),
    }
}

/// Removes the old target. Users who still resolve its address get no answer any more.
///
/// # Errors
/// As of [`Environment::destroy`].
pub(super) async fn remove(provisioner: &Provisioner<'_>, old: Target) -> Result<(), Failure> {
    provisioner.report.note(format!(
        "{} serves; removing what is left of {old}",
        provisioner.manifest.target
    ));
    if old == Target::Fargate {
        provisioner
            .phases
            .time(Phase::Objects, tasks::remove(provisioner.environment))
            .await?;
    }
    provisioner.destroy(Root::of(old)).await
}
