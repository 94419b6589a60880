//! Objects of the state bucket if the network fails between a write and its answer, if S3 asks for
//! a write again, and if there are more of them than fit on one page. `landfall` tests what they
//! have in common with a directory.

use aws::{Buckets, ETag, Endpoints, ErrorKind, Session, StateBucket, Written};
use rules::app::manifest::{AppName, EnvironmentName};
use rules::app::names::Names;
use rules::operate::ttl::TAG_EXPIRES_AT;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use testkit::Sandbox;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
/// The SDK's attempts, as configured in `Session`.
const ATTEMPTS: usize = 5;

/// What a relay does with a PUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Forwards it and closes the connection before the answer.
    AnswerLost,
    /// Does not forward it; returns S3's error that another request was under way.
    Conflict,
    /// Does not forward it; returns S3's error that the bucket's name cannot be used yet.
    Aborted,
    /// Does not forward it; returns S3's error that there is no such bucket.
    NoBucket,
    /// Forwards it.
    Nothing,
}

const CONFLICT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>\
    ConditionalRequestConflict</Code><Message>The conditional request cannot succeed due to a \
    conflicting operation against this resource.</Message></Error>";

const ABORTED: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>OperationAborted</Code>\
    <Message>A conflicting conditional operation is currently in progress against this resource. \
    Please try again.</Message></Error>";

const NO_BUCKET: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchBucket</Code>\
    <Message>The specified bucket does not exist.</Message></Error>";

const MISSING: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>\
    <Message>The specified key does not exist.</Message></Error>";

/// A proxy between the SDK and the emulator. It forwards everything except the next PUTs, which get
/// the given faults, and the next requests that need an object, which find none.
struct Relay {
    url: String,
    faults: Arc<Mutex<Vec<Fault>>>,
    missing: Arc<AtomicUsize>,
}

impl Relay {
    fn start(upstream: &str) -> Relay {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let faults = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&faults);
        let missing = Arc::new(AtomicUsize::new(0));
        let absent = Arc::clone(&missing);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (upstream, faults) = (upstream.clone(), Arc::clone(&shared));
                let absent = Arc::clone(&absent);
                std::thread::spawn(move || {
                    forward(client.expect("a client"), &upstream, &faults, &absent);
                });
            }
        });
        Relay {
            url: format!("http://{address}"),
            faults,
            missing,
        }
    }

    fn hide(&self, requests: usize) {
        self.missing.store(requests, Ordering::Relaxed);
    }

    fn has_hidden(&self) -> bool {
        self.missing.load(Ordering::Relaxed) == 0
    }

    fn next(&self, faults: &[Fault]) {
        *self.faults.lock().expect("a lock") = faults.iter().rev().copied().collect();
    }

    fn is_used_up(&self) -> bool {
        self.faults.lock().expect("a lock").is_empty()
    }
}

/// Handles one request, then closes the connection.
fn forward(
    mut client: TcpStream,
    upstream: &str,
    faults: &Mutex<Vec<Fault>>,
    missing: &AtomicUsize,
) {
    let mut reader = BufReader::new(client.try_clone().expect("a handle"));
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line == "\r\n" {
            break;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let fault = head
        .starts_with("PUT ")
        .then(|| faults.lock().expect("a lock").pop())
        .flatten();
    let error = |status: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
            .into_bytes()
    };
    let answer = if fault == Some(Fault::Conflict) {
        error("409 Conflict", CONFLICT)
    } else if fault == Some(Fault::Aborted) {
        error("409 Conflict", ABORTED)
    } else if fault == Some(Fault::NoBucket) {
        error("404 Not Found", NO_BUCKET)
    } else if needs_object(&head) && take(missing) {
        error("404 Not Found", MISSING)
    } else {
        let mut server = TcpStream::connect(upstream).expect("the emulator");
        let head = format!("{head}Connection: close\r\n\r\n");
        server.write_all(head.as_bytes()).expect("a head");
        server.write_all(&body).expect("a body");
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).expect("an answer");
        answer
    };
    if fault != Some(Fault::AnswerLost) {
        // The client may have closed the connection.
        let _ = client.write_all(&answer);
    }
}

/// Whether the request, if its object does not exist, is answered with `NoSuchKey`.
fn needs_object(head: &str) -> bool {
    let mut words = head.split(' ');
    let (method, path) = (words.next(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let is_object = path.trim_matches('/').contains('/');
    let condition = head.to_ascii_lowercase().contains("\nif-match:");
    is_object && (method == Some("GET") || method == Some("PUT") && condition)
}

fn take(left: &AtomicUsize) -> bool {
    let less = |left: usize| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
}

#[tokio::test]
async fn objects_are_swapped_although_the_network_fails() {
    let sandbox = Sandbox::shared().with_emulators();
    let (main, second) = sandbox.emulators();
    let relay = Relay::start(&second);
    let names = Names::new(
        AppName::parse("objects").expect("a name"),
        EnvironmentName::parse("prod").expect("an environment"),
    );
    let open = async |second: String| {
        let endpoints = Endpoints {
            main: main.clone(),
            second,
        };
        let session = Session::open(None, Some(REGION), Some(endpoints)).await;
        StateBucket::new(&session.expect("a session"), &names, ACCOUNT)
    };
    let (bucket, direct) = (open(relay.url.clone()).await, open(second).await);
    direct.ensure(&names, None).await.expect("a bucket");

    a_lost_answer_is_not_a_lost_race(&relay, &bucket).await;
    without_any_answer_another_text_proves_nothing(&relay, &bucket).await;
    a_transient_conflict_is_retried(&relay, &bucket).await;
    an_object_that_cannot_be_found_yet_is_not_missing(&relay, &bucket, &direct).await;
    keys_are_listed_beyond_the_first_page(&direct).await;
}

/// Its name may have been in use until a moment ago, and its versioning may take effect late.
#[tokio::test]
async fn a_new_bucket_is_ready_once_its_objects_are_found() {
    let sandbox = Sandbox::shared().with_emulators();
    let (main, second) = sandbox.emulators();
    let relay = Relay::start(&second);
    let names = Names::new(
        AppName::parse("settles").expect("a name"),
        EnvironmentName::parse("prod").expect("an environment"),
    );
    let second = relay.url.clone();
    let session = Session::open(None, Some(REGION), Some(Endpoints { main, second })).await;
    let bucket = StateBucket::new(&session.expect("a session"), &names, ACCOUNT);
    // The name is not free yet, then the bucket is not found at once, neither for its tags nor its settings.
    let refused = [Fault::Aborted, Fault::Aborted, Fault::Nothing];
    let unfound = [
        Fault::NoBucket,
        Fault::NoBucket,
        Fault::Nothing,
        Fault::NoBucket,
    ];
    relay.next(&[&refused[..], &unfound].concat());
    relay.hide(12);
    bucket.ensure(&names, None).await.expect("a bucket");
    assert!(relay.is_used_up() && relay.has_hidden());
    // It has settled, so nothing is tried again.
    let probe = async || bucket.read_tagged("landfall/versioning").await;
    let settled = probe().await.expect("a store");
    assert_eq!(
        settled.as_ref().map(|object| object.text.as_str()),
        Some("settled")
    );
    bucket.ensure(&names, None).await.expect("a bucket");
    assert_eq!(probe().await.expect("a store"), settled);
    // Another app and environment whose names give the same bucket: its owner stays.
    let before = bucket.tags().await.expect("tags");
    let other = Names::new(
        AppName::parse("settles-prod").expect("a name"),
        EnvironmentName::parse("x").expect("an environment"),
    );
    let refused = bucket.ensure(&other, None).await.expect_err("another's");
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert_eq!(bucket.tags().await.expect("tags"), before);
    bucket.delete().await.expect("gone");
}

#[tokio::test]
async fn the_expiry_of_an_environment_is_one_tag_of_several() {
    let sandbox = Sandbox::shared().with_emulators();
    let (main, second) = sandbox.emulators();
    let session = Session::open(None, Some(REGION), Some(Endpoints { main, second })).await;
    let session = session.expect("a session");
    let names = Names::new(
        AppName::parse("ends").expect("a name"),
        EnvironmentName::parse("try").expect("an environment"),
    );
    let bucket = StateBucket::new(&session, &names, ACCOUNT);
    let tags = async || bucket.tags().await.expect("an answer");
    let missing = bucket.set_end(None).await.expect_err("there is none");
    assert_eq!((tags().await, missing.kind), (None, ErrorKind::NotFound));

    let made = bucket.ensure(&names, Some("2026-11-23T14:03:10Z")).await;
    assert!(made.expect("a bucket"));
    let end = async || {
        tags()
            .await
            .and_then(|mut tags| tags.remove(TAG_EXPIRES_AT))
    };
    assert_eq!(end().await.as_deref(), Some("2026-11-23T14:03:10Z"));
    // An existing bucket keeps its tag.
    let made = bucket.ensure(&names, Some("2030-01-01T00:00:00Z")).await;
    assert!(!made.expect("a bucket"));
    assert_eq!(end().await.as_deref(), Some("2026-11-23T14:03:10Z"));
    bucket
        .set_end(Some("2027-01-01T00:00:00Z"))
        .await
        .expect("set");
    assert_eq!(end().await.as_deref(), Some("2027-01-01T00:00:00Z"));
    bucket.set_end(None).await.expect("removed");
    let left = tags().await.expect("a bucket");
    assert_eq!(left.len(), 2, "{left:?}");

    let buckets = Buckets::new(&session, ACCOUNT);
    let listed = buckets.names("landfall-").await.expect("a list");
    assert!(
        listed.iter().any(|name| name == bucket.name()),
        "{listed:?}"
    );
    assert_eq!(buckets.tags(bucket.name()).await.expect("tags"), Some(left));
    assert_eq!(
        buckets.tags("landfall-nowhere").await.expect("no error"),
        None
    );
    bucket.delete().await.expect("gone");
}

fn won(written: Result<Written, aws::Error>) -> ETag {
    match written.expect("a store") {
        Written::Won(tag) => tag,
        Written::Lost => panic!("lost"),
    }
}

/// The SDK repeats the request, which is rejected because the first one took effect.
async fn a_lost_answer_is_not_a_lost_race(relay: &Relay, bucket: &StateBucket) {
    relay.next(&[Fault::AnswerLost]);
    let first = won(bucket.create("lock", "first").await);
    assert!(relay.is_used_up());
    relay.next(&[Fault::AnswerLost, Fault::AnswerLost]);
    let second = won(bucket.replace("lock", "second", &first).await);
    assert!(relay.is_used_up());
    let found = bucket.read_tagged("lock").await.expect("a store");
    let found = found.expect("an object");
    assert_eq!((found.text.as_str(), found.tag), ("second", second));
    // If the object has another text, the race is lost.
    relay.next(&[Fault::AnswerLost]);
    let replaced = bucket.replace("lock", "third", &first).await;
    assert_eq!(replaced.expect("a store"), Written::Lost);
}

/// No attempt is answered: the own text proves that one of them took effect, another text proves
/// nothing.
async fn without_any_answer_another_text_proves_nothing(relay: &Relay, bucket: &StateBucket) {
    relay.next(&[Fault::AnswerLost; ATTEMPTS]);
    won(bucket.create("unheard", "text").await);
    assert!(relay.is_used_up());
    relay.next(&[Fault::AnswerLost; ATTEMPTS]);
    let error = bucket.create("unheard", "another").await;
    assert!(relay.is_used_up());
    let error = error.expect_err("no answer");
    assert_eq!(error.kind, ErrorKind::Unreachable);
}

async fn a_transient_conflict_is_retried(relay: &Relay, bucket: &StateBucket) {
    relay.next(&[Fault::Conflict]);
    won(bucket.create("conflict", "text").await);
    assert!(relay.is_used_up());
    // A conflict that lasts does not show who won.
    relay.next(&[Fault::Conflict; ATTEMPTS]);
    let error = bucket.create("conflicts", "text").await;
    assert!(relay.is_used_up());
    let error = error.expect_err("conflicts");
    assert_eq!(error.code.as_deref(), Some("ConditionalRequestConflict"));
    assert_eq!(bucket.read("conflicts").await.expect("a store"), None);
}

/// Only objects that this process wrote, or that are listed, are waited for.
async fn an_object_that_cannot_be_found_yet_is_not_missing(
    relay: &Relay,
    bucket: &StateBucket,
    another: &StateBucket,
) {
    let tag = won(bucket.create("hidden", "one").await);
    relay.hide(3);
    let found = bucket.read("hidden").await.expect("a store");
    assert_eq!(found.as_deref(), Some("one"));
    relay.hide(3);
    let _ = won(bucket.replace("hidden", "two", &tag).await);
    assert!(relay.has_hidden());
    relay.hide(1);
    assert_eq!(bucket.read("never").await.expect("a store"), None);
    assert!(relay.has_hidden());
    // Nor is one that another process wrote and that is listed.
    won(another.create("theirs", "state").await);
    relay.hide(3);
    let found = bucket.read_listed("theirs").await.expect("a store");
    assert_eq!(found.as_deref(), Some("state"));
    assert!(relay.has_hidden());
    assert_eq!(bucket.read_listed("never").await.expect("a store"), None);
}

async fn keys_are_listed_beyond_the_first_page(bucket: &StateBucket) {
    // A page holds a thousand.
    let wanted: Vec<String> = (0..1_001).map(|n| format!("releases/{n:04}")).collect();
    for key in &wanted {
        won(bucket.create(key, key).await);
    }
    assert_eq!(bucket.keys("releases/").await.expect("a store"), wanted);
}
