//! The release lock, held: takes a lease (`rules::release::lease`), renews it, gives it back.

pub(crate) mod holder;

use crate::failure::Failure;
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

/// How long a renewal or the last word of a holder is waited for when nothing else limits it.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest time between two looks at a lease that is watched.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often a write is tried again over what somebody else wrote meanwhile.
const ATTEMPTS: usize = 10;

/// The lock of an environment, held by this process. Whoever drops it without [`LeaseGuard::release`] leaves it
/// to run out.
#[derive(Debug)]
pub(crate) struct LeaseGuard {
    store: Store,
    key: String,
    lease: Lease,
    tag: ETag,
    sent: Sent,
}

/// Why the holder has to stop acting at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LeaseLost {
    /// Somebody else holds it now.
    Taken {
        /// Who, since when, at which step.
        by: String,
    },
    /// Somebody gave it back in this process's name.
    Unlocked {
        /// Who, as far as it is written there.
        how: String,
    },
    /// It could not be renewed for so long that somebody else may have it.
    Silent {
        /// Since the last renewal that was confirmed.
        silent: Duration,
        /// What went wrong with the last attempt.
        why: Vec<String>,
    },
}

/// When a renewal that was confirmed later was sent.
#[derive(Debug, Clone, Copy)]
struct Sent {
    at: Instant,
    /// A laptop's lid may have been closed since: no other clock counts that everywhere.
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

/// Why a write over one's own lease did not happen.
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
    /// Takes the lock under `key`. One that seems to have run out is watched first, for as long as it
    /// lasts; `tell` then says whose it is, and whose was taken over.
    ///
    /// # Errors
    /// [`Exit::Locked`] if somebody holds it, [`Exit::Interrupted`] while it watches, or whatever is the
    /// matter with the store.
    pub(crate) async fn take(
        store: &Store,
        key: &str,
        holder: Holder,
        step: &str,
        interrupt: &mut Interrupt,
        tell: &mut (dyn FnMut(String) + Send),
    ) -> Result<LeaseGuard, Failure> {
        let mut nonce = token()?;
        // What the last write of a new lease was to replace.
        let mut tried: Option<Option<ETag>> = None;
        let start = Instant::now();
        let mut watch = Observer::default();
        let mut is_watching = false;
        loop {
            let began = start.elapsed();
            let found = store.read(key).await?;
            let ended = start.elapsed();
            let lease = parse(found.as_ref()).map_err(unreadable)?;
            let around = Around {
                now: now(),
                quiet: watch.look(lease.as_ref(), began, ended),
                holder_is_dead: lease.as_ref().is_some_and(|l| holder::is_dead(&l.holder)),
            };
            let sent = Sent::now();
            let claim = decide(lease.as_ref(), &nonce, &around);
            if matches!(
                claim,
                AcquireDecision::Take | AcquireDecision::TakeOver { .. }
            ) {
                let over = found.as_ref().map(|object| object.tag.clone());
                if is_used_up(tried.as_ref(), &over) {
                    nonce = token()?;
                }
                tried = Some(over);
            }
            let next = match (claim, &lease) {
                (AcquireDecision::Held { why }, _) => return Err(locked(why)),
                (AcquireDecision::LookFirst { quiet_for, why }, _) => {
                    if !is_watching {
                        is_watching = true;
                        let long = readable(quiet_for);
                        tell(format!("the release lock seems abandoned: {why}"));
                        tell(format!("watching it for {long} before it is taken over"));
                    }
                    let pause = (quiet_for / 10).min(LOOK_EVERY);
                    tokio::select! {
                        () = sleep(pause) => continue,
                        _ = interrupt.wait_for(|stop| *stop) => return Err(interrupted(why)),
                    }
                }
                (AcquireDecision::Mine, Some(lease)) => lease.renewed(sent.wall, step),
                (AcquireDecision::TakeOver { why }, _) => {
                    tell(format!("the release lock was taken over from {why}"));
                    Lease::new(&nonce, holder.clone(), sent.wall, None, step)
                }
                _ => Lease::new(&nonce, holder.clone(), sent.wall, None, step),
            };
            match write(store, key, &next, found.as_ref()).await? {
                // Whose it is now the next look shows.
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

    /// Says which release it is held for; others read it from the next renewal on.
    pub(crate) fn name_release(&mut self, number: u64) {
        self.lease.release = Some(number);
    }

    /// To be called before everything that changes something, and every few seconds meanwhile: renews
    /// the lease if that is due or if `step`, which others see, is another one. While the store does not
    /// answer it is Ok for as long as nobody else may have taken the lock.
    ///
    /// # Errors
    /// The lock is lost: stop acting at once.
    pub(crate) async fn renew(&mut self, step: &str) -> Result<(), LeaseLost> {
        if step == self.lease.step && !self.lease.is_due(self.sent.ago()) {
            return Ok(());
        }
        let next = self.lease.renewed(now(), step);
        let left = self.lease.left(self.sent.ago());
        // Late is not too late: if the write succeeds, nobody was there meanwhile.
        let timings = if left.is_zero() { PATIENCE } else { left };
        let why = match timeout(timings, self.swap(next)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(Undone::Lost(lost))) => return Err(lost),
            Ok(Err(Undone::Failed(failure))) => [vec![failure.what], failure.why].concat(),
            Err(_) => vec![format!("no answer for {}", readable(timings))],
        };
        let silent = self.sent.ago();
        if self.lease.left(silent).is_zero() {
            Err(LeaseLost::Silent { silent, why })
        } else {
            Ok(())
        }
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// It was lost before, or the store does not answer: then it runs out.
    pub(crate) async fn release(mut self) -> Result<(), Failure> {
        let next = self.lease.released(now());
        match timeout(PATIENCE, self.swap(next)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Undone::Lost(lost))) => Err(lost.into()),
            Ok(Err(Undone::Failed(failure))) => Err(failure),
            Err(_) => Err(Failure::new(
                Exit::Infrastructure,
                "the release lock could not be given back",
            )
            .why(format!("no answer for {}", readable(PATIENCE)))
            .next("it runs out by itself, within a minute")),
        }
    }

    /// Writes `next` over the lease as it was left.
    async fn swap(&mut self, mut next: Lease) -> Result<(), Undone> {
        for _ in 0..ATTEMPTS {
            let sent = Sent::now();
            let text = text_of(&next)?;
            if let Written::Won(tag) = self.store.replace(&self.key, &text, &self.tag).await? {
                (self.lease, self.tag, self.sent) = (next, tag, sent);
                return Ok(());
            }
            let found = self.store.read(&self.key).await?;
            match (parse(found.as_ref()), found) {
                // An earlier renewal whose answer was not waited for.
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
                (Ok(None), _) => {
                    let by = "somebody who deleted it".to_owned();
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

/// Gives the lock under `key` back in its holder's name, whatever that is doing; it stops at its next
/// renewal. Returns what was there, [`None`] if nobody held it.
///
/// # Errors
/// Whatever is the matter with the store.
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
            // Its holder is alive and renewed it just now.
            Written::Lost => {}
        }
    }
    Err(busy())
}

fn parse(found: Option<&Object>) -> Result<Option<Lease>, Unreadable> {
    found.map(|object| Lease::parse(&object.text)).transpose()
}

/// Writes over what was found, be it nothing.
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
    Failure::new(Exit::Locked, "another release is going on")
        .why(why)
        .next("wait until it is done, then run the same command again")
        .next("if nobody works on it any more: `landfall unlock`")
}

fn unreadable(error: Unreadable) -> Failure {
    Failure::new(Exit::Locked, "the release lock cannot be read")
        .why(error.to_string())
        .next("if a newer landfall wrote it, use that one")
        .next("if nobody works on it any more: `landfall unlock`")
}

fn interrupted(why: String) -> Failure {
    Failure::new(
        Exit::Interrupted,
        "interrupted while it watched an abandoned release lock",
    )
    .why(why)
    .next("nothing was changed")
}

fn busy() -> Failure {
    Failure::new(
        Exit::Locked,
        format!("the release lock changed {ATTEMPTS} times while it was written"),
    )
    .next("run the same command again")
}

impl From<LeaseLost> for Failure {
    fn from(lost: LeaseLost) -> Failure {
        let failure = Failure::new(
            Exit::Locked,
            "the release lock is lost; nothing more was changed",
        );
        let failure = match lost {
            LeaseLost::Taken { by } => failure.why(format!("it is held by {by}")),
            LeaseLost::Unlocked { how } => failure.why(how),
            LeaseLost::Silent { silent, why } => why.into_iter().fold(
                failure.why(format!("it was not renewed for {}", readable(silent))),
                Failure::why,
            ),
        };
        failure.next("`landfall status` shows what runs; the same command again goes on from there")
    }
}

#[cfg(test)]
mod tests;
