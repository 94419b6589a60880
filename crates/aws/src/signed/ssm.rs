//! SSM's JSON protocol: JSON in, JSON out, the action in a header
//! (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonParameters.html>).

use super::{Client, Request, Service, action};
use crate::error::{Error, ErrorKind};
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ErrorMetadata;
use serde::Deserialize;
use serde_json::{Value, json};

static SERVICE: Service = Service {
    id: "SSM",
    name: "ssm",
    read_error,
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
    pub(crate) async fn put(&self, name: &str, value: &str) -> Result<i64, Error> {
        const OPERATION: &str = "ssm:PutParameter";
        let put: Put = self.call(OPERATION, &put(name, value)).await?;
        Ok(put.version)
    }

    /// The parameters directly under a path
    /// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeParameters.html>).
    pub(crate) async fn directly_under(&self, path: &str) -> Result<Vec<Parameter>, Error> {
        const OPERATION: &str = "ssm:DescribeParameters";
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let input = describe(path, token.as_deref());
            let page: Page = self.call(OPERATION, &input).await?;
            all.extend(page.parameters.unwrap_or_default());
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(all);
            }
        }
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
        let answer = self.client.call(operation, request).await?;
        serde_json::from_str(&answer).map_err(|error| {
            let why = format!("the answer is not what the API documents: {error}");
            Error::new(ErrorKind::Other, operation, why)
        })
    }
}

fn request(action: &str, input: &Value) -> Request {
    Request {
        headers: vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("AmazonSSM.{action}")),
        ],
        body: input.to_string(),
    }
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

fn describe(path: &str, token: Option<&str>) -> Value {
    let mut input = json!({
        "ParameterFilters": [{ "Key": "Path", "Option": "OneLevel", "Values": [path] }],
    });
    if let Some(token) = token {
        input["NextToken"] = token.into();
    }
    input
}

fn read_error(response: &HttpResponse) -> ErrorMetadata {
    let header = response.headers().get("x-amzn-errortype");
    error(header, response.body().bytes().unwrap_or_default())
}

/// The code is in a header or in the body, with a namespace before it or a URL after it
/// (<https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization>).
fn error(header: Option<&str>, body: &[u8]) -> ErrorMetadata {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let of = |names: &[&str]| names.iter().find_map(|name| body[*name].as_str());
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = header.or_else(|| of(&["__type", "code"])) {
        let code = code.split(':').next().unwrap_or_default();
        metadata = metadata.code(code.rsplit('#').next().unwrap_or_default());
    }
    if let Some(message) = of(&["message", "Message", "errorMessage"]) {
        metadata = metadata.message(message);
    }
    metadata.build()
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn code_and_message_of_an_error_are_read_wherever_they_are() {
        let url =
            "AccessDeniedException:http://internal.amazon.com/coral/com.amazon.coral.service/";
        for (header, body, code, message) in [
            (
                None,
                r#"{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"gone"}"#,
                Some("ParameterNotFound"),
                Some("gone"),
            ),
            (
                Some(url),
                r#"{"Message":"not you"}"#,
                Some("AccessDeniedException"),
                Some("not you"),
            ),
            (
                None,
                r#"{"code":"ExpiredTokenException"}"#,
                Some("ExpiredTokenException"),
                None,
            ),
            (None, "<html>Bad gateway</html>", None, None),
            (None, "", None, None),
        ] {
            let found = error(header, body.as_bytes());
            assert_eq!((found.code(), found.message()), (code, message), "{body}");
        }
    }
}
