use super::*;
use crate::store::random::token;
use rules::app::manifest::{AppName, EnvironmentName};
use rules::app::names::Names;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use testkit::Sandbox;
use tokio::sync::Barrier;

/// Runs every test on one store. Each uses keys of its own.
async fn conforms(store: &Store) {
    what_is_written_is_read(store).await;
    only_what_was_read_is_replaced(store).await;
    keys_are_listed_in_order(store).await;
    one_of_two_creators_wins(store).await;
    concurrent_increments_all_count(store).await;
    invalid_keys_are_refused(store).await;
}

async fn text(store: &Store, key: &str) -> String {
    let object = store.read(key).await.expect("a store").expect("an object");
    object.text
}

fn won(written: Result<Written, Failure>) -> ETag {
    match written.expect("a store") {
        Written::Won(tag) => tag,
        Written::Lost => panic!("lost"),
    }
}

#[track_caller]
fn lost(written: Result<Written, Failure>) {
    assert_eq!(written, Ok(Written::Lost));
}

async fn what_is_written_is_read(store: &Store) {
    assert_eq!(store.read("plain/one").await, Ok(None));
    let line = "{\"step\": \"Grüße\"}\r\n\n";
    let tag = won(store.create("plain/one", line).await);
    let object = Object {
        text: line.to_owned(),
        tag,
    };
    assert_eq!(store.read("plain/one").await, Ok(Some(object)));
    won(store.create("plain/empty", "").await);
    assert_eq!(text(store, "plain/empty").await, "");
}

async fn only_what_was_read_is_replaced(store: &Store) {
    let first = won(store.create("swap", "first").await);
    lost(store.create("swap", "another").await);
    let second = won(store.replace("swap", "second", &first).await);
    lost(store.replace("swap", "third", &first).await);
    lost(store.create("swap", "another").await);
    assert_eq!(text(store, "swap").await, "second");
    won(store.replace("swap", "third", &second).await);
    lost(store.replace("nowhere", "text", &second).await);
    assert_eq!(store.read("nowhere").await, Ok(None));
}

async fn keys_are_listed_in_order(store: &Store) {
    for key in ["list/b", "list/a/2", "list/a/10", "list/a-1", "listing"] {
        won(store.create(key, &token().expect("a token")).await);
    }
    let keys = async |prefix| store.keys(prefix).await.expect("a store");
    assert_eq!(
        keys("list/").await,
        ["list/a-1", "list/a/10", "list/a/2", "list/b"]
    );
    assert_eq!(keys("list/a/").await, ["list/a/10", "list/a/2"]);
    assert_eq!(keys("list/a/1").await, ["list/a/10"]);
    assert_eq!(keys("nothing").await, [""; 0]);
}

async fn one_of_two_creators_wins(store: &Store) {
    for round in 0..10 {
        let key = format!("race/{round}");
        let barrier = std::sync::Arc::new(Barrier::new(2));
        let creators = [1, 2].map(|_| {
            let (store, key, barrier) = (store.clone(), key.clone(), barrier.clone());
            tokio::spawn(async move {
                let mine = token().expect("a token");
                barrier.wait().await;
                let written = store.create(&key, &mine).await.expect("a store");
                matches!(written, Written::Won(_)).then_some(mine)
            })
        });
        let mut winners = Vec::new();
        for creator in creators {
            winners.extend(creator.await.expect("a creator"));
        }
        assert_eq!(winners, [text(store, &key).await]);
    }
}

async fn concurrent_increments_all_count(store: &Store) {
    won(store.create("count", "0 of no one").await);
    let increments = (0..20).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                let found = store.read("count").await.expect("a store");
                let found = found.expect("an object");
                let count = found.text.split(' ').next().expect("a count");
                let count = count.parse::<u32>().expect("a number") + 1;
                let text = format!("{count} of {}", token().expect("a token"));
                let written = store.replace("count", &text, &found.tag).await;
                if let Written::Won(_) = written.expect("a store") {
                    return count;
                }
            }
        })
    });
    let mut counts = BTreeSet::new();
    for increment in increments.collect::<Vec<_>>() {
        counts.insert(increment.await.expect("an increment"));
    }
    assert_eq!(counts, (1..=20).collect());
    assert!(text(store, "count").await.starts_with("20 of "));
}

async fn invalid_keys_are_refused(store: &Store) {
    for key in [
        "",
        "/etc/passwd",
        "../up",
        "a//b",
        "a/",
        ".lock",
        "a/.new-b",
        "a\0",
    ] {
        let refused = store.create(key, "text").await.expect_err(key);
        assert_eq!(refused.exit, Exit::Bug, "{key}");
        assert!(store.read(key).await.is_err(), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_conforms() {
    let dir = tempfile::tempdir().expect("a directory");
    conforms(&Store::Local(dir.path().join("made/when/needed"))).await;
}

/// On the emulator of S3.
pub(crate) async fn bucket(sandbox: &Sandbox) -> Store {
    let _ = sandbox
        .run(&["rehearsal", "start"])
        .expect(rules::exit::Exit::Done);
    let (main, second) = sandbox.emulators();
    let endpoints = aws::Endpoints { main, second };
    let region = crate::rehearsal::REGION;
    let session = aws::Session::open(None, Some(region), Some(endpoints))
        .await
        .expect("a session");
    let names = Names::new(
        AppName::parse("ledger").expect("a name"),
        EnvironmentName::parse("prod").expect("an environment"),
    );
    let bucket = StateBucket::new(&session, &names, crate::rehearsal::ACCOUNT);
    let store = Store::Bucket(bucket.clone());
    // Before the bucket exists the store is empty, and nothing can be written.
    assert_eq!(store.read("any").await, Ok(None));
    assert_eq!(store.keys("").await, Ok(Vec::new()));
    assert!(store.create("any", "text").await.is_err());
    bucket.ensure(&names, None).await.expect("a bucket");
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_conforms() {
    let sandbox = Sandbox::new();
    conforms(&bucket(&sandbox).await).await;
}

#[tokio::test]
async fn only_the_owner_may_enter_a_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("store");
    let store = Store::Local(path.clone());
    won(store.create("lock/release", "text").await);
    let mode = |name: &str| {
        let metadata = std::fs::metadata(path.join(name)).expect(name);
        metadata.permissions().mode() & 0o777
    };
    assert_eq!([mode(""), mode("lock")], [0o700, 0o700]);
    assert_eq!([mode("lock/release"), mode(".lock")], [0o600, 0o600]);
}

#[tokio::test]
async fn the_file_of_a_killed_writer_is_ignored_and_overwritten() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::Local(dir.path().to_owned());
    std::fs::write(dir.path().join(".new-one"), "a longer text, half writ").expect("a draft");
    assert_eq!(store.keys("").await, Ok(Vec::new()));
    won(store.create("one", "text").await);
    assert_eq!(text(&store, "one").await, "text");
    assert_eq!(store.keys("").await, Ok(vec!["one".to_owned()]));
}
