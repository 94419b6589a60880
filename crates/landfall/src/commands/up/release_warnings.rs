//! Warnings about what is already wrong before a release starts.

use crate::environment::Environment;
use crate::release::driver::Driver;
use crate::report::{Report, now};
use aws::{Alarms, Budgets};
use rules::app::manifest::Manifest;
use rules::event::Event;
use rules::operate::release_warnings::concerns;

/// Warns of firing alarms, an exceeded budget and unhealthy targets, and of what cannot be checked.
/// None of it stops the release, which may be the fix.
pub(super) async fn report(
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
        // Without a budget in the manifest the alert is at the first cent and says nothing.
        match manifest.budget {
            Some(limit) if limit > 0.0 => budgets.exceeded(&budget_name).await,
            _ => Ok(None),
        }
    };
    let (firing, exceeded, look) = tokio::join!(alarms.firing(), exceeded, driver.look());
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
    // The release observes again, and reports why that fails.
    let Ok(look) = look else {
        return;
    };
    let live = look.observation().live();
    let targets = &look.of(live).evidence.targets;
    for concern in concerns(&firing, exceeded.as_ref(), live, targets) {
        let explanation = concern.explain(now());
        report.emit(Event::Warning {
            text: format!("{}; {}", explanation.what, explanation.next),
        });
    }
}
