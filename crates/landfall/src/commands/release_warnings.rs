//! What is wrong already, said before a release starts.

use crate::environment::place::Environment;
use crate::release::driver::Driver;
use crate::report::{Report, now};
use aws::{Alarms, Budgets};
use rules::app::manifest::Manifest;
use rules::event::Event;
use rules::operate::release_warnings::concerns;

/// Tells of alarms that are firing, of a budget that is exceeded and of targets that are unhealthy. What
/// cannot be looked at is told as well; none of it keeps a release from starting, which may be the repair.
pub(crate) async fn tell(
    place: &Environment,
    manifest: &Manifest,
    driver: &Driver<'_>,
    report: &Report,
) {
    let budget_name = place.names.id();
    let (alarms, budgets) = (
        Alarms::new(&place.session, &place.names),
        Budgets::new(&place.session, &place.account),
    );
    let exceeded = async {
        // Without a budget in the manifest the alert is set to the first cent: no news to tell.
        match manifest.budget {
            Some(limit) if limit > 0.0 => budgets.exceeded(&budget_name).await,
            _ => Ok(None),
        }
    };
    let (firing, exceeded, look) = tokio::join!(alarms.firing(), exceeded, driver.look());
    let unseen = |what: &str, why: String| {
        report.emit(Event::Warning {
            text: format!("{what} could not be looked at: {why}"),
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
    // A release looks again itself, and says what is wrong then.
    let Ok(look) = look else {
        return;
    };
    let live = look.observation().live();
    let targets = &look.of(live).evidence.targets;
    for concern in concerns(&firing, exceeded.as_ref(), live, targets) {
        let said = concern.explain(now());
        report.emit(Event::Warning {
            text: format!("{}; {}", said.what, said.next),
        });
    }
}
