//! Commands for existing releases: `promote`, `abort`, `resume`, `rollback`, `unlock`.

use crate::cli::{AppDir, Global, Rollback, Unlock};
use crate::environment::Environment;
use crate::environment::app::App;
use crate::environment::confirm::confirm;
use crate::failure::Failure;
use crate::lock::holder;
use crate::lock::keepalive::Keepalive;
use crate::lock::lease_guard;
use crate::release::deployment::Deployment;
use crate::release::ledger::Ledger;
use crate::release::runner::ReleaseRunner;
use crate::report::{Report, now};
use infra::Interrupt;
use rules::app::manifest::DEFAULT_START_SECONDS;
use rules::event::Event;
use rules::exit::Exit;
use rules::release::begin::Beginning;
use rules::release::ending;
use rules::release::ledger::{LEASE_KEY, Record, previous_good};
use rules::release::revision::{Revision, RevisionId, Settings};
use rules::release::{
    AtMaximum, ManualOverride, Outcome, Purpose, Release, ReleaseOptions, ReleaseTimings, Step,
    Strategy, dry_run, live_slot,
};
use std::path::Path;

/// A deployed environment.
struct Deployed {
    app: App,
    environment: Environment,
    deployment: Deployment,
}

impl Deployed {
    async fn open(
        directory: &Path,
        global: &Global,
        report: &Report,
        interrupt: &Interrupt,
    ) -> Result<Deployed, Failure> {
        let app = App::read_settings(directory, global)?;
        let environment = Environment::open(&app.manifest, global, report).await?;
        let Some(deployment) = environment.deployment(&app.manifest, interrupt).await? else {
            return Err(environment.not_deployed());
        };
        Ok(Deployed {
            app,
            environment,
            deployment,
        })
    }

    fn runner<'a>(
        &'a self,
        keepalive: &'a Keepalive,
        report: &'a Report,
        interrupt: &Interrupt,
    ) -> Result<ReleaseRunner<'a>, Failure> {
        let manifest = &self.app.manifest;
        Ok(ReleaseRunner {
            driver: self.deployment.driver(
                &self.environment.session,
                &self.environment.names,
                manifest,
                None,
                report,
                interrupt,
            )?,
            store: self.environment.store(),
            keepalive,
            report,
        })
    }
}

/// What a person orders for the latest release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ManualAction {
    Promote,
    Abort,
    Resume,
}

impl ManualAction {
    fn command(self) -> &'static str {
        match self {
            ManualAction::Promote => "landfall promote",
            ManualAction::Abort => "landfall abort",
            ManualAction::Resume => "landfall resume",
        }
    }
}

/// `landfall promote`, `landfall abort`, `landfall resume`.
pub(crate) async fn act(
    word: ManualAction,
    arguments: &AppDir,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let deployed = Deployed::open(&arguments.directory, global, report, &interrupt).await?;
    let store = deployed.environment.store();
    let keepalive = Keepalive::acquire(&store, word.command(), report, &interrupt).await?;
    let runner = deployed.runner(&keepalive, report, &interrupt)?;
    let done = carry_out(word, &runner).await;
    keepalive.release(done).await
}

async fn carry_out(word: ManualAction, runner: &ReleaseRunner<'_>) -> Result<(), Failure> {
    let latest = Ledger::latest(&runner.store).await?;
    let Some(mut ledger) = latest.filter(|l| l.record.is_held() || l.record.is_under_way()) else {
        return nothing_open(word, runner);
    };
    match (word, &ledger.record.outcome) {
        (ManualAction::Resume, Some(_)) => return Err(ending::held(&ledger.record).into()),
        (ManualAction::Resume, None) => runner.note_interrupted(&ledger.record),
        (ManualAction::Promote, Some(Outcome::Held { share: 0, .. })) => {
            ReleaseRunner::order(&mut ledger, ManualOverride::Start);
        }
        (ManualAction::Promote, _) => ReleaseRunner::order(&mut ledger, ManualOverride::Promote),
        (ManualAction::Abort, _) => ReleaseRunner::order(&mut ledger, ManualOverride::Abort),
    }
    let outcome = runner.resume(&mut ledger).await?;
    let judged = runner.judge(&outcome, &ledger.record).await;
    match (word, &outcome, judged) {
        // What was asked for.
        (ManualAction::Abort, Outcome::RolledBack { .. }, Err(failure))
            if failure.exit == Exit::RolledBack =>
        {
            Ok(())
        }
        (ManualAction::Abort, Outcome::Serving { .. }, Ok(())) => Err(Failure::new(
            Exit::Refused,
            "too late: the new version already has all traffic",
        )
        .next("`landfall rollback` returns to the version before")),
        (_, _, judged) => judged,
    }
}

fn nothing_open(word: ManualAction, runner: &ReleaseRunner<'_>) -> Result<(), Failure> {
    if word == ManualAction::Promote {
        return Err(Failure::new(Exit::Refused, "no release is held")
            .next("`landfall history` lists all releases"));
    }
    runner
        .report
        .note("no release is in progress: nothing was changed");
    Ok(())
}

/// `landfall rollback`.
pub(crate) async fn rollback(
    arguments: &Rollback,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let (directory, revision) = arguments.read()?;
    let deployed = Deployed::open(&directory, global, report, &interrupt).await?;
    let store = deployed.environment.store();
    let keepalive = Keepalive::acquire(&store, "landfall rollback", report, &interrupt).await?;
    let runner = deployed.runner(&keepalive, report, &interrupt)?;
    let done = go_back(revision.as_deref(), arguments.dry_run, &runner).await;
    keepalive.release(done).await?;
    if !arguments.dry_run {
        report.emit(Event::Url {
            url: deployed.deployment.url().to_owned(),
        });
    }
    Ok(())
}

/// How long a rollback to a revision with these settings may take.
fn timings_to(settings: &Settings) -> ReleaseTimings {
    let start = settings.edge.as_ref().map(|edge| edge.start_seconds);
    let usual = start.unwrap_or(DEFAULT_START_SECONDS);
    let ready = ReleaseTimings::default_for(settings.target, true, usual).ready;
    ReleaseTimings {
        ready,
        ..ReleaseTimings::default()
    }
}

async fn go_back(
    wanted: Option<&str>,
    dry_run: bool,
    runner: &ReleaseRunner<'_>,
) -> Result<(), Failure> {
    let records = Ledger::all(&runner.store).await?;
    let open = records
        .last()
        .filter(|record| record.is_held() || record.is_under_way());
    if let Some(record) = open {
        let leads_back = wanted.is_none_or(|wanted| {
            let from = record.from.as_ref();
            from.is_some_and(|from| from.0.starts_with(wanted))
        });
        if !leads_back {
            return Err(Failure::from(ending::held(record)).next("then roll back"));
        }
        if dry_run {
            let mut release = record.release();
            release.progress.order = Some(ManualOverride::Abort);
            return foretell(runner, &release).await;
        }
        // The version before still runs: one call returns the traffic to it.
        return carry_out(ManualAction::Abort, runner).await;
    }
    let look = runner.driver.look().await?;
    let seen = look.observation();
    let live = seen.slots.of(live_slot(&seen.shares, records.last()));
    let Some(current) = live.revision.clone().filter(|_| live.desired > 0) else {
        return Err(Failure::new(Exit::NothingServing, "nothing serves")
            .next("`landfall up` releases a version"));
    };
    let revision = find(wanted, &records, &current)?;
    let terms = ReleaseOptions {
        count: live.desired,
        strategy: Strategy::AllAtOnce,
        purpose: Purpose::RollBack,
        no_traffic: false,
        at_maximum: AtMaximum::Hold,
        timings: timings_to(&revision.settings),
    };
    if dry_run {
        return match runner.begin(&revision, &terms, records.last()).await? {
            Beginning::Serving(_) => Ok(()),
            Beginning::Release { release, .. } => foretell(runner, &release).await,
        };
    }
    let conducted = runner.release(&revision, &terms).await?;
    runner.verdict(&conducted, &revision).await
}

async fn foretell(runner: &ReleaseRunner<'_>, release: &Release) -> Result<(), Failure> {
    let seen = runner.driver.look().await?.observation();
    let steps = dry_run(release, &seen, now())
        .into_iter()
        .filter(|step| !matches!(step, Step::EnablePreview | Step::DisablePreview))
        .collect();
    runner.report.emit(Event::Foreseen { steps });
    Ok(())
}

/// The full revision, from the ledger.
fn find(
    wanted: Option<&str>,
    records: &[Record],
    current: &RevisionId,
) -> Result<Revision, Failure> {
    let Some(wanted) = wanted else {
        return match previous_good(records, current) {
            Some(record) => Ok(record.revision.clone()),
            None => Err(
                Failure::new(Exit::Refused, "there is no earlier version to return to")
                    .why(format!("only revision {current} has ever been live"))
                    .next("`landfall history` lists all releases"),
            ),
        };
    };
    let mut found: Vec<&Record> = Vec::new();
    for record in records.iter().rev() {
        let id = &record.begun.revision;
        if id.0.starts_with(wanted) && found.iter().all(|other| other.begun.revision != *id) {
            found.push(record);
        }
    }
    match found.as_slice() {
        [one] if one.begun.revision == *current => Err(Failure::new(
            Exit::Refused,
            format!("revision {current} is live already"),
        )
        .next("`landfall history` lists all releases")),
        [one] => Ok(one.revision.clone()),
        [] => Err(Failure::new(
            Exit::BadInput,
            format!("no release of a revision {wanted} is recorded"),
        )
        .next("`landfall history` lists all releases")),
        many => {
            let mut failure = Failure::new(
                Exit::BadInput,
                format!("{wanted} matches {} revisions", many.len()),
            );
            failure.why = many.iter().map(|r| r.begun.revision.to_string()).collect();
            Err(failure.next("give more digits"))
        }
    }
}

/// `landfall unlock`.
pub(crate) async fn unlock(
    arguments: &Unlock,
    global: &Global,
    report: &Report,
) -> Result<(), Failure> {
    let app = App::read_settings(&arguments.app.directory, global)?;
    let environment = Environment::open(&app.manifest, global, report).await?;
    if !environment.has_state().await? {
        return Err(environment.not_deployed());
    }
    let store = environment.store();
    let question = "Force-release the release lock? Its holder stops at once.";
    confirm(report, arguments.yes, question)?;
    match lease_guard::unlock(&store, LEASE_KEY, holder::this("landfall unlock")).await? {
        Some(was) => {
            report.note(format!("the lock is released; its holder was {was}"));
            report.note("`landfall resume` resumes its release, `landfall abort` rolls it back");
        }
        None => report.note("the release lock is free"),
    }
    Ok(())
}
