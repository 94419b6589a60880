//! Hosted zones of Route 53 and their records. Zones belong to the user; landfall creates none.

use crate::error::{Error, translate};
use crate::session::Session;
use aws_sdk_route53::types::{ResourceRecordSet, RrType};
use rules::app::manifest::Domain;
use rules::operate::domain::{Record, Zone};

/// The zones of an account.
#[derive(Debug, Clone)]
pub struct Zones {
    route53: aws_sdk_route53::Client,
}

impl Zones {
    /// The zones of the session's account.
    pub fn new(session: &Session) -> Zones {
        Zones {
            route53: aws_sdk_route53::Client::new(session.config()),
        }
    }

    /// Public zones of the domain and of its parent domains, the most specific first.
    ///
    /// # Errors
    /// A call fails.
    pub async fn of(&self, domain: &Domain) -> Result<Vec<Zone>, Error> {
        let mut zones = Vec::new();
        for name in domain.zones() {
            // The answer has up to a hundred zones, sorted by name from this one on.
            let answer = self
                .route53
                .list_hosted_zones_by_name()
                .dns_name(name)
                .send()
                .await
                .map_err(translate("route53:ListHostedZonesByName"))?;
            for zone in answer.hosted_zones {
                let is_private = zone
                    .config
                    .as_ref()
                    .is_some_and(|config| config.private_zone);
                if plain(&zone.name) != name || is_private {
                    continue;
                }
                let id = zone.id.rsplit('/').next().unwrap_or_default().to_owned();
                zones.push(Zone {
                    name: name.to_owned(),
                    name_servers: self.servers(&id).await?,
                    id,
                });
            }
        }
        Ok(zones)
    }

    async fn servers(&self, id: &str) -> Result<Vec<String>, Error> {
        let answer = self
            .route53
            .get_hosted_zone()
            .id(id)
            .send()
            .await
            .map_err(translate("route53:GetHostedZone"))?;
        let servers = answer.delegation_set.map(|set| set.name_servers);
        let mut servers: Vec<String> = servers
            .unwrap_or_default()
            .iter()
            .map(|name| plain(name))
            .collect();
        servers.sort();
        Ok(servers)
    }

    /// The targets of the domain's own A, AAAA and CNAME records in a zone.
    ///
    /// # Errors
    /// The call fails.
    pub async fn records(&self, zone: &Zone, domain: &Domain) -> Result<Vec<Record>, Error> {
        let sets = self.sets(zone, domain).await?;
        let own = sets
            .iter()
            .filter(|set| plain(&set.name) == domain.as_str());
        let addresses =
            own.filter(|set| matches!(set.r#type, RrType::A | RrType::Aaaa | RrType::Cname));
        Ok(addresses
            .flat_map(|set| {
                targets(set).into_iter().map(|leads_to| Record {
                    kind: set.r#type.as_str().to_owned(),
                    leads_to,
                })
            })
            .collect())
    }

    /// Whether a zone has a record of this name or of one below it.
    ///
    /// # Errors
    /// The call fails.
    pub async fn has(&self, zone: &Zone, name: &Domain) -> Result<bool, Error> {
        let below = format!(".{name}");
        let sets = self.sets(zone, name).await?;
        let mut names = sets.iter().map(|set| plain(&set.name));
        Ok(names.any(|found| found == name.as_str() || found.ends_with(&below)))
    }

    /// Names of the records that validate the domain for AWS Certificate Manager.
    ///
    /// # Errors
    /// The call fails.
    pub(crate) async fn validations(
        &self,
        zone: &Zone,
        domain: &Domain,
    ) -> Result<Vec<String>, Error> {
        let parent = format!(".{domain}");
        let sets = self.sets(zone, domain).await?;
        let validates = |set: &&ResourceRecordSet| {
            let name = plain(&set.name);
            let label = name
                .strip_suffix(&parent)
                .filter(|label| !label.contains('.'));
            label.is_some_and(|label| label.starts_with('_'))
                && targets(set)
                    .iter()
                    .any(|to| to.ends_with(".acm-validations.aws"))
        };
        Ok(sets
            .iter()
            .filter(validates)
            .map(|set| plain(&set.name))
            .collect())
    }

    /// The records from the domain's own on. Route 53 sorts names by their labels from the last to
    /// the first, so subdomains follow their domain.
    async fn sets(&self, zone: &Zone, domain: &Domain) -> Result<Vec<ResourceRecordSet>, Error> {
        let answer = self
            .route53
            .list_resource_record_sets()
            .hosted_zone_id(&zone.id)
            .start_record_name(domain.as_str())
            .send()
            .await
            .map_err(translate("route53:ListResourceRecordSets"))?;
        Ok(answer.resource_record_sets)
    }
}

/// The targets of a record.
fn targets(set: &ResourceRecordSet) -> Vec<String> {
    match &set.alias_target {
        Some(alias) => vec![plain(&alias.dns_name)],
        None => {
            let records = set.resource_records.iter().flatten();
            records.map(|record| plain(&record.value)).collect()
        }
    }
}

/// A name in lower case and without the dot at its end.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
