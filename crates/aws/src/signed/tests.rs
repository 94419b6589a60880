//! Requests as they arrive at a server, and how its answers are read. No emulator checks
//! signatures, fails on demand or has several pages, so the server here answers in the words of
//! AWS's API reference.

use super::api_gateway::ApiGateway;
use super::cloudfront::CloudFront;
use super::ec2::Ec2;
use super::ssm::Ssm;
use crate::error::{Error, ErrorKind};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_http_client::tls;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A status and a body.
type Answer = (u16, &'static str);

/// Gives one answer to each request, then none. The thread ends with the test's process.
struct Server {
    url: String,
    requests: Receiver<String>,
}

impl Server {
    fn start(answers: &[Answer]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, requests) = channel();
        let answers = answers.to_vec();
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            let mut answers = answers.into_iter();
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let (mut request, mut part) = (String::new(), [0; 4096]);
                while !is_whole(&request) {
                    let length = stream.read(&mut part).expect("a request");
                    request.push_str(&String::from_utf8_lossy(&part[..length]));
                }
                // The test may have ended.
                let _ = sender.send(request);
                let Some((status, body)) = answers.next() else {
                    silent.push(stream);
                    continue;
                };
                let head = format!(
                    "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                stream
                    .write_all((head + body).as_bytes())
                    .expect("an answer");
            }
        });
        Server { url, requests }
    }

    /// The requests so far.
    fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }

    async fn config(&self) -> SdkConfig {
        self.config_with(Credentials::new(
            "AKIDEXAMPLE",
            "a secret key",
            Some("a-session-token".to_owned()),
            None,
            "test",
        ))
        .await
    }

    async fn config_with(&self, credentials: impl ProvideCredentials + 'static) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https();
        let retries = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(Duration::from_millis(1));
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(5))
            .build();
        aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new("eu-west-2"))
            .credentials_provider(credentials)
            .endpoint_url(&self.url)
            .retry_config(retries)
            .timeout_config(timeouts)
            .load()
            .await
    }
}

/// Whether the body is there, too.
fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_lowercase();
    let mut lengths = head
        .lines()
        .filter_map(|line| line.strip_prefix("content-length:"));
    let length = lengths.next().and_then(|text| text.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// The value of a header.
fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let mut lines = request.lines();
    let value = lines.find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found
            .eq_ignore_ascii_case(name)
            .then_some(value.trim_start())
    });
    value.unwrap_or_else(|| panic!("no {name} in {request}"))
}

fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").expect("a whole request").1
}

async fn vpcs(config: &SdkConfig) -> Result<Vec<String>, Error> {
    Ec2::new(config)
        .describe("ec2:DescribeVpcs", &[], "vpcSet", |vpc| {
            vpc.text("vpcId").map(str::to_owned)
        })
        .await
}

const LAST_PAGE: Answer = (
    200,
    "<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-2</vpcId></item></vpcSet></DescribeVpcsResponse>",
);

#[tokio::test]
async fn requests_are_signed_with_region_service_and_session_token() {
    let server = Server::start(&[LAST_PAGE, (200, r#"{"Tier":"Standard","Version":7}"#)]);
    let config = server.config().await;
    assert_eq!(vpcs(&config).await.expect("VPCs"), ["vpc-2"]);
    let version = Ssm::new(&config)
        .put("/a/b", "a value", &BTreeMap::new())
        .await;
    assert_eq!(version.expect("a version"), 7);

    let requests = server.requests();
    for (request, service) in requests.iter().zip(["ec2", "ssm"]) {
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        let authorization = header(request, "authorization");
        let scope = format!("/eu-west-2/{service}/aws4_request");
        for part in [
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/",
            &scope,
            "x-amz-security-token",
        ] {
            assert!(authorization.contains(part), "{authorization}");
        }
        assert_eq!(header(request, "x-amz-security-token"), "a-session-token");
        let agent = header(request, "x-amz-user-agent");
        assert!(agent.contains(&format!("api/{service}/")), "{agent}");
    }
    assert_eq!(body(&requests[0]), "Action=DescribeVpcs&Version=2016-11-15");
    assert_eq!(
        header(&requests[1], "x-amz-target"),
        "AmazonSSM.PutParameter"
    );
    assert!(body(&requests[1]).contains(r#""Value":"a value""#));
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn all_pages_are_read() {
    let server = Server::start(&[
        (
            200,
            "<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet>\
             <nextToken>a+b</nextToken></DescribeVpcsResponse>",
        ),
        LAST_PAGE,
        (
            200,
            r#"{"Parameters":[{"Name":"/a/b"}],"NextToken":"token"}"#,
        ),
        (200, r#"{"Parameters":[{"Name":"/a/c"}],"NextToken":""}"#),
        (200, r#"{"items":[{"apiId":"a1"}],"nextToken":"t /"}"#),
        (200, r#"{"items":[{"apiId":"a2"}]}"#),
        (
            200,
            "<DistributionList><NextMarker>E1</NextMarker><Items><DistributionSummary><Id>E1</Id>\
             </DistributionSummary></Items></DistributionList>",
        ),
        (
            200,
            "<DistributionList><Items><DistributionSummary><Id>E2</Id></DistributionSummary></Items>\
             </DistributionList>",
        ),
    ]);
    let config = server.config().await;
    assert_eq!(vpcs(&config).await.expect("VPCs"), ["vpc-1", "vpc-2"]);
    let parameters = Ssm::new(&config).directly_under("/a").await;
    let names = parameters.expect("parameters").into_iter();
    let names: Vec<_> = names.filter_map(|parameter| parameter.name).collect();
    assert_eq!(names, ["/a/b", "/a/c"]);
    let apis = ApiGateway::new(&config).apis().await.expect("APIs");
    let ids: Vec<_> = apis.into_iter().filter_map(|api| api.api_id).collect();
    assert_eq!(ids, ["a1", "a2"]);
    let found = CloudFront::new(&config).distributions().await;
    let ids: Vec<_> = found.expect("some").into_iter().map(|one| one.id).collect();
    assert_eq!(ids, ["E1", "E2"]);

    let requests = server.requests();
    assert!(body(&requests[1]).ends_with("&NextToken=a%2Bb"));
    assert!(body(&requests[3]).contains(r#""NextToken":"token""#));
    for (request, target) in requests[4..].iter().zip([
        "/v2/apis",
        "/v2/apis?nextToken=t+%2F",
        "/2020-05-31/distribution",
        "/2020-05-31/distribution?Marker=E1",
    ]) {
        let line = format!("GET {target} HTTP/1.1\r\n");
        assert!(request.starts_with(&line), "{request}");
        assert_eq!(body(request), "");
    }
    // CloudFront is signed for in its own region.
    let authorization = header(&requests[7], "authorization");
    assert!(authorization.contains("/us-east-1/cloudfront/aws4_request"));
    assert_eq!(requests.len(), 8);
}

#[tokio::test]
async fn passing_errors_are_retried() {
    let throttled = "<Response><Errors><Error><Code>RequestLimitExceeded</Code>\
                     <Message>Request limit exceeded.</Message></Error></Errors></Response>";
    let server = Server::start(&[(503, throttled), (500, ""), LAST_PAGE]);
    let config = server.config().await;
    assert_eq!(vpcs(&config).await.expect("VPCs"), ["vpc-2"]);
    assert_eq!(server.requests().len(), 3);

    let throttled = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
    let server = Server::start(&[(400, throttled), (400, throttled), (400, throttled)]);
    let ssm = Ssm::new(&server.config().await);
    let error = ssm.delete(&["/a".to_owned()]).await.expect_err("throttled");
    assert_eq!(error.kind, ErrorKind::Busy);
    assert_eq!(
        error.to_string(),
        "ssm:DeleteParameters: Rate exceeded (ThrottlingException)"
    );
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn errors_are_those_of_other_services() {
    macro_rules! ec2 {
        ($code:literal) => {
            concat!(
                "<Response><Errors><Error><Code>",
                $code,
                "</Code><Message>because</Message></Error></Errors></Response>"
            )
        };
    }
    for (status, answer, kind) in [
        (401, ec2!("AuthFailure"), ErrorKind::Credentials),
        (400, ec2!("RequestExpired"), ErrorKind::Credentials),
        (403, ec2!("UnauthorizedOperation"), ErrorKind::Denied),
        (400, ec2!("InvalidVpcID.NotFound"), ErrorKind::NotFound),
        (400, ec2!("InvalidParameterValue"), ErrorKind::Other),
        (403, "not XML", ErrorKind::Denied),
    ] {
        let server = Server::start(&[(status, answer)]);
        let error = vpcs(&server.config().await).await.expect_err(answer);
        assert_eq!((error.kind, error.operation), (kind, "ec2:DescribeVpcs"));
        assert_eq!(server.requests().len(), 1, "{answer}");
    }
    for (answer, kind) in [
        (
            r#"{"__type":"ExpiredTokenException"}"#,
            ErrorKind::Credentials,
        ),
        (
            r#"{"__type":"UnrecognizedClientException"}"#,
            ErrorKind::Credentials,
        ),
        (r#"{"__type":"AccessDeniedException"}"#, ErrorKind::Denied),
        (r#"{"__type":"ParameterNotFound"}"#, ErrorKind::NotFound),
    ] {
        let server = Server::start(&[(400, answer)]);
        let ssm = Ssm::new(&server.config().await);
        let error = ssm
            .put("/a", "b", &BTreeMap::new())
            .await
            .expect_err(answer);
        assert_eq!((error.kind, error.operation), (kind, "ssm:PutParameter"));
        assert_eq!(server.requests().len(), 1, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_an_error_and_not_retried() {
    let server = Server::start(&[(200, "{}"), (200, "<a/>")]);
    let config = server.config().await;
    let error = vpcs(&config).await.expect_err("no XML");
    assert_eq!(error.kind, ErrorKind::Other);
    assert!(error.message.starts_with("the answer is no XML"), "{error}");
    let error = Ssm::new(&config)
        .put("/a", "b", &BTreeMap::new())
        .await
        .expect_err("no JSON");
    assert_eq!(error.kind, ErrorKind::Other);
    assert_eq!(server.requests().len(), 2);
}

/// Credentials that cannot be had.
#[derive(Debug)]
struct NoCredentials;

impl ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("none are set")))
    }
}

#[tokio::test]
async fn without_credentials_no_request_is_sent() {
    let server = Server::start(&[LAST_PAGE]);
    let config = server.config_with(NoCredentials).await;
    let error = vpcs(&config).await.expect_err("no credentials");
    assert_eq!(error.kind, ErrorKind::Credentials, "{error}");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_server_that_is_silent_or_gone_is_unreachable() {
    let server = Server::start(&[]);
    let config = server.config().await.into_builder();
    let config = config
        .retry_config(RetryConfig::standard().with_max_attempts(1))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(Duration::from_millis(100))
                .build(),
        )
        .build();
    let error = vpcs(&config).await.expect_err("no answer");
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let config = config.into_builder().endpoint_url(gone).build();
    let error = vpcs(&config).await.expect_err("no server");
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
}
