//! The account, asked about everything at once.

use super::{Examined, Extent, trouble, within};
use crate::cli::Global;
use crate::environment::domain;
use crate::environment::place::Environment;
use crate::failure::Failure;
use crate::report::{Report, now};
use aws::{Functions, Inventory, Permissions, Quotas, Secrets, Session};
use futures_util::future::try_join_all;
use rules::app::manifest::{Domain, Manifest, Target};
use rules::operate::doctor::account::{LoadBalancers, Region, Strangers, known, strangers};
use rules::operate::doctor::permissions::{Principal, Simulated, Whereabouts, asks};
use rules::operate::doctor::{Facts, Seen, Unavailable};
use rules::operate::domain::Survey;
use rules::operate::secrets::Stored;
use rules::shape::contract::Root;
use rules::shape::permissions::Phase;
use rules::time::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// Why quotas and permissions are not looked at in a rehearsal.
const EMULATED: &str = "emulators have none";

/// Fills in what is known of the account, and finds the place.
pub(super) async fn gather(
    examined: &mut Examined,
    extent: Extent,
    global: &Global,
    report: &Report,
) {
    if extent == Extent::Machine {
        skip(&mut examined.facts, "AWS is not asked with --offline");
        return;
    }
    let Some(app) = &examined.app else {
        if global.rehearse {
            skip(&mut examined.facts, "the app's settings are not in order");
        } else {
            Box::pin(without_app(&mut examined.facts, extent, global)).await;
        }
        return;
    };
    // Emulators are not started for a deployment that cannot be.
    let facts = &examined.facts;
    let tools = [facts.engine.as_ref().err(), facts.terraform.as_ref().err()];
    let has_tools = !tools
        .into_iter()
        .flatten()
        .any(|gap| matches!(gap, Unavailable::Trouble(_)));
    if global.rehearse && !has_tools {
        skip(
            &mut examined.facts,
            "emulators need the container engine and Terraform",
        );
        return;
    }
    let region = app.manifest.region.as_ref().map(|region| region.as_str());
    let (place, clock) = tokio::join!(
        Box::pin(Environment::open(app, global, report)),
        Box::pin(clock(global, extent))
    );
    examined.facts.clock = clock;
    match place {
        Ok(place) => Box::pin(with(examined, place, extent)).await,
        Err(failure) => {
            Box::pin(without(
                &mut examined.facts,
                failure,
                region,
                extent,
                global,
            ))
            .await;
        }
    }
}

/// Nothing of the account is looked at.
fn skip(facts: &mut Facts, why: &str) {
    let skipped = || Unavailable::Skipped(why.to_owned());
    facts.credentials = Err(skipped());
    facts.names = Err(skipped());
    if facts
        .manifest()
        .is_some_and(|manifest| manifest.domain.is_some())
    {
        facts.domain = Err(skipped());
    }
    facts.permissions = Err(skipped());
}

/// The settings are not in order, so that nobody knows what is wanted where: only who calls.
async fn without_app(facts: &mut Facts, extent: Extent, global: &Global) {
    let region = global.region.as_ref().map(|region| region.as_str());
    let session = Session::open(global.profile.as_deref(), region, None).await;
    skip(facts, "the app's settings are not in order");
    facts.credentials = match session {
        // The settings may name the region.
        Err(_) => Err(Unavailable::Skipped(
            "the app's settings are not in order, and no region is set elsewhere".to_owned(),
        )),
        Ok(session) => {
            let identity = async {
                let identity = session.identity().await;
                identity.map_err(|error| trouble(error.into()))
            };
            within(extent.timings(), identity).await
        }
    };
}

/// Nobody can be called for. Is it the region's fault?
async fn without(
    facts: &mut Facts,
    failure: Failure,
    region: Option<&str>,
    extent: Extent,
    global: &Global,
) {
    skip(facts, "without credentials AWS tells nothing");
    facts.credentials = Err(trouble(failure));
    if global.rehearse {
        return;
    }
    let Ok(session) = Session::open(global.profile.as_deref(), region, None).await else {
        return;
    };
    let account = Quotas::new(&session);
    let look = async { account.region().await.map_err(|error| unknown(&error)) };
    facts.region = match within(extent.timings(), look).await {
        // Only that it cannot be used says something: without credentials nothing can be told.
        Err(_) => Err(Unavailable::NotAsked),
        seen => seen,
    };
}

async fn with(examined: &mut Examined, place: Environment, extent: Extent) {
    let limit = extent.timings();
    examined.facts.credentials = Ok(place.identity.clone());
    match place.targets().await {
        Ok(there) => examined.there = there,
        // Who may not read the state can do nothing at all.
        Err(failure) => {
            examined.facts.credentials = Err(trouble(failure));
            return;
        }
    }
    examined.settle_target();
    let Some(manifest) = examined.manifest().cloned() else {
        return;
    };
    let is_new = match extent {
        Extent::Deployment => is_new(&place, manifest.target, &examined.there).await,
        Extent::Machine | Extent::Full => true,
    };
    let there = examined.there.clone();
    let facts = &mut examined.facts;
    if let Some(domain) = &manifest.domain {
        facts.domain = within(limit, Box::pin(surveyed(&place, domain))).await;
    }
    facts.secrets = Box::pin(secrets(&place, &manifest)).await;
    if is_new {
        let account = Quotas::new(&place.session);
        let (region, concurrency, vcpus, load_balancers, names, permissions) = tokio::join!(
            within(limit, Box::pin(region(&account))),
            within(limit, Box::pin(concurrency(&place, manifest.target))),
            within(limit, Box::pin(vcpus(&place, &account, manifest.target))),
            within(
                limit,
                Box::pin(load_balancers(&place, &account, manifest.target))
            ),
            within(limit, Box::pin(names(&place))),
            within(limit, Box::pin(permissions(&place, &manifest, &there))),
        );
        facts.region = region;
        facts.concurrency = concurrency;
        facts.vcpus = vcpus;
        facts.load_balancers = load_balancers;
        facts.names = names;
        facts.permissions = permissions;
    }
    examined.place = Some(place);
}

/// Whether a root is to be made that holds nothing as yet.
async fn is_new(place: &Environment, target: Target, there: &[Target]) -> bool {
    // What cannot be told is looked at more closely.
    !there.contains(&target) || !place.holds(Root::Foundation).await.unwrap_or(false)
}

fn unknown(error: &aws::Error) -> Unavailable {
    Unavailable::Unknown(error.to_string())
}

async fn region(account: &Quotas) -> Seen<Region> {
    account.region().await.map_err(|error| unknown(&error))
}

async fn concurrency(place: &Environment, target: Target) -> Seen<u32> {
    if target != Target::Lambda {
        return Err(Unavailable::NotAsked);
    }
    if place.identity.rehearsal {
        return Err(Unavailable::Skipped(EMULATED.to_owned()));
    }
    let functions = Functions::new(&place.session, &place.names.function());
    functions
        .concurrency()
        .await
        .map_err(|error| unknown(&error))
}

async fn vcpus(place: &Environment, account: &Quotas, target: Target) -> Seen<f64> {
    if target != Target::Fargate {
        return Err(Unavailable::NotAsked);
    }
    if place.identity.rehearsal {
        return Err(Unavailable::Skipped(EMULATED.to_owned()));
    }
    account
        .fargate_vcpus()
        .await
        .map_err(|error| unknown(&error))
}

async fn load_balancers(
    place: &Environment,
    account: &Quotas,
    target: Target,
) -> Seen<LoadBalancers> {
    if target != Target::Fargate {
        return Err(Unavailable::NotAsked);
    }
    if place.identity.rehearsal {
        return Err(Unavailable::Skipped(EMULATED.to_owned()));
    }
    let seen = account.load_balancers(&place.names.id()).await;
    seen.map_err(|error| unknown(&error))
}

/// What bears the environment's names and is in none of its states.
async fn names(place: &Environment) -> Seen<Strangers> {
    let inventory = Inventory::new(&place.session, &place.names, &place.account);
    let listing = inventory.look().await;
    // In this order: what a Terraform at work makes meanwhile is not in the listing; what it made before is in
    // the state once its lock is gone.
    let mut of_ours = BTreeSet::new();
    for root in Root::ALL {
        if let Some(lock) = place.lock(root).await {
            return Err(Unavailable::Skipped(format!(
                "somebody works on the {root} root: {}",
                lock.describe()
            )));
        }
        let unreadable =
            |why: String| Unavailable::Unknown(format!("the state of the {root} root: {why}"));
        let state = place.state(root).await;
        if let Some(state) = state.map_err(|failure| unreadable(failure.what))? {
            of_ours.extend(known(&state).ok_or_else(|| unreadable("it is encrypted".to_owned()))?);
        }
    }
    Ok(Strangers {
        names: place.names.clone(),
        region: place.session.region().to_owned(),
        found: strangers(listing.by_name, &of_ours),
        unseen: listing.unseen,
    })
}

async fn surveyed(place: &Environment, domain: &Domain) -> Seen<Survey> {
    let survey = domain::survey(place, domain).await;
    survey.map_err(|failure| Unavailable::Unknown(failure.what))
}

async fn secrets(place: &Environment, manifest: &Manifest) -> Seen<Vec<Stored>> {
    if manifest.secrets.is_empty() {
        return Err(Unavailable::NotAsked);
    }
    let secrets = Secrets::new(&place.session, &place.names);
    let stored = match secrets.list().await {
        // Who may look into the store that counts only is told no more than that.
        Err(_) => secrets.list_in(manifest.secrets_store).await,
        stored => stored,
    };
    // Without them a deployment would stop half-way: not to know is a problem.
    stored.map_err(|error| trouble(error.into()))
}

async fn permissions(
    place: &Environment,
    manifest: &Manifest,
    there: &[Target],
) -> Seen<Vec<Simulated>> {
    if place.identity.rehearsal {
        return Err(Unavailable::Skipped(EMULATED.to_owned()));
    }
    let arn = &place.identity.arn;
    let partition = arn.split(':').nth(1).unwrap_or("aws");
    let simulation = Permissions::new(&place.session);
    let principal = match Principal::of(arn) {
        Principal::Root => {
            return Err(Unavailable::Skipped(
                "the root user may do everything".to_owned(),
            ));
        }
        Principal::Other => {
            return Err(Unavailable::Unknown(format!("IAM simulates no {arn}")));
        }
        Principal::Arn(arn) => arn,
        Principal::Role(name) => {
            let role = simulation
                .role(&name)
                .await
                .map_err(|error| unknown(&error))?;
            match role {
                Some(arn) => arn,
                // Roles of Identity Center lie in a path that nobody tells.
                None if name.starts_with("AWSReservedSSO_") => {
                    return Err(Unavailable::Unknown(
                        "the caller may not look up its own role (iam:GetRole)".to_owned(),
                    ));
                }
                None => format!("arn:{partition}:iam::{}:role/{name}", place.account),
            }
        }
    };
    let at = Whereabouts {
        partition,
        account: &place.account,
        region: place.session.region(),
        names: &place.names,
        domain: manifest.domain.as_ref().map(|domain| domain.as_str()),
    };
    // Who only releases need not be able to make anything.
    let phase = match there.contains(&manifest.target) {
        true => Phase::Release,
        false => Phase::Setup,
    };
    let asks = asks(phase, manifest.target, &at);
    let answers = asks
        .iter()
        .map(|ask| Box::pin(simulation.simulate(&principal, ask)));
    let answers = try_join_all(answers)
        .await
        .map_err(|error| unknown(&error))?;
    Ok(answers.concat())
}

/// How far this machine's clock is ahead of AWS's, by the date of an answer that needs no credentials.
async fn clock(global: &Global, extent: Extent) -> Seen<i64> {
    if global.rehearse {
        return Err(Unavailable::NotAsked);
    }
    const ANYONE: &str = "https://sts.amazonaws.com/";
    let limit = extent.timings().min(Duration::from_secs(5));
    let look = async {
        let answer = reqwest::Client::new().head(ANYONE).send().await;
        let answer = answer.map_err(|error| Unavailable::Unknown(chain(&error)))?;
        let date = answer.headers().get(reqwest::header::DATE);
        let theirs = date
            .and_then(|date| Timestamp::from_http_date(date.to_str().ok()?))
            .ok_or_else(|| Unavailable::Unknown("AWS's answer has no date".to_owned()))?;
        let millis = |time: Timestamp| i64::try_from(time.0).unwrap_or(i64::MAX);
        Ok(millis(now()) - millis(theirs))
    };
    within(limit, look).await
}

/// An error with its sources: by itself it says only that a request failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
