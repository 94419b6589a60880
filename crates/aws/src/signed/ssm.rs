//! SSM's JSON protocol: JSON in, JSON out, the action in a header
//! (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonParameters.html>).

use super::endpoint::Hosts;
use super::{Client, Request, Service, action, all_pages, json as answer};
use crate::error::Error;
use aws_config::SdkConfig;
use aws_smithy_types::DateTime;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

static SERVICE: Service = Service {
    id: "SSM",
    name: "ssm",
    hosts: Hosts::RegionalFipsInGovCloud,
    read_error: answer::read_error,
};

/// Parameter Store in one region.
#[derive(Debug, Clone)]
pub(crate) struct Ssm {
    client: Client,
}

/// A parameter without its value.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Parameter {
    pub(crate) name: Option<String>,
    /// Counts up from 1 with each change.
    #[serde(default)]
    pub(crate) version: i64,
    #[serde(rename = "LastModifiedDate")]
    seconds: Option<f64>,
}

impl Parameter {
    pub(crate) fn changed(&self) -> Option<DateTime> {
        self.seconds.map(DateTime::from_secs_f64)
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    parameters: Option<Vec<Parameter>>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    version: i64,
}

impl Ssm {
    pub(crate) fn new(config: &SdkConfig) -> Ssm {
        Ssm {
            client: Client::new(config, &SERVICE),
        }
    }

    /// Sets an encrypted parameter of the standard tier, new or not; returns its version
    /// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>).
    pub(crate) async fn put(
        &self,
        name: &str,
        value: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<i64, Error> {
        const OPERATION: &str = "ssm:PutParameter";
        // One call sets tags or replaces a value, not both.
        if !tags.is_empty() {
            let made = self.call(OPERATION, &make(name, value, tags)).await;
            match made {
                Ok(Put { version }) => return Ok(version),
                Err(error) if error.code.as_deref() == Some("ParameterAlreadyExists") => {}
                Err(error) => return Err(error),
            }
            let request = request("AddTagsToResource", &retag(name, tags));
            let tagged = self.client.call("ssm:AddTagsToResource", request).await;
            tagged?;
        }
        let put: Put = self.call(OPERATION, &put(name, value)).await?;
        Ok(put.version)
    }

    /// The parameters directly under a path
    /// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeParameters.html>).
    pub(crate) async fn directly_under(&self, path: &str) -> Result<Vec<Parameter>, Error> {
        const OPERATION: &str = "ssm:DescribeParameters";
        all_pages(|token| async move {
            let input = describe(path, token.as_deref());
            let page: Page = self.call(OPERATION, &input).await?;
            Ok((page.parameters.unwrap_or_default(), page.next_token))
        })
        .await
    }

    /// Deletes up to ten parameters; those that do not exist are no error
    /// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameters.html>).
    pub(crate) async fn delete(&self, names: &[String]) -> Result<(), Error> {
        let input = json!({ "Names": names });
        let request = request("DeleteParameters", &input);
        self.client
            .call("ssm:DeleteParameters", request)
            .await
            .map(drop)
    }

    async fn call<T: for<'a> Deserialize<'a>>(
        &self,
        operation: &'static str,
        input: &Value,
    ) -> Result<T, Error> {
        let request = request(action(operation), input);
        let text = self.client.call(operation, request).await?;
        answer::read(operation, &text)
    }
}

fn request(action: &str, input: &Value) -> Request {
    let headers = vec![
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target", format!("AmazonSSM.{action}")),
    ];
    Request::post(headers, input.to_string())
}

/// Without the ID of a key, SSM encrypts with the AWS-managed one, `alias/aws/ssm`.
fn put(name: &str, value: &str) -> Value {
    json!({
        "Name": name,
        "Value": value,
        "Type": "SecureString",
        "Tier": "Standard",
        "Overwrite": true,
    })
}

/// A parameter that does not exist yet.
fn make(name: &str, value: &str, tags: &BTreeMap<String, String>) -> Value {
    let mut input = put(name, value);
    input["Overwrite"] = false.into();
    input["Tags"] = listed(tags);
    input
}

fn retag(name: &str, tags: &BTreeMap<String, String>) -> Value {
    json!({ "ResourceType": "Parameter", "ResourceId": name, "Tags": listed(tags) })
}

fn listed(tags: &BTreeMap<String, String>) -> Value {
    let one = |(key, value)| json!({ "Key": key, "Value": value });
    tags.iter().map(one).collect()
}

fn describe(path: &str, token: Option<&str>) -> Value {
    let mut input = json!({
        "ParameterFilters": [{ "Key": "Path", "Option": "OneLevel", "Values": [path] }],
    });
    if let Some(token) = token {
        input["NextToken"] = token.into();
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_set_with_a_new_parameter_or_added_to_an_old_one() {
        let tags = BTreeMap::from([("team".to_owned(), "web".to_owned())]);
        let name = "/landfall/shop-prod/KEY";
        let made = make(name, "x", &tags);
        let expected = json!([{ "Key": "team", "Value": "web" }]);
        assert_eq!(
            (&made["Overwrite"], &made["Tags"]),
            (&json!(false), &expected)
        );
        assert_eq!(retag(name, &tags)["Tags"], expected);
        assert_eq!(put(name, "x").get("Tags"), None);
    }

    #[test]
    fn a_request_names_its_action_in_a_header() {
        let request = request("PutParameter", &put("/landfall/shop-prod/KEY", "a \"b\"\n"));
        assert_eq!(
            request.headers,
            [
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", "AmazonSSM.PutParameter".to_owned()),
            ]
        );
        let body: Value = serde_json::from_str(&request.body).expect("JSON");
        assert_eq!(
            body,
            json!({
                "Name": "/landfall/shop-prod/KEY",
                "Value": "a \"b\"\n",
                "Type": "SecureString",
                "Tier": "Standard",
                "Overwrite": true,
            })
        );
    }

    #[test]
    fn a_list_is_of_one_level_and_goes_on_at_the_token() {
        let filters = json!([
            { "Key": "Path", "Option": "OneLevel", "Values": ["/landfall/shop-prod"] }
        ]);
        let first = describe("/landfall/shop-prod", None);
        assert_eq!(first, json!({ "ParameterFilters": filters }));
        let second = describe("/landfall/shop-prod", Some("AAE="));
        let expected = json!({ "ParameterFilters": filters, "NextToken": "AAE=" });
        assert_eq!(second, expected);
    }

    #[test]
    fn a_page_of_parameters_is_read() {
        // From the sample of the API reference, with what landfall does not read left in.
        let page: Page = serde_json::from_str(
            r#"{"NextToken":"AAEAAXj","Parameters":[
                {"LastModifiedUser":"arn:aws:iam::111122223333:user/ann",
                 "LastModifiedDate":1524154543.75,"Name":"/landfall/shop-prod/KEY",
                 "Type":"SecureString","KeyId":"alias/aws/ssm","Tier":"Standard",
                 "Version":3,"Policies":[]},
                {"Name":"/landfall/shop-prod/OLD"}]}"#,
        )
        .expect("a page");
        assert_eq!(page.next_token.as_deref(), Some("AAEAAXj"));
        let parameters = page.parameters.expect("parameters");
        let seen: Vec<_> = parameters
            .iter()
            .map(|one| {
                let changed = one.changed().map(|time| time.to_millis().expect("a time"));
                (one.name.as_deref(), one.version, changed)
            })
            .collect();
        assert_eq!(
            seen,
            [
                (Some("/landfall/shop-prod/KEY"), 3, Some(1_524_154_543_750)),
                (Some("/landfall/shop-prod/OLD"), 0, None),
            ]
        );
        let last: Page = serde_json::from_str("{}").expect("a page");
        assert_eq!((last.parameters, last.next_token), (None, None));
    }
}
