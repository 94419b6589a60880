//! The release lock while it is held: acquires a lease, renews it, and releases it.

use crate::failure::Failure;
use crate::lock::holder;
use crate::report::now;
use crate::store::Store;
use crate::store::random::token;
use aws::{ETag, Object, Written};
use infra::Interrupt;
use rules::exit::Exit;
use rules::release::lease::{
    AcquireDecision, Around, Holder, Lease, Observer, Unreadable, decide, is_used_up,
};
use rules::time::{Timestamp, readable};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long the store may take for a renewal or a release where the lease sets no limit.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest interval at which a lease that seems abandoned is read.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// Pause before an object that is not visible is looked for again.
const HIDDEN_FOR: Duration = Duration::from_millis(500);
/// How often a write is repeated after conflicting writes by others.
const ATTEMPTS: usize = 10;

/// The lock of an environment, held by this process. Without [`LeaseGuard::release`] it expires.
#[derive(Debug)]
pub(crate) struct LeaseGuard {
    store: Store,
    key: String,
    lease: Lease,
    tag: ETag,
    sent: Sent,
}

/// Why the holder must not change anything any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LeaseLost {
    /// Another process holds it.
    Taken {
        /// The holder, since when, and at which step.
        by: String,
    },
    /// It was force-released.
    Unlocked {
        /// By whom, as the lease records it.
        how: String,
    },
    /// It was not renewed for so long that another process may hold it.
    Silent {
        /// Time since the last confirmed renewal was sent.
        silent: Duration,
        /// Why the last attempt failed.
        why: Vec<String>,
    },
}

/// When the last confirmed renewal was sent.
#[derive(Debug, Clone, Copy)]
struct Sent {
    at: Instant,
    /// While a machine is suspended not every monotonic clock advances, but this one does.
    wall: Timestamp,
}

impl Sent {
    fn now() -> Sent {
        Sent {
            at: Instant::now(),
            wall: now(),
        }
    }

    fn ago(self) -> Duration {
        self.at.elapsed().max(now().since(self.wall))
    }
}

/// Why a lease was not written.
enum Undone {
    Lost(LeaseLost),
    Failed(Failure),
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Undone {
        Undone::Failed(failure)
    }
}

impl LeaseGuard {
    /// Acquires the lock under `key`. A lease that seems to have expired is observed for the time
    /// it is valid before it is taken over; `note` receives both as text.
    ///
    /// # Errors
    /// [`Exit::Locked`] if another process holds it, [`Exit::Interrupted`] if the user
    /// stopped the observation, otherwise a failure of the store.
    pub(crate) async fn acquire(
        store: &Store,
        key: &str,
        holder: Holder,
        step: &str,
        interrupt: &mut Interrupt,
        note: &mut (dyn FnMut(String) + Send),
    ) -> Result<LeaseGuard, Failure> {
        let mut nonce = token()?;
        // The object that the last write of a new lease was meant to replace.
        let mut tried: Option<Option<ETag>> = None;
        let start = Instant::now();
        let mut observer = Observer::default();
        let mut is_observing = false;
        loop {
            let began = start.elapsed();
            let found = store.read(key).await?;
            let ended = start.elapsed();
            let lease = parse(found.as_ref()).map_err(unreadable)?;
            let around = Around {
                now: now(),
                quiet: observer.look(lease.as_ref(), began, ended),
                holder_is_dead: lease.as_ref().is_some_and(|l| holder::is_dead(&l.holder)),
            };
            let sent = Sent::now();
            let decision = decide(lease.as_ref(), &nonce, &around);
            if matches!(
                decision,
                AcquireDecision::Take | AcquireDecision::TakeOver { .. }
            ) {
                let over = found.as_ref().map(|object| object.tag.clone());
                if is_used_up(tried.as_ref(), &over) {
                    nonce = token()?;
                }
                tried = Some(over);
            }
            let next = match (decision, &lease) {
                (AcquireDecision::Held { why }, _) => return Err(locked(why)),
                (AcquireDecision::LookFirst { quiet_for, why }, _) => {
                    if !is_observing {
                        is_observing = true;
                        let time = readable(quiet_for);
                        note(format!("the release lock seems stale: {why}"));
                        note(format!("watching it for {time} before taking it over"));
                    }
                    let pause = (quiet_for / 10).min(POLL_EVERY);
                    tokio::select! {
                        () = sleep(pause) => continue,
                        _ = interrupt.wait_for(|stop| *stop) => return Err(interrupted(why)),
                    }
                }
                (AcquireDecision::Mine, Some(lease)) => lease.renewed(sent.wall, step),
                (AcquireDecision::TakeOver { why }, _) => {
                    note(format!("taking over the release lock of {why}"));
                    Lease::new(&nonce, holder.clone(), sent.wall, None, step)
                }
                _ => Lease::new(&nonce, holder.clone(), sent.wall, None, step),
            };
            match write(store, key, &next, found.as_ref()).await? {
                // The next iteration reads who holds it now.
                Written::Lost => {}
                Written::Won(tag) => {
                    return Ok(LeaseGuard {
                        store: store.clone(),
                        key: key.to_owned(),
                        lease: next,
                        tag,
                        sent,
                    });
                }
            }
        }
    }

    /// Records the number of the release that it is held for, with the next renewal.
    pub(crate) fn name_release(&mut self, number: u64) {
        self.lease.release = Some(number);
    }

    /// To be called before everything that changes something, and every few seconds: renews the
    /// lease if that is due or if `step`, which others see, has changed. If the store does not
    /// answer, this still succeeds as long as no other process can have acquired the lock.
    ///
    /// # Errors
    /// The lock is lost.
    pub(crate) async fn renew(&mut self, step: &str) -> Result<(), LeaseLost> {
        if step == self.lease.step && !self.lease.is_due(self.sent.ago()) {
            return Ok(());
        }
        let next = self.lease.renewed(now(), step);
        let left = self.lease.left(self.sent.ago());
        // An expired lease can still be renewed: the write succeeds only if no other process has
        // written.
        let limit = if left.is_zero() { WRITE_TIMEOUT } else { left };
        let why = match timeout(limit, self.swap(next)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(Undone::Lost(lost))) => return Err(lost),
            Ok(Err(Undone::Failed(failure))) => [vec![failure.what], failure.why].concat(),
            Err(_) => vec![format!("no answer for {}", readable(limit))],
        };
        let silent = self.sent.ago();
        if self.lease.left(silent).is_zero() {
            Err(LeaseLost::Silent { silent, why })
        } else {
            Ok(())
        }
    }

    /// Releases the lock.
    ///
    /// # Errors
    /// It was lost before, or the store does not answer; then the lock expires.
    pub(crate) async fn release(mut self) -> Result<(), Failure> {
        let next = self.lease.released(now());
        match timeout(WRITE_TIMEOUT, self.swap(next)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Undone::Lost(lost))) => Err(lost.into()),
            Ok(Err(Undone::Failed(failure))) => Err(failure),
            Err(_) => Err(Failure::new(
                Exit::Infrastructure,
                "the release lock could not be released",
            )
            .why(format!("no answer for {}", readable(WRITE_TIMEOUT)))
            .next("it expires by itself within a minute")),
        }
    }

    /// Replaces this process's lease by `next`.
    async fn swap(&mut self, mut next: Lease) -> Result<(), Undone> {
        let mut attempts = 0;
        while attempts < ATTEMPTS {
            attempts += 1;
            let sent = Sent::now();
            let text = text_of(&next)?;
            if let Written::Won(tag) = self.store.replace(&self.key, &text, &self.tag).await? {
                (self.lease, self.tag, self.sent) = (next, tag, sent);
                return Ok(());
            }
            let found = self.store.read(&self.key).await?;
            match (parse(found.as_ref()), found) {
                // An earlier renewal took effect although its answer did not arrive.
                (Ok(Some(lease)), Some(found))
                    if lease.nonce == self.lease.nonce && !lease.released =>
                {
                    self.tag = found.tag;
                    let released = next.released;
                    next = Lease {
                        released,
                        release: next.release,
                        ..lease.renewed(now(), next.step)
                    };
                }
                (Ok(Some(lease)), _) if lease.nonce == self.lease.nonce => {
                    let how = lease.step;
                    return Err(Undone::Lost(LeaseLost::Unlocked { how }));
                }
                (Ok(Some(lease)), _) => {
                    let by = lease.describe(now());
                    return Err(Undone::Lost(LeaseLost::Taken { by }));
                }
                // S3 hides objects for a while after versioning was enabled, and no other process can
                // have taken a lease that lasts.
                // https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-versioning-examples.html
                (Ok(None), _) if !self.lease.left(self.sent.ago()).is_zero() => {
                    attempts -= 1;
                    tokio::time::sleep(HIDDEN_FOR).await;
                }
                (Ok(None), _) => {
                    let by = "someone who deleted it".to_owned();
                    return Err(Undone::Lost(LeaseLost::Taken { by }));
                }
                (Err(error), _) => {
                    let by = error.to_string();
                    return Err(Undone::Lost(LeaseLost::Taken { by }));
                }
            }
        }
        Err(Undone::Failed(busy()))
    }
}

/// Force-releases the lock under `key`. Its holder, if it is still running, stops at its next
/// renewal. Returns a description of the lease, [`None`] if the lock was free.
///
/// # Errors
/// The store does not answer.
pub(crate) async fn unlock(
    store: &Store,
    key: &str,
    by: Holder,
) -> Result<Option<String>, Failure> {
    for _ in 0..ATTEMPTS {
        let found = store.read(key).await?;
        let step = format!("unlocked by {}", by.who);
        let (lease, was) = match parse(found.as_ref()) {
            Ok(None) => return Ok(None),
            Ok(Some(lease)) if lease.released => return Ok(None),
            Ok(Some(lease)) => {
                let was = lease.describe(now());
                (lease.renewed(now(), step), was)
            }
            Err(error) => {
                let new = Lease::new(token()?, by.clone(), now(), None, step);
                (new, error.to_string())
            }
        };
        match write(store, key, &lease.released(now()), found.as_ref()).await? {
            Written::Won(_) => return Ok(Some(was)),
            // Its holder is running and has just renewed it.
            Written::Lost => {}
        }
    }
    Err(busy())
}

fn parse(found: Option<&Object>) -> Result<Option<Lease>, Unreadable> {
    found.map(|object| Lease::parse(&object.text)).transpose()
}

/// Writes a lease, if the object is still the one that was found, or still missing.
async fn write(
    store: &Store,
    key: &str,
    lease: &Lease,
    found: Option<&Object>,
) -> Result<Written, Failure> {
    let text = text_of(lease)?;
    match found {
        None => store.create(key, &text).await,
        Some(object) => store.replace(key, &text, &object.tag).await,
    }
}

fn text_of(lease: &Lease) -> Result<String, Failure> {
    lease.to_text().map_err(|error| {
        Failure::new(Exit::Bug, "a lease cannot be written").why(error.to_string())
    })
}

fn locked(why: String) -> Failure {
    Failure::new(Exit::Locked, "another command holds the release lock")
        .why(why)
        .next("wait until it has finished, then run the same command again")
        .next("if that command is not running any more: `landfall unlock`")
}

fn unreadable(error: Unreadable) -> Failure {
    Failure::new(Exit::Locked, "the release lock cannot be read")
        .why(error.to_string())
        .next("if a newer landfall wrote it, use that version")
        .next("if that command is not running any more: `landfall unlock`")
}

fn interrupted(why: String) -> Failure {
    Failure::new(
        Exit::Interrupted,
        "interrupted while watching an abandoned release lock",
    )
    .why(why)
    .next("nothing was changed")
}

fn busy() -> Failure {
    Failure::new(
        Exit::Locked,
        format!("the release lock changed {ATTEMPTS} times while landfall tried to write it"),
    )
    .next("run the same command again")
}

impl From<LeaseLost> for Failure {
    fn from(lost: LeaseLost) -> Failure {
        let failure = Failure::new(
            Exit::Locked,
            "the release lock was lost; nothing was changed after that",
        );
        let failure = match lost {
            LeaseLost::Taken { by } => failure.why(format!("it is held by {by}")),
            LeaseLost::Unlocked { how } => failure.why(how),
            LeaseLost::Silent { silent, why } => why.into_iter().fold(
                failure.why(format!("it was not renewed for {}", readable(silent))),
                Failure::why,
            ),
        };
        failure
            .next("`landfall status` shows what runs; the same command again continues from there")
    }
}

#[cfg(test)]
mod tests;
