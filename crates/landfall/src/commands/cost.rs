//! `landfall cost`: the bill of what is deployed, and what AWS says was spent.

use crate::cli::{AppDir, Global};
use crate::environment::app::App;
use crate::environment::phases::Phases;
use crate::environment::place::Environment;
use crate::environment::planner::{pays, tasks};
use crate::failure::Failure;
use crate::release::ledger::Ledger;
use crate::report::{Report, now};
use aws::{Budgets, Secrets};
use infra::Interrupt;
use rules::app::manifest::{SecretsStore, Target};
use rules::event::{Event, Phase};
use rules::release::revision::Settings;
use rules::shape::contract::Root;
use rules::shape::cost::prices::Table;
use rules::shape::cost::{EstimateInput, Workload, estimate};

pub(crate) async fn run(
    arguments: &AppDir,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    report.show_details();
    let phases = Phases::new(report);
    let app = App::read_settings(&arguments.directory, global)?;
    let place = phases
        .time(Phase::Preflight, Environment::open(&app, global, report))
        .await?;
    let there = place.targets().await?;
    if there.is_empty() {
        return Err(place.not_deployed());
    }
    let scratch = tempfile::tempdir().map_err(Failure::io("no directory to work in"))?;
    let aside = place.aside(scratch.path()).await?;
    let roots = [Root::Foundation]
        .into_iter()
        .chain(there.iter().map(|target| Root::of(*target)))
        .chain(there.iter().map(|target| Root::domain_of(*target)));
    let mut resources = Vec::new();
    for root in roots {
        if !place.holds(root).await? {
            continue;
        }
        let terraform = aside.terraform(root, &app.manifest, &interrupt).await?;
        resources.extend(terraform.state().await?);
    }
    let settings = Settings {
        target: Environment::target(&app.manifest, &there),
        ..serving(&place, &app).await?
    };
    let tasks = match settings.target {
        Target::Fargate => tasks(&place).await?,
        Target::Lambda => 0,
    };
    let secrets = Secrets::new(&place.session, &place.names);
    let secrets = secrets.list_in(SecretsStore::SecretsManager).await?.len();
    let bill = estimate(
        Table::own(),
        &EstimateInput {
            resources: &resources,
            workload: Workload::from_settings(&settings, tasks),
            secrets,
            region: place.session.region(),
            account: &pays(&place).await,
            now: now(),
        },
    );
    report.emit(Event::Priced {
        bill: Box::new(bill),
    });
    let budgets = Budgets::new(&place.session, &place.account);
    match budgets.spent(&place.names.id()).await {
        Ok(Some(spent)) => report.emit(Event::Spent(spent)),
        Ok(None) => report.note("AWS has not counted yet what was spent this month"),
        Err(error) => report.emit(Event::Warning {
            text: format!("what was spent could not be looked at: {error}"),
        }),
    }
    Ok(())
}

/// How large what serves is: as the last good release had it, else as the manifest says.
async fn serving(place: &Environment, app: &App) -> Result<Settings, Failure> {
    let records = Ledger::all(&place.store()).await?;
    let last = records.into_iter().rev().find(|record| record.is_good());
    Ok(match last {
        Some(record) => record.revision.settings,
        None => Settings::of(&app.manifest),
    })
}
