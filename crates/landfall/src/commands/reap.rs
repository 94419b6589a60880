//! `landfall reap`: takes down what was to live for a while only, and is over.
//!
//! Nothing but the account is needed: the state bucket says whose it is and when it ends, and what Terraform
//! needs to destroy it lies in its state and in this program.

use crate::cli::Global;
use crate::cli::reap::Reap;
use crate::commands::down;
use crate::environment::app::App;
use crate::environment::confirm::confirm;
use crate::environment::phases::Phases;
use crate::environment::ttl;
use crate::environment::{account_region::AccountRegion, place::Environment};
use crate::failure::Failure;
use crate::lock::keepalive::Keepalive;
use crate::report::{Report, now};
use aws::Buckets;
use infra::Interrupt;
use rules::event::Event;
use rules::exit::Exit;
use rules::operate::expiry::{Bucket, Candidate, Only, Shown, expired, prefix, tell, worth_a_look};
use rules::operate::ttl::Expiry;
use rules::time::Timestamp;

pub(crate) async fn run(
    arguments: &Reap,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let ground = AccountRegion::open(global.region.as_ref(), global, report).await?;
    let only = Only {
        app: global.name.clone(),
        environment: global.environment.clone(),
    };
    let seen_at = now();
    let (candidates, unseen) = look(&ground, &only, seen_at).await?;
    report.emit(Event::Lifetimes {
        environments: candidates.iter().map(Shown::from).collect(),
        unseen,
        seen_at,
    });
    if arguments.dry_run {
        return Ok(());
    }
    let over = expired(&candidates);
    if !over.is_empty() {
        let ids: Vec<String> = over.iter().map(|one| one.names.id()).collect();
        let question = format!(
            "Remove {} from account {}, {}, for good?",
            ids.join(", "),
            ground.identity.account,
            ground.session.region()
        );
        confirm(report, arguments.yes, &question)?;
    }
    take_down(&ground, &over, report, &interrupt).await
}

/// Every environment that is meant, and what could not be looked at.
async fn look(
    ground: &AccountRegion,
    only: &Only,
    now: Timestamp,
) -> Result<(Vec<Candidate>, Vec<String>), Failure> {
    let (account, region) = (&ground.identity.account, ground.session.region());
    let buckets = Buckets::new(&ground.session, account);
    let (mut candidates, mut unseen) = (Vec::new(), Vec::new());
    let names = buckets.names(&prefix(account, region)).await?;
    for bucket in worth_a_look(names, account, region, only) {
        match buckets.tags(&bucket).await {
            Ok(Some(tags)) => match tell(&bucket, &tags, account, region, only, now) {
                Bucket::Of(candidate) => candidates.push(candidate),
                Bucket::NotMeant => {}
                Bucket::Strange { why } => unseen.push(why),
            },
            // Gone since it was listed.
            Ok(None) => {}
            // Whoever may not look at it has no business there: previews' jobs, for one, in production.
            Err(error) => unseen.push(format!("{bucket}: {error}; it is left alone")),
        }
    }
    for directory in ttl::directories(&ground.directory())? {
        let id = directory.file_name().unwrap_or_default().to_string_lossy();
        match ttl::read_file(&directory) {
            Ok(Some(end)) => candidates.extend(end.candidate(&id, only, now)),
            Ok(None) => {}
            Err(failure) => unseen.push(format!("{}; it is left alone", failure.what)),
        }
    }
    Ok((candidates, unseen))
}

/// One after the other; what fails keeps nobody from the next.
async fn take_down(
    ground: &AccountRegion,
    over: &[&Candidate],
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let (mut removed, mut failed) = (Vec::new(), Vec::new());
    let mut first: Option<Failure> = None;
    for candidate in over {
        let id = candidate.names.id();
        if *interrupt.borrow() {
            failed.push(format!("{id}: not begun"));
            first.get_or_insert_with(|| Failure::new(Exit::Interrupted, "interrupted"));
            continue;
        }
        let place = ground.place(candidate.names.clone(), candidate.state, report);
        match Box::pin(reap(&place, report, interrupt)).await {
            Ok(true) => removed.push(id),
            Ok(false) => {}
            Err(failure) => {
                let why = failure.why.first().map(|why| format!(": {why}"));
                failed.push(format!("{id}: {}{}", failure.what, why.unwrap_or_default()));
                first.get_or_insert(failure);
            }
        }
    }
    report.emit(Event::Reaped {
        removed,
        failed: failed.clone(),
    });
    let Some(first) = first else { return Ok(()) };
    let what = format!(
        "{} of {} environments whose time is over are not taken down",
        failed.len(),
        over.len()
    );
    let mut failure = Failure::new(first.exit, what);
    failure.why = failed;
    failure.next = first.next;
    Err(failure.next("the next `landfall reap` goes on"))
}

/// Takes one down, unless it is gone, or somebody gave it more time meanwhile.
async fn reap(
    place: &Environment,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<bool, Failure> {
    let id = place.names.id();
    if let Some(bucket) = place.bucket()
        && !bucket.exists().await?
    {
        report.note(format!("{id}: somebody else took it down"));
        return Ok(false);
    }
    let manifest = App::of_names(place)?.manifest;
    let phases = Phases::new(report);
    let keeper = Keepalive::take(&place.store(), "landfall reap", report, interrupt).await?;
    // Only under the lock does nobody prolong it any more.
    match ttl::read(place).await {
        Ok(lifetime) if matches!(lifetime.expiry, Expiry::Expired { .. }) => {}
        Ok(lifetime) => {
            report.note(lifetime.expiry.reap(&id, lifetime.seen_at));
            return keeper.end(Ok(false)).await;
        }
        Err(failure) => return keeper.end(Err(failure)).await,
    }
    down::all(place, &manifest, Some(keeper), &phases, report, interrupt).await?;
    Ok(true)
}
