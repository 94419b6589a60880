//! Commands for a release that is under way, held or past: `promote`, `abort`, `resume`, `rollback`,
//! `unlock`.

use crate::cli::{AppDir, Global, Rollback, Unlock};
use crate::environment::app::App;
use crate::environment::confirm::confirm;
use crate::environment::place::Environment;
use crate::failure::Failure;
use crate::lock::keepalive::Keepalive;
use crate::lock::lease_guard;
use crate::release::ledger::Ledger;
use crate::release::runner::{Deployment, ReleaseOptions, ReleaseRunner, StartedRelease};
use crate::report::{Report, now};
use infra::Interrupt;
use rules::event::Event;
use rules::exit::Exit;
use rules::release::ledger::{LEASE_KEY, Record, previous_good};
use rules::release::revision::{Revision, RevisionId};
use rules::release::{
    AtMaximum, ManualOverride, Outcome, Purpose, Release, ReleaseTimings, Step, Strategy, dry_run,
};
use std::path::Path;

/// An environment that is deployed.
struct Deployed {
    app: App,
    place: Environment,
    site: Deployment,
}

impl Deployed {
    async fn open(
        directory: &Path,
        global: &Global,
        report: &Report,
        interrupt: &Interrupt,
    ) -> Result<Deployed, Failure> {
        let app = App::read_settings(directory, global)?;
        let place = Environment::open(&app, global, report).await?;
        let Some(site) = place.site(&app.manifest, interrupt).await? else {
            return Err(place.not_deployed());
        };
        Ok(Deployed { app, place, site })
    }

    fn conduct<'a>(
        &'a self,
        keeper: &'a Keepalive,
        report: &'a Report,
        interrupt: &Interrupt,
    ) -> Result<ReleaseRunner<'a>, Failure> {
        let manifest = &self.app.manifest;
        Ok(ReleaseRunner {
            driver: self
                .site
                .driver(&self.place, manifest, None, report, interrupt)?,
            store: self.place.store(),
            keeper,
            report,
        })
    }
}

/// A person's word about the latest release.
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
pub(crate) async fn say(
    word: ManualAction,
    arguments: &AppDir,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let deployed = Deployed::open(&arguments.directory, global, report, &interrupt).await?;
    let store = deployed.place.store();
    let keeper = Keepalive::take(&store, word.command(), report, &interrupt).await?;
    let conduct = deployed.conduct(&keeper, report, &interrupt)?;
    let done = carry_out(word, &conduct).await;
    keeper.end(done).await
}

async fn carry_out(word: ManualAction, conduct: &ReleaseRunner<'_>) -> Result<(), Failure> {
    let latest = Ledger::latest(&conduct.store).await?;
    let Some(mut ledger) = latest.filter(|l| l.record.is_held() || l.record.is_under_way()) else {
        return nothing_open(word, conduct);
    };
    match (word, &ledger.record.outcome) {
        (ManualAction::Resume, Some(_)) => return Err(conduct.held(&ledger.record)),
        (ManualAction::Resume, None) => conduct.say_left(&ledger.record),
        (ManualAction::Promote, Some(Outcome::Held { share: 0, .. })) => {
            conduct.order(&mut ledger, ManualOverride::Start);
        }
        (ManualAction::Promote, _) => conduct.order(&mut ledger, ManualOverride::Promote),
        (ManualAction::Abort, _) => conduct.order(&mut ledger, ManualOverride::Abort),
    }
    let ended = conduct.go_on(&mut ledger).await?;
    let judged = conduct.judge(&ended, &ledger.record).await;
    match (word, &ended.outcome, judged) {
        // What was asked for.
        (ManualAction::Abort, Outcome::RolledBack { .. }, Err(failure))
            if failure.exit == Exit::RolledBack =>
        {
            Ok(())
        }
        (ManualAction::Abort, Outcome::Serving { .. }, Ok(())) => Err(Failure::new(
            Exit::Refused,
            "it was too late: all users were on the new version already",
        )
        .next("`landfall rollback` goes back to the version before")),
        (_, _, judged) => judged,
    }
}

fn nothing_open(word: ManualAction, conduct: &ReleaseRunner<'_>) -> Result<(), Failure> {
    if word == ManualAction::Promote {
        return Err(Failure::new(Exit::Refused, "no release waits for a person")
            .next("`landfall history` lists all releases"));
    }
    conduct
        .report
        .note("no release is under way: nothing was changed");
    Ok(())
}

/// `landfall rollback`.
pub(crate) async fn rollback(
    arguments: &Rollback,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let deployed = Deployed::open(&arguments.directory, global, report, &interrupt).await?;
    let store = deployed.place.store();
    let keeper = Keepalive::take(&store, "landfall rollback", report, &interrupt).await?;
    let conduct = deployed.conduct(&keeper, report, &interrupt)?;
    let done = go_back(arguments, &conduct).await;
    keeper.end(done).await?;
    if !arguments.dry_run {
        report.emit(Event::Url {
            url: deployed.site.url().to_owned(),
        });
    }
    Ok(())
}

async fn go_back(arguments: &Rollback, conduct: &ReleaseRunner<'_>) -> Result<(), Failure> {
    let records = Ledger::all(&conduct.store).await?;
    let open = records
        .last()
        .filter(|record| record.is_held() || record.is_under_way());
    if let Some(record) = open {
        let wanted = arguments.revision.as_deref();
        let leads_back = wanted.is_none_or(|wanted| {
            let from = record.from.as_ref();
            from.is_some_and(|from| from.0.starts_with(wanted))
        });
        if !leads_back {
            return Err(conduct.held(record).next("then roll back"));
        }
        if arguments.dry_run {
            let mut release = record.release();
            release.progress.order = Some(ManualOverride::Abort);
            return foretell(conduct, &release).await;
        }
        // The version before is still there: it takes the traffic back by one call.
        return carry_out(ManualAction::Abort, conduct).await;
    }
    let look = conduct.driver.look().await?;
    let seen = look.observation();
    let live = seen.slots.of(seen.live());
    let Some(current) = live.revision.clone().filter(|_| live.desired > 0) else {
        return Err(Failure::new(Exit::NothingServing, "nothing serves")
            .next("`landfall up` releases a version"));
    };
    let revision = find(arguments.revision.as_deref(), &records, &current)?;
    let terms = ReleaseOptions {
        count: live.desired,
        strategy: Strategy::AllAtOnce,
        purpose: Purpose::RollBack,
        no_traffic: false,
        at_maximum: AtMaximum::Hold,
        timings: ReleaseTimings::default(),
    };
    if arguments.dry_run {
        return match conduct.begin(&revision, &terms).await? {
            StartedRelease::Serving(_) => Ok(()),
            StartedRelease::Release { release, .. } => foretell(conduct, &release).await,
        };
    }
    let conducted = conduct.release(&revision, &terms).await?;
    conduct.verdict(&conducted, &revision).await
}

async fn foretell(conduct: &ReleaseRunner<'_>, release: &Release) -> Result<(), Failure> {
    let seen = conduct.driver.look().await?.observation();
    let steps = dry_run(release, &seen, now())
        .into_iter()
        .filter(|step| !matches!(step, Step::EnablePreview | Step::DisablePreview))
        .collect();
    conduct.report.emit(Event::Foreseen { steps });
    Ok(())
}

/// The revision that is meant, in full, from the ledger.
fn find(
    wanted: Option<&str>,
    records: &[Record],
    current: &RevisionId,
) -> Result<Revision, Failure> {
    let Some(wanted) = wanted else {
        return match previous_good(records, current) {
            Some(record) => Ok(record.revision.clone()),
            None => Err(
                Failure::new(Exit::Refused, "there is no earlier version to go back to")
                    .why(format!(
                        "revision {current} is the only one that ever served"
                    ))
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
            format!("revision {current} is the one that serves"),
        )
        .next("`landfall history` lists all releases")),
        [one] => Ok(one.revision.clone()),
        [] => Err(Failure::new(
            Exit::BadInput,
            format!("no release of a revision {wanted} stands in the ledger"),
        )
        .next("`landfall history` lists all releases")),
        many => {
            let mut failure = Failure::new(
                Exit::BadInput,
                format!("{wanted} may mean {} revisions", many.len()),
            );
            failure.why = many.iter().map(|r| r.begun.revision.to_string()).collect();
            Err(failure.next("give more of its letters"))
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
    let place = Environment::open(&app, global, report).await?;
    if !place.has_state().await? {
        return Err(place.not_deployed());
    }
    let store = place.store();
    let question = "Give the release lock back? Whoever holds it stops at once.";
    confirm(report, arguments.yes, question)?;
    match lease_guard::unlock(
        &store,
        LEASE_KEY,
        lease_guard::holder::this("landfall unlock"),
    )
    .await?
    {
        Some(was) => {
            report.note(format!("unlocked; it was held by {was}"));
            report
                .note("`landfall resume` goes on with its release, `landfall abort` takes it back");
        }
        None => report.note("nobody holds the release lock"),
    }
    Ok(())
}
