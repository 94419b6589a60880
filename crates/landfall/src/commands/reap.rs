//! `landfall reap`: takes down what was to live for a while only, and is over.
//!
//! Nothing but the account is needed: the state bucket says whose it is and when it ends, and what Terraform
//! needs to destroy it lies in its state and in this program.

use crate::cli::{Global, Reap};
use crate::commands::down;
use crate::environment::app::App;
use crate::environment::confirm::confirm;
use crate::environment::ttl;
use crate::environment::{Environment, account_region::AccountRegion};
use crate::failure::Failure;
use crate::lock::keepalive::Keepalive;
use crate::report::phases::Phases;
use crate::report::{Report, now};
use aws::Buckets;
use infra::Interrupt;
use rules::event::Event;
use rules::exit::Exit;
use rules::operate::expiry::{
    Bucket, Candidate, Filter, ListedEnvironment, candidates_by_name, classify, expired, prefix,
};
use rules::operate::ttl::Expiry;
use rules::time::Timestamp;

pub(crate) async fn run(
    arguments: &Reap,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let account_region = AccountRegion::open(global.region.as_ref(), global, report).await?;
    let only = Filter {
        app: global.name.clone(),
        environment: global.environment.clone(),
    };
    let seen_at = now();
    let (candidates, unseen) = look(&account_region, &only, seen_at).await?;
    report.emit(Event::Lifetimes {
        environments: candidates.iter().map(ListedEnvironment::from).collect(),
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
            "Remove {} from account {}, {}? This cannot be undone.",
            ids.join(", "),
            account_region.identity.account,
            account_region.session.region()
        );
        confirm(report, arguments.yes, &question)?;
    }
    take_down(&account_region, &over, report, &interrupt).await
}

/// Every environment that is meant, and what could not be looked at.
async fn look(
    account_region: &AccountRegion,
    only: &Filter,
    now: Timestamp,
) -> Result<(Vec<Candidate>, Vec<String>), Failure> {
    let (account, region) = (
        &account_region.identity.account,
        account_region.session.region(),
    );
    let buckets = Buckets::new(&account_region.session, account);
    let (mut candidates, mut unseen) = (Vec::new(), Vec::new());
    let names = buckets.names(&prefix(account, region)).await?;
    for bucket in candidates_by_name(names, account, region, only) {
        match buckets.tags(&bucket).await {
            Ok(Some(tags)) => match classify(&bucket, &tags, account, region, only, now) {
                Bucket::Of(candidate) => candidates.push(candidate),
                Bucket::NotSelected => {}
                Bucket::Foreign { why } => unseen.push(why),
            },
            // Gone since it was listed.
            Ok(None) => {}
            // Whoever may not look at it has no business there: previews' jobs, for one, in production.
            Err(error) => unseen.push(format!("{bucket}: {error}; skipped")),
        }
    }
    for directory in ttl::directories(&account_region.directory())? {
        let id = directory.file_name().unwrap_or_default().to_string_lossy();
        match ttl::read_file(&directory) {
            Ok(Some(end)) => candidates.extend(end.candidate(&id, only, now)),
            Ok(None) => {}
            Err(failure) => unseen.push(format!("{}; skipped", failure.what)),
        }
    }
    Ok((candidates, unseen))
}

/// One after the other; what fails keeps nobody from the next.
async fn take_down(
    account_region: &AccountRegion,
    over: &[&Candidate],
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let (mut removed, mut failed) = (Vec::new(), Vec::new());
    let mut first: Option<Failure> = None;
    for candidate in over {
        let id = candidate.names.id();
        if *interrupt.borrow() {
            failed.push(format!("{id}: not started"));
            first.get_or_insert_with(|| Failure::new(Exit::Interrupted, "interrupted"));
            continue;
        }
        let environment = Environment::of(
            account_region,
            candidate.names.clone(),
            candidate.state,
            report,
        );
        match Box::pin(reap(&environment, report, interrupt)).await {
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
        "{} of {} expired environments were not destroyed",
        failed.len(),
        over.len()
    );
    let mut failure = Failure::new(first.exit, what);
    failure.why = failed;
    failure.next = first.next;
    Err(failure.next("the next `landfall reap` continues"))
}

/// Takes one down, unless it is gone, or somebody gave it more time meanwhile.
async fn reap(
    environment: &Environment,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<bool, Failure> {
    let id = environment.names.id();
    if let Some(bucket) = environment.bucket()
        && !bucket.exists().await?
    {
        report.note(format!("{id}: another command has destroyed it"));
        return Ok(false);
    }
    let manifest = App::of_names(&environment.names, environment.session.region())?.manifest;
    let phases = Phases::new(report);
    let keepalive =
        Keepalive::acquire(&environment.store(), "landfall reap", report, interrupt).await?;
    // Under the lock no other command changes its TTL.
    match ttl::read(environment).await {
        Ok(lifetime) if matches!(lifetime.expiry, Expiry::Expired { .. }) => {}
        Ok(lifetime) => {
            report.note(lifetime.expiry.reap(&id, lifetime.seen_at));
            return keepalive.release(Ok(false)).await;
        }
        Err(failure) => return keepalive.release(Err(failure)).await,
    }
    down::all(
        environment,
        &manifest,
        Some(keepalive),
        &phases,
        report,
        interrupt,
    )
    .await?;
    Ok(true)
}
