use super::holder::this;
use super::*;
use rules::release::lease::TTL;
use testkit::Sandbox;
use tokio::sync::watch;

const KEY: &str = "lock/release";

/// A store of its own, and the wish to stop that nobody has.
struct Stage {
    _dir: tempfile::TempDir,
    store: Store,
    wish: watch::Sender<bool>,
    interrupt: Interrupt,
}

impl Stage {
    fn new() -> Stage {
        let dir = tempfile::tempdir().expect("a directory");
        let (wish, interrupt) = watch::channel(false);
        Stage {
            store: Store::Local(dir.path().to_owned()),
            _dir: dir,
            wish,
            interrupt,
        }
    }

    /// Takes the lock as this process. What was told comes with it.
    async fn take(&mut self) -> (Result<LeaseGuard, Failure>, Vec<String>) {
        let mut told = Vec::new();
        let taken = self.take_telling(&mut |line| told.push(line)).await;
        (taken, told)
    }

    async fn take_telling(
        &mut self,
        tell: &mut (dyn FnMut(String) + Send),
    ) -> Result<LeaseGuard, Failure> {
        let holder = this("landfall up");
        LeaseGuard::take(&self.store, KEY, holder, "begin", &mut self.interrupt, tell).await
    }

    async fn lease(&self) -> Lease {
        let object = self.store.read(KEY).await.expect("a store");
        Lease::parse(&object.expect("an object").text).expect("a lease")
    }

    /// Puts a lease there, over whatever is.
    async fn put(&self, lease: &Lease) {
        let found = self.store.read(KEY).await.expect("a store");
        let written = write(&self.store, KEY, lease, found.as_ref()).await;
        assert!(matches!(written, Ok(Written::Won(_))), "{written:?}");
    }
}

/// Of another machine, last heard of two hours ago, lasting for `ttl` seconds.
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

/// What every store has to allow.
async fn one_at_a_time(mut stage: Stage) {
    let mut hold = stage.take().await.0.expect("a free lock");
    let refused = stage.take().await.0.expect_err("a lock that is held");
    assert_eq!(refused.exit, Exit::Locked);
    let words = words(&refused);
    let who = this("landfall up").who;
    for part in [&who, "at step: begin", "wait until", "landfall unlock"] {
        assert!(words.contains(part), "no {part:?} in {words}");
    }

    hold.name_release(42);
    assert_eq!(hold.renew("shift 10 %").await, Ok(()));
    let lease = stage.lease().await;
    assert_eq!(
        (lease.release, lease.step.as_str()),
        (Some(42), "shift 10 %")
    );
    hold.release().await.expect("a lock that was held");
    assert!(stage.lease().await.released);

    let mut second = stage.take().await.0.expect("a lock that was given back");
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
async fn nobody_held_what_was_never_taken() {
    let stage = Stage::new();
    let by = this("landfall unlock");
    assert_eq!(unlock(&stage.store, KEY, by).await, Ok(None));
}

#[tokio::test]
async fn a_renewal_that_is_not_due_asks_nobody() {
    let mut stage = Stage::new();
    let mut hold = stage.take().await.0.expect("a free lock");
    // However slow this machine is.
    hold.lease.ttl = Duration::from_secs(86_400);
    stage.put(&abandoned(30)).await;
    assert_eq!(hold.renew("begin").await, Ok(()));
    // Another step is written at once, and so is what became of the lock seen.
    let lost = hold.renew("probe").await.expect_err("a lock of another");
    assert!(matches!(&lost, LeaseLost::Taken { by } if by.starts_with("alice@laptop")));
    let words = words(&lost.into());
    assert!(words.contains("it is held by alice@laptop"), "{words}");
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_ones_own() {
    let mut stage = Stage::new();
    let mut hold = stage.take().await.0.expect("a free lock");
    let unseen = stage.lease().await.renewed(now(), "probe");
    stage.put(&unseen).await;
    assert_eq!(hold.renew("shift 10 %").await, Ok(()));
    let lease = stage.lease().await;
    assert!(lease.renewed_at > unseen.renewed_at);
    assert_eq!(lease.step, "shift 10 %");
    stage.put(&lease.renewed(now(), "probe")).await;
    hold.release().await.expect("a lock that was held");
    assert!(stage.lease().await.released);
}

#[tokio::test]
async fn a_late_renewal_is_good_if_nobody_came_meanwhile() {
    let mut stage = Stage::new();
    let mut hold = stage.take().await.0.expect("a free lock");
    hold.sent.wall = Timestamp(now().0 - 3_600_000);
    assert_eq!(hold.renew("begin").await, Ok(()));
    assert!(hold.sent.wall.plus(TTL) > now());
}

#[tokio::test]
async fn a_store_that_fails_is_borne_until_the_lease_may_be_anothers() {
    let mut stage = Stage::new();
    let mut hold = stage.take().await.0.expect("a free lock");
    hold.lease.ttl = Duration::from_secs(60);
    // A path below a file: neither reading nor writing does anything there.
    hold.store = Store::Local("/dev/null/store".into());
    assert_eq!(hold.renew("probe").await, Ok(()));
    hold.sent.wall = Timestamp(now().0 - 3_600_000);
    match hold.renew("probe").await {
        Err(LeaseLost::Silent { silent, why }) => {
            assert!(silent >= Duration::from_secs(3_600));
            assert!(why[0].contains("/dev/null/store"), "{why:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(hold.release().await.is_err());
}

#[tokio::test]
async fn a_process_that_is_gone_is_not_waited_for() {
    let mut stage = Stage::new();
    let mut child = std::process::Command::new("true").spawn().expect("true");
    child.wait().expect("its end");
    let gone = Holder {
        pid: child.id(),
        ..this("landfall up")
    };
    let lease = Lease::new("a1", gone, now(), None, "probe");
    stage.put(&lease).await;
    let (taken, told) = stage.take().await;
    taken.expect("a lock of nobody");
    assert!(told[0].contains("does not exist any more"), "{told:?}");
    // Elsewhere the number says nothing.
    let machine = Some("another".to_owned());
    let holder = Holder {
        machine,
        ..lease.holder
    };
    let elsewhere = Lease { holder, ..lease };
    stage.put(&elsewhere).await;
    let refused = stage.take().await.0.expect_err("a lock that is held");
    assert_eq!(refused.exit, Exit::Locked);
}

#[tokio::test]
async fn an_abandoned_lock_is_watched_then_taken_over() {
    let mut stage = Stage::new();
    stage.put(&abandoned(1)).await;
    let (taken, told) = stage.take().await;
    taken.expect("an abandoned lock");
    let told = told.join("\n");
    for part in [
        "seems abandoned: alice@laptop",
        "watching it for 1.0 s",
        "without a sign",
    ] {
        assert!(told.contains(part), "no {part:?} in {told}");
    }
    assert_eq!(stage.lease().await.holder, this("landfall up"));
}

#[tokio::test]
async fn who_moves_while_watched_keeps_it_whatever_the_clock_says() {
    let mut stage = Stage::new();
    let lease = abandoned(3_600);
    stage.put(&lease).await;
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let stage_of_alice = Stage {
        store: stage.store.clone(),
        ..Stage::new()
    };
    let alice = tokio::spawn(async move {
        heard.recv().await.expect("somebody watches");
        let next = lease.renewed(lease.renewed_at, "shift 50 %");
        stage_of_alice.put(&next).await;
    });
    let refused = stage
        .take_telling(&mut |line| {
            let _ = told.send(line);
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
    let wish = stage.wish.clone();
    let stopped = stage
        .take_telling(&mut |_| {
            let _ = wish.send(true);
        })
        .await
        .expect_err("a lock that was not taken");
    assert_eq!(stopped.exit, Exit::Interrupted);
    assert_eq!(stage.lease().await, lease);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_free_but_can_be_unlocked() {
    let mut stage = Stage::new();
    let written = stage.store.create(KEY, "{\"v\": 2}").await;
    assert!(matches!(written, Ok(Written::Won(_))));
    let refused = stage.take().await.0.expect_err("a lock of another kind");
    assert_eq!(refused.exit, Exit::Locked);
    assert!(words(&refused).contains("version 2"), "{refused:?}");
    let was = unlock(&stage.store, KEY, this("landfall unlock")).await;
    assert!(was.expect("a store").expect("a lock").contains("version 2"));
    stage.take().await.0.expect("a lock that was unlocked");
}
