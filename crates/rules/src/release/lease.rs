//! The release lock: a lease that its holder keeps renewing, in one object of a store that can
//! compare and swap.
//!
//! Whoever holds it may change what runs. It has two halves:
//!
//! - **The holder** may act until [`Lease::left`] is zero, counted by a clock of its own that nobody
//!   sets, from *before* it sent the last renewal that was confirmed.
//! - **Everybody else** may take it over once it has been released, once its process is observed to be
//!   gone, or once it has not changed for as long as it lasts.
//!
//! That last observation ([`Observer`]) needs two reads at least [`Lease::ttl`] apart by the *watcher's*
//! own clock. `renewed_at` alone decides nothing but whether watching is worth the time: it was read
//! from the wall clock of another machine, which may be hours ahead or behind, and so a lease that
//! looks as if it had run out yesterday may be alive. A shorter watch of such a lease would do only if
//! wall clocks agreed: a holder has the right to be silent for longer, while its renewals are retried.
//! So the watch is never shorter than the lease; it costs half a minute, once after a crash elsewhere.
//!
//! Why that is safe, without any assumption about wall clocks: what a watcher first reads at `s` was
//! written before `s` and sent earlier still, so its holder stops acting before `s + ttl`. The watcher
//! writes after `s + ttl`, and only over exactly what it watched: a renewal that comes in between,
//! however late, makes it lose. This needs that no nonce comes back with a `renewed_at` that it had:
//! else what was given back and taken again looks as if nothing had happened. Renewals see to it by
//! being later; whoever takes a lease draws a nonce for that ([`is_used_up`]). `lease_tests.rs` tries
//! this in arbitrary interleavings.

use crate::time::{Timestamp, roughly};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a lease lasts that is not renewed.
pub const TTL: Duration = Duration::from_secs(30);

/// The version of the format that is written and read here.
const VERSION: u32 = 1;

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// `user@host`, for people.
    pub who: String,
    /// Its process id on that host, for people and for whoever shares its process table.
    pub pid: u32,
    /// The command that it runs, for example `landfall up`.
    pub command: String,
    /// Whose process table `pid` counts in: the boot of a kernel and the namespace in it, opaque.
    /// Host names do not tell: two machines may both be called `localhost`. [`None`] where the system
    /// does not say.
    pub machine: Option<String>,
}

/// The content of the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Version of this format.
    pub v: u32,
    /// Drawn at random when it is taken; the same until it is given back or somebody else takes it.
    pub nonce: String,
    /// Who holds it.
    pub holder: Holder,
    /// When it was taken, by the holder's wall clock.
    pub since: Timestamp,
    /// When it was last renewed, by the holder's wall clock; each renewal has a later one.
    pub renewed_at: Timestamp,
    /// How long it lasts without a renewal; whole seconds in JSON.
    #[serde(with = "seconds")]
    pub ttl: Duration,
    /// The number of the release that it is held for, if that is known already.
    pub release: Option<u64>,
    /// What its holder is doing, for people.
    pub step: String,
    /// Whether it was given back. Nothing is ever deleted from the store, so this takes its place.
    pub released: bool,
}

/// A lock whose content is no lease of this version. Somebody may hold it, so it is not free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(String);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

impl Lease {
    /// A lease taken now, for [`TTL`].
    pub fn new(
        nonce: impl Into<String>,
        holder: Holder,
        now: Timestamp,
        release: Option<u64>,
        step: impl Into<String>,
    ) -> Lease {
        Lease {
            v: VERSION,
            nonce: nonce.into(),
            holder,
            since: now,
            renewed_at: now,
            ttl: TTL,
            release,
            step: step.into(),
            released: false,
        }
    }

    /// Reads the lock's content.
    ///
    /// # Errors
    /// It is not JSON, has other fields, or says that another version of landfall wrote it.
    pub fn parse(text: &str) -> Result<Lease, Unreadable> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let unreadable = |error: serde_json::Error| Unreadable(format!("not a lease: {error}"));
        let Version { v } = serde_json::from_str(text).map_err(unreadable)?;
        if v != VERSION {
            return Err(Unreadable(format!(
                "a lease of version {v}, of which this landfall knows nothing"
            )));
        }
        serde_json::from_str(text).map_err(unreadable)
    }

    /// The lock's content.
    ///
    /// # Errors
    /// Never, as JSON has a word for every field.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// The next content while it is held. Its `renewed_at` is later than the last even if the clock
    /// stands still or was set back, as others tell by it that somebody is there.
    #[must_use]
    pub fn renewed(&self, now: Timestamp, step: impl Into<String>) -> Lease {
        Lease {
            renewed_at: now.max(self.renewed_at.plus(Duration::from_millis(1))),
            step: step.into(),
            ..self.clone()
        }
    }

    /// The content that gives it back.
    #[must_use]
    pub fn released(&self, now: Timestamp) -> Lease {
        Lease {
            released: true,
            ..self.renewed(now, self.step.clone())
        }
    }

    /// How long its holder may go on acting without another confirmed renewal; zero: no longer, it has
    /// to renew first. `since_renewal` is counted from before the last confirmed one was *sent*. The
    /// last third of the lease is never used: what the holder began just before needs time to end.
    pub fn left(&self, since_renewal: Duration) -> Duration {
        (self.ttl - self.ttl / 3).saturating_sub(since_renewal)
    }

    /// Whether a renewal is worth its request: a sixth of the lease has passed.
    pub fn is_due(&self, since_renewal: Duration) -> bool {
        since_renewal >= self.ttl / 6
    }

    /// Whether, as far as wall clocks can tell, it has neither run out nor comes from the future.
    fn seems_alive(&self, now: Timestamp) -> bool {
        now < self.renewed_at.plus(self.ttl) && self.renewed_at < now.plus(self.ttl)
    }

    /// `alice@laptop (pid 4711, landfall up) since 14:03:10 UTC, 3 min ago, at step: shift 10 %; last
    /// heard of 4 s ago`
    pub fn describe(&self, now: Timestamp) -> String {
        let Holder {
            who, pid, command, ..
        } = &self.holder;
        let release = self
            .release
            .map(|number| format!(", release {number}"))
            .unwrap_or_default();
        format!(
            "{who} (pid {pid}, {command}{release}) since {}, {} ago, at step: {}; last heard of {} ago",
            self.since.readable(now),
            roughly(now.since(self.since)),
            self.step,
            roughly(now.since(self.renewed_at)),
        )
    }
}

/// What looking at a lease more than once has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staleness {
    /// It was looked at only once, or was held by nobody.
    Unknown,
    /// It changed between two looks: somebody is there.
    No,
    /// It did not change.
    Yes {
        /// From the end of the first look to the beginning of the last, by the watcher's own clock.
        lasted: Duration,
    },
}

/// Looks at a lease, compared. Moments count from any start, by a clock that nobody sets.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    seen: Option<Snapshot>,
}

#[derive(Debug, Clone)]
struct Snapshot {
    nonce: String,
    renewed_at: Timestamp,
    /// When the first look that showed this ended.
    ended: Duration,
}

impl Observer {
    /// Takes in one look, which `began` and `ended` then. The lease may have changed any time between
    /// the two, so what counts is from the end of the first to the beginning of the last.
    pub fn look(&mut self, found: Option<&Lease>, began: Duration, ended: Duration) -> Staleness {
        let Some(lease) = found.filter(|lease| !lease.released) else {
            self.seen = None;
            return Staleness::Unknown;
        };
        match &self.seen {
            Some(seen) if seen.nonce == lease.nonce && seen.renewed_at == lease.renewed_at => {
                return Staleness::Yes {
                    lasted: began.saturating_sub(seen.ended),
                };
            }
            _ => {}
        }
        let first = Snapshot {
            nonce: lease.nonce.clone(),
            renewed_at: lease.renewed_at,
            ended,
        };
        match self.seen.replace(first) {
            None => Staleness::Unknown,
            Some(_) => Staleness::No,
        }
    }
}

/// What was observed beside the lease itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// The wall clock.
    pub now: Timestamp,
    /// What watching it has shown.
    pub quiet: Staleness,
    /// Whether its holder's process was looked for in its own process table and is not there.
    pub holder_is_dead: bool,
}

/// What someone who wants the lease may do. Whatever is written has to replace exactly what was
/// found; if that has changed meanwhile, look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcquireDecision {
    /// Nobody holds it: write a lease.
    Take,
    /// It bears the claimant's own nonce: an answer was lost. Renew it; only that confirms it.
    Mine,
    /// Somebody holds it.
    Held {
        /// Who, since when, at which step and when last heard of.
        why: String,
    },
    /// It seems to have run out. Look again until it has not changed for `quiet_for`.
    LookFirst {
        /// How long to watch it, by a clock that nobody sets.
        quiet_for: Duration,
        /// Whose it is.
        why: String,
    },
    /// Its holder is gone: write a lease.
    TakeOver {
        /// Whose it was, and how that is known.
        why: String,
    },
}

/// Decides about the lease that was `found`, for the claimant who drew `nonce`.
pub fn decide(found: Option<&Lease>, nonce: &str, around: &Around) -> AcquireDecision {
    let Some(lease) = found.filter(|lease| !lease.released) else {
        return AcquireDecision::Take;
    };
    if lease.nonce == nonce {
        return AcquireDecision::Mine;
    }
    let who = lease.describe(around.now);
    if around.holder_is_dead {
        return AcquireDecision::TakeOver {
            why: format!("{who}: this process does not exist any more"),
        };
    }
    match around.quiet {
        Staleness::Yes { lasted } if lasted >= lease.ttl => AcquireDecision::TakeOver {
            why: format!("{who}: watched it for {} without a sign", roughly(lasted)),
        },
        // Its clock may be far off, but it moves.
        Staleness::No => AcquireDecision::Held { why: who },
        _ if lease.seems_alive(around.now) => AcquireDecision::Held { why: who },
        _ => AcquireDecision::LookFirst {
            quiet_for: lease.ttl,
            why: who,
        },
    }
}

/// Whether a claimant who wrote a lease over `tried`, in vain as far as it knows, needs another nonce to
/// write one over `found`, both told by the store's tags. While the same is there, the first write may
/// still take effect, and only its nonce tells whose it is. Once another content is there, it took
/// effect before or never will: its nonce may have been in the store, and with it a `renewed_at` that
/// the claimant's clock may show again.
pub fn is_used_up<Tag: PartialEq>(tried: Option<&Tag>, found: &Tag) -> bool {
    tried.is_some_and(|tried| tried != found)
}

/// A duration as whole seconds.
mod seconds {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(ttl: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(ttl.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_secs)
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
