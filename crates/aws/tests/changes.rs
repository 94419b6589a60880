//! Changes of a function that take time, conflict, or are rejected, with answers as AWS documents
//! them, because fakecloud completes every change at once and rejects none.

use aws::{Endpoints, Error, ErrorKind, Functions, Publication, Session};
use rules::app::manifest::Architecture;
use rules::release::revision::{Image, RevisionId};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request and its answer: method, end of the path, status and body.
type Exchange = (&'static str, &'static str, u16, Value);
type Script = Vec<Exchange>;

/// Answers the requests of a script in order, and records the first other one.
struct Lambda {
    url: String,
    script: Arc<Mutex<VecDeque<Exchange>>>,
    unexpected: Arc<Mutex<Option<String>>>,
}

impl Lambda {
    fn start(script: Script) -> Lambda {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let lambda = Lambda {
            url: format!("http://{}", listener.local_addr().expect("address")),
            script: Arc::new(Mutex::new(script.into())),
            unexpected: Arc::default(),
        };
        let (script, unexpected) = (Arc::clone(&lambda.script), Arc::clone(&lambda.unexpected));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, unexpected) = (Arc::clone(&script), Arc::clone(&unexpected));
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(&stream);
                    while let Some(line) = read(&mut reader) {
                        let next = script.lock().expect("script").pop_front();
                        let (status, body) = match next {
                            Some((method, path, status, body)) if line_is(&line, method, path) => {
                                (status, body)
                            }
                            other => {
                                let text = format!("got {line:?}, expected {other:?}");
                                unexpected.lock().expect("request").get_or_insert(text);
                                (418, json!({}))
                            }
                        };
                        answer(&stream, status, &body);
                    }
                });
            }
        });
        lambda
    }

    async fn publish(&self) -> Result<String, Error> {
        let endpoints = Endpoints {
            main: self.url.clone(),
            second: self.url.clone(),
        };
        let session = Session::open(None, Some("us-east-1"), Some(endpoints)).await;
        let functions = Functions::new(&session.expect("a session"), "shop-prod");
        let digest = format!("sha256:{}", "0".repeat(64));
        let image = Image::parse(&format!("registry/shop@{digest}")).expect("an image");
        let publication = Publication {
            image: &image,
            revision: RevisionId("bbbb".to_owned()),
            memory: 128,
            architecture: Architecture::Arm64,
            environment: [("A".to_owned(), "b".to_owned())].into(),
        };
        let published = functions.publish(&publication).await;
        assert_eq!(*self.unexpected.lock().expect("request"), None);
        assert_eq!(
            self.script.lock().expect("script").len(),
            0,
            "some requests were not sent"
        );
        published
    }
}

fn line_is(line: &str, method: &str, path: &str) -> bool {
    let mut words = line.split(' ');
    words.next() == Some(method)
        && words
            .next()
            .is_some_and(|target| target.split('?').next().unwrap_or_default().ends_with(path))
}

/// Reads a request to its end; returns its first line.
fn read(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let mut first = String::new();
    reader
        .read_line(&mut first)
        .ok()
        .filter(|count| *count > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(first)
}

fn answer(mut stream: &TcpStream, status: u16, body: &Value) {
    let text = body.to_string();
    let kind = body["Type"].as_str().unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status} X\r\nx-amzn-errortype: {kind}\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    // The client may have closed the connection.
    let _ = stream.write_all((head + &text).as_bytes());
}

const CONFIGURATION: &str = "/functions/shop-prod/configuration";
const CODE: &str = "/functions/shop-prod/code";
const VERSIONS: &str = "/functions/shop-prod/versions";

fn update(status: &str) -> Value {
    json!({"FunctionName": "shop-prod", "LastUpdateStatus": status})
}

fn conflict() -> Value {
    json!({"Type": "ResourceConflictException", "Message": "The operation cannot be performed at this time. \
        An update is in progress for resource: arn:aws:lambda:us-east-1:123456789012:function:shop-prod"})
}

fn version(number: &str, revision: &str) -> Value {
    json!({"Version": number, "Environment": {"Variables": {"LANDFALL_EDGE_REVISION": revision}}})
}

#[tokio::test]
async fn each_change_waits_for_the_previous_one() {
    let lambda = Lambda::start(vec![
        (
            "GET",
            VERSIONS,
            200,
            json!({"Versions": [version("$LATEST", "aaaa")], "NextMarker": "1"}),
        ),
        (
            "GET",
            VERSIONS,
            200,
            json!({"Versions": [version("6", "aaaa")]}),
        ),
        ("PUT", CONFIGURATION, 409, conflict()),
        ("GET", CONFIGURATION, 200, update("Successful")),
        ("PUT", CONFIGURATION, 200, update("InProgress")),
        ("GET", CONFIGURATION, 200, update("InProgress")),
        ("GET", CONFIGURATION, 200, update("Successful")),
        ("PUT", CODE, 200, update("InProgress")),
        ("GET", CONFIGURATION, 200, update("Successful")),
        ("POST", VERSIONS, 201, version("7", "bbbb")),
    ]);
    assert_eq!(lambda.publish().await.expect("a version"), "7");
}

#[tokio::test]
async fn a_version_that_was_published_before_is_found_on_any_page() {
    let lambda = Lambda::start(vec![
        (
            "GET",
            VERSIONS,
            200,
            json!({"Versions": [version("3", "bbbb")], "NextMarker": "3"}),
        ),
        (
            "GET",
            VERSIONS,
            200,
            json!({"Versions": [version("10", "bbbb"), version("9", "bbbb")]}),
        ),
    ]);
    assert_eq!(lambda.publish().await.expect("a version"), "10");
}

#[tokio::test]
async fn a_rejected_image_is_reported_with_the_services_message() {
    let message =
        "The image manifest, config or layer media type for the source image is not supported.";
    let before: Script = vec![
        ("GET", VERSIONS, 200, json!({"Versions": []})),
        ("PUT", CONFIGURATION, 200, update("Successful")),
        ("GET", CONFIGURATION, 200, update("Successful")),
    ];
    let at_once = json!({"Type": "InvalidParameterValueException", "message": message});
    let lambda = Lambda::start([before.clone(), vec![("PUT", CODE, 400, at_once)]].concat());
    let error = lambda.publish().await.expect_err("it is rejected");
    assert_eq!(error.kind, ErrorKind::Other);
    assert_eq!(error.operation, "lambda:UpdateFunctionCode");
    assert!(error.message.starts_with(message), "{error}");

    let later = json!({
        "LastUpdateStatus": "Failed", "LastUpdateStatusReasonCode": "ImageAccessDenied",
        "LastUpdateStatusReason": "Lambda does not have permission to access the ECR image.",
    });
    let then = vec![
        ("PUT", CODE, 200, update("InProgress")),
        ("GET", CONFIGURATION, 200, later),
    ];
    let error = Lambda::start([before, then].concat())
        .publish()
        .await
        .expect_err("it failed");
    assert_eq!(error.code.as_deref(), Some("ImageAccessDenied"));
    assert_eq!(
        error.to_string(),
        "lambda:UpdateFunctionCode: Lambda does not have permission to access the ECR image. (ImageAccessDenied)"
    );
}

#[tokio::test]
async fn a_version_with_another_processs_change_is_not_accepted() {
    let lambda = Lambda::start(vec![
        ("GET", VERSIONS, 200, json!({"Versions": []})),
        ("PUT", CONFIGURATION, 200, update("Successful")),
        ("GET", CONFIGURATION, 200, update("Successful")),
        ("PUT", CODE, 200, update("Successful")),
        ("GET", CONFIGURATION, 200, update("Successful")),
        ("POST", VERSIONS, 201, version("8", "cccc")),
    ]);
    let error = lambda.publish().await.expect_err("it is not ours");
    assert_eq!(error.kind, ErrorKind::Conflict);
}
