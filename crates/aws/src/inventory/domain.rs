//! Resources of a domain: certificates and domain names by their tags, DNS records by the domain's
//! name.

use super::Inventory;
use crate::error::{Error, translate};
use rules::operate::domain::leads_to_aws;
use rules::operate::sweep::{Found, Kind};

impl Inventory {
    /// Certificates in the session's region and in CloudFront's. The list has no tags, so each
    /// certificate needs another call.
    pub(super) async fn certificates(&self) -> Result<Vec<Found>, Error> {
        let mut all = Vec::new();
        for client in &self.certificates {
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
                        .map_err(translate("acm:ListTagsForCertificate"))?;
                    let tags = answer.tags.unwrap_or_default();
                    let has = |(key, value): &(&str, String)| {
                        let mut tags = tags.iter();
                        tags.any(|tag| tag.key == *key && tag.value.as_ref() == Some(value))
                    };
                    if self.tags().iter().all(has) {
                        all.push(Found::new(Kind::Certificate, arn));
                    }
                }
            }
        }
        all.sort();
        // If the session's region is CloudFront's, each was found twice.
        all.dedup();
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

    /// DNS records of the domains that point to an entry point of AWS or validate a certificate.
    pub(super) async fn records(&self) -> Result<Vec<Found>, Error> {
        let mut all = Vec::new();
        for domain in &self.domains {
            for zone in self.zones.of(domain).await? {
                let records = self.zones.records(&zone, domain).await?;
                let own = records
                    .iter()
                    .filter(|record| leads_to_aws(&record.leads_to));
                let own = own.map(|record| format!("{} {domain}", record.kind));
                let validations = self.zones.validations(&zone, domain).await?;
                let validations = validations.iter().map(|name| format!("CNAME {name}"));
                all.extend(own.chain(validations).map(|id| Found {
                    kind: Kind::Record,
                    id,
                    within: Some(zone.id.clone()),
                }));
            }
        }
        Ok(all)
    }
}
