//! Warnings before a release: alarms, the budget, unhealthy targets.

use crate::environment::Environment;
use crate::release::driver::Driver;
use crate::release::ledger::Ledger;
use crate::report::{Report, now};
use aws::{Alarms, Budgets};
use rules::app::manifest::Manifest;
use rules::event::Event;
use rules::operate::release_warnings::release_warnings;
use rules::release::live_slot;

/// Reports alarms that are firing, a budget that is exceeded and targets that are unhealthy, and which of
/// them could not be checked. None of it stops a release, which may be the fix.
pub(crate) async fn warn(
    environment: &Environment,
    manifest: &Manifest,
    driver: &Driver<'_>,
    report: &Report,
) {
    let budget_name = environment.names.id();
    let (alarms, budgets) = (
        Alarms::new(&environment.session, &environment.names),
        Budgets::new(&environment.session, &environment.account),
    );
    let exceeded = async {
        // Without a budget in the manifest the alert is set to the first cent and always exceeded.
        match manifest.budget {
            Some(limit) if limit > 0.0 => budgets.exceeded(&budget_name).await,
            _ => Ok(None),
        }
    };
    let store = environment.store();
    let (firing, exceeded, look, latest) = tokio::join!(
        alarms.firing(),
        exceeded,
        driver.look(),
        Ledger::latest(&store)
    );
    let unseen = |what: &str, why: String| {
        report.emit(Event::Warning {
            text: format!("cannot check {what}: {why}"),
        });
    };
    let firing = firing.unwrap_or_else(|error| {
        unseen("alarms", error.to_string());
        Vec::new()
    });
    let exceeded = exceeded.unwrap_or_else(|error| {
        unseen("the budget", error.to_string());
        None
    });
    // The release reads both again, and reports what is wrong then.
    let (Ok(look), Ok(latest)) = (look, latest) else {
        return;
    };
    let live = live_slot(&look.shares, latest.as_ref().map(|ledger| &ledger.record));
    let targets = &look.of(live).evidence.targets;
    for warning in release_warnings(&firing, exceeded.as_ref(), live, targets) {
        let explanation = warning.explain(now());
        report.emit(Event::Warning {
            text: format!("{}; {}", explanation.what, explanation.next),
        });
    }
}
