//! The release lock: a lease that its holder keeps renewing, in one object of a store that can
//! compare and swap.
//!
//! The holder may change what runs.
//!
//! - **The holder** may act until [`Lease::left`] is zero, by a monotonic clock, counted from *before* it
//!   sent the last renewal that was confirmed.
//! - **Every other process** may take it over once it was released, once the holder's process is observed to
//!   be gone, or once it did not change for its whole TTL.
//!
//! The last observation ([`Observer`]) needs two reads at least [`Lease::ttl`] apart by the *watcher's*
//! monotonic clock. `renewed_at` only decides whether watching is worth the time: it comes from the wall
//! clock of another machine, which may be hours off, so a lease that seems to have expired yesterday may be
//! alive. A shorter watch would be safe only if wall clocks agreed, because a holder may be silent while its
//! renewals are retried. The watch costs half a minute, once after a crash elsewhere.
//!
//! Why this is safe without any assumption about wall clocks: what a watcher first reads at `s` was written
//! before `s` and sent earlier, so its holder stops acting before `s + ttl`. The watcher writes after
//! `s + ttl`, and replaces exactly what it watched: any renewal in between, however late, makes the write
//! fail. This requires that no nonce returns with a `renewed_at` that it had before; otherwise a lease that
//! was released and taken again would look unchanged. Renewals are always later, and a process that takes a
//! lease draws a new nonce ([`is_used_up`]). `lease_interleaving_tests.rs` tests this.

use crate::time::{Timestamp, roughly};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a lease lasts without a renewal.
pub const TTL: Duration = Duration::from_secs(30);

/// The version of the format that this code writes and reads.
const VERSION: u32 = 1;

/// The process that holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// `user@host`, for people.
    pub who: String,
    /// Its process id on that host, for people and for processes on the same machine.
    pub pid: u32,
    /// The command that it runs, for example `landfall up`.
    pub command: String,
    /// Identifies the process table of `pid`: the boot of a kernel and the PID namespace, opaque. Host names
    /// are not unique: two machines may be called `localhost`. [`None`] where the system does not report it.
    pub machine: Option<String>,
}

/// The content of the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Version of this format.
    pub v: u32,
    /// Random, drawn when the lease is taken; unchanged until it is released or taken over.
    pub nonce: String,
    /// Its holder.
    pub holder: Holder,
    /// When it was taken, by the holder's wall clock.
    pub since: Timestamp,
    /// When it was last renewed, by the holder's wall clock; each renewal has a later one.
    pub renewed_at: Timestamp,
    /// How long it lasts without a renewal; whole seconds in JSON.
    #[serde(with = "seconds")]
    pub ttl: Duration,
    /// The number of the release that it is held for, once known.
    pub release: Option<u64>,
    /// The holder's current step, for people.
    pub step: String,
    /// Whether it was released. Nothing is deleted from the store, so this flag takes the place of a deletion.
    pub released: bool,
}

/// A lock that is no lease of this version. It may be held, so it is not free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(String);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

impl Lease {
    /// A new lease for [`TTL`].
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

    /// Parses the lock's content.
    ///
    /// # Errors
    /// It is not JSON, has unknown fields, or another version of the format.
    pub fn parse(text: &str) -> Result<Lease, Unreadable> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let unreadable = |error: serde_json::Error| Unreadable(format!("not a lease: {error}"));
        let Version { v } = serde_json::from_str(text).map_err(unreadable)?;
        if v != VERSION {
            return Err(Unreadable(format!(
                "a lease of version {v}, which this landfall does not know"
            )));
        }
        serde_json::from_str(text).map_err(unreadable)
    }

    /// The lock's content.
    ///
    /// # Errors
    /// Never: every field can be written as JSON.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// The content of the next renewal. Its `renewed_at` is later than the last one even if the clock stands
    /// still or was set back, because other processes see by it that the holder is alive.
    #[must_use]
    pub fn renewed(&self, now: Timestamp, step: impl Into<String>) -> Lease {
        Lease {
            renewed_at: now.max(self.renewed_at.plus(Duration::from_millis(1))),
            step: step.into(),
            ..self.clone()
        }
    }

    /// The content that releases it.
    #[must_use]
    pub fn released(&self, now: Timestamp) -> Lease {
        Lease {
            released: true,
            ..self.renewed(now, self.step.clone())
        }
    }

    /// How long its holder may act without another confirmed renewal; zero if it has to renew first.
    /// `since_renewal` is counted from before the last confirmed one was *sent*. The last third of the lease is
    /// never used, so that what the holder began just before has time to end.
    pub fn left(&self, since_renewal: Duration) -> Duration {
        (self.ttl - self.ttl / 3).saturating_sub(since_renewal)
    }

    /// Whether a renewal is due: a sixth of the lease has passed.
    pub fn is_due(&self, since_renewal: Duration) -> bool {
        since_renewal >= self.ttl / 6
    }

    /// Whether, by wall clocks, it has neither expired nor comes from the future.
    fn seems_alive(&self, now: Timestamp) -> bool {
        now < self.renewed_at.plus(self.ttl) && self.renewed_at < now.plus(self.ttl)
    }

    /// `alice@laptop (pid 4711, landfall up) since 14:03:10 UTC, 3 min ago, at step: shift 10 %; last
    /// renewed 4 s ago`
    pub fn describe(&self, now: Timestamp) -> String {
        let Holder {
            who, pid, command, ..
        } = &self.holder;
        let release = self
            .release
            .map(|number| format!(", release {number}"))
            .unwrap_or_default();
        format!(
            "{who} (pid {pid}, {command}{release}) since {}, {} ago, at step: {}; last renewed {} ago",
            self.since.readable(now),
            roughly(now.since(self.since)),
            self.step,
            roughly(now.since(self.renewed_at)),
        )
    }
}

/// What repeated looks at a lease have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staleness {
    /// It was looked at only once, or was not held.
    Unknown,
    /// It changed between two looks: its holder is alive.
    No,
    /// It did not change.
    Yes {
        /// From the end of the first look to the beginning of the last, by the watcher's monotonic clock.
        lasted: Duration,
    },
}

/// Compares looks at a lease. Times are of a monotonic clock with any start.
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
    /// Takes in one look, which `began` and `ended` at these times. The lease may have changed at any time
    /// between the two, so time counts from the end of the first look to the beginning of the last.
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

/// What was observed apart from the lease itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// The wall clock.
    pub now: Timestamp,
    /// The result of watching it.
    pub quiet: Staleness,
    /// Whether its holder's process does not exist in its process table.
    pub holder_is_dead: bool,
}

/// What a process that tries to take the lease may do. A write must replace exactly what was found; if that has
/// changed meanwhile, look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcquireDecision {
    /// It is free: write a lease.
    Take,
    /// It has the claimant's own nonce: an answer was lost. Renew it to confirm it.
    Mine,
    /// Another process holds it.
    Held {
        /// The holder, since when, at which step and when last renewed.
        why: String,
    },
    /// It seems to have expired. Look again until it has not changed for `quiet_for`.
    LookFirst {
        /// How long to watch it, by a monotonic clock.
        quiet_for: Duration,
        /// Its holder.
        why: String,
    },
    /// Its holder is gone: write a lease.
    TakeOver {
        /// Its former holder, and how it is known to be gone.
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
            why: format!("{who}: this process no longer exists"),
        };
    }
    match around.quiet {
        Staleness::Yes { lasted } if lasted >= lease.ttl => AcquireDecision::TakeOver {
            why: format!("{who}: no renewal for {}", roughly(lasted)),
        },
        // Its clock may be wrong, but it is renewed.
        Staleness::No => AcquireDecision::Held { why: who },
        _ if lease.seems_alive(around.now) => AcquireDecision::Held { why: who },
        _ => AcquireDecision::LookFirst {
            quiet_for: lease.ttl,
            why: who,
        },
    }
}

/// Whether a claimant whose write over `tried` seems to have failed needs another nonce to write over `found`,
/// both compared by the store's tags. While the tag is the same, the first write may still take effect, and
/// only its nonce identifies it. Once the tag is another, it took effect before or never will: its nonce may
/// have been in the store, with a `renewed_at` that the claimant's clock may show again.
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

#[cfg(test)]
#[path = "lease_interleaving_tests.rs"]
mod interleaving_tests;
