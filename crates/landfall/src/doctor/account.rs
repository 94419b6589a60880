//! The account: everything is requested at once.

use super::{Examined, Extent, trouble, within};
use crate::cli::Global;
use crate::environment::Environment;
use crate::environment::budget;
use crate::environment::domain;
use crate::environment::endpoints::Cloud;
use crate::failure::Failure;
use crate::report::{Report, now};
use aws::{Functions, Inventory, Permissions, Quotas, Secrets};
use futures_util::future::try_join_all;
use rules::app::manifest::{Domain, Manifest, Target};
use rules::check::{Seen, Unavailable};
use rules::operate::doctor::Facts;
use rules::operate::doctor::account::{
    Region, UnknownResources, Usage, known_ids, unknown_resources,
};
use rules::operate::doctor::machine::Toolchain;
use rules::operate::doctor::permissions::{Location, Principal, Simulated, asks};
use rules::operate::domain::Survey;
use rules::operate::secrets::Stored;
use rules::shape::account_budget::AccountBudget;
use rules::shape::contract::Root;
use rules::shape::permissions::Phase;
use rules::time::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// Fills in the facts about the account, and opens the environment.
pub(super) async fn gather(
    examined: &mut Examined,
    extent: Extent,
    global: &Global,
    report: &Report,
) {
    if extent == Extent::Machine {
        skip(&mut examined.facts, "--offline calls nothing in AWS");
        return;
    }
    let Some(app) = &examined.app else {
        Box::pin(without_app(&mut examined.facts, extent, global)).await;
        return;
    };
    let facts = &examined.facts;
    let tools = [facts.engine.as_ref().err(), facts.terraform.as_ref().err()];
    let has_tools = !tools
        .into_iter()
        .flatten()
        .any(|gap| matches!(gap, Unavailable::Failed(_)));
    if let Some(why) = Cloud::chosen(global).why_it_needs_tools()
        && !has_tools
    {
        skip(&mut examined.facts, why);
        return;
    }
    let region = app.manifest.region.as_ref().map(|region| region.as_str());
    let (environment, clock) = tokio::join!(
        Box::pin(Environment::open(&app.manifest, global, report)),
        Box::pin(clock(global, extent))
    );
    examined.facts.clock = clock;
    match environment {
        Ok(environment) => Box::pin(with(examined, environment, extent)).await,
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

/// No fact of the account is gathered, for this reason.
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

/// The settings have problems, so only the caller's identity can be checked.
async fn without_app(facts: &mut Facts, extent: Extent, global: &Global) {
    let region = global.region.as_ref().map(|region| region.as_str());
    skip(facts, "the app's settings have problems");
    let cloud = Cloud::chosen(global);
    let Some(session) = cloud.session_without_app(global, region).await else {
        return;
    };
    facts.credentials = match session {
        // The settings may name the region.
        Err(_) => Err(Unavailable::Skipped(
            "the app's settings have problems, and no region is set elsewhere".to_owned(),
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

/// There is no usable session. Finds out whether only the region is missing.
async fn without(
    facts: &mut Facts,
    failure: Failure,
    region: Option<&str>,
    extent: Extent,
    global: &Global,
) {
    skip(facts, "not checked: there are no credentials");
    facts.credentials = Err(trouble(failure));
    let cloud = Cloud::chosen(global);
    let Some(Ok(session)) = cloud.session_without_app(global, region).await else {
        return;
    };
    let account = Quotas::new(&session);
    let look = async { account.region().await.map_err(|error| unknown(&error)) };
    facts.region = match within(extent.timings(), look).await {
        // Only a failure means something: without credentials nothing can be checked.
        Err(_) => Err(Unavailable::NotAsked),
        seen => seen,
    };
}

async fn with(examined: &mut Examined, environment: Environment, extent: Extent) {
    let limit = extent.timings();
    examined.facts.credentials = Ok(environment.identity.clone());
    match environment.targets().await {
        Ok(deployed) => examined.deployed = deployed,
        // Without read access to the state nothing works at all.
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
        Extent::Deployment => is_new(&environment, manifest.target, &examined.deployed).await,
        Extent::Machine | Extent::Full => true,
    };
    let deployed = examined.deployed.clone();
    let facts = &mut examined.facts;
    facts.toolchain = within(limit, Box::pin(toolchain(&environment))).await;
    if let Some(domain) = &manifest.domain {
        facts.domain = within(limit, Box::pin(surveyed(&environment, domain))).await;
    }
    facts.secrets = Box::pin(secrets(&environment, &manifest)).await;
    if is_new {
        let account = Quotas::new(&environment.session);
        let budget = budget_of(&environment, extent);
        let (region, concurrency, vcpus, vpcs, load_balancers, names, permissions, budget) = tokio::join!(
            within(limit, Box::pin(region(&account))),
            within(limit, Box::pin(concurrency(&environment, manifest.target))),
            within(
                limit,
                Box::pin(vcpus(&environment, &account, manifest.target))
            ),
            within(
                limit,
                Box::pin(vpcs(&environment, &account, manifest.target))
            ),
            within(
                limit,
                Box::pin(load_balancers(&environment, &account, manifest.target))
            ),
            within(limit, Box::pin(names(&environment))),
            within(
                limit,
                Box::pin(permissions(&environment, &manifest, &deployed))
            ),
            within(limit, Box::pin(budget)),
        );
        facts.region = region;
        facts.concurrency = concurrency;
        facts.vcpus = vcpus;
        facts.vpcs = vpcs;
        facts.budget = budget;
        facts.load_balancers = load_balancers;
        facts.names = names;
        facts.permissions = permissions;
    }
    examined.environment = Some(environment);
}

/// Whether a root has to be created.
async fn is_new(environment: &Environment, target: Target, deployed: &[Target]) -> bool {
    // If unknown, it is checked like one that has to be created.
    !deployed.contains(&target) || !environment.holds(Root::Foundation).await.unwrap_or(false)
}

/// The program and the provider that the environment uses.
async fn toolchain(environment: &Environment) -> Seen<Toolchain> {
    let look = async {
        let provider = environment.record().await?.provider;
        Ok::<_, Failure>(Toolchain {
            tool: environment.tool(Root::Foundation).await?,
            provider: provider.map(|provider| provider.version),
            may_switch: false,
        })
    };
    look.await.map_err(trouble)
}

fn unknown(error: &aws::Error) -> Unavailable {
    Unavailable::Unknown(error.to_string())
}

async fn region(account: &Quotas) -> Seen<Region> {
    account.region().await.map_err(|error| unknown(&error))
}

async fn concurrency(environment: &Environment, target: Target) -> Seen<u32> {
    if target != Target::Lambda {
        return Err(Unavailable::NotAsked);
    }
    environment.cloud().has_quotas_and_permissions()?;
    let functions = Functions::new(&environment.session, &environment.names.function());
    functions
        .concurrency()
        .await
        .map_err(|error| unknown(&error))
}

async fn vcpus(environment: &Environment, account: &Quotas, target: Target) -> Seen<f64> {
    if target != Target::Fargate {
        return Err(Unavailable::NotAsked);
    }
    environment.cloud().has_quotas_and_permissions()?;
    account
        .fargate_vcpus()
        .await
        .map_err(|error| unknown(&error))
}

async fn vpcs(environment: &Environment, account: &Quotas, target: Target) -> Seen<Usage> {
    if target != Target::Fargate {
        return Err(Unavailable::NotAsked);
    }
    environment.cloud().has_quotas_and_permissions()?;
    let seen = account.vpcs(&environment.names).await;
    seen.map_err(|error| unknown(&error))
}

/// `up` asks itself, and warns, when it plans the budget.
async fn budget_of(environment: &Environment, extent: Extent) -> Seen<AccountBudget> {
    if extent != Extent::Full {
        return Err(Unavailable::NotAsked);
    }
    budget::look(environment).await.map_err(trouble)
}

async fn load_balancers(
    environment: &Environment,
    account: &Quotas,
    target: Target,
) -> Seen<Usage> {
    if target != Target::Fargate {
        return Err(Unavailable::NotAsked);
    }
    environment.cloud().has_quotas_and_permissions()?;
    let seen = account.load_balancers(&environment.names.id()).await;
    seen.map_err(|error| unknown(&error))
}

/// Resources that have the environment's names and are in none of its states.
async fn names(environment: &Environment) -> Seen<UnknownResources> {
    let inventory = Inventory::new(
        &environment.session,
        &environment.names,
        &environment.account,
    );
    let listing = inventory.look().await;
    // In this order: what a running Terraform creates in the meantime is not in the listing, and
    // what it created before is in the state once its lock is gone.
    let mut of_ours = BTreeSet::new();
    for root in Root::ALL {
        if let Some(lock) = environment.state_lock(root).await {
            return Err(Unavailable::Skipped(format!(
                "another command is working on the {root} root: {}",
                lock.describe()
            )));
        }
        let unreadable =
            |why: String| Unavailable::Unknown(format!("the state of the {root} root: {why}"));
        let state = environment.state(root).await;
        if let Some(state) = state.map_err(|failure| unreadable(failure.what))? {
            of_ours
                .extend(known_ids(&state).ok_or_else(|| unreadable("it is encrypted".to_owned()))?);
        }
    }
    Ok(UnknownResources {
        names: environment.names.clone(),
        region: environment.session.region().to_owned(),
        found: unknown_resources(listing.by_name, &of_ours),
        unseen: listing.unseen,
    })
}

async fn surveyed(environment: &Environment, domain: &Domain) -> Seen<Survey> {
    let survey = domain::survey(environment, domain).await;
    survey.map_err(|failure| Unavailable::Unknown(failure.what))
}

async fn secrets(environment: &Environment, manifest: &Manifest) -> Seen<Vec<Stored>> {
    if manifest.secrets.is_empty() {
        return Err(Unavailable::NotAsked);
    }
    let secrets =
        Secrets::new(&environment.session, &environment.names).with_known(&manifest.secrets);
    let stored = match secrets.list().await {
        // Without access to the other store, only the configured one is checked.
        Err(_) => secrets.list_in(manifest.secrets_store).await,
        stored => stored,
    };
    // Without them a deployment would stop half-way, so not knowing is a problem.
    stored.map_err(|error| trouble(error.into()))
}

async fn permissions(
    environment: &Environment,
    manifest: &Manifest,
    deployed: &[Target],
) -> Seen<Vec<Simulated>> {
    environment.cloud().has_quotas_and_permissions()?;
    let arn = &environment.identity.arn;
    let partition = environment.partition();
    let simulation = Permissions::new(&environment.session);
    let principal = match Principal::from_arn(arn) {
        Principal::Root => {
            return Err(Unavailable::Skipped(
                "the root user may do everything".to_owned(),
            ));
        }
        Principal::Other => {
            return Err(Unavailable::Unknown(format!("IAM cannot simulate {arn}")));
        }
        Principal::Arn(arn) => arn,
        Principal::Role(name) => {
            let role = simulation
                .role(&name)
                .await
                .map_err(|error| unknown(&error))?;
            match role {
                Some(arn) => arn,
                // Roles of Identity Center have a path that no call returns.
                None if name.starts_with("AWSReservedSSO_") => {
                    return Err(Unavailable::Unknown(
                        "the caller may not look up its own role (iam:GetRole)".to_owned(),
                    ));
                }
                None => format!("arn:{partition}:iam::{}:role/{name}", environment.account),
            }
        }
    };
    let at = Location {
        partition,
        account: &environment.account,
        region: environment.session.region(),
        names: &environment.names,
        manifest,
    };
    // An identity for releases does not need to create anything.
    let phase = match deployed.contains(&manifest.target) {
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

/// How far this machine's clock is ahead of AWS's, by the date of a response that needs no
/// credentials.
async fn clock(global: &Global, extent: Extent) -> Seen<i64> {
    let address = Cloud::chosen(global).clock()?;
    let limit = extent.timings().min(Duration::from_secs(5));
    let look = async {
        // The address redirects to a page that a cache may answer, with an old date.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let client = client
            .build()
            .map_err(|error| Unavailable::Unknown(chain(&error)))?;
        let answer = client.head(address).send().await;
        let answer = answer.map_err(|error| Unavailable::Unknown(chain(&error)))?;
        let date = answer.headers().get(reqwest::header::DATE);
        let theirs = date
            .and_then(|date| Timestamp::from_http_date(date.to_str().ok()?))
            .ok_or_else(|| Unavailable::Unknown("AWS's response has no date".to_owned()))?;
        let millis = |time: Timestamp| i64::try_from(time.0).unwrap_or(i64::MAX);
        Ok(millis(now()) - millis(theirs))
    };
    within(limit, look).await
}

/// An error with its sources: alone it reports only that a request failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
