//! Objects of the state bucket when the network fails between a write and its answer, when S3 wants a
//! write again, and when there are more of them than fit on one page. What they have in common with a
//! directory is tested in `landfall`.

use aws::{Buckets, ETag, Endpoints, ErrorKind, Session, StateBucket, Written};
use rules::app::manifest::{AppName, EnvironmentName};
use rules::app::names::Names;
use rules::operate::ttl::TAG_EXPIRES_AT;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use testkit::Sandbox;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
/// How often the SDK tries, as `Session` wants it.
const ATTEMPTS: usize = 5;

/// What a relay does with a PUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Passes it on and hangs up before the answer.
    AnswerLost,
    /// Does not pass it on; says that another request was under way, in S3's words.
    Conflict,
}

const CONFLICT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>\
    ConditionalRequestConflict</Code><Message>The conditional request cannot succeed due to a \
    conflicting operation against this resource.</Message></Error>";

/// Stands between the SDK and the emulator. Passes everything on but the next PUTs, which have the
/// troubles they were given.
struct Relay {
    url: String,
    troubles: Arc<Mutex<Vec<Trouble>>>,
}

impl Relay {
    fn start(upstream: &str) -> Relay {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let troubles = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&troubles);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (upstream, troubles) = (upstream.clone(), Arc::clone(&shared));
                std::thread::spawn(move || {
                    pass_on(client.expect("a client"), &upstream, &troubles)
                });
            }
        });
        Relay {
            url: format!("http://{address}"),
            troubles,
        }
    }

    fn next(&self, troubles: &[Trouble]) {
        *self.troubles.lock().expect("a lock") = troubles.iter().rev().copied().collect();
    }

    fn is_over(&self) -> bool {
        self.troubles.lock().expect("a lock").is_empty()
    }
}

/// One request, then the connection ends.
fn pass_on(mut client: TcpStream, upstream: &str, troubles: &Mutex<Vec<Trouble>>) {
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
    let trouble = head
        .starts_with("PUT ")
        .then(|| troubles.lock().expect("a lock").pop())
        .flatten();
    let answer = if trouble == Some(Trouble::Conflict) {
        let length = CONFLICT.len();
        format!("HTTP/1.1 409 Conflict\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{CONFLICT}")
            .into_bytes()
    } else {
        let mut server = TcpStream::connect(upstream).expect("the emulator");
        let head = format!("{head}Connection: close\r\n\r\n");
        server.write_all(head.as_bytes()).expect("a head");
        server.write_all(&body).expect("a body");
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).expect("an answer");
        answer
    };
    if trouble != Some(Trouble::AnswerLost) {
        // The client may have gone.
        let _ = client.write_all(&answer);
    }
}

#[tokio::test]
async fn objects_are_swapped_whatever_the_network_does() {
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

    a_lost_answer_is_no_lost_race(&relay, &bucket).await;
    what_is_not_there_after_no_answer_is_not_known(&relay, &bucket).await;
    a_conflict_that_passes_is_tried_again(&relay, &bucket).await;
    keys_are_listed_beyond_the_first_page(&direct).await;
}

#[tokio::test]
async fn the_end_of_an_environment_is_one_tag_among_others() {
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
    // One that is there keeps what it has, whatever a later command wishes.
    let made = bucket.ensure(&names, Some("2030-01-01T00:00:00Z")).await;
    assert!(!made.expect("a bucket"));
    assert_eq!(end().await.as_deref(), Some("2026-11-23T14:03:10Z"));
    bucket
        .set_end(Some("2027-01-01T00:00:00Z"))
        .await
        .expect("set");
    assert_eq!(end().await.as_deref(), Some("2027-01-01T00:00:00Z"));
    bucket.set_end(None).await.expect("taken off");
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

/// The SDK repeats the request, which is refused because it took effect.
async fn a_lost_answer_is_no_lost_race(relay: &Relay, bucket: &StateBucket) {
    relay.next(&[Trouble::AnswerLost]);
    let first = won(bucket.create("lock", "first").await);
    assert!(relay.is_over());
    relay.next(&[Trouble::AnswerLost, Trouble::AnswerLost]);
    let second = won(bucket.replace("lock", "second", &first).await);
    assert!(relay.is_over());
    let found = bucket.read_tagged("lock").await.expect("a store");
    let found = found.expect("an object");
    assert_eq!((found.text.as_str(), found.tag), ("second", second));
    // Where another text is, it is lost.
    relay.next(&[Trouble::AnswerLost]);
    let replaced = bucket.replace("lock", "third", &first).await;
    assert_eq!(replaced.expect("a store"), Written::Lost);
}

/// No attempt is answered: its own text tells that one of them took effect, another text tells nothing.
async fn what_is_not_there_after_no_answer_is_not_known(relay: &Relay, bucket: &StateBucket) {
    relay.next(&[Trouble::AnswerLost; ATTEMPTS]);
    won(bucket.create("unheard", "text").await);
    assert!(relay.is_over());
    relay.next(&[Trouble::AnswerLost; ATTEMPTS]);
    let error = bucket.create("unheard", "another").await;
    assert!(relay.is_over());
    let error = error.expect_err("no answer");
    assert_eq!(error.kind, ErrorKind::Unreachable);
}

async fn a_conflict_that_passes_is_tried_again(relay: &Relay, bucket: &StateBucket) {
    relay.next(&[Trouble::Conflict]);
    won(bucket.create("conflict", "text").await);
    assert!(relay.is_over());
    // One that does not pass says nothing about who won.
    relay.next(&[Trouble::Conflict; ATTEMPTS]);
    let error = bucket.create("conflicts", "text").await;
    assert!(relay.is_over());
    let error = error.expect_err("conflicts");
    assert_eq!(error.code.as_deref(), Some("ConditionalRequestConflict"));
    assert_eq!(bucket.read("conflicts").await.expect("a store"), None);
}

async fn keys_are_listed_beyond_the_first_page(bucket: &StateBucket) {
    // A page holds a thousand.
    let wanted: Vec<String> = (0..1_001).map(|n| format!("releases/{n:04}")).collect();
    for key in &wanted {
        won(bucket.create(key, key).await);
    }
    assert_eq!(bucket.keys("releases/").await.expect("a store"), wanted);
}
