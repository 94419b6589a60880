//! `landfall logs`: the app's log lines.

use crate::cli::{Global, Logs};
use crate::environment::Environment;
use crate::environment::app::App;
use crate::failure::Failure;
use crate::report::{Report, now};
use edge_contract::log_line::{is_of_edge, is_of_lambda};
use infra::Interrupt;
use rules::app::manifest::Target;
use rules::event::Event;
use rules::time::Timestamp;
use std::collections::HashSet;
use std::time::Duration;

/// How often the log is read for new lines.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How far back each read goes, in milliseconds: CloudWatch shows lines some seconds after they
/// were written, and not in order.
const OVERLAP: u64 = 30_000;

pub(crate) async fn run(
    arguments: &Logs,
    global: &Global,
    report: &Report,
    mut interrupt: Interrupt,
) -> Result<(), Failure> {
    let app = App::read_settings(&arguments.app.directory, global)?;
    let environment = Environment::open(&app.manifest, global, report).await?;
    if !environment.has_state().await? {
        return Err(environment.not_deployed());
    }
    let there = environment.targets().await?;
    let target = Environment::target(&app.manifest, &there);
    let group = match target {
        Target::Fargate => environment.names.log_group(),
        Target::Lambda => environment.names.function_log_group(),
    };
    let logs = aws::Logs::new(&environment.session, &group);
    let millis = u64::try_from(arguments.since.as_millis()).unwrap_or(u64::MAX);
    let mut since = Timestamp(now().0.saturating_sub(millis));
    let mut shown: HashSet<String> = HashSet::new();
    let mut hidden = 0;
    loop {
        let lines = logs.since(since, None).await?;
        // Only lines that the next read can return again have to be kept.
        let mut recent = HashSet::new();
        for line in lines {
            let is_known = shown.contains(&line.id);
            if !is_known && !arguments.edge && !is_of_app(&line.message, target) {
                hidden += 1;
            } else if !is_known {
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
            if hidden > 0 {
                report.note(format!(
                    "lines that are not the app's: {hidden}; --edge prints them"
                ));
            }
            return Ok(());
        }
        since = Timestamp(now().0.saturating_sub(OVERLAP)).max(since);
        tokio::select! {
            () = tokio::time::sleep(ASK_EVERY) => {}
            _ = interrupt.wait_for(|stop| *stop) => return Ok(()),
        }
    }
}

fn is_of_app(line: &str, target: Target) -> bool {
    let is_of_platform = target == Target::Lambda && is_of_lambda(line);
    !is_of_platform && !is_of_edge(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_app_are_those_that_nothing_around_it_wrote() {
        for target in Target::ALL {
            assert!(is_of_app("listening on :8080", target));
            assert!(!is_of_app("landfall-edge: SIGTERM: draining", target));
        }
        // On Fargate an app may well write this.
        let line = "START RequestId: 8f5 Version: 7";
        assert!(is_of_app(line, Target::Fargate));
        assert!(!is_of_app(line, Target::Lambda));
    }
}
