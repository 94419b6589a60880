//! The release lock of an environment: only one command at a time releases, provisions or destroys.
//!
//! Here lives how a lease is acquired, renewed and released in a [`crate::store::Store`]. When a
//! lease may be taken over is decided in `rules::release::lease`; what is done under the lock is in
//! `commands`.

pub(crate) mod holder;
pub(crate) mod keepalive;
pub(crate) mod lease_guard;
