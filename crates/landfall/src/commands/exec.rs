//! `landfall exec`: runs a command once, in the app's image, with the settings of the live version.
//!
//! Not with ECS Exec, whose agent in the container needs a writable root file system. A separate
//! task starts instead, with the app's restrictions, and the app's own tasks are not touched.

use crate::cli::Global;
use crate::cli::exec::Exec as Arguments;
use crate::environment::Environment;
use crate::environment::app::App;
use crate::failure::Failure;
use crate::release::deployment::TargetOutputs;
use crate::release::ledger::Ledger;
use crate::report::{Report, now};
use crate::store::random::token;
use aws::{ErrorKind, LoadBalancer, Logs, OneOff, OneOffProgress, Services};
use edge_contract::exec;
use infra::Interrupt;
use rules::event::Event;
use rules::exit::Exit;
use rules::release::evidence::StoppedTask;
use rules::release::live_slot;
use rules::shape::contract::FargateOutputs;
use rules::time::Timestamp;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// How often the task and its log are read.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How far back each read of the log goes, in milliseconds: CloudWatch shows lines late and not in
/// order.
const OVERLAP: u64 = 30_000;
/// How long ECS may take to list a task that it has just started.
const KNOWN: Duration = Duration::from_secs(60);
/// How long lines may take to appear after the task has stopped.
const LAST_LINES: Duration = Duration::from_secs(15);
/// Without a new line for this long after the end, there are no more.
const QUIET: Duration = Duration::from_secs(4);

pub(crate) async fn run(
    arguments: &Arguments,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let command = exec::write(&arguments.command).map_err(|unfit| {
        Failure::new(Exit::BadInput, "this command cannot be run")
            .why(unfit.to_string())
            .next("put long scripts into the image, and run them from there")
    })?;
    let app = App::read_settings(&arguments.app.directory, global)?;
    let environment = Environment::open(&app.manifest, global, report).await?;
    let Some(deployment) = environment.deployment(&app.manifest, &interrupt).await? else {
        return Err(environment.not_deployed());
    };
    match &deployment.target {
        TargetOutputs::Fargate(outputs) => {
            on_fargate(&environment, outputs, &command, report, interrupt).await
        }
        TargetOutputs::Lambda(_) => Err(not_on_lambda()),
    }
}

/// An invocation lasts 30 s at most, and the function is frozen afterwards: too short for a
/// migration.
fn not_on_lambda() -> Failure {
    Failure::new(
        Exit::BadInput,
        "`exec` works on Fargate, and this app runs on Lambda",
    )
    .why(
        "a function runs for one request, at most 30 s, and is frozen afterwards: a migration \
              would be cut off",
    )
    .next(
        "run the command in the same image on this machine: `docker run --rm --entrypoint \
               COMMAND IMAGE`, with your own credentials",
    )
    .next("or have the app run it on a request that only you can send")
    .next("or move the app: `landfall move --to fargate`")
}

async fn on_fargate(
    environment: &Environment,
    outputs: &FargateOutputs,
    command: &str,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let services = Services::new(&environment.session, &outputs.cluster);
    let shares = LoadBalancer::new(&environment.session, outputs)
        .shares()
        .await?;
    if shares.blue == 0 && shares.green == 0 {
        return Err(environment.not_deployed());
    }
    let latest = Ledger::latest(&environment.store()).await?;
    let slot = live_slot(&shares, latest.as_ref().map(|ledger| &ledger.record));
    let service = outputs.services.of(slot);
    let deployed = services.slot(service).await?.deployed;
    let Some(revision) = deployed.revision else {
        return Err(environment.not_deployed());
    };
    // Only a version with an edge has a secret, and only the edge can start another command.
    if deployed.secret.is_none() {
        return Err(Failure::new(
            Exit::BadInput,
            "`exec` needs the edge, and this app runs without it (`edge = false`)",
        )
        .why(
            "a task can replace an image's CMD, but not its ENTRYPOINT; the edge starts any \
              command",
        )
        .next("run the task by hand: `aws ecs run-task` with an override of the command"));
    }
    let token = token()?;
    let began = now();
    let id = services
        .start_once(&OneOff {
            service,
            task_definition: &deployed.task_definition,
            environment: &[(exec::VARIABLE, command)],
            token: &token,
        })
        .await?;
    report.note(format!("task {id} of revision {revision}; Ctrl-C stops it"));
    let follower = Follower {
        services: &services,
        logs: Logs::new(&environment.session, &environment.names.log_group()),
        id: &id,
        report,
        since: began,
        shown: HashSet::new(),
    };
    let (ended, was_stopped) = follower.follow(interrupt).await?;
    end(&ended, was_stopped, report)
}

/// Follows a task to its end.
struct Follower<'a> {
    services: &'a Services,
    logs: Logs,
    id: &'a str,
    report: &'a Report,
    since: Timestamp,
    shown: HashSet<String>,
}

impl Follower<'_> {
    /// How the task stopped, and whether the user interrupted it.
    async fn follow(mut self, mut interrupt: Interrupt) -> Result<(StoppedTask, bool), Failure> {
        let mut was_stopped = false;
        let known_by = Instant::now() + KNOWN;
        let ended = loop {
            self.show().await?;
            match self.services.progress(self.id).await {
                Ok(OneOffProgress::Ended(ended)) => break ended,
                Ok(OneOffProgress::Starting | OneOffProgress::Running) => {}
                Err(error) if error.kind == ErrorKind::NotFound && known_by > Instant::now() => {}
                Err(error) => return Err(error.into()),
            }
            if was_stopped {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = interrupt.wait_for(|stop| *stop) => {
                    was_stopped = true;
                    let reason = "landfall exec was interrupted";
                    self.services.stop_once(self.id, reason).await?;
                }
            }
        };
        // Its last lines appear some seconds later.
        let end = Instant::now() + LAST_LINES;
        let mut news = Instant::now();
        loop {
            let now = Instant::now();
            if self.show().await? {
                news = now;
            }
            if now >= end || now.duration_since(news) >= QUIET {
                return Ok((ended, was_stopped));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Prints new lines. Returns whether there were any.
    async fn show(&mut self) -> Result<bool, Failure> {
        let mut is_new = false;
        let mut recent = HashSet::new();
        for line in self.logs.since(self.since, Some(self.id)).await? {
            if !self.shown.contains(&line.id) {
                is_new = true;
                self.report.emit(Event::Printed { line: line.message });
            }
            recent.insert(line.id);
        }
        self.shown = recent;
        self.since = Timestamp(now().0.saturating_sub(OVERLAP)).max(self.since);
        Ok(is_new)
    }
}

/// Maps the command's exit to landfall's own.
fn end(ended: &StoppedTask, was_stopped: bool, report: &Report) -> Result<(), Failure> {
    let code = ended.exit_code;
    report.emit(Event::CommandEnded { code });
    if was_stopped {
        return Err(Failure::new(
            Exit::Interrupted,
            "interrupted; the task was stopped",
        ));
    }
    let words = [
        ended.stopped_reason.as_str(),
        ended.container_reason.as_str(),
    ];
    let words = words.into_iter().filter(|text| !text.is_empty());
    let why = words.collect::<Vec<_>>().join("; ");
    match code {
        Some(0) => Ok(()),
        Some(code) => Err(Failure {
            code: u8::try_from(code).ok().filter(|code| *code > 0),
            ..Failure::new(Exit::Command, format!("the command exited with {code}")).why(why)
        }),
        None => Err(Failure::new(
            Exit::Command,
            "the command did not run: it has no exit code",
        )
        .why(why)
        .next("`landfall status` shows whether the app itself runs")),
    }
}
