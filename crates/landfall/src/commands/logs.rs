//! `landfall logs`: what the app wrote.

use crate::cli::{Global, Logs};
use crate::environment::app::App;
use crate::environment::place::Environment;
use crate::failure::Failure;
use crate::report::{Report, now};
use infra::Interrupt;
use rules::app::manifest::Target;
use rules::event::Event;
use rules::time::Timestamp;
use std::collections::HashSet;
use std::time::Duration;

/// How often new lines are asked for.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How far back each question reaches: CloudWatch shows lines some seconds after they were written,
/// and not in the order in which they were.
const OVERLAP: u64 = 30_000;

pub(crate) async fn run(
    arguments: &Logs,
    global: &Global,
    report: &Report,
    mut interrupt: Interrupt,
) -> Result<(), Failure> {
    let app = App::read_settings(&arguments.app.directory, global)?;
    let place = Environment::open(&app, global, report).await?;
    if !place.has_state().await? {
        return Err(place.not_deployed());
    }
    let there = place.targets().await?;
    let group = match Environment::target(&app.manifest, &there) {
        Target::Fargate => place.names.log_group(),
        Target::Lambda => place.names.function_log_group(),
    };
    let logs = aws::Logs::new(&place.session, &group);
    let millis = u64::try_from(arguments.since.as_millis()).unwrap_or(u64::MAX);
    let mut since = Timestamp(now().0.saturating_sub(millis));
    let mut shown: HashSet<String> = HashSet::new();
    loop {
        let lines = logs.since(since, None).await?;
        // Lines that the next question can bring again are remembered, older ones need not be.
        let mut recent = HashSet::new();
        for line in lines {
            if !shown.contains(&line.id) {
                report.emit(Event::Log {
                    time: line.time,
                    task: line.task,
                    message: line.message,
                });
            }
            recent.insert(line.id);
        }
        shown = recent;
        if !arguments.follow {
            return Ok(());
        }
        since = Timestamp(now().0.saturating_sub(OVERLAP)).max(since);
        tokio::select! {
            () = tokio::time::sleep(ASK_EVERY) => {}
            _ = interrupt.wait_for(|stop| *stop) => return Ok(()),
        }
    }
}
