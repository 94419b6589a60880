//! `landfall plan`: what `up` would create, and its decision about that. Creates nothing.

use crate::cli::{Global, Plan, Up};
use crate::documents::page;
use crate::environment::Environment;
use crate::environment::app::{App, overrides};
use crate::environment::planner::{Planner, settle};
use crate::environment::secrets;
use crate::environment::terraform;
use crate::environment::toolchain::ToolChanges;
use crate::failure::Failure;
use crate::report::Report;
use crate::report::phases::Phases;
use infra::Interrupt;
use rules::app::manifest::Overrides;
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::shape::plan_decision::PlanDecision;
use std::path::Path;

impl From<&Up> for Plan {
    /// What `up --dry-run` shows.
    fn from(up: &Up) -> Plan {
        Plan {
            app: up.app.clone(),
            budget: up.budget,
            source: up.source.clone(),
            target: up.target,
            html: None,
            all: false,
            upgrade_provider: up.tools.upgrade_provider,
        }
    }
}

pub(crate) async fn run(
    arguments: &Plan,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    report.show_details(arguments.all);
    let phases = Phases::new(report);
    let app = App::read(
        &arguments.app.directory,
        &Overrides {
            dockerfile: arguments.source.dockerfile.clone(),
            target: arguments.target,
            prebuilt_image: arguments.source.image.is_some(),
            ..overrides(global)
        },
    )?;
    let environment = phases
        .time(Phase::Preflight, async {
            terraform::binary()?;
            Environment::open(&app.manifest, global, report).await
        })
        .await?
        .with_changes(ToolChanges {
            upgrade_provider: arguments.upgrade_provider,
            switch_tool: false,
        });
    let there = environment.targets().await?;
    let manifest = settle(&app.manifest, &there, arguments.budget);
    let scratch =
        tempfile::tempdir().map_err(Failure::io("cannot create a temporary directory"))?;
    let planner = Planner {
        manifest: &manifest,
        environment: &environment.aside(scratch.path()).await?,
        report,
        interrupt: &interrupt,
        is_read_only: true,
    };
    let planned = phases
        .time(Phase::Plan, planner.plan(None, &there, None))
        .await?;
    let decision = planned.decision;
    if let Err(failure) = secrets::current(&environment, &manifest).await {
        report.emit(Event::Warning {
            text: format!("{}; {}", failure.what, failure.next.join("; ")),
        });
    }
    report.emit(Event::Proposed {
        target: decision.target,
        because: decision.because.clone(),
        loss: decision.loss.clone(),
        refusal: decision.refusal(),
        conclusion: decision.conclusion(),
    });
    if let Some(file) = &arguments.html {
        write(file, &decision)?;
        report.note(format!("the page is {}", file.display()));
    }
    match decision.refusal() {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

fn write(file: &Path, decision: &PlanDecision) -> Result<(), Failure> {
    let html = page::render(decision, env!("CARGO_PKG_VERSION"));
    std::fs::write(file, html).map_err(|error| {
        Failure::new(
            Exit::BadInput,
            format!("{} cannot be written", file.display()),
        )
        .why(error.to_string())
        .next("name another file with --html; nothing was changed")
    })
}
