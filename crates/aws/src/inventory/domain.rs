//! Resources of a domain: certificates and domain names by their tags, DNS records by the domain's
//! name.

use super::{Inventory, present};
use crate::error::{Error, ErrorKind, translate};
use rules::app::manifest::Domain;
use rules::operate::domain::{Zone, leads_to_aws};
use rules::operate::sweep::{Found, Kind};

impl Inventory {
    /// Certificates in the session's region.
    pub(super) async fn certificates(&self) -> Result<Vec<Found>, Error> {
        self.certificates_of(&self.certificates).await
    }

    /// Certificates in CloudFront's region, unless that is the session's. Without a domain there is none, so that
    /// a policy which denies the region does not matter.
    pub(super) async fn certificates_of_cloudfront(&self) -> Result<Vec<Found>, Error> {
        let Some(client) = &self.certificates_of_cloudfront else {
            return Ok(Vec::new());
        };
        match self.certificates_of(client).await {
            Err(_) if self.domains.is_empty() => Ok(Vec::new()),
            other => other,
        }
    }

    /// The list has no tags, so each certificate needs another call.
    async fn certificates_of(&self, client: &aws_sdk_acm::Client) -> Result<Vec<Found>, Error> {
        let mut all = Vec::new();
        let mut pages = client.list_certificates().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate("acm:ListCertificates"))?;
            let arns = page.certificate_summary_list.unwrap_or_default();
            for arn in arns.into_iter().filter_map(|one| one.certificate_arn) {
                let answer = client
                    .list_tags_for_certificate()
                    .certificate_arn(&arn)
                    .send()
                    .await
                    .map_err(translate("acm:ListTagsForCertificate"));
                // Someone deleted it since it was listed.
                let tags = present(answer)?.and_then(|answer| answer.tags);
                let tags = tags.unwrap_or_default();
                let has = |(key, value): &(&str, String)| {
                    let mut tags = tags.iter();
                    tags.any(|tag| tag.key == *key && tag.value.as_ref() == Some(value))
                };
                if self.tags().iter().all(has) {
                    all.push(Found::new(Kind::Certificate, arn));
                }
            }
        }
        Ok(all)
    }

    /// Custom domain names of HTTP APIs.
    pub(super) async fn domain_names(&self) -> Result<Vec<Found>, Error> {
        let names = self.apis.domain_names().await?.into_iter();
        Ok(names
            .filter(|name| self.has_tags(name.tags.as_ref()))
            .filter_map(|name| name.domain_name)
            .map(|name| Found::new(Kind::DomainName, name))
            .collect())
    }

    /// DNS records of the domains that point to an entry point of AWS or validate a certificate; and the domains
    /// whose records could not be looked at, with the reason.
    pub(super) async fn records(&self) -> (Vec<Found>, Vec<String>) {
        let (mut all, mut unseen) = (Vec::new(), Vec::new());
        for (domain, set_up_in) in &self.domains {
            match self.records_of(domain, set_up_in.as_deref()).await {
                Ok(found) => all.extend(found),
                Err(error) => unseen.push(format!(
                    "records of {domain}: not checked ({error}); in its DNS zone, look for A, AAAA and CNAME records of \
                     {domain} that lead to cloudfront.net or amazonaws.com, and for CNAME records _….{domain} that lead to \
                     acm-validations.aws"
                )),
            }
        }
        (all, unseen)
    }

    /// `set_up_in` is the hosted zone in which landfall created the domain's records. It may belong to another
    /// account by now, or lie behind a permission that the list of zones does not need.
    async fn records_of(
        &self,
        domain: &Domain,
        set_up_in: Option<&str>,
    ) -> Result<Vec<Found>, Error> {
        let listed = self.zones.of(domain).await;
        let zones: Vec<Zone> = match (listed, set_up_in) {
            (Ok(zones), Some(id)) if !zones.iter().any(|zone| zone.id == id) => {
                zones.into_iter().chain([bare(id)]).collect()
            }
            (Err(error), Some(id)) if error.kind == ErrorKind::Denied => vec![bare(id)],
            (listed, _) => listed?,
        };
        let mut all = Vec::new();
        for zone in &zones {
            let records = self.zones.records(zone, domain).await?;
            let own = records
                .iter()
                .filter(|record| leads_to_aws(&record.leads_to));
            let own = own.map(|record| format!("{} {domain}", record.kind));
            let validations = self.zones.validations(zone, domain).await?;
            let validations = validations.iter().map(|name| format!("CNAME {name}"));
            all.extend(own.chain(validations).map(|id| Found {
                kind: Kind::Record,
                id,
                within: Some(zone.id.clone()),
            }));
        }
        Ok(all)
    }
}

/// A zone of which only the ID is known.
fn bare(id: &str) -> Zone {
    Zone {
        id: id.to_owned(),
        name: String::new(),
        name_servers: Vec::new(),
    }
}
