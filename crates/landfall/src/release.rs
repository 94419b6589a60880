//! The effects of a release: observing the platform, fetching counts, acting, writing the ledger.
//!
//! Every decision is in `rules::release`; nothing here depends on commands or on the environment's files.
//!
//! | module | does |
//! |---|---|
//! | [`runner`] | a release as a command asks for it: an earlier one first, then its own, then the report |
//! | [`driver`] | the loop of one release |
//! | [`platform`] | the calls to Fargate and Lambda |
//! | [`counts`] | fetches what the analysis of a canary needs |
//! | [`http_probe`], [`availability_probe`] | landfall's own requests |
//! | [`ledger`] | reads and writes the records |
//! | [`deployment`] | what Terraform created, as a release uses it |

pub(crate) mod availability_probe;
pub(crate) mod counts;
pub(crate) mod deployment;
pub(crate) mod driver;
pub(crate) mod http_probe;
pub(crate) mod ledger;
pub(crate) mod platform;
pub(crate) mod runner;
