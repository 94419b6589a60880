//! What landfall does with environments besides releases: checks, the domain, secrets, expiry, leftovers.
//!
//! | module | decides |
//! |---|---|
//! | [`doctor`] | which checks of the machine, the app and the account fail, and how to repair that |
//! | [`domain`] | whether the domain is delegated, and what DNS still needs |
//! | [`secrets`] | which secrets are missing, unused or too large |
//! | [`ttl`], [`expiry`] | when an environment expires, and which expired ones `reap` removes |
//! | [`neighbours`] | what others placed into the environment's VPC |
//! | [`ownership`] | whether a state belongs to the environment and the account |
//! | [`sweep`] | which resources are left after `down`, and the commands that remove them |
//! | [`release_warnings`] | what to warn about before a release |
//! | [`version`] | what `landfall version` reports |
//!
//! Not here: the decisions of a release (`release`), plans, prices and permissions (`shape`), CI and
//! `eject` (`leave`).

pub mod doctor;
pub mod domain;
pub mod expiry;
pub mod neighbours;
pub mod ownership;
pub mod release_warnings;
pub mod secrets;
pub mod sweep;
pub mod ttl;
pub mod version;
