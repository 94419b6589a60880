//! The app's own domain: whether public DNS delegates to the hosted zone of its records, and what to do where it
//! does not.
//!
//! AWS issues a certificate only after it found landfall's record by public DNS, so a zone without delegation
//! costs twenty minutes of waiting. The caller gathers a [`Survey`], and nothing is created before it is judged.

pub mod course;

use crate::app::manifest::Domain;
use crate::check::{Check, CheckId, Outcome, Unavailable};
use crate::exit::Exit;
use std::collections::BTreeSet;

/// The region of CloudFront's certificates
/// (<https://docs.aws.amazon.com/acm/latest/userguide/acm-regions.html>).
pub const CLOUDFRONT_REGION: &str = "us-east-1";

/// Whether a record points to a distribution of CloudFront or to a custom domain of an HTTP API, as landfall's do.
pub fn leads_to_aws(name: &str) -> bool {
    name.ends_with(".cloudfront.net") || (name.starts_with("d-") && name.contains(".execute-api."))
}

/// A public hosted zone in Route 53. Private ones are ignored, as public DNS does not have them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zone {
    /// Its name, in lower case, without a dot at the end.
    pub name: String,
    /// Its id, such as `Z0123456789ABC`.
    pub id: String,
    /// Its name servers, in lower case, without a dot at the end.
    pub name_servers: Vec<String>,
}

/// The name servers of a name, by public DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Public {
    /// A zone with these servers begins at the name.
    Servers(Vec<String>),
    /// No zone begins there.
    Nothing,
    /// The resolver got no answer: `SERVFAIL`, as where a registrar has servers that do not have the zone.
    Fails(String),
}

impl Public {
    /// From the response code of a query for NS records (RFC 1035, 4.1.1) and the records of that very
    /// name. [`None`] if the server refuses to answer.
    pub fn from_answer(code: u16, mut servers: Vec<String>) -> Option<Public> {
        servers.sort();
        servers.dedup();
        Some(match code {
            // NOERROR without records of this type, or NXDOMAIN.
            0 | 3 if servers.is_empty() => Public::Nothing,
            0 => Public::Servers(servers),
            2 => Public::Fails("SERVFAIL".to_owned()),
            5 => return None,
            code => Public::Fails(format!("response code {code}")),
        })
    }
}

/// A CAA record: a certificate authority that may issue certificates for a domain (RFC 8659).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caa {
    /// `issue`, `issuewild`, `iodef`, …, in lower case.
    pub tag: String,
    /// For `issue` a certificate authority, perhaps with parameters after a semicolon.
    pub value: String,
}

/// A record with the domain's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// `A`, `AAAA` or `CNAME`.
    pub kind: String,
    /// What it points to: addresses, a name, or an alias's name.
    pub leads_to: String,
}

/// The facts about a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The domain.
    pub domain: Domain,
    /// Hosted zones of the account with the name of the domain or of a parent.
    pub zones: Vec<Zone>,
    /// Public DNS for each of [`Domain::zones`], the nearest first; or why it was not asked.
    pub public: Result<Vec<(String, Public)>, Unavailable>,
    /// The address of the resolver.
    pub resolver: String,
    /// The CAA records that apply to the domain, and the name that has them; [`None`] without any.
    pub caa: Option<(String, Vec<Caa>)>,
    /// Records with the domain's name in each zone, by the zone's id.
    pub records: Vec<(String, Record)>,
    /// What the environment's own records point to, by its state.
    pub own: BTreeSet<String>,
    /// Id of the zone that the domain's records are in already, if it is set up.
    pub set_up_in: Option<String>,
}

/// The delegation of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delegation<'s> {
    /// Public DNS delegates to this zone.
    Delegated(&'s Zone),
    /// It delegates to the zone's servers and to others.
    Mixed(&'s Zone, Vec<String>),
    /// The nearest zone; public DNS was not asked or did not answer.
    Unseen(&'s Zone, Unavailable),
    /// Several zones have the name, and it is unknown which one is delegated to.
    Unclear(Vec<&'s Zone>),
    /// There is no zone. With the nearest name that public DNS has a zone for.
    NoZone(Option<(&'s str, &'s Public)>),
    /// There is a zone, but public DNS does not delegate to it. With what it delegates to instead.
    Elsewhere(&'s Zone, Option<(&'s str, &'s Public)>),
}

/// Where public DNS delegates the domain to.
pub fn delegation(survey: &Survey) -> Delegation<'_> {
    let mut zones: Vec<&Zone> = survey.zones.iter().collect();
    zones.sort_by_key(|zone| (std::cmp::Reverse(zone.name.len()), &zone.id));
    let public = match &survey.public {
        Ok(public) => public,
        Err(gap) => {
            let Some(nearest) = zones.first() else {
                return Delegation::NoZone(None);
            };
            let same: Vec<&Zone> = zones
                .iter()
                .copied()
                .filter(|zone| zone.name == nearest.name)
                .collect();
            return match same.as_slice() {
                [one] => Delegation::Unseen(one, gap.clone()),
                _ => Delegation::Unclear(same),
            };
        }
    };
    let mut cuts = public
        .iter()
        .filter(|(_, public)| *public != Public::Nothing);
    let cut = cuts.next().map(|(name, public)| (name.as_str(), public));
    let Some(nearest) = zones.first().copied() else {
        return Delegation::NoZone(cut);
    };
    let Some((name, found)) = cut else {
        return Delegation::Elsewhere(nearest, None);
    };
    let here: Vec<&Zone> = zones
        .iter()
        .copied()
        .filter(|zone| zone.name == name)
        .collect();
    if let Public::Servers(servers) = found {
        let shared = |zone: &&&Zone| servers.iter().any(|one| zone.name_servers.contains(one));
        if let Some(zone) = here.iter().find(shared) {
            let others = servers
                .iter()
                .filter(|one| !zone.name_servers.contains(one));
            let others: Vec<String> = others.cloned().collect();
            return match others.is_empty() {
                true => Delegation::Delegated(zone),
                false => Delegation::Mixed(zone, others),
            };
        }
    }
    // The nearest zone is the one that was created for this domain.
    Delegation::Elsewhere(here.first().copied().unwrap_or(nearest), cut)
}

/// The zone for the domain's records; [`None`] if there is none or it is unknown which. Existing records stay
/// where they are, whatever DNS answers, as they serve users.
pub fn zone(survey: &Survey) -> Option<&Zone> {
    let own = survey.set_up_in.as_ref();
    if let Some(zone) = own.and_then(|id| survey.zones.iter().find(|zone| zone.id == *id)) {
        return Some(zone);
    }
    match delegation(survey) {
        Delegation::Delegated(zone)
        | Delegation::Mixed(zone, _)
        | Delegation::Unseen(zone, _)
        | Delegation::Elsewhere(zone, _) => Some(zone),
        Delegation::Unclear(_) | Delegation::NoZone(_) => None,
    }
}

/// The checks of a domain: delegation, records of others, and certificate authorities.
pub fn checks(survey: &Survey) -> Vec<Check> {
    let mut checks = vec![delegated(survey)];
    checks.extend(taken(survey));
    checks.extend(forbids_aws(survey));
    if survey.set_up_in.is_some() {
        // It exists already, and the release may be a fix.
        for check in checks.iter_mut().filter(|check| check.exit().is_some()) {
            check.outcome = Outcome::Warning;
        }
    }
    checks
}

fn blocker(what: String) -> Check {
    Check::blocker(CheckId::Domain, Exit::BadInput, what)
}

fn delegated(survey: &Survey) -> Check {
    let domain = &survey.domain;
    match delegation(survey) {
        Delegation::Delegated(zone)
            if survey.set_up_in.as_ref().is_some_and(|own| *own != zone.id) =>
        {
            let own = survey.set_up_in.as_deref().unwrap_or_default();
            Check::warning(
                CheckId::Domain,
                format!("{domain}: its records are in the hosted zone {own}, but public DNS delegates to {}", zone.id),
            )
            .fix("remove `domain` from landfall.toml, run `landfall up`, set it again, run `landfall up`: this moves them to the other zone")
        }
        Delegation::Delegated(zone) => Check::ok(
            CheckId::Domain,
            format!(
                "{domain}: public DNS delegates to the hosted zone {} ({})",
                zone.name, zone.id
            ),
        ),
        Delegation::Mixed(zone, others) => Check::warning(
            CheckId::Domain,
            format!(
                "{domain}: some of the name servers of {} do not have its hosted zone",
                zone.name
            ),
        )
        .why(format!(
            "the zone {} is not served by {}",
            zone.id,
            others.join(", ")
        ))
        .fix(format!(
            "where {} is registered, set exactly these name servers: {}",
            zone.name,
            zone.name_servers.join(", ")
        )),
        Delegation::Unseen(zone, gap) => {
            let (outcome, why) = match gap {
                Unavailable::Skipped(why) => (Outcome::Skipped, why),
                Unavailable::Unknown(why) => (Outcome::Unknown, why),
                Unavailable::Failed(trouble) => (Outcome::Unknown, trouble.what),
                Unavailable::NotAsked => (Outcome::Skipped, "it was not checked".to_owned()),
            };
            let what = format!(
                "{domain}: whether public DNS delegates to the hosted zone {}",
                zone.name
            );
            Check::new(CheckId::Domain, outcome, what).why(why)
        }
        Delegation::Unclear(zones) => {
            let ids: Vec<&str> = zones.iter().map(|zone| zone.id.as_str()).collect();
            let name = zones.first().map_or("", |zone| zone.name.as_str());
            blocker(format!(
                "there are {} hosted zones {name}, and it is unknown which one is delegated to",
                zones.len()
            ))
            .why(format!(
                "{}; public DNS could not be asked which one it delegates to",
                ids.join(", ")
            ))
            .fix("try again when public DNS answers, or delete the zone that is not needed: `aws route53 delete-hosted-zone --id ID`")
        }
        Delegation::NoZone(cut) => no_zone(domain, cut),
        Delegation::Elsewhere(zone, cut) => elsewhere(survey, zone, cut),
    }
}

fn no_zone(domain: &Domain, cut: Option<(&str, &Public)>) -> Check {
    let create = |zone: &str| {
        format!("aws route53 create-hosted-zone --name {zone} --caller-reference {zone}")
    };
    let names: Vec<&str> = domain.zones().collect();
    let (whole, own) = (names.last().copied().unwrap_or_default(), domain.as_str());
    let mut check = blocker(format!("{domain} has no hosted zone in Route 53"))
        .why(format!("looked for a public zone {}", names.join(" or ")));
    let whole = match cut {
        Some((name, Public::Servers(servers))) => {
            check = check.why(format!("public DNS has {name} on {}", servers.join(", ")));
            name
        }
        Some((name, Public::Fails(_))) => name,
        _ => whole,
    };
    check = check.fix(format!(
        "create a zone for {whole}: `{}` (0.50 USD a month)",
        create(whole)
    ));
    if own != whole {
        check = check.fix(format!(
            "or, if the rest of {whole} should stay where it is, a zone for this name alone: `{}`",
            create(own)
        ));
    }
    check.fix("then set the four name servers that it prints where the name is registered, and run this command again")
}

fn elsewhere(survey: &Survey, zone: &Zone, cut: Option<(&str, &Public)>) -> Check {
    let domain = &survey.domain;
    let asked = &survey.resolver;
    let set = format!("{}: {}", zone.name, zone.name_servers.join(", "));
    let mut check = blocker(format!(
        "{domain}: public DNS does not delegate to its hosted zone {} ({})",
        zone.name, zone.id
    ));
    check = match cut {
        Some((name, Public::Servers(servers))) => {
            check.why(format!("by {asked}, {name} is on {}", servers.join(", ")))
        }
        Some((name, Public::Fails(why))) => check.why(format!(
            "{asked} gets no answer for {name} ({why}): perhaps it is registered with servers that do not have it"
        )),
        Some((_, Public::Nothing)) | None => {
            check.why(format!("{asked} has no name servers of {}", zone.name))
        }
    };
    check = check.why(format!(
        "the zone's own are {}",
        zone.name_servers.join(", ")
    ));
    check = match cut {
        // A part of the zone is delegated elsewhere.
        Some((name, _)) if name.len() > zone.name.len() => check
            .fix(format!("delete the NS records of {name} in the zone {} if they are not needed any more", zone.name))
            .fix(format!("or create a hosted zone for {name}: `aws route53 create-hosted-zone --name {name} --caller-reference {name}`")),
        Some((name, Public::Servers(_))) if name.len() < zone.name.len() => check.fix(format!(
            "in the DNS of {name}, add exactly four NS records for {set}"
        )),
        None => check
            .fix(format!("register {} first, if it is not registered yet", zone.name))
            .fix(format!("where it is registered, set exactly these name servers for {set}")),
        _ => check.fix(format!("where {} is registered, replace the name servers with exactly these, for {set}", zone.name)),
    };
    if cut.is_some_and(|(name, _)| name.len() > zone.name.len()) {
        return check;
    }
    check.fix(format!(
        "it takes minutes, at some registrars a day, to take effect: then `dig +short NS {}` prints these four; run this command again",
        zone.name
    ))
}

/// A record with the domain's name that is not the environment's own would be overwritten.
fn taken(survey: &Survey) -> Option<Check> {
    let zone = zone(survey)?;
    let of_others: Vec<&Record> = survey
        .records
        .iter()
        .filter(|(id, record)| *id == zone.id && !survey.own.contains(&record.leads_to))
        .map(|(_, record)| record)
        .collect();
    if of_others.is_empty() {
        return None;
    }
    let domain = &survey.domain;
    let mut check = blocker(format!("{domain} already points elsewhere"));
    for record in of_others {
        check = check.why(format!(
            "{} record in {}: {}",
            record.kind, zone.name, record.leads_to
        ));
    }
    Some(
        check
            .fix("delete it when it is not needed, or choose another name")
            .fix(format!(
                "console → Route 53 → Hosted zones → {} → {domain}",
                zone.name
            )),
    )
}

/// Names of AWS's certificate authority in CAA records
/// (<https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html>).
const AUTHORITIES: [&str; 4] = [
    "amazon.com",
    "amazontrust.com",
    "awstrust.com",
    "amazonaws.com",
];

/// CAA records that do not allow AWS: it would issue no certificate.
fn forbids_aws(survey: &Survey) -> Option<Check> {
    let (name, records) = survey.caa.as_ref()?;
    let issuers: Vec<&str> = records
        .iter()
        .filter(|record| record.tag == "issue")
        .map(|record| record.value.split(';').next().unwrap_or_default().trim())
        .collect();
    let admits = |issuer: &&str| {
        AUTHORITIES
            .iter()
            .any(|ours| issuer.eq_ignore_ascii_case(ours))
    };
    if issuers.is_empty() || issuers.iter().any(admits) {
        return None;
    }
    let named: Vec<&str> = issuers
        .into_iter()
        .filter(|issuer| !issuer.is_empty())
        .collect();
    let whom = match named.is_empty() {
        true => "no one".to_owned(),
        false => named.join(", "),
    };
    Some(
        blocker(format!(
            "AWS may not issue a certificate for {}",
            survey.domain
        ))
        .why(format!("the CAA records of {name} allow {whom}"))
        .fix(format!(
            "add a CAA record to {name}: `0 issue \"amazon.com\"`"
        )),
    )
}

#[cfg(test)]
#[path = "domain_tests.rs"]
mod tests;
