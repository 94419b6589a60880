//! The second generation of API Gateway: REST with JSON
//! (<https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html>).

use super::endpoint::Hosts;
use super::{Client, Request, Service, all_pages, json};
use crate::error::Error;
use aws_config::SdkConfig;
use serde::Deserialize;
use std::collections::BTreeMap;

/// IAM's name of every call that reads.
const OPERATION: &str = "apigateway:GET";

static SERVICE: Service = Service {
    id: "ApiGatewayV2",
    name: "apigateway",
    hosts: Hosts::Regional,
    read_error: json::read_error,
};

/// The APIs in one region.
#[derive(Debug, Clone)]
pub(crate) struct ApiGateway {
    client: Client,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Api {
    pub(crate) api_id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DomainName {
    pub(crate) domain_name: Option<String>,
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    items: Option<Vec<T>>,
    next_token: Option<String>,
}

impl ApiGateway {
    pub(crate) fn new(config: &SdkConfig) -> ApiGateway {
        ApiGateway {
            client: Client::new(config, &SERVICE),
        }
    }

    /// <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html>
    pub(crate) async fn apis(&self) -> Result<Vec<Api>, Error> {
        self.all("/v2/apis").await
    }

    /// <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames.html>
    pub(crate) async fn domain_names(&self) -> Result<Vec<DomainName>, Error> {
        self.all("/v2/domainnames").await
    }

    async fn all<T: for<'a> Deserialize<'a>>(&self, path: &str) -> Result<Vec<T>, Error> {
        all_pages(|token| async move {
            let query: Vec<_> = token
                .map(|token| ("nextToken", token))
                .into_iter()
                .collect();
            let request = Request::get(path, &query);
            let answer = self.client.call(OPERATION, request).await?;
            let page: Page<T> = json::read(OPERATION, &answer)?;
            Ok((page.items.unwrap_or_default(), page.next_token))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apis_and_domain_names_are_read() {
        // From the schemas of the API reference, with what landfall does not read left in.
        let page: Page<Api> = json::read(
            OPERATION,
            r#"{"items":[{"apiEndpoint":"https://a1b2c3d4e5.execute-api.eu-west-2.amazonaws.com",
                "apiId":"a1b2c3d4e5","createdDate":"2026-11-23T14:03:10Z","name":"shop-prod",
                "protocolType":"HTTP","tags":{"landfall:app":"shop"}},{"apiId":"f6"}],
                "nextToken":"t"}"#,
        )
        .expect("a page");
        let apis = page.items.expect("APIs");
        assert_eq!(apis[0].api_id.as_deref(), Some("a1b2c3d4e5"));
        assert_eq!(apis[0].name.as_deref(), Some("shop-prod"));
        let tags = apis[0].tags.as_ref().expect("tags");
        assert_eq!(tags["landfall:app"], "shop");
        assert_eq!((&apis[1].name, &apis[1].tags), (&None, &None));
        assert_eq!(page.next_token.as_deref(), Some("t"));
        let page: Page<DomainName> = json::read(
            OPERATION,
            r#"{"items":[{"domainName":"app.example.com","tags":{},"domainNameConfigurations":[]}]}"#,
        )
        .expect("a page");
        let names = page.items.expect("names");
        assert_eq!(names[0].domain_name.as_deref(), Some("app.example.com"));
    }
}
