//! `landfall plan`: what `up` would make and what it would say to that, without making anything.

use crate::cli::{Global, Plan, Up};
use crate::commands::secrets;
use crate::documents::page;
use crate::environment::app::{App, overrides};
use crate::environment::phases::Phases;
use crate::environment::place::Environment;
use crate::environment::planner::{Planner, settle};
use crate::failure::Failure;
use crate::report::Report;
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
        }
    }
}

pub(crate) async fn run(
    arguments: &Plan,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    report.show_details();
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
    let place = phases
        .time(Phase::Preflight, async {
            Environment::terraform_binary()?;
            Environment::open(&app, global, report).await
        })
        .await?;
    let there = place.targets().await?;
    let manifest = settle(&app.manifest, &there, arguments.budget);
    let scratch = tempfile::tempdir().map_err(Failure::io("no directory to plan in"))?;
    let planner = Planner {
        manifest: &manifest,
        place: &place.aside(scratch.path()).await?,
        report,
        interrupt: &interrupt,
        only_looks: true,
    };
    let function = planner.function().await;
    let proposed = phases
        .time(Phase::Plan, planner.propose(&function, &there, None))
        .await?;
    let proposal = proposed.proposal;
    if let Err(failure) = secrets::wanted(&place, &manifest).await {
        report.emit(Event::Warning {
            text: format!("{}; {}", failure.what, failure.next.join("; ")),
        });
    }
    report.emit(Event::Proposed {
        target: proposal.target,
        because: proposal.because.clone(),
        loss: proposal.loss.clone(),
        refusal: proposal.refusal(),
        conclusion: proposal.conclusion(),
    });
    if let Some(file) = &arguments.html {
        write(file, &proposal)?;
        report.note(format!("the page is in {}", file.display()));
    }
    match proposal.refusal() {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

fn write(file: &Path, proposal: &PlanDecision) -> Result<(), Failure> {
    let html = page::render(proposal, env!("CARGO_PKG_VERSION"));
    std::fs::write(file, html).map_err(|error| {
        Failure::new(
            Exit::BadInput,
            format!("{} cannot be written", file.display()),
        )
        .why(error.to_string())
        .next("name another file with --html; nothing was changed")
    })
}
