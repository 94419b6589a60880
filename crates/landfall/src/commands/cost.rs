//! `landfall cost`: the bill of what is deployed, and this month's spend according to AWS.

use crate::cli::{Cost, Global};
use crate::environment::Environment;
use crate::environment::app::App;
use crate::environment::tasks;
use crate::failure::Failure;
use crate::release::ledger::Ledger;
use crate::report::phases::Phases;
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
    arguments: &Cost,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    report.show_details(arguments.all);
    let phases = Phases::new(report);
    let app = App::read_settings(&arguments.app.directory, global)?;
    let environment = phases
        .time(
            Phase::Preflight,
            Environment::open(&app.manifest, global, report),
        )
        .await?;
    let there = environment.targets().await?;
    if there.is_empty() {
        return Err(environment.not_deployed());
    }
    let scratch =
        tempfile::tempdir().map_err(Failure::io("cannot create a temporary directory"))?;
    let aside = environment.aside(scratch.path()).await?;
    let roots = [Root::Foundation]
        .into_iter()
        .chain(there.iter().map(|target| Root::of(*target)))
        .chain(there.iter().map(|target| Root::domain_of(*target)));
    let mut resources = Vec::new();
    for root in roots {
        if !environment.holds(root).await? {
            continue;
        }
        let terraform = aside.terraform(root, &app.manifest, &interrupt).await?;
        resources.extend(terraform.state().await?);
    }
    let settings = Settings {
        target: Environment::target(&app.manifest, &there),
        ..serving(&environment, &app).await?
    };
    let tasks = match settings.target {
        Target::Fargate => tasks::desired(&environment).await?,
        Target::Lambda => 0,
    };
    let secrets =
        Secrets::new(&environment.session, &environment.names).with_known(&app.manifest.secrets);
    let secrets = secrets.list_in(SecretsStore::SecretsManager).await?.len();
    let bill = estimate(
        Table::own(),
        &EstimateInput {
            resources: &resources,
            workload: Workload::from_settings(&settings, tasks),
            secrets,
            region: environment.session.region(),
            account: &environment.cloud().account_plan(&environment.session).await,
            now: now(),
        },
    );
    report.emit(Event::Priced {
        bill: Box::new(bill),
    });
    let budgets = Budgets::new(&environment.session, &environment.account);
    match budgets.spent(&environment.names.id()).await {
        Ok(Some(spent)) => report.emit(Event::Spent(spent)),
        Ok(None) => report.note("AWS has no figures for this month yet"),
        Err(error) => report.emit(Event::Warning {
            text: format!("cannot read this month's spend: {error}"),
        }),
    }
    Ok(())
}

/// The size of the live version: that of the last good release, otherwise the manifest's.
async fn serving(environment: &Environment, app: &App) -> Result<Settings, Failure> {
    let records = Ledger::all(&environment.store()).await?;
    let last = records.into_iter().rev().find(|record| record.is_good());
    Ok(match last {
        Some(record) => record.revision.settings,
        None => Settings::from_manifest(&app.manifest),
    })
}
