//! What a request asks for: the service and the operation of AWS's API.

use crate::path_table;
use bytes::Bytes;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A call of AWS's API, or another request to an emulator.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The service's name in credential scopes, with `monitoring` as `cloudwatch`; empty if unknown.
    pub service: String,
    /// The operation; empty if unknown.
    pub operation: String,
    /// The region of the signature; empty if the request is not signed.
    pub region: String,
    /// The access key ID of the signature; empty if the request is not signed.
    pub identity: String,
    /// The HTTP method.
    pub method: String,
    /// The path, as sent.
    pub path: String,
    /// The parameters of the query string, decoded.
    pub query: Vec<(String, String)>,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body; empty if it is not read.
    pub body: Bytes,
}

/// Services by the prefix of `X-Amz-Target`, for requests without a signature.
const TARGETS: &[(&str, &str)] = &[
    ("AmazonEC2ContainerService", "ecs"),
    ("AmazonEC2ContainerRegistry", "ecr"),
    ("Logs_", "logs"),
    ("secretsmanager", "secretsmanager"),
    ("AmazonSSM", "ssm"),
    ("AWSBudgetServiceGateway", "budgets"),
    ("CertificateManager", "acm"),
    ("ServiceQuotas", "servicequotas"),
    ("ResourceGroupsTagging", "tagging"),
];

impl Call {
    /// Reads the head of a request. The operation of the Query protocol is in the body, so it is
    /// known after [`Call::with_body`].
    #[must_use]
    pub fn of_head(method: &str, target: &str, headers: &HeaderMap) -> Call {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let scope = header(headers, "authorization")
            .and_then(scope)
            .or_else(|| presigned(&query));
        let action = header(headers, "x-amz-target");
        let Scope {
            identity,
            region,
            service,
        } = scope.unwrap_or_default();
        let service = match service.as_str() {
            "" => action.map_or("", service_of_target),
            "monitoring" => "cloudwatch",
            name => name,
        };
        let mut call = Call {
            service: service.to_owned(),
            operation: String::new(),
            region,
            identity,
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            headers: headers.clone(),
            body: Bytes::new(),
        };
        call.operation = call.operation_of_head(action).unwrap_or_default();
        call
    }

    fn operation_of_head(&self, target: Option<&str>) -> Option<String> {
        if let Some(target) = target {
            return target.rsplit('.').next().map(str::to_owned);
        }
        if let Some(action) = self.parameter("Action") {
            return Some(action.to_owned());
        }
        // Smithy RPC v2: /service/NAME/operation/NAME
        let mut parts = self.path.rsplit('/');
        let last = parts.next()?;
        if parts.next() == Some("operation") {
            return Some(last.to_owned());
        }
        path_table::operation(&self.service, &self.method, &self.path, &self.query)
    }

    /// The same call with its body.
    #[must_use]
    pub fn with_body(mut self, body: Bytes) -> Call {
        if self.is_form() {
            let form = form_urlencoded::parse(&body).into_owned();
            self.query.extend(form);
        }
        if self.operation.is_empty() {
            self.operation = self.parameter("Action").unwrap_or_default().to_owned();
        }
        // These are not signed: their identity is in a token.
        if self.service.is_empty() && self.operation.starts_with("AssumeRoleWith") {
            "sts".clone_into(&mut self.service);
        }
        self.body = body;
        self
    }

    /// Whether it is a call of AWS's API whose body rules and the record read. Objects, invocations
    /// and images pass through unread.
    #[must_use]
    pub fn is_read(&self) -> bool {
        if self.is_form() {
            return true;
        }
        match self.service.as_str() {
            "" => false,
            "s3" => !self.operation.ends_with("Object") && self.operation != "UploadPart",
            _ => !self.operation.starts_with("Invoke"),
        }
    }

    fn is_form(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.contains("x-www-form-urlencoded"))
    }

    /// A header field.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// A parameter of the query string, or of a form.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A segment of the path, decoded.
    #[must_use]
    pub fn segment(&self, index: usize) -> Option<String> {
        let mut segments = self.path.split('/').filter(|one| !one.is_empty());
        let found = segments.nth(index)?;
        Some(percent_decode_str(found).decode_utf8_lossy().into_owned())
    }

    /// Whether it calls one of these operations.
    #[must_use]
    pub fn is(&self, service: &str, operations: &[&str]) -> bool {
        self.service == service
            && (operations.is_empty() || operations.contains(&self.operation.as_str()))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn service_of_target(target: &str) -> &'static str {
    let found = TARGETS
        .iter()
        .find(|(prefix, _)| target.starts_with(prefix));
    found.map_or("", |(_, service)| service)
}

/// What a signature is for.
#[derive(Default)]
struct Scope {
    identity: String,
    region: String,
    service: String,
}

/// The scope in an `Authorization` header of Signature Version 4 or 4A.
fn scope(authorization: &str) -> Option<Scope> {
    let (_, after) = authorization.split_once("Credential=")?;
    credential(after.split([',', ' ']).next()?)
}

fn presigned(query: &[(String, String)]) -> Option<Scope> {
    let found = query.iter().find(|(key, _)| key == "X-Amz-Credential");
    credential(&found?.1)
}

/// `KEY/DATE/REGION/SERVICE/aws4_request`; Signature Version 4A has no region.
fn credential(text: &str) -> Option<Scope> {
    let parts: Vec<&str> = text.split('/').collect();
    let [identity, _, between @ .., "aws4_request"] = parts.as_slice() else {
        return None;
    };
    let (region, service) = match between {
        [region, service] => (*region, *service),
        [service] => ("", *service),
        _ => return None,
    };
    Some(Scope {
        identity: (*identity).to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, target: &str, headers: &[(&'static str, &str)], body: &str) -> Call {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a value"));
        }
        let body = Bytes::copy_from_slice(body.as_bytes());
        Call::of_head(method, target, &map).with_body(body)
    }

    fn signed(service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIA/20261129/eu-west-2/{service}/aws4_request, \
             SignedHeaders=host, Signature=0"
        )
    }

    #[test]
    fn a_target_names_the_operation() {
        let target = "AmazonEC2ContainerServiceV20141113.UpdateService";
        let found = call(
            "POST",
            "/",
            &[("authorization", &signed("ecs")), ("x-amz-target", target)],
            "{}",
        );
        assert_eq!(
            (&*found.service, &*found.operation),
            ("ecs", "UpdateService")
        );
        assert_eq!((&*found.region, &*found.identity), ("eu-west-2", "AKIA"));
        let unsigned = call("POST", "/", &[("x-amz-target", target)], "{}");
        assert_eq!((&*unsigned.service, &*unsigned.region), ("ecs", ""));
    }

    #[test]
    fn an_action_is_in_the_body_or_the_query() {
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let found = call(
            "POST",
            "/",
            &[("authorization", &signed("iam")), ("content-type", form)],
            "Action=CreateRole&RoleName=app%2Drole&Version=2010-05-08",
        );
        assert_eq!((&*found.service, &*found.operation), ("iam", "CreateRole"));
        assert_eq!(found.parameter("RoleName"), Some("app-role"));
        let found = call(
            "GET",
            "/?Action=DescribeVpcs",
            &[("authorization", &signed("ec2"))],
            "",
        );
        assert_eq!(found.operation, "DescribeVpcs");
    }

    #[test]
    fn a_call_with_a_token_is_not_signed() {
        let form = "application/x-www-form-urlencoded";
        let found = call(
            "POST",
            "/",
            &[("content-type", form)],
            "Action=AssumeRoleWithWebIdentity&RoleArn=arn",
        );
        assert_eq!(
            (&*found.service, &*found.operation),
            ("sts", "AssumeRoleWithWebIdentity")
        );
    }

    #[test]
    fn smithy_rpc_and_paths_are_read() {
        let found = call(
            "POST",
            "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm",
            &[("authorization", &signed("monitoring"))],
            "",
        );
        assert_eq!(
            (&*found.service, &*found.operation),
            ("cloudwatch", "PutMetricAlarm")
        );
        let found = call(
            "PUT",
            "/bucket/a%20key",
            &[(
                "authorization",
                "AWS4-ECDSA-P256-SHA256 Credential=K/20261129/s3/aws4_request, X=1",
            )],
            "",
        );
        assert_eq!((&*found.service, &*found.operation), ("s3", "PutObject"));
        assert_eq!(found.segment(1).as_deref(), Some("a key"));
        assert!(!found.is_read());
    }

    #[test]
    fn a_presigned_request_has_its_scope_in_the_query() {
        let found = call(
            "GET",
            "/bucket/key?X-Amz-Credential=K%2F20261129%2Fus-east-1%2Fs3%2Faws4_request",
            &[],
            "",
        );
        assert_eq!((&*found.service, &*found.operation), ("s3", "GetObject"));
    }

    #[test]
    fn other_requests_pass_unread() {
        let found = call("GET", "/v2/app/blobs/sha256:1", &[], "");
        assert_eq!((&*found.service, &*found.operation), ("", ""));
        assert!(!found.is_read());
    }
}
