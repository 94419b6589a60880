//! `landfall history` and `landfall judge`: what was released, and on what evidence.

use crate::cli::{Global, History, Judge};
use crate::environment::Environment;
use crate::environment::app::App;
use crate::failure::Failure;
use crate::release::ledger::Ledger;
use crate::report::Report;
use rules::event::{Event, Past};
use rules::exit::Exit;
use rules::release::canary::audit;
use rules::release::ledger::Record;
use std::io::Read as _;

/// `landfall history`.
pub(crate) async fn run(
    arguments: &History,
    global: &Global,
    report: &Report,
) -> Result<(), Failure> {
    let (directory, release) = arguments.read()?;
    let app = App::read_settings(&directory, global)?;
    let environment = Environment::open(&app.manifest, global, report).await?;
    if !environment.has_state().await? {
        return Err(environment.not_deployed());
    }
    let store = environment.store();
    let Some(number) = release else {
        for record in Ledger::all(&store).await? {
            report.set_target(record.revision.settings.target);
            report.emit(Event::Past(Box::new(Past::from(&record))));
        }
        return Ok(());
    };
    let Some(ledger) = Ledger::read(&store, number).await? else {
        return Err(
            Failure::new(Exit::BadInput, format!("there is no release {number}"))
                .next("`landfall history` lists all releases"),
        );
    };
    if arguments.evidence {
        let text = audit::write(&ledger.record.policy, &ledger.record.counts);
        return data(report, &text);
    }
    show(&ledger.record, report);
    Ok(())
}

/// One release with its steps, and whether they follow from what was observed.
fn show(record: &Record, report: &Report) {
    report.set_target(record.revision.settings.target);
    report.emit(Event::Past(Box::new(Past::from(record))));
    for entry in &record.entries {
        report.emit(Event::Entry {
            entry: Box::new(entry.clone()),
            since: record.begun.started,
        });
    }
    if let Err(mismatch) = record.replay() {
        report.emit(Event::Warning {
            text: format!(
                "step {} does not follow from its recorded observations: another version of landfall may have taken it",
                mismatch.entry + 1
            ),
        });
    }
}

/// `landfall judge`.
pub(crate) fn judge(arguments: &Judge, report: &Report) -> Result<(), Failure> {
    let unreadable = Failure::io(format!("{} cannot be read", arguments.file.display()));
    let text = if arguments.file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map(|_| text)
            .map_err(unreadable)
    } else {
        std::fs::read_to_string(&arguments.file).map_err(unreadable)
    };
    let text = text.map_err(|failure| Failure {
        exit: Exit::BadInput,
        ..failure
    })?;
    let evidence = audit::parse(&text).map_err(|problem| {
        Failure::new(
            Exit::BadInput,
            format!(
                "{} contains no counts of a release",
                arguments.file.display()
            ),
        )
        .why(problem.to_string())
        .next("`landfall history RELEASE --evidence` prints counts in the right format")
    })?;
    for line in audit::replay(&evidence) {
        data(report, &line.to_line())?;
    }
    Ok(())
}

fn data(report: &Report, text: &str) -> Result<(), Failure> {
    let data =
        serde_json::from_str(text).map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    report.emit(Event::Data { data });
    Ok(())
}
