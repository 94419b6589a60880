//! EC2's query protocol: a form in, XML out
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/making-api-requests.html>).

use super::endpoint::Hosts;
use super::xml::{self, Item};
use super::{Client, Page, Request, Service, action, all_pages};
use crate::error::Error;
use aws_config::SdkConfig;
use form_urlencoded::Serializer;
use std::collections::BTreeMap;

/// Version of the API that the requests follow.
const VERSION: &str = "2016-11-15";

static SERVICE: Service = Service {
    id: "EC2",
    name: "ec2",
    hosts: Hosts::RegionalFipsInGovCloud,
    read_error: xml::read_error,
};

/// EC2 in one region.
#[derive(Debug, Clone)]
pub(crate) struct Ec2 {
    client: Client,
}

impl Ec2 {
    pub(crate) fn new(config: &SdkConfig) -> Ec2 {
        Ec2 {
            client: Client::new(config, &SERVICE),
        }
    }

    /// Calls a `Describe…` action until its last page.
    ///
    /// `set` is the element of the answer that holds the items; `read` returns [`None`] for an item
    /// that is not wanted.
    pub(crate) async fn describe<T>(
        &self,
        operation: &'static str,
        parameters: &[(String, String)],
        set: &str,
        read: impl Fn(Item<'_, '_>) -> Option<T> + Sync,
    ) -> Result<Vec<T>, Error> {
        let read = &read;
        all_pages(|token| async move {
            let request = request(action(operation), parameters, token.as_deref());
            let answer = self.client.call(operation, request).await?;
            read_page(operation, &answer, set, read)
        })
        .await
    }
}

/// The parameters of filters, each of which has to match.
pub(crate) fn filters(filters: &[(String, String)]) -> Vec<(String, String)> {
    let numbered = filters.iter().zip(1..);
    numbered
        .flat_map(|((name, value), number)| {
            [
                (format!("Filter.{number}.Name"), name.clone()),
                (format!("Filter.{number}.Value.1"), value.clone()),
            ]
        })
        .collect()
}

fn request(action: &str, parameters: &[(String, String)], token: Option<&str>) -> Request {
    let mut form = Serializer::new(String::new());
    form.append_pair("Action", action);
    form.append_pair("Version", VERSION);
    form.extend_pairs(parameters);
    if let Some(token) = token {
        form.append_pair("NextToken", token);
    }
    let kind = "application/x-www-form-urlencoded".to_owned();
    Request::post(vec![("content-type", kind)], form.finish())
}

fn read_page<T>(
    operation: &'static str,
    answer: &str,
    set: &str,
    read: impl Fn(Item<'_, '_>) -> Option<T>,
) -> Result<Page<T>, Error> {
    xml::read(operation, answer, |answer| {
        let items = answer.items(set, "item").filter_map(read).collect();
        (items, answer.text("nextToken").map(str::to_owned))
    })
}

/// Whether an item has all of these tags.
pub(crate) fn has_tags(item: Item<'_, '_>, tags: &[(&str, String)]) -> bool {
    let own = tags_of(item);
    tags.iter().all(|(key, value)| own.get(*key) == Some(value))
}

/// The tags of an item.
pub(crate) fn tags_of(item: Item<'_, '_>) -> BTreeMap<String, String> {
    let tags = item.items("tagSet", "item");
    tags.filter_map(|tag| {
        let value = tag.text("value").unwrap_or_default();
        Some((tag.text("key")?.to_owned(), value.to_owned()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the example of
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html>, with a
    /// second tag, an item without tags and a token.
    const VPCS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>7a62c442-3484-4f42-9342-6942EXAMPLE</requestId>
  <vpcSet>
    <item>
      <vpcId>vpc-081ec835f3EXAMPLE</vpcId>
      <state>available</state>
      <cidrBlock>10.0.0.0/16</cidrBlock>
      <cidrBlockAssociationSet>
        <item>
          <cidrBlock>10.0.0.0/16</cidrBlock>
          <associationId>vpc-cidr-assoc-062c64cfafEXAMPLE</associationId>
          <cidrBlockState><state>associated</state></cidrBlockState>
        </item>
      </cidrBlockAssociationSet>
      <tagSet>
        <item><key>app</key><value>a &amp; b</value></item>
        <item><key>environment</key><value>prod</value></item>
      </tagSet>
      <isDefault>false</isDefault>
    </item>
    <item>
      <vpcId>vpc-0ee975135dEXAMPLE</vpcId>
      <tagSet/>
    </item>
  </vpcSet>
  <nextToken>eyJ2IjoiMiI+/A==</nextToken>
</DescribeVpcsResponse>"#;

    fn ids(xml: &str, tags: &[(&str, String)]) -> (Vec<String>, Option<String>) {
        let read = |vpc: Item<'_, '_>| {
            let id = vpc.text("vpcId")?;
            has_tags(vpc, tags).then(|| id.to_owned())
        };
        read_page("ec2:DescribeVpcs", xml, "vpcSet", read).expect("XML")
    }

    #[test]
    fn a_request_is_a_form() {
        let parameters = filters(&[
            ("tag:landfall:app".to_owned(), "shop".to_owned()),
            ("tag:Owner".to_owned(), "Ann & Bob=é".to_owned()),
        ]);
        let request = request("DescribeVpcs", &parameters, Some("eyJ2IjoiMiI+/A=="));
        assert_eq!(
            request.body,
            "Action=DescribeVpcs&Version=2016-11-15\
             &Filter.1.Name=tag%3Alandfall%3Aapp&Filter.1.Value.1=shop\
             &Filter.2.Name=tag%3AOwner&Filter.2.Value.1=Ann+%26+Bob%3D%C3%A9\
             &NextToken=eyJ2IjoiMiI%2B%2FA%3D%3D"
        );
        assert_eq!(
            request.headers,
            [(
                "content-type",
                "application/x-www-form-urlencoded".to_owned()
            )]
        );
    }

    #[test]
    fn items_tags_and_token_of_a_page_are_read() {
        let token = Some("eyJ2IjoiMiI+/A==".to_owned());
        let both = ["vpc-081ec835f3EXAMPLE", "vpc-0ee975135dEXAMPLE"].map(str::to_owned);
        assert_eq!(ids(VPCS, &[]), (both.to_vec(), token.clone()));
        let tags = [
            ("app", "a & b".to_owned()),
            ("environment", "prod".to_owned()),
        ];
        assert_eq!(ids(VPCS, &tags), (vec![both[0].clone()], token.clone()));
        let other = [
            ("app", "a & b".to_owned()),
            ("environment", "test".to_owned()),
        ];
        assert_eq!(ids(VPCS, &other), (vec![], token));
    }

    #[test]
    fn a_last_page_may_be_empty() {
        for token in ["", "<nextToken/>", "<nextToken></nextToken>"] {
            let xml = format!("<DescribeVpcsResponse>{token}</DescribeVpcsResponse>");
            assert_eq!(ids(&xml, &[]), (vec![], None), "{xml}");
        }
    }
}
