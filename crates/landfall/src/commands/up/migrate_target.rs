//! From one target to the other: the new one serves before the old one goes.

use crate::commands::down;
use crate::environment::place::Environment;
use crate::environment::provision::Provisioner;
use crate::failure::Failure;
use crate::release::ledger::Ledger;
use rules::app::manifest::Target;
use rules::event::Phase;
use rules::exit::Exit;
use rules::shape::contract::Root;

/// Whether nothing is in the middle on the target that is left.
pub(super) async fn check(place: &Environment) -> Result<(), Failure> {
    let latest = Ledger::latest(&place.store()).await?;
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
pub(super) async fn leave(maker: &Provisioner<'_>, target: Target) -> Result<(), Failure> {
    let place = maker.place;
    maker.report.note(format!(
        "{} serves; removing what is left of {target}",
        maker.manifest.target
    ));
    if target == Target::Fargate {
        maker
            .phases
            .time(Phase::Objects, down::remove_tasks(place))
            .await?;
    }
    let roots = [Root::of(target)];
    let destroy = down::destroy(place, maker.manifest, &roots, maker.report, maker.interrupt);
    maker.phases.time(Phase::Destroy, destroy).await
}
