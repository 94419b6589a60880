//! A domain of the app's own: whether the world's DNS leads to the hosted zone in which its records are to
//! be, and what to do where it does not.
//!
//! A certificate is made only once AWS finds a record of ours by public DNS, so that a zone nobody leads
//! to costs twenty minutes of waiting. Whoever calls gathers a [`Survey`]; nothing is made before it is judged.

pub mod course;

use crate::app::manifest::Domain;
use crate::exit::Exit;
use crate::operate::dns::Caa;
use crate::operate::doctor::{Check, CheckId, Outcome, Unavailable};
use std::collections::BTreeSet;

/// The one region whose certificates CloudFront takes
/// (<https://docs.aws.amazon.com/acm/latest/userguide/acm-regions.html>).
pub const CLOUDFRONT_REGION: &str = "us-east-1";

/// Whether a record leads to a front door such as landfall makes: a distribution, or a domain's name at an HTTP
/// API.
pub fn leads_to_aws(name: &str) -> bool {
    name.ends_with(".cloudfront.net") || (name.starts_with("d-") && name.contains(".execute-api."))
}

/// A public hosted zone in Route 53. Private ones are not looked at: the world does not see them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zone {
    /// Its name, in lower case, without a dot at the end.
    pub name: String,
    /// Its id, such as `Z0123456789ABC`.
    pub id: String,
    /// The name servers that answer for it, in lower case, without a dot at the end.
    pub name_servers: Vec<String>,
}

/// What public DNS says of a name's name servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Public {
    /// A zone begins at the name, and these answer for it.
    Servers(Vec<String>),
    /// No zone begins there.
    Nothing,
    /// The resolver got no answer from those who should know: `SERVFAIL`. So it is where a registrar names
    /// servers that know nothing of the zone.
    Fails(String),
}

/// A record that bears the domain's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// `A`, `AAAA` or `CNAME`.
    pub kind: String,
    /// What it leads to: addresses, a name, or an alias's name.
    pub leads_to: String,
}

/// Everything that was found about a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The domain.
    pub domain: Domain,
    /// Hosted zones of the account that bear the domain's name or that of something it lies in.
    pub zones: Vec<Zone>,
    /// What public DNS says of each of [`Domain::zones`], the nearest first; or why it was not asked.
    pub public: Result<Vec<(String, Public)>, Unavailable>,
    /// Who was asked: an address.
    pub resolver: String,
    /// Whom the nearest name that says so lets make certificates, and that name. Empty if nobody is shut out.
    pub caa: Option<(String, Vec<Caa>)>,
    /// Records that bear the domain's name in each zone, by the zone's id.
    pub records: Vec<(String, Record)>,
    /// What the environment's own records lead to, as its state says.
    pub own: BTreeSet<String>,
    /// Id of the zone that the domain's records are in already, if it is set up.
    pub set_up_in: Option<String>,
}

/// Where a domain stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delegation<'s> {
    /// Public DNS leads to this zone.
    Delegated(&'s Zone),
    /// It leads to the zone's servers, and to others that are not the zone's.
    Mixed(&'s Zone, Vec<String>),
    /// The nearest zone; public DNS was not asked or did not answer.
    Unseen(&'s Zone, Unavailable),
    /// Several zones of one name, and nothing tells which of them counts.
    Unclear(Vec<&'s Zone>),
    /// There is no zone. With the name below which public DNS would look, and its servers.
    NoZone(Option<(&'s str, &'s Public)>),
    /// There is a zone, and public DNS does not lead there. With what it leads to instead.
    Elsewhere(&'s Zone, Option<(&'s str, &'s Public)>),
}

/// Where public DNS leads for the domain.
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
    // The zone that somebody made for this domain is the nearest one.
    Delegation::Elsewhere(here.first().copied().unwrap_or(nearest), cut)
}

/// The zone that the domain's records go into; [`None`] if there is none, or nobody can tell which. Where they are
/// already they stay, whatever DNS says at the moment: what serves is not touched for that.
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

/// What stands in the domain's way: delegation, somebody else's record, somebody else's certificates.
pub fn checks(survey: &Survey) -> Vec<Check> {
    let mut checks = vec![delegated(survey)];
    checks.extend(taken(survey));
    checks.extend(shut_out(survey));
    if survey.set_up_in.is_some() {
        // Nothing is to be made that could fail, and a release may be the repair of something else.
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
                format!("{domain}: its records are in the hosted zone {own}, and public DNS leads to {}", zone.id),
            )
            .fix("take `domain` out of landfall.toml, `landfall up`, set it again, `landfall up`: then they are in the other one")
        }
        Delegation::Delegated(zone) => Check::ok(
            CheckId::Domain,
            format!(
                "{domain}: public DNS leads to the hosted zone {} ({})",
                zone.name, zone.id
            ),
        ),
        Delegation::Mixed(zone, others) => Check::warning(
            CheckId::Domain,
            format!(
                "{domain}: some of the name servers of {} know nothing of its hosted zone",
                zone.name
            ),
        )
        .why(format!(
            "the zone {} does not have {}",
            zone.id,
            others.join(", ")
        ))
        .fix(format!(
            "where {} is registered, name these and no others: {}",
            zone.name,
            zone.name_servers.join(", ")
        )),
        Delegation::Unseen(zone, gap) => {
            let (outcome, why) = match gap {
                Unavailable::Skipped(why) => (Outcome::Skipped, why),
                Unavailable::Unknown(why) => (Outcome::Unknown, why),
                Unavailable::Trouble(trouble) => (Outcome::Unknown, trouble.what),
                Unavailable::NotAsked => (Outcome::Skipped, "nobody asked".to_owned()),
            };
            let what = format!(
                "{domain}: whether public DNS leads to the hosted zone {}",
                zone.name
            );
            Check::new(CheckId::Domain, outcome, what).why(why)
        }
        Delegation::Unclear(zones) => {
            let ids: Vec<&str> = zones.iter().map(|zone| zone.id.as_str()).collect();
            let name = zones.first().map_or("", |zone| zone.name.as_str());
            blocker(format!(
                "there are {} hosted zones {name}, and which of them counts cannot be told",
                zones.len()
            ))
            .why(format!(
                "{}; public DNS could not be asked which of them it leads to",
                ids.join(", ")
            ))
            .fix("ask again when public DNS answers, or delete the zone that nobody needs: `aws route53 delete-hosted-zone --id ID`")
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
            check = check.why(format!(
                "public DNS answers for {name} by {}",
                servers.join(", ")
            ));
            name
        }
        Some((name, Public::Fails(_))) => name,
        _ => whole,
    };
    check = check.fix(format!(
        "make a zone for all of {whole}: `{}` (0.50 USD a month)",
        create(whole)
    ));
    if own != whole {
        check = check.fix(format!(
            "or, if the rest of {whole} is to stay where it is, one for this name alone: `{}`",
            create(own)
        ));
    }
    check.fix("then set the four name servers that it prints where the name is registered, and run this again: it says which")
}

fn elsewhere(survey: &Survey, zone: &Zone, cut: Option<(&str, &Public)>) -> Check {
    let domain = &survey.domain;
    let asked = &survey.resolver;
    let set = format!("{}: {}", zone.name, zone.name_servers.join(", "));
    let mut check = blocker(format!(
        "{domain}: public DNS does not lead to its hosted zone {} ({})",
        zone.name, zone.id
    ));
    check = match cut {
        Some((name, Public::Servers(servers))) => {
            check.why(format!("{asked} answers for {name} by {}", servers.join(", ")))
        }
        Some((name, Public::Fails(why))) => check.why(format!(
            "{asked} gets no answer for {name} ({why}): as where it is registered with servers that know nothing of it"
        )),
        Some((_, Public::Nothing)) | None => {
            check.why(format!("{asked} knows no name servers of {}", zone.name))
        }
    };
    check = check.why(format!(
        "the zone's own are {}",
        zone.name_servers.join(", ")
    ));
    check = match cut {
        // Somebody gave a part of the zone away.
        Some((name, _)) if name.len() > zone.name.len() => check
            .fix(format!("delete the NS records of {name} in the zone {}, if they are of no use any more", zone.name))
            .fix(format!("or make a hosted zone for {name}: `aws route53 create-hosted-zone --name {name} --caller-reference {name}`")),
        Some((name, Public::Servers(_))) if name.len() < zone.name.len() => check.fix(format!(
            "in the DNS of {name}, add four NS records, no more and no less, for {set}"
        )),
        None => check
            .fix(format!("register {} first, if it is nobody's yet", zone.name))
            .fix(format!("where it is registered, set exactly these name servers for {set}")),
        _ => check.fix(format!("where {} is registered, replace the name servers by exactly these, for {set}", zone.name)),
    };
    if cut.is_some_and(|(name, _)| name.len() > zone.name.len()) {
        return check;
    }
    check.fix(format!(
        "it takes minutes, at some registrars a day, until everybody sees it: `dig +short NS {}` prints these four; then run this again",
        zone.name
    ))
}

/// A record of the domain's name that is not the environment's own would be written over.
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
    let mut check = blocker(format!("{domain} leads somewhere else already"));
    for record in of_others {
        check = check.why(format!(
            "{} record in {}: {}",
            record.kind, zone.name, record.leads_to
        ));
    }
    Some(
        check
            .fix("delete it once nobody needs it, or choose another name")
            .fix(format!(
                "console → Route 53 → Hosted zones → {} → {domain}",
                zone.name
            )),
    )
}

/// Names that AWS's certificate authority goes by in CAA records
/// (<https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html>).
const AUTHORITIES: [&str; 4] = [
    "amazon.com",
    "amazontrust.com",
    "awstrust.com",
    "amazonaws.com",
];

/// CAA records that name others and not AWS: no certificate would be made.
fn shut_out(survey: &Survey) -> Option<Check> {
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
        true => "nobody".to_owned(),
        false => named.join(", "),
    };
    Some(
        blocker(format!("AWS may make no certificate for {}", survey.domain))
            .why(format!("the CAA records of {name} allow {whom}"))
            .fix(format!(
                "add a CAA record to {name}: `0 issue \"amazon.com\"`"
            )),
    )
}

#[cfg(test)]
#[path = "domain_tests.rs"]
mod tests;
