//! The second generation of API Gateway: REST with JSON
//! (<https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html>).

use super::endpoint::Hosts;
use super::{Client, Request, Service, all_pages, json};
use crate::error::Error;
use aws_config::SdkConfig;
use serde::Deserialize;
use serde_json::json;
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

    /// Creates an HTTP API; returns its ID
    /// (<https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html#CreateApi>).
    pub(crate) async fn create(
        &self,
        name: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<String, Error> {
        const OPERATION: &str = "apigateway:POST";
        let body = json!({"name": name, "protocolType": "HTTP", "tags": tags});
        let answer = self
            .send(OPERATION, "POST", "/v2/apis", Some(&body))
            .await?;
        let api: Api = json::read(OPERATION, &answer)?;
        api.api_id.ok_or_else(|| Error::incomplete(OPERATION, "ID"))
    }

    /// Creates the stage `$default`.
    pub(crate) async fn create_stage(
        &self,
        api: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let path = format!("/v2/apis/{api}/stages");
        let body = json!({"stageName": "$default", "autoDeploy": true, "tags": tags});
        let answer = self.send("apigateway:POST", "POST", &path, Some(&body));
        answer.await.map(drop)
    }

    /// Changes the description.
    pub(crate) async fn describe(&self, api: &str, text: &str) -> Result<(), Error> {
        let path = format!("/v2/apis/{api}");
        let body = json!({"description": text});
        let answer = self.send("apigateway:PATCH", "PATCH", &path, Some(&body));
        answer.await.map(drop)
    }

    pub(crate) async fn delete(&self, api: &str) -> Result<(), Error> {
        let path = format!("/v2/apis/{api}");
        let answer = self.send("apigateway:DELETE", "DELETE", &path, None);
        answer.await.map(drop)
    }

    async fn send(
        &self,
        operation: &'static str,
        method: &'static str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<String, Error> {
        let request = Request {
            method,
            target: path.to_owned(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.map(ToString::to_string).unwrap_or_default(),
        };
        self.client.call(operation, request).await
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
