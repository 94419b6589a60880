//! From one target to the other: the new one serves before the old one goes.

use crate::commands::down;
use crate::environment::Environment;
use crate::environment::provision::Provisioner;
use crate::failure::Failure;
use crate::release::ledger::Ledger;
use rules::app::manifest::Target;
use rules::event::Phase;
use rules::exit::Exit;
use rules::shape::contract::Root;

/// Whether nothing is in the middle on the target that is left.
pub(super) async fn check(environment: &Environment) -> Result<(), Failure> {
    let latest = Ledger::latest(&environment.store()).await?;
    let open = latest.filter(|l| l.record.is_held() || l.record.is_under_way());
    match open {
        None => Ok(()),
        // Its own first release may be what was left in the middle of a move.
        Some(ledger) if ledger.record.is_under_way() => Ok(()),
        Some(ledger) => Err(Failure::new(
            Exit::Held,
            format!(
                "release {} waits for a person; it cannot be moved meanwhile",
                ledger.record.number
            ),
        )
        .next("`landfall promote` lets it go on, `landfall abort` takes it back")),
    }
}

/// Removes the target that is left: users who still ask the old address get no answer any more.
pub(super) async fn leave(provisioner: &Provisioner<'_>, target: Target) -> Result<(), Failure> {
    let environment = provisioner.environment;
    provisioner.report.note(format!(
        "{} serves; removing what is left of {target}",
        provisioner.manifest.target
    ));
    if target == Target::Fargate {
        provisioner
            .phases
            .time(Phase::Objects, down::remove_tasks(environment))
            .await?;
    }
    let roots = [Root::of(target)];
    let destroy = down::destroy(
        environment,
        provisioner.manifest,
        &roots,
        provisioner.report,
        provisioner.interrupt,
    );
    provisioner.phases.time(Phase::Destroy, destroy).await
}
