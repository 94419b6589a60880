//! The app's own domain: what exists of it, what public DNS answers, and the variables of its
//! Terraform root.

use crate::environment::Environment;
use crate::environment::dns::Resolver;
use crate::failure::Failure;
use crate::release::deployment::{Deployment, TargetOutputs};
use crate::release::http_probe::{Prober, SlotRoute};
use crate::report::Report;
use aws::Zones;
use rules::app::manifest::{Domain, Manifest, Target};
use rules::check::{Unavailable, verdict};
use rules::event::Event;
use rules::exit::Exit;
use rules::operate::domain::course::{Course, Kept};
use rules::operate::domain::{Caa, Public, Survey, Zone, checks, zone};
use rules::shape::contract::{FargateDomainInputs, LambdaDomainInputs, Root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Requests to an address before it counts as not answering.
const ATTEMPTS: u32 = 3;

/// What exists of domains, for both targets.
///
/// # Errors
/// The state cannot be read.
pub(crate) async fn kept(environment: &Environment) -> Result<Kept, Failure> {
    let mut kept = Kept::default();
    for target in Target::ALL {
        kept = kept.and(kept_on(environment, target).await?);
    }
    Ok(kept)
}

/// What exists of domains for one target.
///
/// # Errors
/// The state cannot be read.
pub(crate) async fn kept_on(environment: &Environment, target: Target) -> Result<Kept, Failure> {
    if !environment.has_state().await? {
        return Ok(Kept::default());
    }
    let state = environment.state(Root::domain_of(target)).await?;
    Ok(state.map_or_else(Kept::default, |state| Kept::of_state(&state)))
}

/// Collects the facts about a domain that `rules` judges: hosted zones, records, public DNS.
///
/// # Errors
/// Route 53 does not answer, or the state cannot be read. Public DNS that does not answer
/// is a fact.
pub(crate) async fn survey(environment: &Environment, domain: &Domain) -> Result<Survey, Failure> {
    let zones = Zones::new(&environment.session);
    let found = zones.of(domain).await?;
    let mut records = Vec::new();
    for zone in &found {
        let in_zone = zones.records(zone, domain).await?;
        records.extend(in_zone.into_iter().map(|record| (zone.id.clone(), record)));
    }
    let missing = missing_names(&zones, &found, domain).await?;
    let kept = kept(environment).await?;
    let resolver = environment.cloud().resolver();
    let (resolver, public, caa) = match resolver {
        Ok(resolver) => (
            resolver.describe(),
            delegations(&resolver, domain, &missing)
                .await
                .map_err(Unavailable::Unknown),
            certificate_authorities(&resolver, domain, &missing).await,
        ),
        Err(why) => (String::new(), Err(why), None),
    };
    Ok(Survey {
        domain: domain.clone(),
        zones: found,
        public,
        resolver,
        caa,
        records,
        set_up_in: kept.domains.get(domain.as_str()).cloned().flatten(),
        own: kept.leads_to,
    })
}

/// The domain and its parents that do not exist in the hosted zone which they would be in. Public DNS must not be asked
/// for them: resolvers remember for 15 minutes that a name does not exist (RFC 2308, and the SOA record of
/// Route 53), and `up` is about to create one of them.
async fn missing_names(
    zones: &Zones,
    found: &[Zone],
    domain: &Domain,
) -> Result<BTreeSet<String>, Failure> {
    let mut missing = inside(domain, found);
    for name in missing.clone() {
        let parsed = Domain::parse(&name).ok();
        for zone in found {
            if let Some(name) = &parsed
                && zones.has(zone, name).await?
            {
                missing.remove(name.as_str());
            }
        }
    }
    Ok(missing)
}

/// The domain and its parents that lie in one of these zones, without the zones' own names.
fn inside(domain: &Domain, zones: &[Zone]) -> BTreeSet<String> {
    let begins = |name: &str| zones.iter().any(|zone| zone.name == name);
    let lies_in_one = |name: &str| {
        let mut parents = zones.iter().map(|zone| format!(".{}", zone.name));
        parents.any(|parent| name.ends_with(&parent))
    };
    let names = domain.zones();
    names
        .filter(|name| lies_in_one(name) && !begins(name))
        .map(str::to_owned)
        .collect()
}

/// The name servers that public DNS has for the domain and for each of its parents.
async fn delegations(
    resolver: &Resolver,
    domain: &Domain,
    missing: &BTreeSet<String>,
) -> Result<Vec<(String, Public)>, String> {
    let mut public = Vec::new();
    for name in domain.zones() {
        let servers = match missing.contains(name) {
            true => Public::Nothing,
            false => resolver.name_servers(name).await?,
        };
        public.push((name.to_owned(), servers));
    }
    Ok(public)
}

/// The CAA records that apply to the domain: those of the nearest name that has any (RFC 8659, 3).
/// [`None`] if there are none or DNS does not answer, which forbids no certificate authority.
async fn certificate_authorities(
    resolver: &Resolver,
    domain: &Domain,
    missing: &BTreeSet<String>,
) -> Option<(String, Vec<Caa>)> {
    for name in domain.zones().filter(|name| !missing.contains(*name)) {
        let records = resolver.caa(name).await.ok()?;
        if !records.is_empty() {
            return Some((name.to_owned(), records));
        }
    }
    None
}

/// The steps from the domain that the target has to the one that the manifest sets. Problems that
/// do not stop it are reported as warnings.
///
/// # Errors
/// The domain has no usable hosted zone, or as of [`survey`].
pub(crate) async fn course(
    environment: &Environment,
    manifest: &Manifest,
    report: &Report,
) -> Result<Course, Failure> {
    let kept = kept_on(environment, manifest.target).await?;
    let Some(domain) = &manifest.domain else {
        return Ok(Course::new(None, &kept));
    };
    let survey = survey(environment, domain).await?;
    let found = checks(&survey);
    let Some(zone) = zone(&survey) else {
        return Err(match verdict(&found) {
            Some(trouble) => trouble.into(),
            None => Failure::new(
                Exit::Bug,
                format!("{domain} has no hosted zone, and no check reports it"),
            ),
        });
    };
    for check in found.iter().filter(|check| check.is_problem()) {
        report.emit(Event::Warning {
            text: check.in_one_line(),
        });
    }
    Ok(Course::new(Some((domain, zone)), &kept))
}

/// The variables of a domain's root. Without the outputs of the target they can be planned, not
/// applied.
///
/// # Errors
/// A bug: they cannot be written as JSON.
pub(crate) fn inputs(
    environment: &Environment,
    manifest: &Manifest,
    target: Target,
    domains: &BTreeMap<String, String>,
    outputs: Option<&TargetOutputs>,
) -> Result<Value, Failure> {
    let names = &environment.names;
    let inputs = match target {
        Target::Lambda => {
            let api_id = match outputs {
                Some(TargetOutputs::Lambda(outputs)) => Some(outputs.api_id.as_str()),
                _ => None,
            };
            serde_json::to_value(LambdaDomainInputs::of(
                names,
                environment.session.region(),
                domains,
                api_id,
                &manifest.tags,
            ))
        }
        Target::Fargate => {
            let host = match outputs {
                Some(TargetOutputs::Fargate(outputs)) => {
                    Some(outputs.load_balancer_dns_name.as_str())
                }
                _ => None,
            };
            serde_json::to_value(FargateDomainInputs::of(names, domains, host, manifest))
        }
    };
    inputs.map_err(|error| Failure::new(Exit::Bug, error.to_string()))
}

/// The URL of a domain.
pub(crate) fn address(domain: &Domain) -> String {
    format!("https://{domain}")
}

/// Whether the domain's URL answers requests.
///
/// # Errors
/// A bug: there is no HTTP client.
pub(crate) async fn answers(domain: &Domain, manifest: &Manifest) -> Result<bool, Failure> {
    let prober = Prober::new(&address(domain), manifest.health.as_str())?;
    for _ in 0..ATTEMPTS {
        let status = prober.ask(&SlotRoute::default()).await;
        if status.is_some_and(|status| status < 500) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The public URL: the domain's if it answers, otherwise AWS's own, with a note that explains why.
///
/// # Errors
/// The state cannot be read.
pub(crate) async fn public(
    environment: &Environment,
    manifest: &Manifest,
    deployment: &Deployment,
    report: &Report,
) -> Result<String, Failure> {
    let aws = deployment.url().to_owned();
    let Some(domain) = &manifest.domain else {
        return Ok(aws);
    };
    let kept = kept_on(environment, deployment.target()).await?;
    let is_set_up = matches!(kept.domains.get(domain.as_str()), Some(Some(_)));
    let why = match environment.cloud().why_domains_lead_nowhere() {
        _ if !is_set_up => "it is not set up; run `landfall up`",
        Some(why) => why,
        None if answers(domain, manifest).await? => return Ok(address(domain)),
        None => "it does not answer",
    };
    report.note(format!(
        "{}: {why}; using AWS's own address",
        address(domain)
    ));
    Ok(aws)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_dns_is_not_asked_for_names_that_are_about_to_be_created() {
        let of = |domain: &str, zones: &[&str]| -> Vec<String> {
            let domain = Domain::parse(domain).expect("a domain");
            let zones: Vec<Zone> = zones
                .iter()
                .map(|name| Zone {
                    name: (*name).to_owned(),
                    id: "Z1".to_owned(),
                    name_servers: Vec::new(),
                })
                .collect();
            inside(&domain, &zones).into_iter().collect()
        };
        let deep = "a.b.example.com";
        assert_eq!(
            of(deep, &["example.com"]),
            ["a.b.example.com", "b.example.com"]
        );
        assert_eq!(
            of(deep, &["example.com", "b.example.com"]),
            ["a.b.example.com"]
        );
        assert_eq!(of("example.com", &["example.com"]), [""; 0]);
        // No one is about to create a name without a zone.
        assert_eq!(of(deep, &[]), [""; 0]);
    }
}
