//! Shared by tests that create resources in the emulators and read them through this crate.
//! Services without an SDK crate are called by hand.

#![allow(dead_code, reason = "each test binary uses a part")]

use aws_smithy_http_client::tls;
use testkit::raw_http::Client;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "us-east-1";

/// The SDK's configuration for the emulator at `endpoint`.
pub(crate) async fn config(endpoint: &str) -> aws_config::SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .http_client(http)
        .region(aws_config::Region::new(REGION))
        .credentials_provider(aws_credential_types::Credentials::new(
            "test", "test", None, None, "test",
        ))
        .endpoint_url(endpoint)
        .load()
        .await
}

/// Calls an action of EC2; returns the XML of the answer.
pub(crate) fn ec2(endpoint: &str, action: &str, parameters: &[(&str, String)]) -> String {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", action)
        .append_pair("Version", "2016-11-15")
        .extend_pairs(parameters)
        .finish();
    let head = "Content-Type: application/x-www-form-urlencoded";
    post(endpoint, "ec2", "/", head, &body)
}

/// Calls an action of SSM.
pub(crate) fn ssm(endpoint: &str, action: &str, input: &serde_json::Value) -> String {
    let head =
        format!("Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: AmazonSSM.{action}");
    post(endpoint, "ssm", "/", &head, &input.to_string())
}

/// Creates something in API Gateway; returns the JSON of the answer.
pub(crate) fn api_gateway(
    endpoint: &str,
    path: &str,
    input: &serde_json::Value,
) -> serde_json::Value {
    let head = "Content-Type: application/json";
    let path = format!("/v2/{path}");
    let answer = post(endpoint, "apigateway", &path, head, &input.to_string());
    serde_json::from_str(&answer).expect("JSON")
}

/// Creates a CloudFront distribution.
pub(crate) fn distribution(endpoint: &str, comment: &str) {
    let xml = format!(
        "<DistributionConfig xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\">\
         <CallerReference>{comment}</CallerReference><Comment>{comment}</Comment>\
         <Enabled>true</Enabled><Origins><Quantity>1</Quantity><Items><Origin><Id>origin</Id>\
         <DomainName>example.com</DomainName><S3OriginConfig><OriginAccessIdentity/>\
         </S3OriginConfig></Origin></Items></Origins><DefaultCacheBehavior>\
         <TargetOriginId>origin</TargetOriginId>\
         <ViewerProtocolPolicy>https-only</ViewerProtocolPolicy></DefaultCacheBehavior>\
         </DistributionConfig>"
    );
    let head = "Content-Type: application/xml";
    post(
        endpoint,
        "cloudfront",
        "/2020-05-31/distribution",
        head,
        &xml,
    );
}

/// The text of the first element called `name`.
pub(crate) fn element(xml: &str, name: &str) -> String {
    let document = roxmltree::Document::parse(xml).expect("XML");
    let mut nodes = document.descendants();
    let node = nodes.find(|node| node.tag_name().name() == name);
    let text = node.and_then(|node| node.text());
    text.unwrap_or_else(|| panic!("no {name} in {xml}"))
        .to_owned()
}

/// Emulators read the service and the region from the signature and do not verify it.
fn post(endpoint: &str, service: &str, path: &str, head: &str, body: &str) -> String {
    let address = endpoint.strip_prefix("http://").expect("an HTTP endpoint");
    let address = address.trim_end_matches('/');
    let mut client = Client::connect(address.parse().expect("an address"));
    let scope = format!("test/20260101/{REGION}/{service}/aws4_request");
    let answer = client.send(&format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nX-Amz-Date: 20260101T000000Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none\r\n\
         {head}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    answer.body
}
