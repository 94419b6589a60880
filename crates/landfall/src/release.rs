//! Releases of one environment: steps, traffic, canary, ledger, verdict.
//!
//! Here lives what carries out the steps that `rules::release` decides on, on Fargate and on
//! Lambda. Nothing here knows how the environment was provisioned: sessions, names and outputs come
//! in as arguments.

pub(crate) mod availability_probe;
pub(crate) mod canary_analysis;
pub(crate) mod driver;
pub(crate) mod http_probe;
pub(crate) mod ledger;
pub(crate) mod live_status;
pub(crate) mod platform;
pub(crate) mod runner;
