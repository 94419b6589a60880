//! CloudFront: REST with XML
//! (<https://docs.aws.amazon.com/cloudfront/latest/APIReference/Welcome.html>).

use super::endpoint::Hosts;
use super::xml::{self, Item};
use super::{Client, Page, Request, Service, all_pages};
use crate::error::Error;
use aws_config::SdkConfig;
use std::collections::BTreeMap;

const OPERATION: &str = "cloudfront:ListDistributions";

static SERVICE: Service = Service {
    id: "CloudFront",
    name: "cloudfront",
    hosts: Hosts::Global,
    read_error: xml::read_error,
};

/// The distributions of the account.
#[derive(Debug, Clone)]
pub(crate) struct CloudFront {
    client: Client,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) id: String,
    pub(crate) comment: String,
}

impl CloudFront {
    pub(crate) fn new(config: &SdkConfig) -> CloudFront {
        CloudFront {
            client: Client::new(config, &SERVICE),
        }
    }

    /// Creates a distribution that is not enabled; returns its ID
    /// (<https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateDistributionWithTags.html>).
    pub(crate) async fn create_disabled(
        &self,
        comment: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<String, Error> {
        const OPERATION: &str = "cloudfront:CreateDistribution";
        let request = Request {
            method: "POST",
            target: "/2020-05-31/distribution?WithTags".to_owned(),
            headers: vec![("content-type", "text/xml".to_owned())],
            body: disabled(comment, tags),
        };
        let answer = self.client.call(OPERATION, request).await?;
        let id = xml::read(OPERATION, &answer, |root| {
            root.text("Id").map(str::to_owned)
        })?;
        id.ok_or_else(|| Error::incomplete(OPERATION, "ID"))
    }

    /// Deletes a distribution that is disabled and deployed.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), Error> {
        let path = format!("/2020-05-31/distribution/{id}");
        let read = Request::get(&path, &[]);
        let found = self.client.call_tagged("cloudfront:GetDistribution", read);
        let (_, tag) = found.await?;
        let request = Request {
            method: "DELETE",
            target: path,
            headers: vec![("if-match", tag.unwrap_or_default())],
            body: String::new(),
        };
        let answer = self.client.call("cloudfront:DeleteDistribution", request);
        answer.await.map(drop)
    }

    /// <https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ListDistributions.html>
    pub(crate) async fn distributions(&self) -> Result<Vec<Distribution>, Error> {
        all_pages(|marker| async move {
            let query: Vec<_> = marker
                .map(|marker| ("Marker", marker))
                .into_iter()
                .collect();
            let request = Request::get("/2020-05-31/distribution", &query);
            let answer = self.client.call(OPERATION, request).await?;
            read_page(&answer)
        })
        .await
    }
}

/// The least that CloudFront accepts. The managed policy is `CachingDisabled`
/// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html>).
fn disabled(comment: &str, tags: &BTreeMap<String, String>) -> String {
    let tags = tags
        .iter()
        .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"));
    let tags: String = tags.collect();
    format!(
        "<DistributionConfigWithTags xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\">\
         <DistributionConfig><CallerReference>{comment}</CallerReference>\
         <Origins><Quantity>1</Quantity><Items><Origin><Id>none</Id>\
         <DomainName>example.com</DomainName><CustomOriginConfig><HTTPPort>80</HTTPPort>\
         <HTTPSPort>443</HTTPSPort><OriginProtocolPolicy>https-only</OriginProtocolPolicy>\
         </CustomOriginConfig></Origin></Items></Origins>\
         <DefaultCacheBehavior><TargetOriginId>none</TargetOriginId>\
         <ViewerProtocolPolicy>https-only</ViewerProtocolPolicy>\
         <CachePolicyId>4135ea2d-6df8-44a3-9df3-4b5a84be39ad</CachePolicyId>\
         </DefaultCacheBehavior><Comment>{comment}</Comment><Enabled>false</Enabled>\
         </DistributionConfig><Tags><Items>{tags}</Items></Tags></DistributionConfigWithTags>"
    )
}

fn read_page(answer: &str) -> Result<Page<Distribution>, Error> {
    let distribution = |item: Item<'_, '_>| {
        Some(Distribution {
            id: item.text("Id")?.to_owned(),
            comment: item.text("Comment").unwrap_or_default().to_owned(),
        })
    };
    xml::read(OPERATION, answer, |list| {
        let items = list.items("Items", "DistributionSummary");
        let marker = list.text("NextMarker").map(str::to_owned);
        (items.filter_map(distribution).collect(), marker)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_and_the_next_marker_are_read() {
        // After the syntax in the API reference, with what landfall does not read left in.
        let answer = r#"<?xml version="1.0" encoding="UTF-8"?>
<DistributionList xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/">
  <Marker/>
  <NextMarker>EMLARXS9EXAMPLE</NextMarker>
  <MaxItems>100</MaxItems>
  <IsTruncated>true</IsTruncated>
  <Quantity>2</Quantity>
  <Items>
    <DistributionSummary>
      <Id>EDFDVBD6EXAMPLE</Id>
      <DomainName>d111111abcdef8.cloudfront.net</DomainName>
      <Origins><Quantity>1</Quantity><Items><Origin><Id>load-balancer</Id></Origin></Items></Origins>
      <Comment>shop-prod</Comment>
    </DistributionSummary>
    <DistributionSummary><Id>EMLARXS9EXAMPLE</Id><Comment/></DistributionSummary>
  </Items>
</DistributionList>"#;
        let distribution = |id: &str, comment: &str| Distribution {
            id: id.to_owned(),
            comment: comment.to_owned(),
        };
        let expected = vec![
            distribution("EDFDVBD6EXAMPLE", "shop-prod"),
            distribution("EMLARXS9EXAMPLE", ""),
        ];
        let marker = Some("EMLARXS9EXAMPLE".to_owned());
        assert_eq!(read_page(answer).expect("a page"), (expected, marker));
        let none = "<DistributionList><IsTruncated>false</IsTruncated></DistributionList>";
        assert_eq!(read_page(none).expect("a page"), (vec![], None));
    }
}
