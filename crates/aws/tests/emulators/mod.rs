//! What tests share that plant things in the emulators and look at them through this crate.

#![allow(dead_code, reason = "each test binary uses a part")]

use aws_smithy_http_client::tls;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

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

/// Calls EC2, which this crate has no SDK client for; returns the XML of the answer.
pub(crate) fn ec2(endpoint: &str, action: &str, parameters: &[(&str, String)]) -> String {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", action)
        .append_pair("Version", "2016-11-15")
        .extend_pairs(parameters)
        .finish();
    let head = "Content-Type: application/x-www-form-urlencoded";
    post(endpoint, "ec2", head, &body)
}

/// Calls SSM, which this crate has no SDK client for.
pub(crate) fn ssm(endpoint: &str, action: &str, input: &serde_json::Value) -> String {
    let head =
        format!("Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: AmazonSSM.{action}");
    post(endpoint, "ssm", &head, &input.to_string())
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

/// Emulators read the service and the region from a signature, but do not verify it.
fn post(endpoint: &str, service: &str, head: &str, body: &str) -> String {
    let address = endpoint.strip_prefix("http://").expect("an HTTP endpoint");
    let mut stream = TcpStream::connect(address.trim_end_matches('/')).expect("a connection");
    let scope = format!("test/20260101/{REGION}/{service}/aws4_request");
    // An answer to HTTP/1.0 has no chunks.
    let request = format!(
        "POST / HTTP/1.0\r\nHost: {address}\r\nX-Amz-Date: 20260101T000000Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none\r\n\
         {head}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    let status = head.split(' ').nth(1);
    assert_eq!(status, Some("200"), "{answer}");
    body.to_owned()
}
