use super::*;
use crate::lock::holder::this;
use rules::release::lease::TTL;
use testkit::Sandbox;
use tokio::sync::watch;

const KEY: &str = "lock/release";

/// A store of its own, and an interrupt that has not happened.
struct Stage {
    _dir: tempfile::TempDir,
    store: Store,
    stop: watch::Sender<bool>,
    interrupt: Interrupt,
}

impl Stage {
    fn new() -> Stage {
        let dir = tempfile::tempdir().expect("a directory");
        let (stop, interrupt) = watch::channel(false);
        Stage {
            store: Store::Local(dir.path().to_owned()),
            _dir: dir,
            stop,
            interrupt,
        }
    }

    /// Acquires the lock as this process. Also returns the notes.
    async fn acquire(&mut self) -> (Result<LeaseGuard, Failure>, Vec<String>) {
        let mut notes = Vec::new();
        let acquired = self.acquire_noting(&mut |line| notes.push(line)).await;
        (acquired, notes)
    }

    async fn acquire_noting(
        &mut self,
        note: &mut (dyn FnMut(String) + Send),
    ) -> Result<LeaseGuard, Failure> {
        let holder = this("landfall up");
        LeaseGuard::acquire(&self.store, KEY, holder, "begin", &mut self.interrupt, note).await
    }

    async fn lease(&self) -> Lease {
        let object = self.store.read(KEY).await.expect("a store");
        Lease::parse(&object.expect("an object").text).expect("a lease")
    }

    /// Replaces the object by a lease.
    async fn put(&self, lease: &Lease) {
        let found = self.store.read(KEY).await.expect("a store");
        let written = write(&self.store, KEY, lease, found.as_ref()).await;
        assert!(matches!(written, Ok(Written::Won(_))), "{written:?}");
    }
}

/// A lease of another machine, renewed two hours ago and valid for `ttl` seconds.
fn abandoned(ttl: u64) -> Lease {
    let holder = Holder {
        who: "alice@laptop".to_owned(),
        pid: 4711,
        command: "landfall up".to_owned(),
        machine: Some("another".to_owned()),
    };
    let then = Timestamp(now().0 - 7_200_000);
    Lease {
        ttl: Duration::from_secs(ttl),
        ..Lease::new("a1", holder, then, None, "shift 10 %")
    }
}

fn words(failure: &Failure) -> String {
    format!(
        "{}\n{}\n{}",
        failure.what,
        failure.why.join("\n"),
        failure.next.join("\n")
    )
}

/// For every kind of store.
async fn one_at_a_time(mut stage: Stage) {
    let mut guard = stage.acquire().await.0.expect("a free lock");
    let refused = stage.acquire().await.0.expect_err("a lock that is held");
    assert_eq!(refused.exit, Exit::Locked);
    let words = words(&refused);
    let who = this("landfall up").who;
    for part in [&who, "at step: begin", "wait until", "landfall unlock"] {
        assert!(words.contains(part), "no {part:?} in {words}");
    }

    guard.name_release(42);
    assert_eq!(guard.renew("shift 10 %").await, Ok(()));
    let lease = stage.lease().await;
    assert_eq!(
        (lease.release, lease.step.as_str()),
        (Some(42), "shift 10 %")
    );
    guard.release().await.expect("a lock that was held");
    assert!(stage.lease().await.released);

    let mut second = stage.acquire().await.0.expect("a released lock");
    let unlocker = this("landfall unlock");
    let was = unlock(&stage.store, KEY, unlocker.clone()).await;
    let was = was.expect("a store").expect("a lock that was held");
    assert!(was.contains("at step: begin"), "{was}");
    assert_eq!(unlock(&stage.store, KEY, unlocker).await, Ok(None));
    let how = format!("unlocked by {who}");
    assert_eq!(
        second.renew("probe").await,
        Err(LeaseLost::Unlocked { how })
    );
    assert!(second.release().await.is_err());
}

#[tokio::test]
async fn one_at_a_time_in_a_directory() {
    one_at_a_time(Stage::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_in_a_bucket() {
    let sandbox = Sandbox::new();
    let store = crate::store::tests::bucket(&sandbox).await;
    one_at_a_time(Stage {
        store,
        ..Stage::new()
    })
    .await;
}

#[tokio::test]
async fn unlocking_a_free_lock_reports_that_it_is_free() {
    let stage = Stage::new();
    let by = this("landfall unlock");
    assert_eq!(unlock(&stage.store, KEY, by).await, Ok(None));
}

#[tokio::test]
async fn a_renewal_that_is_not_due_does_not_call_the_store() {
    let mut stage = Stage::new();
    let mut guard = stage.acquire().await.0.expect("a free lock");
    // Not due, however slow this machine is.
    guard.lease.ttl = Duration::from_secs(86_400);
    stage.put(&abandoned(30)).await;
    assert_eq!(guard.renew("begin").await, Ok(()));
    // A new step is written at once, which shows that the lock is lost.
    let lost = guard.renew("probe").await.expect_err("a lock of another");
    assert!(matches!(&lost, LeaseLost::Taken { by } if by.starts_with("alice@laptop")));
    let words = words(&lost.into());
    assert!(words.contains("it is held by alice@laptop"), "{words}");
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_recognized() {
    let mut stage = Stage::new();
    let mut guard = stage.acquire().await.0.expect("a free lock");
    let unseen = stage.lease().await.renewed(now(), "probe");
    stage.put(&unseen).await;
    assert_eq!(guard.renew("shift 10 %").await, Ok(()));
    let lease = stage.lease().await;
    assert!(lease.renewed_at > unseen.renewed_at);
    assert_eq!(lease.step, "shift 10 %");
    stage.put(&lease.renewed(now(), "probe")).await;
    guard.release().await.expect("a lock that was held");
    assert!(stage.lease().await.released);
}

#[tokio::test]
async fn a_late_renewal_succeeds_if_no_other_process_has_written() {
    let mut stage = Stage::new();
    let mut guard = stage.acquire().await.0.expect("a free lock");
    guard.sent.wall = Timestamp(now().0 - 3_600_000);
    assert_eq!(guard.renew("begin").await, Ok(()));
    assert!(guard.sent.wall.plus(TTL) > now());
}

#[tokio::test]
async fn a_failing_store_is_tolerated_until_the_lease_may_belong_to_another() {
    let mut stage = Stage::new();
    let mut guard = stage.acquire().await.0.expect("a free lock");
    guard.lease.ttl = Duration::from_secs(60);
    // A path below a file can be neither read nor written.
    guard.store = Store::Local("/dev/null/store".into());
    assert_eq!(guard.renew("probe").await, Ok(()));
    guard.sent.wall = Timestamp(now().0 - 3_600_000);
    match guard.renew("probe").await {
        Err(LeaseLost::Silent { silent, why }) => {
            assert!(silent >= Duration::from_secs(3_600));
            assert!(why[0].contains("/dev/null/store"), "{why:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(guard.release().await.is_err());
}

#[tokio::test]
async fn the_lock_of_an_ended_process_is_taken_over_at_once() {
    let mut stage = Stage::new();
    let mut child = std::process::Command::new("true").spawn().expect("true");
    child.wait().expect("its end");
    let gone = Holder {
        pid: child.id(),
        ..this("landfall up")
    };
    let lease = Lease::new("a1", gone, now(), None, "probe");
    stage.put(&lease).await;
    let (acquired, notes) = stage.acquire().await;
    acquired.expect("an abandoned lock");
    assert!(notes[0].contains("no longer exists"), "{notes:?}");
    // A process ID of another machine proves nothing.
    let machine = Some("another".to_owned());
    let holder = Holder {
        machine,
        ..lease.holder
    };
    let elsewhere = Lease { holder, ..lease };
    stage.put(&elsewhere).await;
    let refused = stage.acquire().await.0.expect_err("a lock that is held");
    assert_eq!(refused.exit, Exit::Locked);
}

#[tokio::test]
async fn an_abandoned_lock_is_watched_and_then_taken_over() {
    let mut stage = Stage::new();
    stage.put(&abandoned(1)).await;
    let (acquired, notes) = stage.acquire().await;
    acquired.expect("an abandoned lock");
    let notes = notes.join("\n");
    for part in [
        "seems stale: alice@laptop",
        "watching it for 1.0 s",
        "no renewal for",
    ] {
        assert!(notes.contains(part), "no {part:?} in {notes}");
    }
    assert_eq!(stage.lease().await.holder, this("landfall up"));
}

#[tokio::test]
async fn a_holder_that_renews_while_watched_keeps_the_lock_whatever_its_clock() {
    let mut stage = Stage::new();
    let lease = abandoned(3_600);
    stage.put(&lease).await;
    let (notes, mut noted) = tokio::sync::mpsc::unbounded_channel();
    let stage_of_alice = Stage {
        store: stage.store.clone(),
        ..Stage::new()
    };
    let alice = tokio::spawn(async move {
        noted.recv().await.expect("a note");
        let next = lease.renewed(lease.renewed_at, "shift 50 %");
        stage_of_alice.put(&next).await;
    });
    let refused = stage
        .acquire_noting(&mut |line| {
            let _ = notes.send(line);
        })
        .await
        .expect_err("a lock that is held");
    alice.await.expect("a renewal");
    assert_eq!(refused.exit, Exit::Locked);
    assert!(words(&refused).contains("shift 50 %"), "{refused:?}");
}

#[tokio::test]
async fn watching_can_be_interrupted() {
    let mut stage = Stage::new();
    let lease = abandoned(3_600);
    stage.put(&lease).await;
    let stop = stage.stop.clone();
    let stopped = stage
        .acquire_noting(&mut |_| {
            let _ = stop.send(true);
        })
        .await
        .expect_err("a lock that was not taken");
    assert_eq!(stopped.exit, Exit::Interrupted);
    assert_eq!(stage.lease().await, lease);
}

#[tokio::test]
async fn an_unreadable_lock_is_held_and_can_be_unlocked() {
    let mut stage = Stage::new();
    let written = stage.store.create(KEY, "{\"v\": 2}").await;
    assert!(matches!(written, Ok(Written::Won(_))));
    let refused = stage.acquire().await.0.expect_err("a lock of another kind");
    assert_eq!(refused.exit, Exit::Locked);
    assert!(words(&refused).contains("version 2"), "{refused:?}");
    let was = unlock(&stage.store, KEY, this("landfall unlock")).await;
    assert!(was.expect("a store").expect("a lock").contains("version 2"));
    stage.acquire().await.0.expect("a lock that was unlocked");
}
