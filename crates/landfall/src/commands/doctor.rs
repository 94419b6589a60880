//! `landfall doctor`: checks for everything that would make a deployment fail, and creates nothing.

use crate::cli::{Doctor, Global, Up};
use crate::doctor::{Examined, Extent, examine, trouble};
use crate::environment::app::overrides;
use crate::failure::Failure;
use crate::image::app_image;
use crate::report::Report;
use infra::Interrupt;
use rules::app::manifest::Overrides;
use rules::check::{Check, CheckId, Outcome, Summary, Unavailable, verdict};
use rules::event::Event;
use rules::exit::Exit;
use rules::operate::doctor::{self, app::why_not_run};

pub(crate) async fn run(
    arguments: &Doctor,
    global: &Global,
    report: &Report,
    mut interrupt: Interrupt,
) -> Result<(), Failure> {
    let overrides = Overrides {
        dockerfile: arguments.source.dockerfile.clone(),
        target: arguments.target,
        prebuilt_image: arguments.source.image.is_some(),
        ..overrides(global)
    };
    let extent = match arguments.offline {
        true => Extent::Machine,
        false => Extent::Full,
    };
    let directory = &arguments.app.directory;
    let mut examined = examine(directory, &overrides, extent, global, report).await;
    look_at_image(&mut examined, arguments, report, &mut interrupt).await;
    if *interrupt.borrow() {
        return Err(Failure::new(
            Exit::Interrupted,
            "interrupted; nothing was created",
        ));
    }

    let checks = doctor::examine(&examined.facts);
    for check in &checks {
        report.emit(Event::Checked {
            check: check.clone(),
        });
    }
    let summary = Summary::of(&checks);
    let problems = checks.iter().filter(|check| check.is_problem());
    report.emit(Event::Examined {
        summary,
        problems: problems.cloned().collect(),
    });
    match verdict(&checks) {
        None => Ok(()),
        Some(trouble) => Err(Failure::new(
            trouble.exit,
            match summary.blockers {
                1 => "a deployment would fail: 1 problem".to_owned(),
                several => {
                    format!("a deployment would fail: {several} problems")
                }
            },
        )
        .next("nothing was created; fix the problems above and run `landfall doctor` again")),
    }
}

/// Builds or pulls the image, and runs it for a few seconds.
async fn look_at_image(
    examined: &mut Examined,
    arguments: &Doctor,
    report: &Report,
    interrupt: &mut Interrupt,
) {
    let facts = &mut examined.facts;
    let skipped = |why: &str| Unavailable::Skipped(why.to_owned());
    let (Some(app), Some(engine)) = (&examined.app, &examined.engine) else {
        let why = match examined.app {
            None => "the app's settings have problems",
            Some(_) => "there is no container engine",
        };
        facts.image = Err(skipped(why));
        facts.trial = Err(skipped(why));
        return;
    };
    let prebuilt = arguments.source.image.as_deref();
    if arguments.no_run && prebuilt.is_none() {
        facts.image = Err(skipped("--no-run builds no image"));
        facts.trial = Err(skipped("--no-run runs no image"));
        return;
    }
    let image =
        match app_image::build_or_pull(prebuilt, &app.directory, &app.manifest, engine, report)
            .await
        {
            Ok(image) => image,
            Err(failure) => {
                facts.image = Err(trouble(failure));
                facts.trial = Err(skipped("there is no image"));
                return;
            }
        };
    facts.image = Ok(image.facts());
    if arguments.no_run {
        facts.trial = Err(skipped("--no-run runs no image"));
        return;
    }
    let foreign = facts.engine.as_ref().ok().zip(facts.image.as_ref().ok());
    let foreign = foreign.and_then(|(engine, image)| why_not_run(image, engine));
    facts.trial = match foreign {
        Some(gap) => Err(gap),
        None => {
            let tried = engine.trial_run(&image, &app.manifest, interrupt).await;
            tried.map_err(trouble)
        }
    };
}

/// The same before a deployment, without building or running anything. Reports warnings.
///
/// # Errors
/// All blockers, as one failure.
pub(crate) async fn before(
    arguments: &Up,
    global: &Global,
    report: &Report,
) -> Result<Examined, Failure> {
    let overrides = Overrides {
        dockerfile: arguments.source.dockerfile.clone(),
        target: arguments.target,
        prebuilt_image: arguments.source.image.is_some(),
        ..overrides(global)
    };
    let directory = &arguments.app.directory;
    let mut examined = examine(directory, &overrides, Extent::Deployment, global, report).await;
    if let Ok(toolchain) = &mut examined.facts.toolchain {
        toolchain.may_switch = arguments.tools.switch_tool;
    }
    let mut checks = doctor::examine(&examined.facts);
    for check in &mut checks {
        if check.exit().is_some()
            && check.check.is_inferred()
            && arguments.start.despite.contains(&check.check)
        {
            check.outcome = Outcome::Warning;
        }
    }
    if let Some(trouble) = verdict(&checks) {
        let mut failure = Failure::from(trouble);
        let inferred: Vec<String> = checks
            .iter()
            .filter(|check| check.exit().is_some() && check.check.is_inferred())
            .map(|check| check.check.word())
            .collect();
        if !inferred.is_empty() {
            failure = failure.next(format!(
                "if the check is wrong, continue with --despite {}",
                inferred.join(",")
            ));
        }
        return Err(failure);
    }
    for check in checks.iter().filter(|check| is_worth_reporting(check)) {
        report.emit(Event::Warning {
            text: check.in_one_line(),
        });
    }
    Ok(examined)
}

/// The build reports emulation itself.
fn is_worth_reporting(check: &Check) -> bool {
    check.outcome == Outcome::Warning && check.check != CheckId::Emulation
}
