//! The app's own domain: what is there, what public DNS says, and what the domain's root is to make.

use crate::environment::dns::Resolver;
use crate::environment::place::Environment;
use crate::failure::Failure;
use crate::release::http_probe::{Prober, SlotRoute};
use crate::release::runner::{Deployment, TargetOutputs};
use crate::report::Report;
use aws::Zones;
use rules::app::manifest::{Domain, Manifest, Target};
use rules::event::Event;
use rules::exit::Exit;
use rules::operate::dns::{Ask, Caa};
use rules::operate::doctor::{Unavailable, verdict};
use rules::operate::domain::course::{Course, Kept};
use rules::operate::domain::{Public, Survey, checks, zone};
use rules::shape::contract::{FargateDomainInputs, LambdaDomainInputs, Root};
use serde_json::Value;
use std::collections::BTreeMap;

/// Requests that an address gets before it counts as not answering.
const ASKED: u32 = 3;

/// What was made of domains, whatever the target.
pub(crate) async fn kept(place: &Environment) -> Result<Kept, Failure> {
    let mut kept = Kept::default();
    for target in Target::ALL {
        kept = kept.and(kept_on(place, target).await?);
    }
    Ok(kept)
}

/// What was made of domains for one target.
pub(crate) async fn kept_on(place: &Environment, target: Target) -> Result<Kept, Failure> {
    if !place.has_state().await? {
        return Ok(Kept::default());
    }
    let state = place.state(Root::domain_of(target)).await?;
    Ok(state.map_or_else(Kept::default, |state| Kept::of_state(&state)))
}

/// Everything that is found about a domain.
pub(crate) async fn survey(place: &Environment, domain: &Domain) -> Result<Survey, Failure> {
    let zones = Zones::new(&place.session);
    let found = zones.of(domain).await?;
    let mut records = Vec::new();
    for zone in &found {
        let in_zone = zones.records(zone, domain).await?;
        records.extend(in_zone.into_iter().map(|record| (zone.id.clone(), record)));
    }
    let kept = kept(place).await?;
    let mut survey = Survey {
        domain: domain.clone(),
        zones: found,
        public: Err(Unavailable::Skipped(
            "emulators have no public DNS".to_owned(),
        )),
        resolver: String::new(),
        caa: None,
        records,
        set_up_in: kept.domains.get(domain.as_str()).cloned().flatten(),
        own: kept.leads_to,
    };
    if !place.is_rehearsal() {
        match Resolver::of_machine() {
            Ok(resolver) => {
                survey.resolver = resolver.describe();
                survey.public = delegations(&resolver, domain)
                    .await
                    .map_err(Unavailable::Unknown);
                survey.caa = certifiers(&resolver, domain).await;
            }
            Err(why) => survey.public = Err(Unavailable::Unknown(why)),
        }
    }
    Ok(survey)
}

/// What public DNS says of the domain and of each name that it lies in.
async fn delegations(
    resolver: &Resolver,
    domain: &Domain,
) -> Result<Vec<(String, Public)>, String> {
    let mut public = Vec::new();
    for name in domain.zones() {
        let answer = resolver.ask(name, Ask::Ns).await?;
        let said = match answer.code {
            // Neither name nor type, or no name at all.
            0 | 3 if answer.servers.is_empty() => Public::Nothing,
            0 => Public::Servers(answer.servers),
            2 => Public::Fails("SERVFAIL".to_owned()),
            5 => return Err(format!("{} refuses to answer", resolver.describe())),
            code => Public::Fails(format!("response code {code}")),
        };
        public.push((name.to_owned(), said));
    }
    Ok(public)
}

/// Whom the nearest name that says so lets make certificates. What cannot be seen shuts nobody out.
async fn certifiers(resolver: &Resolver, domain: &Domain) -> Option<(String, Vec<Caa>)> {
    for name in domain.zones() {
        let answer = resolver.ask(name, Ask::Caa).await.ok()?;
        if !answer.caa.is_empty() {
            return Some((name.to_owned(), answer.caa));
        }
    }
    None
}

/// From the domain that the target has to the one that the manifest wants. What stands in its way is told as a
/// warning: whoever goes on has been told before.
pub(crate) async fn course(
    place: &Environment,
    manifest: &Manifest,
    report: &Report,
) -> Result<Course, Failure> {
    let kept = kept_on(place, manifest.target).await?;
    let Some(domain) = &manifest.domain else {
        return Ok(Course::of(None, &kept));
    };
    let survey = survey(place, domain).await?;
    let found = checks(&survey);
    let Some(zone) = zone(&survey) else {
        return Err(match verdict(&found) {
            Some(trouble) => trouble.into(),
            None => Failure::new(
                Exit::Bug,
                format!("{domain} has no zone, and nothing says so"),
            ),
        });
    };
    for check in found.iter().filter(|check| check.is_problem()) {
        report.emit(Event::Warning {
            text: check.in_one_line(),
        });
    }
    Ok(Course::of(Some((domain, zone)), &kept))
}

/// Variables of the domain's root. Before the target is there it can be planned, not applied.
pub(crate) fn inputs(
    place: &Environment,
    target: Target,
    domains: &BTreeMap<String, String>,
    outputs: Option<&TargetOutputs>,
) -> Result<Value, Failure> {
    let names = &place.names;
    let inputs = match target {
        Target::Lambda => {
            let api_id = match outputs {
                Some(TargetOutputs::Lambda(outputs)) => Some(outputs.api_id.as_str()),
                _ => None,
            };
            serde_json::to_value(LambdaDomainInputs::of(
                names,
                place.session.region(),
                domains,
                api_id,
            ))
        }
        Target::Fargate => {
            let host = match outputs {
                Some(TargetOutputs::Fargate(outputs)) => {
                    Some(outputs.load_balancer_dns_name.as_str())
                }
                _ => None,
            };
            serde_json::to_value(FargateDomainInputs::of(names, domains, host))
        }
    };
    inputs.map_err(|error| Failure::new(Exit::Bug, error.to_string()))
}

/// The address of a domain.
pub(crate) fn address(domain: &Domain) -> String {
    format!("https://{domain}")
}

/// Whether anything answers at the domain's address.
pub(crate) async fn answers(domain: &Domain, manifest: &Manifest) -> Result<bool, Failure> {
    let prober = Prober::new(&address(domain), manifest.health.as_str())?;
    for _ in 0..ASKED {
        let status = prober.ask(&SlotRoute::default()).await;
        if status.is_some_and(|status| status < 500) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The address that people are told: the domain's once something answers there, until then AWS's.
pub(crate) async fn public(
    place: &Environment,
    manifest: &Manifest,
    site: &Deployment,
    report: &Report,
) -> Result<String, Failure> {
    let aws = site.url().to_owned();
    let Some(domain) = &manifest.domain else {
        return Ok(aws);
    };
    let kept = kept_on(place, site.target()).await?;
    let why = match kept.domains.get(domain.as_str()) {
        None | Some(None) => "it is not set up; `landfall up` does it",
        Some(Some(_)) if place.is_rehearsal() => "in a rehearsal no DNS leads there",
        Some(Some(_)) if answers(domain, manifest).await? => return Ok(address(domain)),
        Some(Some(_)) => "nothing answers there",
    };
    report.note(format!(
        "{}: {why}; AWS's own address is told",
        address(domain)
    ));
    Ok(aws)
}
